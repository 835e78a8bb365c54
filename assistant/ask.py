"""The life of a question, from a reader's words to a cited answer.

Knows the order of the steps and nothing of their insides: settle, understand, find, rank,
judge, write. Must not know which door the question came through.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assistant import guide, ranking, settings, writer
from assistant import index as indexes
from assistant import question as questions
from assistant import talk as talks
from assistant.encoder import SentenceTransformerEncoder
from assistant.errors import IndexMissing, QuestionError, VerifyError
from assistant.model import Answer, Candidates, Citation, Related, Search, Turn
from assistant.text import normalise, stem, terms, tokens, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from assistant.encoder import Encoder, Vectors
    from assistant.index import Index
    from assistant.model import Hit, Passage, Resource, Section
    from assistant.question import Question
    from assistant.writer import Quote

    Talk = tuple[tuple[str, ...], Vectors]  # what was talked about: its terms and its vector

LONGEST_QUESTION = 2000
LONGEST_TALK = 20
"""How many earlier turns are looked at; what was said before them is not leant on."""

CANDIDATES = 100
READINGS_TRIED = 4
EXAMPLE_PAGES = 20
LOOKED_THROUGH = 5
RELATED = 3
RESOURCES = 4
RECOMMENDED = 12
"""How much is named to who asks for something to read, on nothing in particular."""

# A resource travels when the cosine of its title with what is asked is at least this, and not
# far below the nearest title's; or when its title names all that is asked about.
_NEAR = 0.6
_NEARLY_AS_NEAR = 0.15
_NAMED = 0.99

# A follow-up is refused when most of what it says itself is foreign to the guide: what it takes
# from the talk is no evidence that the guide answers it. A word in so many passages is no
# stranger, even where the hits do without it.
_COMMON = 3


@dataclass(frozen=True, slots=True)
class Understood:
    """A question that stands alone, one reading of its acronyms, and what that asks for."""

    question: Question
    asked: tuple[str, ...]
    focus: str
    prior: float


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for the best reading of a question."""

    understood: Understood
    vector: Vectors
    hits: tuple[Hit, ...]


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

    def __init__(self, index: Index, encoder: Encoder) -> None:
        self.index = index
        self._encoder = encoder
        self._model = ranking.shipped()

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
        parts, hits = self._find(text, history)
        replies = [self._reply(part) for part in parts]
        answered = [reply for reply in replies if reply.quotes] or replies
        quotes = writer.joined([reply.quotes for reply in answered])
        return Answer(
            question=question,
            understood_as=_understood_as(parts),
            found=bool(quotes),
            citations=tuple(self._cite(quotes)),
            confidence=max(reply.confidence for reply in answered),
            resources=tuple(dict.fromkeys(r for reply in answered for r in reply.resources)),
            related=tuple(self._related(hits, quotes)),
            hits=hits,
            writer=writer.EXTRACTIVE,
            degraded=(self.index.warning,) if self.index.warning else (),
            generation=self.index.generation,
            seconds=time.perf_counter() - started,
        )

    def search(self, question: str, k: int = 10, history: Sequence[Turn] = ()) -> Search:
        """The k passages that answer best, best first. Raises QuestionError as `ask` does."""
        parts, hits = self._find(settle(question), history)
        return Search(question, _understood_as(parts), hits[:k])

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

    def _understand(self, standing: str) -> list[Understood]:
        """The readings of a question that stands alone, likeliest first."""
        vocabulary = self.index.store.vocabulary
        spans = list(tokens(standing))
        said = " ".join(terms(standing))
        choices: list[list[tuple[str, float]]] = []
        for token, _, _ in spans:
            readings = vocabulary.readings(token)
            # What the question already spells out is not what it abbreviates.
            fresh = [r for r in readings if " ".join(terms(r.phrase)) not in said] or readings
            top = max((reading.weight for reading in fresh), default=1)
            choices.append(
                [(reading.phrase, (reading.weight / top) ** 0.25) for reading in fresh]
                or [(self._mended(token), 1.0)]
            )
        understood = []
        for combination in itertools.islice(itertools.product(*choices), READINGS_TRIED):
            reading = questions.respelt(standing, spans, [phrase for phrase, _ in combination])
            prior = 1.0
            for _, weight in combination:
                prior *= weight
            understood.append(self._understood(reading, prior))
        return understood

    def _understood(self, reading: str, prior: float) -> Understood:
        short = [
            stem(acronym.lower()) for acronym in self.index.store.vocabulary.short_forms(reading)
        ]
        asked = tuple(dict.fromkeys(terms(reading)))
        focus = stem(questions.focus(reading))
        return Understood(questions.parse(reading), (*asked, *short), focus, prior)

    def _mended(self, token: str) -> str:
        return self.index.store.vocabulary.mend(token, self._encoder.knows, questions.FORM_WORDS)

    # -- find and rank ------------------------------------------------------------------------

    def _find(self, text: str, history: Sequence[Turn]) -> tuple[list[Found], tuple[Hit, ...]]:
        """Each part of a question with its hits, and the hits of all; a part may lean on another.

        A question in several parts is searched for as a whole too: one section may answer it all.
        """
        turns = list(history)[-LONGEST_TALK:]
        context = talks.context(turns)
        parts = talks.parts(text)
        asked = [
            (part, [*turns, *(Turn("user", other) for other in parts[:n])])
            for n, part in enumerate(parts)
        ]
        asked += [(text, turns)] if len(parts) > 1 else []
        standing = [talks.stand_alone(part, before) for part, before in asked]
        readings = [self._understand(part) for part in standing]
        texts = [reading.question.text for own in readings for reading in own]
        vectors = self._encoder.encode([*texts, context] if context else texts)
        talk = (tuple(dict.fromkeys(terms(context))), vectors[-1]) if context else None
        rows = iter(vectors)
        found = []
        for (part, before), alone, own in zip(asked, standing, readings, strict=True):
            best = max(
                [self._found(reading, next(rows), talk) for reading in own],
                key=lambda f: f.understood.prior * (f.hits[0].probability if f.hits else 0.0),
            )
            leans = alone != part and not talks.replies(part, before)
            if leans and not self._heard(part, best.hits):
                best = replace(best, hits=ranking.doubted(best.hits, self._model))
            found.append(best)
        return found[: len(parts)], ranking.merged([each.hits for each in found])

    def _found(self, reading: Understood, vector: Vectors, talk: Talk | None) -> Found:
        return Found(reading, vector, tuple(self._hits(reading.asked, vector, reading.focus, talk)))

    def _heard(self, text: str, hits: Sequence[Hit]) -> bool:
        """Whether a follow-up's own words are the guide's: common there, or said by the hits."""
        vocabulary = self.index.store.vocabulary
        said = {term for hit in hits[:LOOKED_THROUGH] for term in terms(hit.passage.search_text)}
        rarity = {False: 0.0, True: 0.0}
        for token, _, _ in tokens(text):
            short = token != token.lower() and bool(vocabulary.readings(token))
            for term in (t for t in terms(self._mended(token)) if t not in talks.GENERAL):
                common = vocabulary.frequency.get(term, 0) >= _COMMON
                rarity[short or common or term in said] += vocabulary.rarity(term)
        return rarity[False] <= rarity[True]

    def _hits(
        self,
        asked: Sequence[str],
        vector: Vectors,
        focus: str = "",
        talk: Talk | None = None,
    ) -> list[Hit]:
        store = self.index.store
        candidates = store.candidates(vector, asked, CANDIDATES)
        keys = ranking.fuse(candidates)[: ranking.SHORTLIST]
        near = store.candidates(talk[1], talk[0], CANDIDATES) if talk else Candidates((), ())
        keys = list(dict.fromkeys([*keys, *ranking.fuse(near)[: ranking.FROM_THE_TALK]]))
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
        features = ranking.describe(asked, evidence, store.vocabulary, focus=focus)
        if not talk:
            return ranking.rank(evidence, features, asked, self._model)
        total = sum(map(store.vocabulary.rarity, talk[0]))
        leaning = ranking.lean(keys, store.cosines(talk[1], keys), near, total, self._model)
        return ranking.rank(evidence, features, asked, self._model, leaning)

    # -- write --------------------------------------------------------------------------------

    def _reply(self, found: Found) -> Reply:
        """What is quoted and recommended to one part of a question, if the guide answers it."""
        confidence = found.hits[0].probability if found.hits else 0.0
        if found.understood.question.form == "resources":
            resources = self._resources(found)
            if quotes := self._recommended(resources):
                return Reply(quotes, resources, confidence)
        answers = confidence >= self._model.bar or self._defined(found)
        if quotes := self._write(found) if answers else []:
            return Reply(quotes, self._resources(found), max(confidence, self._model.bar))
        return Reply([], [], confidence)

    def _defined(self, found: Found) -> bool:
        """Whether the guide says outright what is to be defined, however little it says of it."""
        hits = found.hits[:LOOKED_THROUGH]
        sources = self._sources(found.vector, hits)
        return writer.defined(found.understood.question, sources)

    def _write(self, found: Found) -> list[Quote]:
        store = self.index.store
        asked = found.understood.question
        hits = [hit for hit in found.hits if not hit.passage.lists_resources] or list(found.hits)
        weights = writer.Weights.of(asked.text, store.vocabulary.rarity)
        if asked.form == "comparison":
            quotes = writer.compare(asked, self._sides(found, hits), weights)
            if quotes or not all(map(store.vocabulary.says, words(" ".join(asked.subjects)))):
                return quotes  # with a side the guide never speaks of there is nothing to compare
        if asked.form in {"list", "choice"}:
            kinds = self._kinds(asked, hits)
            if kinds and asked.form == "list":
                return writer.children([passage for _, passage in kinds])
            if kinds:
                alike = [self._source(found.vector, key, passage) for key, passage in kinds]
                shared = [*terms(asked.subjects[0]), *questions.KINDS]
                return writer.write(asked, alike, weights.without(shared))
        sources = self._sources(found.vector, hits)
        listed = asked.form == "list" and _speaks_of(asked.subjects[0], sources[0].passage)
        if questions.wants_amount(asked.text) and not listed:
            return writer.amount(sources[:LOOKED_THROUGH], weights)
        return writer.write(asked, sources, weights)

    def _sources(self, vector: Vectors, hits: Iterable[Hit]) -> list[writer.Source]:
        return [self._source(vector, hit.key, hit.passage, hit.probability) for hit in hits]

    def _source(
        self, vector: Vectors, key: int, passage: Passage, probability: float = 1.0
    ) -> writer.Source:
        cosines = self.index.store.sentence_cosines(vector, key)
        return writer.Source(passage, tuple(cosines.tolist()), probability)

    def _sides(self, found: Found, hits: Sequence[Hit]) -> list[writer.Source]:
        """Sources for a comparison: of the whole question, then of each side by itself."""
        sources = self._sources(found.vector, hits[:LOOKED_THROUGH])
        sides = found.understood.question.subjects
        for side, vector in zip(sides, self._encoder.encode(sides), strict=True):
            own = self._hits(tuple(dict.fromkeys(terms(side))), vector)[:LOOKED_THROUGH]
            sources += self._sources(vector, own)
        return sources

    def _kinds(self, asked: Question, hits: Sequence[Hit]) -> list[tuple[int, Passage]]:
        """The sub-sections of the section on the kinds of a thing: their first passages.

        Looked for among the best hits and the sections above them. The heading speaks of kinds
        ("types of …") or names the thing as the question does, which asks in the plural.
        """
        store = self.index.store
        wanted, written = set(terms(asked.subjects[0])), set(words(asked.subjects[0]))
        found: list[tuple[bool, list[Section]]] = []
        for hit in hits[:LOOKED_THROUGH]:
            for headings in (hit.passage.headings, hit.passage.headings[:-1]):
                named = set(terms(headings[-1])) if headings else set()
                of_kinds = bool(named & questions.KINDS)
                if not wanted <= named or not (of_kinds or written <= set(words(headings[-1]))):
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
        """What the guide recommends on the question: nearest first, or all of it in order.

        Asked for something to read on a topic, the guide's titles have to name the topic or be
        near it. With any other answer only titles that are near the whole question travel.
        """
        store = self.index.store
        asked = found.understood.question
        listed = store.resources
        if not listed:
            return []
        reading_asked = asked.form == "resources"
        topic = _topic(asked) if reading_asked else asked.text
        fitting = [n for n, r in enumerate(listed) if _fits(r, asked)]
        if reading_asked and not topic:
            return [listed[n] for n in fitting][:RECOMMENDED]
        vector = self._encoder.encode([topic])[0] if reading_asked else found.vector
        cosines = store.resource_cosines(vector)
        weights = writer.Weights.of(topic, store.vocabulary.rarity)
        named = {n for n in fitting if weights.coverage(_placed(listed[n])) >= _NAMED}
        nearest = max((float(cosines[n]) for n in fitting), default=0.0)
        near = {n for n in fitting if cosines[n] >= max(_NEAR, nearest - _NEARLY_AS_NEAR)}
        kept = sorted(near | named if reading_asked else near, key=lambda n: (-cosines[n], n))
        return [listed[n] for n in kept[:RESOURCES]]

    def _recommended(self, resources: Sequence[Resource]) -> list[Quote]:
        """The lines of the guide that list the resources, in the order given."""
        store = self.index.store
        quotes: list[Quote] = []
        for resource in resources:
            for _, passage in store.section_passages(resource.path, resource.anchor):
                for quote in writer.rows(passage, [resource.title]):
                    if quote not in quotes:
                        quotes.append(quote)
        return quotes

    def _related(self, hits: Sequence[Hit], quotes: Sequence[Quote]) -> list[Related]:
        """The nearest sections that are not quoted."""
        seen = {(quote.passage.path, quote.passage.anchor) for quote in quotes}
        related: list[Related] = []
        for hit in hits:
            passage = hit.passage
            if (passage.path, passage.anchor) in seen or passage.lists_resources:
                continue
            seen.add((passage.path, passage.anchor))
            related.append(Related(passage.path, passage.headings, passage.anchor, passage.url))
            if len(related) == RELATED:
                break
        return related


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


def _understood_as(parts: Sequence[Found]) -> str:
    return " ".join(part.understood.question.text for part in parts)


def _speaks_of(subject: str, passage: Passage) -> bool:
    return set(terms(subject)) <= set(terms(passage.search_text))


def _fits(resource: Resource, asked: Question) -> bool:
    """Whether a resource is of the kind asked for; forms and own pages only where they are."""
    return resource.kind == asked.wanted if asked.wanted else resource.kind not in {"form", "page"}


def _placed(resource: Resource) -> str:
    """A resource's title with the headings it is listed under, which say what it is on."""
    return " ".join((resource.title, *resource.headings))


def _topic(asked: Question) -> str:
    """What a question is about, without the words that only ask."""
    return " ".join(asked.subjects) or questions.topic(asked.text)


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
    return writer.verify(answer, read)
