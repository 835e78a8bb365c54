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
from assistant.answering.suggestions import Offers
from assistant.conversation import Conversation
from assistant.encoders import select as encoder_selection
from assistant.errors import IndexBusy, IndexDamaged, IndexMissing, IndexOutdated, QuestionError
from assistant.evaluation import calibration
from assistant.index import freshness
from assistant.index import index as indexes
from assistant.models.answers import Answer, Citation, Search
from assistant.query import question_type as questions
from assistant.retrieval import ranker
from assistant.retrieval.ranker import Sought
from assistant.retrieval.retriever import COMPUTING, Retrieval
from assistant.text.text import LONGEST, normalise, terms, words, writable
from assistant.timing import step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from assistant.answering.answerer import Weights
    from assistant.answering.quotes import Quote
    from assistant.encoders.onnx import Encoder, Vectors
    from assistant.index.index import Index
    from assistant.models.answers import Hit, Turn
    from assistant.models.documents import Passage, Resource, Section
    from assistant.query.question_type import Question
    from assistant.retrieval.retriever import Found
    from assistant.settings import Settings

    Progress = Callable[[str, int, int], None]

LONGEST_QUESTION = LONGEST
WORDED = (
    "[0-9A-Za-z\u00aa\u00b5\u00ba\u00c0-\u1fff\u2c00-\u2dff\u3040-\ud7ff\uf900-\ufdff"
    "\ufe70-\ufefc\uff10-\uffdc\U00010000-\U0001e95f\U00020000-\U000323af]"
)
"""A question holds at least one of these: where letters and digits are, and little else.

Written out, because patterns of other languages take another set for letters: JavaScript's, which a
description of the server is read with, knows those of ASCII alone.
"""

EXAMPLE_PAGES = 20
LOOKED_THROUGH = 5
LONGEST_NAME = 5
"""Words in a side of a comparison that is named as missing; a longer one is no name."""

NEARBY = 8
"""How many passages before and after it on its page a list may run over."""


LONGEST_ANSWER = 10.0
"""Seconds an answer may take. The longest question with the longest talk takes a tenth of one."""

LONGEST_EXAMPLE = 200
"""The characters of a heading that is offered as an example of what to ask."""

PATIENCE = 120.0
"""Seconds that another process may take to build the index of the guide that comes with us."""

_WORDED = re.compile(WORDED)

# How confident a refusal may be, of what an answer has to be.
_REFUSED = 0.99


@dataclass(frozen=True, slots=True)
class Reply:
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
        bar: float | None = None,
        notices: tuple[str, ...] = (),
        longest: float = LONGEST_ANSWER,
    ) -> None:
        """`bar` is the guide's own, None for the shipped one; `notices` come with each answer.

        `longest` is how many seconds an answer may take.
        """
        self.index = index
        self._longest = longest
        self._encoder = encoder
        self._notices = notices
        self._stale = ""
        shipped = ranker.shipped()
        self._model = shipped if bar is None else replace(shipped, bar=bar)
        self._retrieval = Retrieval(index.store, encoder, self._model)
        self._offers = Offers(index.store.vocabulary.surface)

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
        chosen = settings.load(index=folder, model=model)
        try:
            index = indexes.open(chosen.index)
        except (IndexMissing, IndexDamaged, IndexOutdated):
            if not chosen.bundled:
                raise
            return cls._built(chosen, progress)
        encoder, notice = encoder_selection.serving(
            chosen.model, device=chosen.device, built_with=index.manifest.model
        )
        opened = cls.calibrated(index, encoder, chosen.index, notice=notice)
        return opened.noting(freshness.notice(index, chosen))

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
        chosen = settings.load(corpus=corpus, index=index, model=model, base_url=base_url)
        return cls._built(chosen, progress)

    @classmethod
    def _built(cls, chosen: Settings, progress: Progress | None) -> Assistant:
        from assistant.index import builder  # what only building needs

        exporting = partial(progress, "exporting") if progress else None
        encoder, notice = encoder_selection.building(
            chosen.model, device=chosen.device, progress=exporting
        )
        ends = time.monotonic() + PATIENCE
        while True:
            try:
                builder.build(
                    chosen.corpus,
                    chosen.index,
                    encoder,
                    reading=builder.reading(chosen),
                    progress=progress,
                )
                break
            except IndexBusy:  # which nobody is to know of where nobody asked for an index
                if not chosen.bundled or time.monotonic() > ends:
                    raise
                time.sleep(0.1)
        return cls.calibrated(indexes.open(chosen.index), encoder, chosen.index, notice=notice)

    @classmethod
    def calibrated(
        cls, index: Index, encoder: Encoder, folder: Path, *, notice: str = ""
    ) -> Assistant:
        """An Assistant with the bar that is kept in the folder of its index.

        Raises ModelError for another model's index, and IndexDamaged.
        """
        index.check_model(encoder)
        bar, forgotten = calibration.read(folder, encoder.identity)
        return cls(index, encoder, bar=bar, notices=tuple(filter(None, (notice, forgotten))))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the index, with the bar kept beside it, and with the encoder."""
        return tuple(filter(None, (self.index.warning, *self._notices, self._stale)))

    def noting(self, stale: str) -> Assistant:
        """The same Assistant, whose answers carry why they may be out of date; empty for nothing.

        It is of this index: the same Assistant over another has no such word.
        """
        noted = copy(self)
        noted._stale = stale  # noqa: SLF001 - of one's own kind
        return noted

    def over(self, index: Index) -> Assistant:
        """The same Assistant over another index. Raises ModelError for another model's."""
        index.check_model(self._encoder)
        return Assistant(
            index,
            self._encoder,
            bar=self._model.bar,
            notices=self._notices,
            longest=self._longest,
        )

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question with quotes from the guide, or say that the guide does not.

        `history` is the talk so far, oldest first. Raises QuestionError for a question that is
        empty or longer than 2,000 characters, and AnswerTimeout where the answer takes longer than
        one may.
        """
        with deadline.within(self._longest):
            return self._answered(question, _settled(history))

    def _answered(self, question: str, history: Sequence[Turn]) -> Answer:
        started = time.perf_counter()
        parts, hits = self._retrieval.find(settle(question), history)
        with COMPUTING:
            with step("write"):
                replies = [self._reply(part) for part in parts]
                answered = [reply for reply in replies if reply.quotes] or replies
                quotes = answerer.joined([reply.quotes for reply in answered])
            with step("offer"):
                next_questions = tuple(self._next_questions(parts, hits, quotes, history))
            return Answer(
                question=writable(question),
                understood_as=_understood_as(parts),
                other_readings=parts[0].others if len(parts) == 1 else (),
                found=bool(quotes),
                citations=tuple(self._cite(quotes)),
                confidence=max(reply.confidence for reply in answered),
                resources=tuple(dict.fromkeys(r for reply in answered for r in reply.resources)),
                related=tuple(related.related(hits, quotes)),
                missing=tuple(side for part in parts for side in self._missing_names(part)),
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
        with deadline.within(self._longest):
            parts, hits = self._retrieval.find(settle(question), _settled(history))
        return Search(writable(question), _understood_as(parts), hits[:k])

    def examples(self, count: int = 4) -> list[str]:
        """Questions the guide can answer, made from its headings, spread over the guide."""
        store = self.index.store
        pages = store.pages()[:EXAMPLE_PAGES]
        headings = [s.headings[-1] for page in pages for s in store.sections(page)]
        short = (heading for heading in dict.fromkeys(headings) if _is_asked(heading))
        asked = [heading for heading in short if questions.is_question(heading)]
        step = max(1, len(asked) // count)
        spread = [*asked[::step], *asked]
        # Without a deadline: they are short, and a server under load has to start all the same.
        answered = (text for text in dict.fromkeys(spread) if self._answered(text, ()).found)
        return list(itertools.islice(answered, count))

    # -- write --------------------------------------------------------------------------------

    def _reply(self, found: Found) -> Reply:
        """What is quoted and recommended to one part of a question, if the guide answers it."""
        deadline.check()
        bar = self._model.bar
        if found.understood.question.form == "resources":
            resources = self._resources(found)
            if quotes := related.recommended(resources, self.index.store):
                return Reply(quotes, resources, found.probability)
        answers = found.probability >= bar or self._defined(found)
        if quotes := self._write(found) if answers else []:
            return Reply(quotes, self._resources(found), max(found.probability, bar))
        # What nothing can be quoted for is refused, however likely it looked.
        return Reply([], [], min(found.probability, _REFUSED * bar))

    def _defined(self, found: Found) -> bool:
        """Whether the guide says outright what is to be defined, however little it says of it."""
        passages = (hit.passage for hit in found.hits[:LOOKED_THROUGH])
        return answerer.defined(found.understood.question, passages)

    def _write(self, found: Found) -> list[Quote]:
        store = self.index.store
        asked = found.understood.question
        hits = [hit for hit in found.hits if not hit.passage.lists_resources] or list(found.hits)
        weights = answerer.Weights.of(found.understood.plain, store.vocabulary.rarity)
        missing = self._missing(asked)
        if asked.form == "comparison":
            quotes = answerer.compare(asked, self._sides(found, hits, weights), missing)
            if quotes or missing:
                return quotes
        if asked.form in {"list", "choice"}:
            kinds = self._kinds(asked, hits)
            if kinds and asked.form == "list":
                return answerer.children([passage for _, passage in kinds])
            if kinds:
                shared = [*terms(asked.subjects[0]), *questions.KINDS]
                own = weights.without(shared)
                alike = dict.fromkeys((key for key, _ in kinds), 1.0)
                return answerer.write(asked, self._weighed(own, found.vector, alike))
        sources = _sources(found, hits)
        best = sources[0].passage
        listed = asked.form == "list" and _speaks_of(asked.subjects[0], best)
        if questions.wants_amount(asked.text) and not listed:
            return answerer.amount(sources)
        return answerer.write(asked, sources, lambda: self._around(hits[0]))

    def _around(self, hit: Hit) -> list[Passage]:
        """The passages of a hit's page that stand near it, in order."""
        store = self.index.store
        near = range(max(0, hit.key - NEARBY), min(store.size, hit.key + NEARBY + 1))
        return [passage for passage in store.passages(near) if passage.path == hit.passage.path]

    def _weighed(
        self, weights: Weights, vector: Vectors, chances: Mapping[int, float]
    ) -> list[answerer.Source]:
        """Passages by number with what each sentence says, and how likely each answers."""
        return [
            answerer.Source(passage, said, chance)
            for (passage, said), chance in zip(
                self._retrieval.said(weights.rarity, vector, list(chances)),
                chances.values(),
                strict=True,
            )
        ]

    def _missing(self, asked: Question) -> list[str]:
        """The sides of a comparison with a word in them that the guide never says."""
        said = self.index.store.vocabulary.frequency
        sides = asked.subjects if asked.form == "comparison" else ()
        return [side for side in sides if not said.keys() >= set(terms(side))]

    def _sides(self, found: Found, hits: Sequence[Hit], weights: Weights) -> list[answerer.Source]:
        """Sources for a comparison: of the whole question, then of each side by itself."""
        sources = _sources(found, hits)
        sides = found.understood.question.subjects
        for side, vector in zip(sides, self._encoder.encode(sides), strict=True):
            own = self._retrieval.hits(Sought.of(side), vector)
            looked = {hit.key: hit.probability for hit in own[:LOOKED_THROUGH]}
            sources += self._weighed(weights, vector, looked)
        return sources

    def _kinds(self, asked: Question, hits: Sequence[Hit]) -> list[tuple[int, Passage]]:
        """The sub-sections of the section on the kinds of a thing: their first passages.

        Looked for among the best hits and the sections above them. The heading speaks of kinds
        ("types of …") or names the thing as the question does, which asks in the plural and for
        nothing else of it.
        """
        store = self.index.store
        wanted, written = set(terms(asked.subjects[0])), set(words(asked.subjects[0]))
        if not wanted:  # "what kinds of things are there?"
            return []
        plain = set(terms(asked.text)) <= wanted | questions.KINDS
        found: list[tuple[bool, list[Section]]] = []
        for hit in hits[:LOOKED_THROUGH]:
            for headings in (hit.passage.headings, hit.passage.headings[:-1]):
                heading = " ".join(headings[-1:])
                named = set(terms(heading))
                of_kinds = bool(named & questions.KINDS)
                alike = plain and written <= set(words(heading))
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
        sha256 = {path: store.digest(path) for path in {quote.passage.path for quote in quotes}}
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

    def _resources(self, found: Found) -> list[Resource]:
        asked = found.understood.question
        return related.resources(asked, found.vector, self.index.store, self._encoder)

    def _missing_names(self, found: Found) -> list[str]:
        sides = self._missing(found.understood.question)
        return [side for side in sides if len(side.split()) <= LONGEST_NAME]

    def _next_questions(
        self,
        parts: Sequence[Found],
        hits: Sequence[Hit],
        quotes: Sequence[Quote],
        history: Sequence[Turn],
    ) -> list[str]:
        said = [turn.text for turn in history if turn.role == "user"]
        said += [part.understood.question.text for part in parts]
        return related.next_questions(hits, quotes, said, self._offers)


def _is_asked(heading: str) -> bool:
    """Whether a heading may be put as a question: it is short, and has words."""
    return len(heading) <= LONGEST_EXAMPLE and bool(_WORDED.search(heading))


def settle(question: str) -> str:
    """A question in one form, or a QuestionError where it is empty or too long."""
    text = normalise(question)
    if not _WORDED.search(question):
        raise QuestionError("The question is empty.", "Ask in words, for example: what is …?")
    longest = max(len(text), len(question))
    if longest > LONGEST_QUESTION:
        raise QuestionError(
            f"The question has {longest:,} characters; at most {LONGEST_QUESTION:,} are read.",
            "Ask for one thing at a time.",
        )
    return text


def _settled(history: Sequence[Turn]) -> list[Turn]:
    """What was said before, in the form a question has."""
    return [replace(turn, text=writable(turn.text)) for turn in history]


def _sources(found: Found, hits: Sequence[Hit]) -> list[answerer.Source]:
    """The best hits of a question with what each of their sentences says to it."""
    return [
        answerer.Source(hit.passage, found.evidence.said_by(hit.key), hit.probability)
        for hit in hits[:LOOKED_THROUGH]
    ]


def _understood_as(parts: Sequence[Found]) -> str:
    return " ".join(part.understood.question.text for part in parts)


def _speaks_of(subject: str, passage: Passage) -> bool:
    return set(terms(subject)) <= set(terms(passage.search_text))
