"""The life of a question, from a reader's words to a cited answer.

Knows the order of the steps and nothing of their insides: settle, understand, find, rank,
judge, write. Must not know which door the question came through.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from assistant import deadline, settings
from assistant.answering import answerer, related
from assistant.answering.suggestions import QuestionSuggester
from assistant.conversation import Conversation
from assistant.encoders import select as encoder_selection
from assistant.errors import IndexBusy, IndexDamaged, IndexMissing, IndexOutdated, QuestionError
from assistant.evaluation import calibration
from assistant.index import freshness
from assistant.index import index as indexes
from assistant.models.answers import Answer, Citation, Search
from assistant.query import question_type as questions
from assistant.retrieval import ranker
from assistant.retrieval.ranker import Query
from assistant.retrieval.retriever import COMPUTE_LOCK, Retriever
from assistant.text.text import (
    MAX_QUERY_CHARS,
    extract_terms,
    normalise,
    replace_surrogates,
    split_words,
)
from assistant.timing import time_step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from assistant.answering.answerer import TermWeights
    from assistant.answering.quotes import Quote
    from assistant.encoders.base import Encoder, Vectors
    from assistant.index.index import Index
    from assistant.models.answers import Hit, Turn
    from assistant.models.documents import Passage, Resource, Section
    from assistant.query.question_type import Question
    from assistant.retrieval.retriever import RetrievalResult
    from assistant.settings import Settings

    Progress = Callable[[str, int, int], None]

MAX_QUESTION_LENGTH = MAX_QUERY_CHARS
WORD_CHARACTER = (
    "[0-9A-Za-z\u00aa\u00b5\u00ba\u00c0-\u1fff\u2c00-\u2dff\u3040-\ud7ff\uf900-\ufdff"
    "\ufe70-\ufefc\uff10-\uffdc\U00010000-\U0001e95f\U00020000-\U000323af]"
)
"""A question holds at least one of these: where letters and digits are, and little else.

Written out, because patterns of other languages take another set for letters: JavaScript's, which a
description of the server is read with, knows those of ASCII alone.
"""

EXAMPLE_PAGES = 20
TOP_K = 5
MAX_SIDE_WORDS = 5
"""Words in a side of a comparison that is named as missing; a longer one is no name."""

NEIGHBOUR_PASSAGES = 8
"""How many passages before and after it on its page a list may run over."""


ANSWER_TIMEOUT = 10.0
"""Seconds an answer may take. The longest question with the longest talk takes a tenth of one."""

MAX_EXAMPLE_LENGTH = 200
"""The characters of a heading that is offered as an example of what to ask."""

BUILD_WAIT = 120.0
"""Seconds that another process may take to build the index of the guide that comes with us."""

_HAS_WORD = re.compile(WORD_CHARACTER)

# How confident a refusal may be, of what an answer has to be.
_REFUSAL_CONFIDENCE = 0.99


@dataclass(frozen=True, slots=True)
class SubAnswer:
    """What the guide says to one part of a question; no quotes where it does not."""

    quotes: list[Quote]
    resources: list[Resource]
    confidence: float


class Assistant:
    """Answers questions from one index; a function of the index, the talk and the question.

    Thread-safe: nothing is changed by asking.
    """

    def __init__(
        self,
        index: Index,
        encoder: Encoder,
        *,
        threshold: float | None = None,
        warnings: tuple[str, ...] = (),
        timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        """`bar` is the guide's own, None for the shipped one; `notices` come with each answer.

        `longest` is how many seconds an answer may take.
        """
        self.index = index
        self._timeout = timeout
        self._encoder = encoder
        self._warnings = warnings
        self._freshness_warning = ""
        shipped = ranker.load_shipped_model()
        self._model = shipped if threshold is None else replace(shipped, threshold=threshold)
        self._retriever = Retriever(index.store, encoder, self._model)
        self._suggester = QuestionSuggester(index.store.vocabulary.word_counts)

    @classmethod
    def open(
        cls,
        folder: str | Path | None = None,
        *,
        model: str | None = None,
        progress: Progress | None = None,
    ) -> Assistant:
        """Open an index with the encoder it was built with; nothing is written.

        Settings fill in what is not given. Where they name no guide and none lies here, it is the
        one that comes with the package: its index is built the first time, in the user's cache,
        and `progress` is told (step, done, in all). Where a guide of at most 2,000 pages has
        changed since, `warnings` say so. Raises IndexMissing, IndexDamaged,
        IndexOutdated or ModelError, each saying what to run.
        """
        chosen = settings.load_settings(index=folder, model=model)
        try:
            index = indexes.open_index(chosen.index)
        except (IndexMissing, IndexDamaged, IndexOutdated):
            if not chosen.uses_bundled_guide:
                raise
            return cls._build_and_open(chosen, progress)
        encoder, notice = encoder_selection.select_query_encoder(
            chosen.model, device=chosen.device, index_model=index.manifest.model
        )
        opened = cls.open_calibrated(index, encoder, chosen.index, warning=notice)
        return opened.with_freshness_warning(freshness.describe_staleness(index, chosen))

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
        """Build the index of a guide, or bring it up to date, and open it.

        Settings fill in what is not given, as on the command line. `base_url` is where the guide
        is published; `progress` is told (step, done, in all). Raises what `building.build` does,
        and ModelError.
        """
        chosen = settings.load_settings(corpus=corpus, index=index, model=model, base_url=base_url)
        return cls._build_and_open(chosen, progress)

    @classmethod
    def _build_and_open(cls, chosen: Settings, progress: Progress | None) -> Assistant:
        from assistant.index import builder  # what only building needs

        exporting = partial(progress, "exporting") if progress else None
        encoder, notice = encoder_selection.select_build_encoder(
            chosen.model, device=chosen.device, progress=exporting
        )
        ends = time.monotonic() + BUILD_WAIT
        while True:
            try:
                builder.build_index(
                    chosen.corpus,
                    chosen.index,
                    encoder,
                    reading_options=builder.choose_reading_options(chosen),
                    progress=progress,
                )
                break
            except IndexBusy:  # which nobody is to know of where nobody asked for an index
                if not chosen.uses_bundled_guide or time.monotonic() > ends:
                    raise
                time.sleep(0.1)
        return cls.open_calibrated(
            indexes.open_index(chosen.index), encoder, chosen.index, warning=notice
        )

    @classmethod
    def open_calibrated(
        cls, index: Index, encoder: Encoder, folder: Path, *, warning: str = ""
    ) -> Assistant:
        """An Assistant with the bar that is kept in the folder of its index.

        Raises ModelError for another model's index, and IndexDamaged.
        """
        index.check_model(encoder)
        bar, forgotten = calibration.read_threshold(folder, encoder.identity)
        return cls(
            index, encoder, threshold=bar, warnings=tuple(filter(None, (warning, forgotten)))
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the index, with the bar kept beside it, and with the encoder."""
        return tuple(filter(None, (self.index.warning, *self._warnings, self._freshness_warning)))

    def with_freshness_warning(self, warning: str) -> Assistant:
        """The same Assistant, whose answers carry why they may be out of date; empty for nothing.

        It is of this index: the same Assistant over another has no such word.
        """
        noted = copy(self)
        noted._freshness_warning = warning  # noqa: SLF001 - of one's own kind
        return noted

    def with_index(self, index: Index) -> Assistant:
        """The same Assistant over another index. Raises ModelError for another model's."""
        index.check_model(self._encoder)
        return Assistant(
            index,
            self._encoder,
            threshold=self._model.threshold,
            warnings=self._warnings,
            timeout=self._timeout,
        )

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question with quotes from the guide, or say that the guide does not.

        `history` is the talk so far, oldest first. Raises QuestionError for a question that is
        empty or longer than 2,000 characters, and AnswerTimeout where the answer takes longer than
        one may.
        """
        with deadline.limit(self._timeout):
            return self._answer(question, _sanitise_history(history))

    def _answer(self, question: str, history: Sequence[Turn]) -> Answer:
        started = time.perf_counter()
        parts, hits = self._retriever.retrieve(validate_question(question), history)
        with COMPUTE_LOCK:
            with time_step("write"):
                replies = [self._answer_subquery(part) for part in parts]
                answered = [reply for reply in replies if reply.quotes] or replies
                quotes = answerer.join_quotes([reply.quotes for reply in answered])
            with time_step("offer"):
                next_questions = tuple(self._suggest_questions(parts, hits, quotes, history))
            return Answer(
                question=replace_surrogates(question),
                understood_as=_interpretation_text(parts),
                other_readings=parts[0].other_readings if len(parts) == 1 else (),
                found=bool(quotes),
                citations=tuple(self._cite(quotes)),
                confidence=max(reply.confidence for reply in answered),
                resources=tuple(dict.fromkeys(r for reply in answered for r in reply.resources)),
                related=tuple(related.find_related(hits, quotes)),
                missing=tuple(side for part in parts for side in self._missing_side_names(part)),
                next_questions=next_questions,
                hits=hits,
                writer=answerer.EXTRACTIVE,
                degraded=self.warnings,
                generation=self.index.generation,
                seconds=time.perf_counter() - started,
            )

    async def ask_async(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question in a thread of its own, so that others can be asked meanwhile."""
        return await asyncio.to_thread(self.ask, question, history)

    def conversation(self) -> Conversation:
        """A talk that begins with nothing said."""
        return Conversation(self)

    def search(self, question: str, k: int = 10, history: Sequence[Turn] = ()) -> Search:
        """The k passages that answer best, best first. Raises QuestionError as `ask` does."""
        with deadline.limit(self._timeout):
            parts, hits = self._retriever.retrieve(
                validate_question(question), _sanitise_history(history)
            )
        return Search(replace_surrogates(question), _interpretation_text(parts), hits[:k])

    def examples(self, count: int = 4) -> list[str]:
        """Questions the guide can answer, made from its headings, spread over the guide."""
        store = self.index.store
        pages = store.page_paths()[:EXAMPLE_PAGES]
        headings = [s.headings[-1] for page in pages for s in store.sections(page)]
        short = (heading for heading in dict.fromkeys(headings) if _fits_example(heading))
        asked = [heading for heading in short if questions.is_question(heading)]
        step = max(1, len(asked) // count)
        spread = [*asked[::step], *asked]
        # Without a deadline: they are short, and a server under load has to start all the same.
        answered = (text for text in dict.fromkeys(spread) if self._answer(text, ()).found)
        return list(itertools.islice(answered, count))

    # -- write --------------------------------------------------------------------------------

    def _answer_subquery(self, found: RetrievalResult) -> SubAnswer:
        """What is quoted and recommended to one part of a question, if the guide answers it."""
        deadline.check()
        bar = self._model.threshold
        if found.interpretation.question.type == "resources":
            resources = self._find_resources(found)
            if quotes := related.quote_resources(resources, self.index.store):
                return SubAnswer(quotes, resources, found.probability)
        answers = found.probability >= bar or self._is_defined(found)
        if quotes := self._answer_by_type(found) if answers else []:
            return SubAnswer(quotes, self._find_resources(found), max(found.probability, bar))
        # What nothing can be quoted for is refused, however likely it looked.
        return SubAnswer([], [], min(found.probability, _REFUSAL_CONFIDENCE * bar))

    def _is_defined(self, found: RetrievalResult) -> bool:
        """Whether the guide says outright what is to be defined, however little it says of it."""
        passages = (hit.passage for hit in found.hits[:TOP_K])
        return answerer.has_definition(found.interpretation.question, passages)

    def _answer_by_type(self, found: RetrievalResult) -> list[Quote]:
        store = self.index.store
        asked = found.interpretation.question
        hits = [hit for hit in found.hits if not hit.passage.lists_resources] or list(found.hits)
        weights = answerer.TermWeights.from_text(
            found.interpretation.search_text, store.vocabulary.idf
        )
        missing = self._missing_sides(asked)
        if asked.type == "comparison":
            quotes = answerer.quote_comparison(
                asked, self._comparison_sources(found, hits, weights), missing
            )
            if quotes or missing:
                return quotes
        if asked.type in {"list", "choice"}:
            kinds = self._kind_sections(asked, hits)
            if kinds and asked.type == "list":
                return answerer.quote_section_openings([passage for _, passage in kinds])
            if kinds:
                shared = [*extract_terms(asked.subjects[0]), *questions.KIND_STEMS]
                own = weights.without(shared)
                alike = dict.fromkeys((key for key, _ in kinds), 1.0)
                return answerer.select_quotes(asked, self._score_sources(own, found.vector, alike))
        sources = _make_sources(found, hits)
        best = sources[0].passage
        listed = asked.type == "list" and _mentions(asked.subjects[0], best)
        if questions.asks_for_amount(asked.text) and not listed:
            return answerer.quote_amount(sources)
        return answerer.select_quotes(asked, sources, lambda: self._neighbour_passages(hits[0]))

    def _neighbour_passages(self, hit: Hit) -> list[Passage]:
        """The passages of a hit's page that stand near it, in order."""
        store = self.index.store
        near = range(
            max(0, hit.key - NEIGHBOUR_PASSAGES), min(store.size, hit.key + NEIGHBOUR_PASSAGES + 1)
        )
        return [passage for passage in store.passages(near) if passage.path == hit.passage.path]

    def _score_sources(
        self, weights: TermWeights, vector: Vectors, chances: Mapping[int, float]
    ) -> list[answerer.Source]:
        """Passages by number with what each sentence says, and how likely each answers."""
        return [
            answerer.Source(passage, said, chance)
            for (passage, said), chance in zip(
                self._retriever.score_sentences(weights.idf, vector, list(chances)),
                chances.values(),
                strict=True,
            )
        ]

    def _missing_sides(self, asked: Question) -> list[str]:
        """The sides of a comparison with a word in them that the guide never says."""
        said = self.index.store.vocabulary.document_frequency
        sides = asked.subjects if asked.type == "comparison" else ()
        return [side for side in sides if not said.keys() >= set(extract_terms(side))]

    def _comparison_sources(
        self, found: RetrievalResult, hits: Sequence[Hit], weights: TermWeights
    ) -> list[answerer.Source]:
        """Sources for a comparison: of the whole question, then of each side by itself."""
        sources = _make_sources(found, hits)
        sides = found.interpretation.question.subjects
        for side, vector in zip(sides, self._encoder.encode(sides), strict=True):
            own = self._retriever.search(Query.from_text(side), vector)
            looked = {hit.key: hit.probability for hit in own[:TOP_K]}
            sources += self._score_sources(weights, vector, looked)
        return sources

    def _kind_sections(self, asked: Question, hits: Sequence[Hit]) -> list[tuple[int, Passage]]:
        """The sub-sections of the section on the kinds of a thing: their first passages.

        Looked for among the best hits and the sections above them. The heading speaks of kinds
        ("types of …") or names the thing as the question does, which asks in the plural and for
        nothing else of it.
        """
        store = self.index.store
        wanted, written = set(extract_terms(asked.subjects[0])), set(split_words(asked.subjects[0]))
        if not wanted:  # "what kinds of things are there?"
            return []
        plain = set(extract_terms(asked.text)) <= wanted | questions.KIND_STEMS
        found: list[tuple[bool, list[Section]]] = []
        for hit in hits[:TOP_K]:
            for headings in (hit.passage.headings, hit.passage.headings[:-1]):
                heading = " ".join(headings[-1:])
                named = set(extract_terms(heading))
                of_kinds = bool(named & questions.KIND_STEMS)
                alike = plain and written <= set(split_words(heading))
                if not wanted <= named or not (of_kinds or alike):
                    continue
                sections = store.sections(hit.passage.path)
                below = [section for section in sections if section.headings[:-1] == headings]
                if len(below) > 1:
                    found.append((of_kinds, below))
        if not found:
            return []
        _, below = max(found, key=lambda pair: pair[0])
        return [store.section_passages(section.path, section.anchor)[0] for section in below]

    def _cite(self, quotes: Sequence[Quote]) -> list[Citation]:
        store = self.index.store
        citations = []
        sha256 = {
            path: store.page_digest(path) for path in {quote.passage.path for quote in quotes}
        }
        for number, quote in enumerate(quotes, 1):
            passage = quote.passage
            citations.append(
                Citation(
                    n=number,
                    passage=passage.id,
                    path=passage.path,
                    headings=passage.headings,
                    anchor=passage.anchor,
                    url=passage.url,
                    quote=quote.text,
                    span=quote.span,
                    lines=quote.lines,
                    sha256=sha256[passage.path],
                )
            )
        return citations

    # -- what else ----------------------------------------------------------------------------

    def _find_resources(self, found: RetrievalResult) -> list[Resource]:
        asked = found.interpretation.question
        return related.find_resources(asked, found.vector, self.index.store, self._encoder)

    def _missing_side_names(self, found: RetrievalResult) -> list[str]:
        sides = self._missing_sides(found.interpretation.question)
        return [side for side in sides if len(side.split()) <= MAX_SIDE_WORDS]

    def _suggest_questions(
        self,
        parts: Sequence[RetrievalResult],
        hits: Sequence[Hit],
        quotes: Sequence[Quote],
        history: Sequence[Turn],
    ) -> list[str]:
        said = [turn.text for turn in history if turn.role == "user"]
        said += [part.interpretation.question.text for part in parts]
        return related.suggest_questions(hits, quotes, said, self._suggester)


def _fits_example(heading: str) -> bool:
    """Whether a heading may be put as a question: it is short, and has words."""
    return len(heading) <= MAX_EXAMPLE_LENGTH and bool(_HAS_WORD.search(heading))


def validate_question(question: str) -> str:
    """A question in one form, or a QuestionError where it is empty or too long."""
    text = normalise(question)
    if not _HAS_WORD.search(question):
        raise QuestionError("The question is empty.", "Ask in words, for example: what is …?")
    longest = max(len(text), len(question))
    if longest > MAX_QUESTION_LENGTH:
        raise QuestionError(
            f"The question has {longest:,} characters; at most {MAX_QUESTION_LENGTH:,} are read.",
            "Ask for one thing at a time.",
        )
    return text


def _sanitise_history(history: Sequence[Turn]) -> list[Turn]:
    """What was said before, in the form a question has."""
    return [replace(turn, text=replace_surrogates(turn.text)) for turn in history]


def _make_sources(found: RetrievalResult, hits: Sequence[Hit]) -> list[answerer.Source]:
    """The best hits of a question with what each of their sentences says to it."""
    return [
        answerer.Source(hit.passage, found.evidence.sentence_scores_of(hit.key), hit.probability)
        for hit in hits[:TOP_K]
    ]


def _interpretation_text(parts: Sequence[RetrievalResult]) -> str:
    return " ".join(part.interpretation.question.text for part in parts)


def _mentions(subject: str, passage: Passage) -> bool:
    return set(extract_terms(subject)) <= set(extract_terms(passage.search_text))
