"""The life of a question, from a reader's words to a cited answer.

Knows the order of the steps and nothing of their insides: settle, understand, find, rank,
judge, write. Must not know which door the question came through.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assistant import courtesy, further, guide, proof, ranking, settings, writer
from assistant import index as indexes
from assistant import question as questions
from assistant.encoder import SentenceTransformerEncoder
from assistant.errors import IndexMissing, QuestionError, VerifyError
from assistant.model import Answer, Citation, Search, Turn
from assistant.ranking import Sought
from assistant.spelling import Spelling
from assistant.text import normalise, stem, terms, tokens, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from assistant.encoder import Encoder, Vectors
    from assistant.index import Index
    from assistant.model import Hit, Passage, Resource, Section
    from assistant.question import Question
    from assistant.quotes import Quote
    from assistant.writer import Weights

LONGEST_QUESTION = 2000
LONGEST_TALK = 20
"""How many earlier turns are looked at; what was said before them is not leant on."""

CANDIDATES = 100
READINGS_TRIED = 4
EXAMPLE_PAGES = 20
LOOKED_THROUGH = 5
LONGEST_NAME = 5
"""Words in a side of a comparison that is named as missing; a longer one is no name."""

NEARBY = 8
"""How many passages before and after it on its page a list may run over."""


@dataclass(frozen=True, slots=True)
class Understood:
    """A question that stands alone, one reading of its acronyms, and what that asks for.

    `plain` is its text without the politeness around it, which is what is looked for.
    """

    question: Question
    plain: str
    sought: Sought
    prior: float


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for the best reading of a question, and its other readings that answer."""

    understood: Understood
    vector: Vectors
    hits: tuple[Hit, ...]
    others: tuple[str, ...] = ()

    @property
    def likelihood(self) -> float:
        """How likely this reading is the one meant, and answered."""
        return self.understood.prior * (self.hits[0].probability if self.hits else 0.0)


class Assistant:
    """Answers questions from one index; a function of the index, the talk and the question.

    Thread-safe: nothing is changed by asking.
    """

    def __init__(self, index: Index, encoder: Encoder) -> None:
        self.index = index
        self._encoder = encoder
        self._model = ranking.shipped()
        vocabulary = index.store.vocabulary
        self._spelling = Spelling(
            vocabulary.surface,
            says=vocabulary.says,
            known=encoder.knows,
            others=questions.FORM_WORDS,
        )

    @classmethod
    def open(cls, folder: str | Path | None = None, *, model: str | None = None) -> Assistant:
        """Open an index with the encoder it was built with; nothing is written.

        Settings fill in what is not given. Raises IndexMissing, IndexDamaged, IndexOutdated or
        ModelError, each saying what to run.
        """
        chosen = settings.load(index=folder, model=model)
        index = indexes.open(chosen.index)
        encoder = SentenceTransformerEncoder(chosen.model, device=chosen.device)
        index.check_model(encoder)
        return cls(index, encoder)

    def over(self, index: Index) -> Assistant:
        """The same Assistant over another index. Raises ModelError for another model's."""
        index.check_model(self._encoder)
        return Assistant(index, self._encoder)

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question with quotes from the guide, or say that the guide does not.

        `history` is the talk so far, oldest first. Raises QuestionError for a question that is
        empty or longer than 2,000 characters.
        """
        started = time.perf_counter()
        text = settle(question)
        found = self._find(text, history)
        asked = found.understood.question
        quotes: list[Quote] = []
        resources: list[Resource] = []
        confidence = found.hits[0].probability if found.hits else 0.0
        if asked.form == "resources":
            resources = self._resources(found)
            quotes = further.recommended(resources, self.index.store)
        if not quotes and (confidence >= self._model.bar or self._defined(found)):
            quotes = self._write(found)
            confidence = max(confidence, self._model.bar) if quotes else confidence
            resources = self._resources(found) if quotes else []
        return Answer(
            question=question,
            understood_as=asked.text,
            other_readings=found.others,
            found=bool(quotes),
            citations=tuple(self._cite(quotes)),
            confidence=confidence,
            resources=tuple(resources),
            related=tuple(further.related(found.hits, quotes)),
            missing=tuple(
                side for side in self._missing(asked) if len(side.split()) <= LONGEST_NAME
            ),
            next_questions=tuple(self._next_questions(found, quotes, history)),
            hits=found.hits,
            writer=writer.EXTRACTIVE,
            degraded=(self.index.warning,) if self.index.warning else (),
            generation=self.index.generation,
            seconds=time.perf_counter() - started,
        )

    def search(self, question: str, k: int = 10, history: Sequence[Turn] = ()) -> Search:
        """The k passages that answer best, best first. Raises QuestionError as `ask` does."""
        text = settle(question)
        found = self._find(text, history)
        return Search(question, found.understood.question.text, found.hits[:k])

    def examples(self, count: int = 4) -> list[str]:
        """Questions the guide can answer, made from its headings, spread over the guide."""
        store = self.index.store
        pages = store.pages()[:EXAMPLE_PAGES]
        headings = [s.headings[-1] for page in pages for s in store.sections(page)]
        asked = [heading for heading in dict.fromkeys(headings) if questions.is_question(heading)]
        step = max(1, len(asked) // count)
        spread = [*asked[::step], *asked]
        answered = (heading for heading in dict.fromkeys(spread) if self.ask(heading).found)
        return list(itertools.islice(answered, count))

    # -- understand ---------------------------------------------------------------------------

    def _understand(self, text: str, history: Sequence[Turn]) -> list[Understood]:
        """The readings of a question, likeliest first, each standing alone."""
        standing = questions.stand_alone(text, list(history)[-LONGEST_TALK:])
        vocabulary = self.index.store.vocabulary
        spans = list(self._words(standing))
        said = " ".join(terms(standing))
        choices: list[list[tuple[str, float]]] = []
        for before, (token, _, _) in zip([("", 0, 0), *spans], spans, strict=False):
            # After a number, small letters are a unit or a time of day: 5 p.m.
            measured = before[0].isdigit() and token.islower()
            readings = () if measured else vocabulary.readings(token)
            # What the question already spells out is not what it abbreviates.
            fresh = [r for r in readings if " ".join(terms(r.phrase)) not in said] or readings
            top = max((reading.weight for reading in fresh), default=1)
            choices.append(
                [(reading.phrase, (reading.weight / top) ** 0.25) for reading in fresh]
                or [(self._spelling.mend(token), 1.0)]
            )
        understood = []
        for combination in itertools.islice(itertools.product(*choices), READINGS_TRIED):
            reading = _respelt(standing, spans, [phrase for phrase, _ in combination])
            prior = 1.0
            for _, weight in combination:
                prior *= weight
            understood.append(self._understood(reading, prior))
        return understood

    def _words(self, text: str) -> Iterator[tuple[str, int, int]]:
        """The words of a question, those joined by a slash apart, initials with their last stop."""
        for token, start, stop in tokens(text):
            if "." in token and text[stop : stop + 1] == ".":
                yield token, start, stop + 1
            elif "/" not in token or self.index.store.vocabulary.readings(token):
                yield token, start, stop
            else:
                for part, begin, end in tokens(token.replace("/", " ")):
                    yield part, start + begin, start + end

    def _understood(self, reading: str, prior: float) -> Understood:
        plain = courtesy.plain(reading)
        short = terms(" ".join(self.index.store.vocabulary.short_forms(reading)))
        joined = [stem(word) for word in self._spelling.joined(words(plain))]
        focus, kind = stem(questions.focus(plain)), questions.kind(plain)
        sought = Sought.of(plain, also=(*short, *joined), focus=focus, kind=kind)
        return Understood(questions.parse(reading), plain, sought, prior)

    # -- find and rank ------------------------------------------------------------------------

    def _find(self, text: str, history: Sequence[Turn]) -> Found:
        """The best reading of a question with its hits."""
        readings = self._understand(text, history)
        vectors = self._encoder.encode([reading.plain for reading in readings])
        found = [
            Found(reading, vector, tuple(self._hits(reading.sought, vector)))
            for reading, vector in zip(readings, vectors, strict=True)
        ]
        best, *others = sorted(found, key=lambda f: -f.likelihood)
        answered = [f for f in others if f.hits and f.hits[0].probability >= self._model.bar]
        return replace(best, others=tuple(f.understood.question.text for f in answered))

    def _hits(self, sought: Sought, vector: Vectors) -> list[Hit]:
        store = self.index.store
        candidates = store.candidates(vector, (*sought.terms, *sought.also), CANDIDATES)
        keys = ranking.fuse(candidates)[: ranking.SHORTLIST]
        dense = {key: place for place, (key, _) in enumerate(candidates.dense, 1)}
        lexical = {key: (place, s) for place, (key, s) in enumerate(candidates.lexical, 1)}
        evidence = [
            ranking.Evidence(
                key=key,
                passage=passage,
                cosine=float(cosine),
                sentence_cosines=tuple(store.sentence_cosines(vector, key).tolist()),
                dense_rank=dense.get(key),
                lexical=lexical.get(key, (0, 0.0))[1],
                lexical_rank=lexical[key][0] if key in lexical else None,
            )
            for key, passage, cosine in zip(
                keys, store.passages(keys), store.cosines(vector, keys), strict=True
            )
        ]
        features = ranking.describe(sought, evidence, store.vocabulary)
        return ranking.rank(sought, evidence, features, self._model)

    # -- write --------------------------------------------------------------------------------

    def _defined(self, found: Found) -> bool:
        """Whether the guide says outright what is to be defined, however little it says of it."""
        passages = (hit.passage for hit in found.hits[:LOOKED_THROUGH])
        return writer.defined(found.understood.question, passages)

    def _write(self, found: Found) -> list[Quote]:
        store = self.index.store
        asked = found.understood.question
        hits = [hit for hit in found.hits if not hit.passage.lists_resources] or list(found.hits)
        weights = writer.Weights.of(found.understood.plain, store.vocabulary.rarity)
        missing = self._missing(asked)
        if asked.form == "comparison":
            quotes = writer.compare(asked, self._sides(found, hits, weights), missing)
            if quotes or missing:
                return quotes
        if asked.form in {"list", "choice"}:
            kinds = self._kinds(asked, hits)
            if kinds and asked.form == "list":
                return writer.children([passage for _, passage in kinds])
            if kinds:
                shared = [*terms(asked.subjects[0]), *questions.KINDS]
                own = weights.without(shared)
                alike = [self._source(own, found.vector, *kind) for kind in kinds]
                return writer.write(asked, alike)
        sources = self._sources(weights, found.vector, hits)
        best = sources[0].passage
        listed = asked.form == "list" and _speaks_of(asked.subjects[0], best)
        if questions.wants_amount(asked.text) and not listed:
            return writer.amount(sources)
        return writer.write(asked, sources, lambda: self._around(hits[0]))

    def _around(self, hit: Hit) -> list[Passage]:
        """The passages of a hit's page that stand near it, in order."""
        store = self.index.store
        near = range(max(0, hit.key - NEARBY), min(store.size, hit.key + NEARBY + 1))
        return [passage for passage in store.passages(near) if passage.path == hit.passage.path]

    def _sources(
        self, weights: Weights, vector: Vectors, hits: Iterable[Hit]
    ) -> list[writer.Source]:
        return [
            self._source(weights, vector, hit.key, hit.passage, hit.probability)
            for hit in itertools.islice(hits, LOOKED_THROUGH)
        ]

    def _source(
        self,
        weights: Weights,
        vector: Vectors,
        key: int,
        passage: Passage,
        probability: float = 1.0,
    ) -> writer.Source:
        cosines = self.index.store.sentence_cosines(vector, key)
        return weights.source(passage, cosines.tolist(), probability)

    def _missing(self, asked: Question) -> list[str]:
        """The sides of a comparison with a word in them that the guide never says."""
        said = self.index.store.vocabulary.frequency
        sides = asked.subjects if asked.form == "comparison" else ()
        return [side for side in sides if not said.keys() >= set(terms(side))]

    def _sides(self, found: Found, hits: Sequence[Hit], weights: Weights) -> list[writer.Source]:
        """Sources for a comparison: of the whole question, then of each side by itself."""
        sources = self._sources(weights, found.vector, hits)
        sides = found.understood.question.subjects
        for side, vector in zip(sides, self._encoder.encode(sides), strict=True):
            own = self._hits(Sought.of(side), vector)
            sources += self._sources(weights, vector, own)
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
        for number, quote in enumerate(quotes, 1):
            passage = quote.passage
            page = store.page(passage.path)
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
                    sha256=page.sha256 if page else "",
                )
            )
        return citations

    # -- what else ----------------------------------------------------------------------------

    def _resources(self, found: Found) -> list[Resource]:
        asked = found.understood.question
        return further.resources(asked, found.vector, self.index.store, self._encoder)

    def _next_questions(
        self, found: Found, quotes: Sequence[Quote], history: Sequence[Turn]
    ) -> list[str]:
        said = [turn.text for turn in history if turn.role == "user"]
        said.append(found.understood.question.text)
        surface = self.index.store.vocabulary.surface
        return further.next_questions(found.hits, quotes, said, surface)


def settle(question: str) -> str:
    """A question in one form, or a QuestionError where it is empty or too long."""
    text = normalise(question)
    if not text or not words(text):
        raise QuestionError("The question is empty.", "Ask in words, for example: what is …?")
    if len(text) > LONGEST_QUESTION:
        raise QuestionError(
            f"The question has {len(text):,} characters; at most {LONGEST_QUESTION:,} are read.",
            "Ask for one thing at a time.",
        )
    return text


def _speaks_of(subject: str, passage: Passage) -> bool:
    return set(terms(subject)) <= set(terms(passage.search_text))


def _respelt(text: str, spans: Sequence[tuple[str, int, int]], phrases: Sequence[str]) -> str:
    """The text with each word as it was read, in the plural where it was, after its article."""
    pieces: list[str] = []
    end = 0
    for (token, start, stop), phrase in zip(spans, phrases, strict=True):
        pieces.append(text[end:start])
        end = stop
        if phrase == token:
            pieces.append(token)
            continue
        if len(pieces) > 1 and pieces[-2] in {"a", "an"}:
            pieces[-2] = "an" if phrase[0] in "aeio" else "a"
        plural = token.endswith("s") and not phrase.endswith("s") and " " in phrase
        pieces.append(phrase + "s" if plural else phrase)
    return "".join([*pieces, text[end:]])


def verify(answer: Mapping[str, Any], corpus: Path, folder: Path) -> int:
    """Prove a saved answer against the guide's own files; how many quotes stand.

    The files are read as the index says they were read. Raises VerifyError at the first quote
    that does not stand.
    """
    try:
        reading = indexes.open(folder).reading
    except IndexMissing:
        reading = guide.Reading()

    def read(path: str) -> tuple[str, Sequence[Passage]]:
        if path not in pages:
            raise VerifyError(f"There is no page {path} in {corpus}.", "Name the guide: --corpus")
        found = guide.read_page(corpus, path, reading=reading)
        return found.page.sha256, found.passages

    pages = frozenset(guide.walk(corpus))
    return proof.verify(answer, read)
