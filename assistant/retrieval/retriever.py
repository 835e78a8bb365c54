"""From a question and its talk to the passages that answer it, best first.

Knows the order of the steps: part, stand alone, read, look, rank, doubt. Must not know how an
answer is written from what is found.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from assistant import deadline
from assistant.conversation import LONGEST_TALK
from assistant.models.answers import Candidates, Turn
from assistant.query import follow_ups as talks
from assistant.query.analyzer import Understanding
from assistant.retrieval import ranker
from assistant.text.text import terms
from assistant.timing import step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from assistant.encoders.onnx import Encoder, Vectors
    from assistant.index.store import FaissStore
    from assistant.models.answers import Hit
    from assistant.models.documents import Passage
    from assistant.query.analyzer import Understood
    from assistant.retrieval.ranker import Evidence, Model, Sought

CANDIDATES = 100
LOOKED_THROUGH = 5
COMPUTING = threading.Lock()
"""Held for what is computed in Python: only one thread can at a time, and those that wait for the
interpreter instead take it from each other dozens of times an answer. With eight threads on two
cores 198 answers come a second, without 159."""

KEPT = 4096
"""How many passages are kept in memory, about 4 KB each; then it begins anew."""

# A follow-up is refused when most of what it says itself is foreign to the guide: what it takes
# from the talk is no evidence that the guide answers it. A word in so many passages is no
# stranger, even where the hits do without it.
_COMMON = 3
# The share of its own words that a hit has to say. Of 250 follow-ups that a guide answers .8 % are
# refused for it, of 300 put to the same talks from other talks 3 % (.18 to .15 answered).
_SAID = 0.3


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for the best reading of a question, and other readings that answer."""

    understood: Understood
    vector: Vectors
    hits: tuple[Hit, ...]
    evidence: Evidence
    others: tuple[str, ...] = ()

    @property
    def likelihood(self) -> float:
        """How likely this reading is the one meant, and answered."""
        return self.understood.prior * self.probability

    @property
    def probability(self) -> float:
        """How likely the guide answers: that of the best hit."""
        return self.hits[0].probability if self.hits else 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A part of a question: its text, whether it leans on the talk, and how it can be read."""

    text: str
    leans: bool
    readings: tuple[Understood, ...]


@dataclass(frozen=True, slots=True)
class Talk:
    """What was talked about before a question: its vector, what it finds, its terms' rarity."""

    vector: Vectors
    candidates: Candidates
    rarity: float


class Retrieval:
    """Finds passages of one generation; nothing is changed by looking."""

    def __init__(
        self,
        store: FaissStore,
        encoder: Encoder,
        model: Model,
        understanding: Understanding | None = None,
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._model = model
        self._understanding = understanding or Understanding(store.vocabulary, encoder.knows)
        self._kept: dict[int, Passage] = {}

    def without(self, keys: Collection[int]) -> Retrieval:
        """The same where some passages are not in the guide; a question is read as before."""
        if not keys:
            return self
        store = self._store.without(keys)
        return Retrieval(store, self._encoder, self._model, self._understanding)

    def find(self, text: str, history: Sequence[Turn]) -> tuple[list[Found], tuple[Hit, ...]]:
        """Each part of a question with its hits, and the hits of all; a part may lean on another.

        A question in several parts is looked for as a whole too: one section may answer it all.
        """
        context = talks.context(history[-LONGEST_TALK:])
        turns = talks.settled(history[-LONGEST_TALK:])
        with step("understand"), COMPUTING:
            deadline.check()
            asked = self._asked(text, turns)
        texts = [reading.plain for part in asked for reading in part.readings]
        with step("encode"):
            vectors = self._encoder.encode([*texts, context] if context else texts)
        with COMPUTING:
            deadline.check()
            talk = self._talk(context, vectors[-1]) if context else None
            rows = iter(vectors)
            found = [self._answering(part, rows, talk) for part in asked]
            parts = found[:-1] if len(found) > 1 else found
            return parts, ranker.merged([each.hits for each in found])

    def _asked(self, text: str, turns: Sequence[Turn]) -> list[Asked]:
        """The parts of a question as they are read, and behind several the whole."""
        parts = talks.parts(text)
        before = [
            (part, (*turns, *(Turn("user", other) for other in parts[:n])))
            for n, part in enumerate(parts)
        ]
        before += [(text, tuple(turns))] if len(parts) > 1 else []
        standing = [(part, talk, talks.stand_alone(part, talk)) for part, talk in before]
        return [
            Asked(
                part,
                leans=alone != part and not talks.replies(part, talk),
                readings=tuple(self._understanding.readings(alone)),
            )
            for part, talk, alone in standing
        ]

    def _answering(self, asked: Asked, vectors: Iterator[Vectors], talk: Talk | None) -> Found:
        """The best reading of a part; no likely one where it leans on a talk it does not suit."""
        readings = [self._found(reading, next(vectors), talk) for reading in asked.readings]
        best = self._best(readings)
        if asked.leans and not self._heard(asked.text, best.hits):
            return replace(best, hits=ranker.doubted(best.hits, self._model))
        return best

    def _talk(self, context: str, vector: Vectors) -> Talk:
        said = tuple(dict.fromkeys(terms(context)))
        rarity = sum(map(self._store.vocabulary.rarity, said))
        return Talk(vector, self._store.candidates(vector, said, CANDIDATES), rarity)

    def _found(self, reading: Understood, vector: Vectors, talk: Talk | None) -> Found:
        deadline.check()
        evidence, hits = self._ranked(reading.sought, vector, talk)
        if self._is_foreign(reading):
            hits = ranker.doubted(hits, self._model)
        return Found(reading, vector, hits, evidence)

    def _is_foreign(self, reading: Understood) -> bool:
        """Whether the guide never says the word for what the question wants named.

        Of 3,275 questions that a guide answers 18 are so, of 3,251 others 101. A list need not
        say what it is a list of.
        """
        sought, said = reading.sought, self._store.vocabulary.frequency
        listed = reading.question.form in {"list", "choice"}
        return bool(sought.focus) and not (listed or sought.kind or sought.focus in said)

    def _best(self, readings: Sequence[Found]) -> Found:
        """The likeliest reading, with the others that answer too."""
        best, *others = sorted(readings, key=lambda found: -found.likelihood)
        if not others:
            return best
        answered = [found for found in others if found.probability >= self._model.bar]
        return replace(best, others=tuple(found.understood.question.text for found in answered))

    def _heard(self, text: str, hits: Sequence[Hit]) -> bool:
        """Whether a follow-up's own words are the guide's: common there, or said by the hits.

        Some of them the hits must say: a word that is common elsewhere leads away from the talk.
        """
        vocabulary = self._store.vocabulary
        words = list(self._understanding.own_words(text))
        asked = list(dict.fromkeys(term for own, _ in words for term in own))
        held = self._store.told([hit.key for hit in hits]).where(asked).by_passage(asked)
        by_best, by_any = (set(itertools.chain(*some)) for some in (held[:LOOKED_THROUGH], held))
        total = known = said = 0.0
        for own, acronym in words:
            for term in (term for term in own if term not in talks.GENERAL):
                rarity = vocabulary.rarity(term)
                total += rarity
                common = acronym or vocabulary.frequency.get(term, 0) >= _COMMON
                if common or term in by_best:
                    known += rarity
                if acronym or term in by_any:
                    said += rarity
        return known >= total - known and said >= _SAID * total

    def hits(self, sought: Sought, vector: Vectors) -> tuple[Hit, ...]:
        """The passages for what is sought, best first."""
        return self._ranked(sought, vector, None)[1]

    def _ranked(
        self, sought: Sought, vector: Vectors, talk: Talk | None
    ) -> tuple[Evidence, tuple[Hit, ...]]:
        """The candidates for one reading, and as hits, drawn to where the talk before it is."""
        store = self._store
        with step("look up"):
            candidates = store.candidates(vector, (*sought.terms, *sought.also), CANDIDATES)
        keys = ranker.fuse(candidates)[: ranker.SHORTLIST]
        if talk:
            lifted = ranker.fuse(talk.candidates)[: ranker.FROM_THE_TALK]
            keys = list(dict.fromkeys([*keys, *lifted]))
        dense = dict(zip(dict(candidates.dense), itertools.count(1), strict=False))
        scores = dict(candidates.lexical)
        lexical = dict(zip(scores, itertools.count(1), strict=False))
        with step("compare"):
            where = store.told(keys).where(sought.named)
            sentence_cosines = store.sentence_cosines(vector, keys)
            rarity = store.vocabulary.rarities(sought.terms)
            evidence = ranker.Evidence(
                keys=keys,
                passages=self._passages(keys),
                where=where,
                cosines=store.cosines(vector, keys),
                sentence_cosines=sentence_cosines,
                said=where.said(rarity, sentence_cosines),
                dense_ranks=[*map(dense.get, keys)],
                lexical=[scores.get(key, 0.0) for key in keys],
                lexical_ranks=[*map(lexical.get, keys)],
            )
        with step("rank"):
            features = ranker.describe(sought, evidence, store.vocabulary)
            leaning = None
            if talk:
                near = store.cosines(talk.vector, keys)
                leaning = ranker.lean(keys, near, talk.candidates, talk.rarity, self._model)
            hits = ranker.rank(sought, evidence, features, self._model, leaning)
        return evidence, tuple(hits)

    def said(
        self, weights: Mapping[str, float], vector: Vectors, keys: Sequence[int]
    ) -> list[tuple[Passage, tuple[float, ...]]]:
        """Passages by number with what each sentence says to the terms that are weighed."""
        if not keys:
            return []
        told = self._store.told(keys)
        cosines = self._store.sentence_cosines(vector, keys)
        said = told.where([*weights]).said(np.array([*weights.values()]), cosines).tolist()
        own = iter(said)
        return [
            (passage, tuple(itertools.islice(own, len(passage.sentences))))
            for passage in self._passages(keys)
        ]

    def _passages(self, keys: Sequence[int]) -> list[Passage]:
        """Passages by number; those asked for lately are kept."""
        kept = self._kept
        missing = [key for key in keys if key not in kept]
        if missing:
            kept.update(zip(missing, self._store.passages(missing), strict=True))
        found = [kept[key] for key in keys]
        if len(kept) > KEPT:
            self._kept = dict(zip(keys, found, strict=True))
        return found
