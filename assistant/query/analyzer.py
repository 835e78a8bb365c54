"""What a question may mean to one guide: its acronyms spelled out, its slips mended.

Knows the guide's vocabulary and the forms of questions. Must not know passages, or what was found.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant import deadline
from assistant.query import politeness
from assistant.query import question_type as questions
from assistant.query.spelling import SpellingCorrector
from assistant.retrieval.ranker import Query
from assistant.text.text import extract_terms, split_words, stem, tokenize, truncate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assistant.index.vocabulary import Vocabulary
    from assistant.query.question_type import Question

MAX_INTERPRETATIONS = 4
MAX_INTERPRETATION_LENGTH = 3000
"""The characters of a question with its acronyms spelled out: one of 600 would have 10,000."""

MAX_CORRECTIONS = 40
"""How many words of a question that the guide does not write are looked up among those it does.

Each takes a fraction of a millisecond; a question of 2,000 characters can have 300.
"""


@dataclass(frozen=True, slots=True)
class Interpretation:
    """A question that stands alone, one reading of its acronyms, and what that asks for.

    `plain` is its text without the politeness around it, which is what is looked for. `prior` is
    how likely the reading is beside the likeliest one, before anything is found.
    """

    question: Question
    search_text: str
    query: Query
    prior: float


class Analyzer:
    """Reads questions by the words of one guide; `known` says which words are right anywhere."""

    def __init__(self, vocabulary: Vocabulary, is_known_word: Callable[[str], bool]) -> None:
        self._vocabulary = vocabulary
        self._spelling = SpellingCorrector(
            vocabulary.word_counts,
            has_stem=vocabulary.contains,
            is_known_word=is_known_word,
            extra_words=questions.QUESTION_WORDS,
        )
        # What the question spells out is looked for by its acronym too.
        self._short_forms = [
            (f" {' '.join(extract_terms(phrase))} ", extract_terms(acronym))
            for acronym, phrase in vocabulary.defined_acronyms()
        ]

    def interpret(self, standing: str) -> list[Interpretation]:
        """The readings of a question that stands alone, likeliest first.

        Of a question past 2,000 characters its opening is read.
        """
        standing = truncate(standing)
        spans = list(self._split_words(standing))
        said = " ".join(extract_terms(standing))
        corrected = self._make_corrector()
        known: dict[tuple[str, bool], list[tuple[str, float]]] = {}
        choices: list[list[tuple[str, float]]] = []
        for before, (token, _, _) in zip([("", 0, 0), *spans], spans, strict=False):
            # After a number, small letters are a unit or a time of day: 5 p.m.
            measured = before[0].isdigit() and token.islower()
            found = known.get((token, measured))
            if found is None:
                readings = () if measured else self._vocabulary.expansions(token)
                # What the question already spells out is not what it abbreviates.
                fresh = [
                    r for r in readings if " ".join(extract_terms(r.phrase)) not in said
                ] or readings
                top = max((reading.weight for reading in fresh), default=1)
                found = [(reading.phrase, (reading.weight / top) ** 0.25) for reading in fresh]
                known[token, measured] = found
            choices.append(found or [(corrected(token), 1.0)])
        understood = []
        for combination in itertools.islice(itertools.product(*choices), MAX_INTERPRETATIONS):
            deadline.check()
            reading = questions.substitute_words(
                standing, spans, [phrase for phrase, _ in combination]
            )
            reading = truncate(reading, MAX_INTERPRETATION_LENGTH)
            prior = 1.0
            for _, weight in combination:
                prior *= weight
            understood.append(self._make_interpretation(reading, prior))
        return understood

    def word_terms(self, text: str) -> Iterator[tuple[list[str], bool]]:
        """The terms of each word of a text, mended, and whether it is an acronym of the guide."""
        corrected = self._make_corrector()
        for token, _, _ in tokenize(text):
            acronym = token != token.lower() and bool(self._vocabulary.expansions(token))
            yield extract_terms(corrected(token)), acronym

    def _make_corrector(self) -> Callable[[str], str]:
        """What corrects the words of one question, each once, and no more than MOST_CORRECTED."""
        known: dict[str, str] = {}
        unwritten = 0

        def correct(token: str) -> str:
            nonlocal unwritten
            if token not in known:
                unwritten += token.lower() not in self._vocabulary.word_counts
                known[token] = (
                    self._spelling.correct(token) if unwritten <= MAX_CORRECTIONS else token
                )
            return known[token]

        return correct

    def _split_words(self, text: str) -> Iterator[tuple[str, int, int]]:
        """The words of a question, those joined by a slash apart, initials with their last stop."""
        for token, start, stop in tokenize(text):
            if "." in token and text[stop : stop + 1] == ".":
                yield token, start, stop + 1
            elif "/" not in token or self._vocabulary.expansions(token):
                yield token, start, stop
            else:
                for part, begin, end in tokenize(token.replace("/", " ")):
                    yield part, start + begin, start + end

    def _make_interpretation(self, reading: str, prior: float) -> Interpretation:
        plain = politeness.strip_politeness(reading)
        asked = f" {' '.join(extract_terms(reading))} "
        short = [term for phrase, own in self._short_forms if phrase in asked for term in own]
        joined = [stem(word) for word in self._spelling.find_compounds(split_words(plain))]
        focus, kind = stem(questions.extract_focus(plain)), questions.detect_answer_type(plain)
        news = questions.asks_about_changes(plain)
        sought = Query.from_text(
            plain, expansions=(*short, *joined), focus=focus, answer_type=kind, about_changes=news
        )
        return Interpretation(questions.parse_question(reading), plain, sought, prior)
