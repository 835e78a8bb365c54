"""The facade: open or build an index, then ask it questions or search it.

A question takes five steps: analyse it, encode all its texts, retrieve passages, answer each
sub-query, compose the answer. `Assistant._answer` makes them from top to bottom.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
import time
from copy import copy
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from assistant import deadline, settings
from assistant.answering import overview, related
from assistant.answering.answerer import Answerer
from assistant.answering.suggestions import QuestionSuggester
from assistant.conversation import Conversation
from assistant.encoders import select
from assistant.errors import IndexBusy, IndexDamaged, IndexMissing, IndexOutdated, QuestionError
from assistant.guide.front_matter import parse_front_matter
from assistant.index import freshness
from assistant.index.index import open_index
from assistant.models.answers import Answer, Search
from assistant.query.analyzer import Analyzer
from assistant.query.language import detect_languages, is_other_language
from assistant.query.small_talk import is_small_talk
from assistant.retrieval.answerability import read_threshold
from assistant.retrieval.ranker import load_shipped_model
from assistant.retrieval.retriever import Retriever
from assistant.text.normalize import MAX_QUERY_CHARS, normalise, replace_surrogates
from assistant.timing import time_step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from assistant.encoders.base import Encoder
    from assistant.index.index import Index
    from assistant.models.answers import Related, Turn
    from assistant.query.query import Analysis, TextVectors
    from assistant.settings import Settings

    Progress = Callable[[str, int, int], None]

MAX_QUESTION_LENGTH = MAX_QUERY_CHARS
WORD_CHARACTER = (
    "[0-9A-Za-z\u00aa\u00b5\u00ba\u00c0-\u1fff\u2c00-\u2dff\u3040-\ud7ff\uf900-\ufdff"
    "\ufe70-\ufefc\uff10-\uffdc\U00010000-\U0001e95f\U00020000-\U000323af]"
)
"""A pattern for a letter or digit.

It lists the ranges because patterns of other languages differ in what they take for a letter:
those of JavaScript, which read the server's description, take ASCII alone.
"""

VISIBLE_CHARACTER = (
    f"[!-~{WORD_CHARACTER[1:-1]}\u00a1\u00bf\u2010-\u2027\u2030-\u205e\u3001-\u303f]"
)
"""A pattern for a letter, a digit or a punctuation mark; a question has at least one."""

ANSWER_TIMEOUT = 10.0
"""Seconds an answer may take; the longest question with the longest history takes a tenth."""

BUILD_WAIT = 120.0
"""Seconds to wait for another process that builds the index of the bundled guide."""

EXAMPLE_PAGES = 20
EXAMPLE_QUESTIONS = 100
"""How many questions, made from the headings of the first pages, the examples are chosen from."""

QUESTION_PAGES = 2000
"""How many of the first pages are read for questions."""

MAX_EXAMPLE_LENGTH = 200
"""Characters of a heading that is offered as an example question."""

EXTRACTIVE = "extractive"
"""The writer of answers that consist of quotes."""

COMPUTE_LOCK = threading.Lock()
"""Held while Python computes, never while texts are encoded.

Only one thread can compute at a time. Threads that wait for the interpreter instead of this lock
interrupt each other dozens of times per answer: with eight threads on two cores the lock gives 198
answers a second, without it 159.
"""

_HAS_WORD = re.compile(WORD_CHARACTER)
_IS_VISIBLE = re.compile(VISIBLE_CHARACTER)


class Assistant:
    """Answers questions from one index; safe to share between threads.

    An answer depends on the index, the settings, the history and the question alone.
    """

    def __init__(
        self,
        index: Index,
        encoder: Encoder,
        *,
        threshold: float | None = None,
        warnings: tuple[str, ...] = (),
        timeout: float = ANSWER_TIMEOUT,
        synonyms: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Make an assistant over an open index.

        `threshold` is the one calibrated for the guide, None for the default one. `warnings` come
        with each answer. `timeout` is the number of seconds an answer may take. `synonyms` are
        readers' words for each of the guide's, beside those that its pages declare.
        """
        self.index = index
        self._encoder = encoder
        self._warnings = warnings
        self._timeout = timeout
        self._freshness_warning = ""
        default = load_shipped_model()
        self._model = default if threshold is None else replace(default, threshold=threshold)
        store = index.store
        self._synonyms = synonyms or {}
        declared = {**store.declared_synonyms(), **self._synonyms}
        self._analyzer = Analyzer(store.vocabulary, encoder.token_rank, declared)
        self._retriever = Retriever(store, self._model)
        self._answerer = Answerer(store, self._retriever, self._model.threshold)
        self._suggester = QuestionSuggester(store.vocabulary.word_counts)

    # -- open and build ---------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        folder: str | Path | None = None,
        *,
        model: str | None = None,
        progress: Progress | None = None,
    ) -> Assistant:
        """Open an index with the encoder it was built with; writes nothing.

        Settings fill in what is not given. Where they name no guide and the working folder has
        none, opens the bundled guide and builds its index the first time, in the user's cache;
        `progress` is called with (step, done, total). If a guide of at most 2,000 pages has changed
        since it was indexed, `warnings` say so. Raises IndexMissing, IndexDamaged, IndexOutdated or
        ModelError, each with the command to run.
        """
        config = settings.load_settings(index=folder, model=model)
        try:
            index = open_index(config.index)
        except (IndexMissing, IndexDamaged, IndexOutdated):
            if not config.uses_bundled_guide:
                raise
            return cls._build_and_open(config, progress)
        encoder, warning = select.select_query_encoder(
            config.model, device=config.device, index_model=index.manifest.model
        )
        assistant = cls.open_calibrated(
            index, encoder, config.index, warning=warning, synonyms=config.synonyms
        )
        return assistant.with_freshness_warning(freshness.describe_staleness(index, config))

    @classmethod
    def build(
        cls,
        corpus: str | Path | None = None,
        index: str | Path | None = None,
        *,
        model: str | None = None,
        base_url: str | None = None,
        progress: Progress | None = None,
    ) -> Assistant:
        """Build or update the index of a guide, and open it.

        Settings fill in what is not given, as on the command line. `corpus` is a folder, an
        archive, or a repository as git+https://…#branch:folder. `base_url` is where the guide
        is published; `progress` is called with (step, done, total). Raises what
        `builder.build_index` does, and ModelError.
        """
        config = settings.load_settings(corpus=corpus, index=index, model=model, base_url=base_url)
        from assistant.guide import sources  # only building needs it

        if sources.is_source(config.corpus):
            guide = sources.fetch_guide(config.corpus)
            config = config.model_copy(update={"corpus": guide.folder})
        return cls._build_and_open(config, progress)

    @classmethod
    def _build_and_open(cls, config: Settings, progress: Progress | None) -> Assistant:
        from assistant.index import builder  # only building needs it

        report_export = partial(progress, "exporting") if progress else None
        encoder, warning = select.select_build_encoder(
            config.model, device=config.device, progress=report_export
        )
        ends_at = time.monotonic() + BUILD_WAIT
        while True:
            try:
                builder.build_index(
                    config.corpus,
                    config.index,
                    encoder,
                    reading_options=builder.choose_reading_options(config),
                    progress=progress,
                )
                break
            except IndexBusy:  # wait for another process that builds the bundled guide's index
                if not config.uses_bundled_guide or time.monotonic() > ends_at:
                    raise
                time.sleep(0.1)
        return cls.open_calibrated(
            open_index(config.index),
            encoder,
            config.index,
            warning=warning,
            synonyms=config.synonyms,
        )

    @classmethod
    def open_calibrated(
        cls,
        index: Index,
        encoder: Encoder,
        folder: Path,
        *,
        warning: str = "",
        synonyms: Mapping[str, Sequence[str]] | None = None,
    ) -> Assistant:
        """Make an assistant with the threshold that was calibrated for the index in a folder.

        Raises ModelError where the index was built with another model, and IndexDamaged.
        """
        index.check_model(encoder)
        threshold, unused = read_threshold(folder, encoder.identity)
        warnings = tuple(filter(None, (warning, unused)))
        return cls(
            index,
            encoder,
            threshold=threshold,
            warnings=warnings,
            synonyms=synonyms,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the index, its calibration and the encoder."""
        return tuple(filter(None, (self.index.warning, *self._warnings, self._freshness_warning)))

    def with_freshness_warning(self, warning: str) -> Assistant:
        """Return the same assistant with the warning that its index is out of date, or none.

        The warning belongs to this index: `with_index` drops it.
        """
        changed = copy(self)
        changed._freshness_warning = warning  # noqa: SLF001 - an object of this class
        return changed

    def with_index(self, index: Index) -> Assistant:
        """Return the same assistant over another index.

        Raises ModelError where it was built with another model.
        """
        index.check_model(self._encoder)
        return Assistant(
            index,
            self._encoder,
            threshold=self._model.threshold,
            warnings=self._warnings,
            timeout=self._timeout,
            synonyms=self._synonyms,
        )

    # -- ask and search ---------------------------------------------------------------------------

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question with quotes from the guide, or say that the guide does not answer it.

        `history` is the conversation so far, oldest first. Raises QuestionError for a question that
        is empty or longer than 2,000 characters, and AnswerTimeout for an answer that takes too
        long.
        """
        with deadline.limit(self._timeout):
            return self._answer(question, _clean_history(history))

    def _answer(self, question: str, history: Sequence[Turn]) -> Answer:
        started = time.perf_counter()
        if is_small_talk(validate_question(question)):
            return self._describe_guide(question, started)
        analysis = self._analyze(question, history)
        vectors = self._encode(analysis)
        with COMPUTE_LOCK:
            results, hits = self._retriever.retrieve(analysis, vectors)
            with time_step("write"):
                is_foreign = is_other_language(question, self._languages)
                decisions = [
                    self._answerer.decide(result, vectors, is_other_language=is_foreign)
                    for result in results
                ]
                # A part that the guide does not answer is left out where it answers another.
                relevant = [one for one in decisions if one.is_answered] or decisions
                quotes = self._answerer.quote(relevant, vectors)
                citations = self._answerer.cite(quotes)
                blocks = self._answerer.build_blocks(quotes, relevant)
                resources = self._answerer.recommend(relevant, quotes)
            understood_as = " ".join(result.interpretation.question.text for result in results)
            missing = dict.fromkeys(name for one in decisions for name in one.missing)
            with time_step("offer"):
                questions = [turn.text for turn in history if turn.role == "user"]
                questions += [result.interpretation.question.text for result in results]
                suggestions = related.suggest_questions(hits, quotes, questions, self._suggester)
            return Answer(
                question=replace_surrogates(question),
                understood_as=understood_as,
                other_readings=results[0].other_readings if len(results) == 1 else (),
                found=bool(citations),
                citations=tuple(citations),
                blocks=blocks,
                confidence=max(one.confidence for one in relevant),
                resources=tuple(resources),
                related=tuple(related.find_related(hits, quotes)),
                missing=() if is_foreign else tuple(missing),
                next_questions=tuple(suggestions),
                hits=hits,
                writer=EXTRACTIVE,
                degraded=self.warnings,
                generation=self.index.generation,
                seconds=time.perf_counter() - started,
                is_other_language=is_foreign and not citations,
            )

    def _describe_guide(self, question: str, started: float) -> Answer:
        """Say what the guide covers, where nothing was asked of it."""
        sections, questions = self._overview
        return Answer(
            question=replace_surrogates(question),
            understood_as=replace_surrogates(question),
            found=False,
            citations=(),
            confidence=0.0,
            resources=(),
            related=sections,
            missing=(),
            next_questions=questions,
            hits=(),
            writer=EXTRACTIVE,
            degraded=self.warnings,
            generation=self.index.generation,
            seconds=time.perf_counter() - started,
            is_overview=True,
        )

    @cached_property
    def _languages(self) -> frozenset[str]:
        """The guide's languages and scripts, detected once."""
        vocabulary = self.index.store.vocabulary
        return detect_languages(vocabulary.document_frequency, vocabulary.passages)

    @cached_property
    def _overview(self) -> tuple[tuple[Related, ...], tuple[str, ...]]:
        """The guide's top sections, and three questions; made when they are first needed."""
        store = self.index.store
        with COMPUTE_LOCK:
            sections = overview.find_top_sections(store)
            suggestions = overview.suggest_questions(store, self._suggester)
        examples = self.examples(overview.MAX_QUESTIONS)
        answered = (
            text
            for text in suggestions
            if text not in examples
            and _HAS_WORD.search(text)
            and len(text) <= MAX_EXAMPLE_LENGTH
            and not is_small_talk(text)
            and self._answer(text, ()).found
        )
        missing = overview.MAX_QUESTIONS - len(examples)
        questions = (*examples, *itertools.islice(answered, missing))
        return tuple(sections), questions

    def search(self, question: str, k: int = 10, history: Sequence[Turn] = ()) -> Search:
        """Return the k passages that answer best, best first.

        Raises QuestionError and AnswerTimeout as `ask` does.
        """
        with deadline.limit(self._timeout):
            analysis = self._analyze(question, _clean_history(history))
            vectors = self._encode(analysis)
            with COMPUTE_LOCK:
                results, hits = self._retriever.retrieve(analysis, vectors)
        understood_as = " ".join(result.interpretation.question.text for result in results)
        return Search(replace_surrogates(question), understood_as, hits[:k])

    def _analyze(self, question: str, history: Sequence[Turn]) -> Analysis:
        text = validate_question(question)
        with time_step("understand"), COMPUTE_LOCK:
            deadline.check()
            return self._analyzer.analyze(text, history)

    def _encode(self, analysis: Analysis) -> TextVectors:
        """Encode all texts of a question in one call, without the lock."""
        with time_step("encode"):
            return dict(zip(analysis.texts, self._encoder.encode(analysis.texts), strict=True))

    async def ask_async(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question in a thread of its own, so that others can be asked meanwhile."""
        return await asyncio.to_thread(self.ask, question, history)

    def conversation(self) -> Conversation:
        """Start a conversation."""
        return Conversation(self)

    def list_questions(self, count: int) -> list[str]:
        """Make up to `count` questions from the guide's headings, in the order of its pages."""
        store = self.index.store
        passages = (
            passages[0]
            for path in store.page_paths()[:QUESTION_PAGES]
            for _, group in itertools.groupby(store.page_passages(path), key=lambda p: p.anchor)
            for passages in [list(group)]
        )
        suggester = QuestionSuggester(store.vocabulary.word_counts, max_cached=1)
        return suggester.suggest(passages, (), count)

    def examples(self, count: int = 4) -> list[str]:
        """Return questions that the guide answers, spread over the guide.

        They are those that its first pages name as `questions` in their front matter, then those
        made from headings.
        """
        store = self.index.store
        pages = store.page_paths()[:EXAMPLE_PAGES]
        named = [
            question
            for page in map(store.page, pages)
            if page
            for question in parse_front_matter(page.text).get_list("questions")
            if _is_example(question)
        ]
        made = [text for text in self.list_questions(EXAMPLE_QUESTIONS) if _is_example(text)]
        ordered = [text for texts in (named, made) for text in _spread(texts, count)]
        spread = dict.fromkeys(ordered)
        # No deadline: headings are short, and a server under load must be able to start.
        answered = (text for text in spread if self._answer(text, ()).found)
        return list(itertools.islice(answered, count))


def _is_example(text: str) -> bool:
    """Whether a text may be offered as a question to begin with."""
    is_short = len(text) <= MAX_EXAMPLE_LENGTH
    return is_short and bool(_HAS_WORD.search(text)) and not is_small_talk(text)


def _spread(texts: Sequence[str], count: int) -> list[str]:
    """Return the texts, first those that are evenly apart."""
    return [*texts[:: max(1, len(texts) // count)], *texts]


def validate_question(question: str) -> str:
    """Normalise a question. Raises QuestionError where it is empty or too long."""
    text = normalise(question)
    if not _IS_VISIBLE.search(question):
        raise QuestionError("The question is empty.", "Ask in words, for example: what is …?")
    longest = max(len(text), len(question))
    if longest > MAX_QUESTION_LENGTH:
        raise QuestionError(
            f"The question has {longest:,} characters; the limit is {MAX_QUESTION_LENGTH:,}.",
            "Ask for one thing at a time.",
        )
    return text


def _clean_history(history: Sequence[Turn]) -> list[Turn]:
    """Replace characters in earlier turns that cannot be encoded."""
    return [replace(turn, text=replace_surrogates(turn.text)) for turn in history]
