"""Analyse a question: split it, rewrite follow-ups, expand acronyms, correct spelling."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from rapidfuzz.distance import OSA, Levenshtein

from assistant import deadline
from assistant.conversation import MAX_TURNS
from assistant.models.answers import Turn
from assistant.query import follow_ups, identifiers, question_type
from assistant.query.ordinals import resolve_ordinal
from assistant.query.politeness import strip_politeness
from assistant.query.query import (
    Analysis,
    ContentTerm,
    Interpretation,
    Query,
    Question,
    SubQuery,
    Word,
)
from assistant.query.spelling import SpellingCorrector
from assistant.query.standalone import refers_back, stands_alone, strip_change_of_subject
from assistant.query.synonyms import Synonyms
from assistant.text.normalize import truncate
from assistant.text.scripts import extract_ngrams, is_non_latin
from assistant.text.tokenize import STOPWORDS, extract_terms, split_words, stem, tokenize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from assistant.index.vocabulary import Vocabulary
    from assistant.query.query import Source

MAX_INTERPRETATIONS = 4
MAX_JOINED = 1
"""How many of these are of a question joined with the ones before it."""

MAX_INTERPRETATION_LENGTH = 3000
"""The most characters of a question whose acronyms are expanded.

Without a limit, a question of 600 characters could become one of 10,000.
"""

MAX_CORRECTIONS = 40
"""The most words of one question that are looked up for a correction.

Only words that the guide does not contain are looked up. Each takes a fraction of a millisecond,
and a question of 2,000 characters can have 300.
"""


_MIN_UNKNOWN = 2  # words around a code that the guide does not use: it is in a pasted message

UNSPECIFIC_STEMS = follow_ups.GENERIC_STEMS | set(
    map(stem, "difference different guide handbook page work".split())
)
"""Stems of words that say nothing of what a question is about."""

_FIRST_WORD_RANK = 2000  # before it, the default encoder has single characters and marks
_UNKNOWN_RANK = 40_000  # of a word without a token of its own; the default encoder has 30,522


class Analyzer:
    """Analyses questions with the vocabulary of one guide; safe to share between threads.

    `token_rank` returns the rank of a word in the encoder's vocabulary, None for a word that is not
    in it. A word that is in it is spelt correctly, although the guide may not use it.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        token_rank: Callable[[str], int | None],
        synonyms: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._vocabulary = vocabulary
        self._synonyms = Synonyms(synonyms or {}, contains=vocabulary.contains)
        self._token_rank = token_rank
        readers_words = (other for others in (synonyms or {}).values() for other in others)
        self._spelling = SpellingCorrector(
            vocabulary.word_counts,
            has_stem=vocabulary.contains,
            is_known_word=lambda word: token_rank(word) is not None,
            extra_words=question_type.QUESTION_WORDS.union(*map(split_words, readers_words)),
        )
        # A phrase that the question writes out is also searched for by its acronym.
        self._acronyms = [
            (f" {' '.join(extract_terms(phrase))} ", extract_terms(acronym))
            for acronym, phrase in vocabulary.defined_acronyms()
        ]

    def analyze(self, text: str, history: Sequence[Turn]) -> Analysis:
        """Split a question into sub-queries and interpret each in the light of the conversation.

        A later part may depend on an earlier one.
        """
        text = _lower_if_all_capitals(text)
        recent = history[-MAX_TURNS:]
        turns = follow_ups.normalise_turns(recent)
        reply = recent[-1].text if recent and recent[-1].role == "agent" else ""
        parts = follow_ups.split_questions(text)
        subqueries = []
        for n, part in enumerate(parts):
            earlier = (Turn("user", other) for other in parts[:n])
            part_turns = (*turns, *earlier)
            subquery = self._analyze_part(part, part_turns, reply, is_later_part=n > 0)
            if n and refers_back(part):  # "does X have Y, and what is its default?"
                subquery = _add_identifiers(subquery, " ".join(parts[:n]))
            subqueries.append(subquery)
        if len(parts) > 1:
            subqueries.append(self._analyze_part(text, turns, reply))
        is_new_subject = strip_change_of_subject(text) != text
        context = "" if is_new_subject else follow_ups.build_context(recent)
        return Analysis(tuple(subqueries), context, stands_alone(text))

    def _analyze_part(
        self, text: str, turns: Sequence[Turn], reply: str, *, is_later_part: bool = False
    ) -> SubQuery:
        alone = strip_change_of_subject(text)
        if (named := resolve_ordinal(text, reply)) != text:
            return SubQuery(text, tuple(self.interpret(named)))
        if not turns or stands_alone(text):
            return SubQuery(text, tuple(self._interpret_alone(alone)))
        rewritten, is_certain = follow_ups.rewrite_follow_up(text, turns)
        interpretations = self.interpret(rewritten)
        if follow_ups.is_reply(text, turns):
            return SubQuery(text, tuple(interpretations))
        depends = refers_back(text)
        if rewritten != alone:
            if not is_certain:
                interpretations = _hide_guess(interpretations, text)
            interpretations += _label(self.interpret(alone), "question")
        else:  # nothing was rewritten: "why 5?" as it is written is not what a person would ask
            interpretations = _label(interpretations, "question")
        # What a later part continues is in the same text, which is searched for as a whole too.
        if (earlier := follow_ups.find_continued(turns)) and not is_later_part:
            interpretations += _label(self._interpret_joined(earlier, alone), "conversation")
        return SubQuery(text, tuple(interpretations), tuple(self._words(alone)), depends)

    def _interpret_alone(self, text: str) -> list[Interpretation]:
        """Interpret a question that depends on nothing before it.

        Where a statement comes first ("I moved to Rome. Can I keep my dog?"), the question is also
        searched for without it.
        """
        whole = [*self.interpret(text), *self._interpret_codes(text)]
        question = follow_ups.find_last_question(text)
        if not question or not stands_alone(question):
            return whole
        without = [
            replace(one, question=replace(one.question, text=text))
            for one in self.interpret(question)
        ]
        return [*_label(without, "question"), *_label(whole, "conversation")]

    def _interpret_codes(self, text: str) -> list[Interpretation]:
        """Interpret a pasted message by the codes in it that the guide has: `ECONNREFUSED`.

        They outweigh the paths and names around them, of which the guide has nothing.
        """
        unknown = {
            term for term in extract_terms(truncate(text)) if not self._vocabulary.contains(term)
        }
        codes = [
            code for code in identifiers.find_codes(text) if unknown.isdisjoint(extract_terms(code))
        ]
        if not codes or len(unknown) < _MIN_UNKNOWN:
            return []
        return [
            replace(one, question=replace(one.question, text=text))
            for one in _label(self.interpret(" ".join(codes))[:1], "question")
        ]

    def _interpret_joined(self, earlier: Sequence[str], text: str) -> list[Interpretation]:
        """Interpret a question together with those that it continues: searched for as one text.

        It keeps its own text and, if it has a verb, its own type; else that of the first of them.
        """
        own = text if follow_ups.has_main_verb(text) else earlier[0]
        parsed = question_type.parse_question(strip_politeness(own))
        joined = " ".join((*earlier, text))
        is_about_one = parsed.type in {"comparison", "definition"}
        question = Question(text, "other") if is_about_one else replace(parsed, text=text)
        return [
            replace(
                interpretation,
                question=question,
                query=replace(
                    interpretation.query,
                    focus="",
                    answer_type=question_type.detect_answer_type(own),
                ),
            )
            for interpretation in self.interpret(joined)[:MAX_JOINED]
        ]

    def interpret(self, text: str) -> list[Interpretation]:
        """List the interpretations of a stand-alone question, likeliest first.

        Reads the first 2,000 characters.
        """
        text = truncate(text)
        spans = list(self._split_words(text))
        terms = " ".join(extract_terms(text))
        correct = self._make_corrector()
        known: dict[tuple[str, bool], list[tuple[str, float]]] = {}
        choices: list[list[tuple[str, float]]] = []
        for before, (token, start, stop) in zip([("", 0, 0), *spans], spans, strict=False):
            # After a number, lower-case letters are a unit or a time of day: 5 p.m.
            is_unit = before[0].isdigit() and token.islower()
            is_whole = not is_unit and not _is_part_of_identifier(text, start, stop)
            options = known.get((token, is_whole))
            if options is None:
                expansions = self._vocabulary.expansions(token) if is_whole else ()
                # A phrase that the question already contains is not what the acronym stands for.
                not_in_question = [
                    expansion
                    for expansion in expansions
                    if " ".join(extract_terms(expansion.phrase)) not in terms
                ] or expansions
                top = max((expansion.weight for expansion in not_in_question), default=1)
                options = [
                    (expansion.phrase, (expansion.weight / top) ** 0.25)
                    for expansion in not_in_question
                ]
                known[token, is_whole] = options
            is_part = "_" in (text[start - 1 : start], text[stop : stop + 1])
            choices.append(options or [(_correct_in_case(token, correct, is_part=is_part), 1.0)])
        interpretations = []
        for combination in itertools.islice(itertools.product(*choices), MAX_INTERPRETATIONS):
            deadline.check()
            phrases = [phrase for phrase, _ in combination]
            expanded = question_type.substitute_words(text, spans, phrases)
            expanded = truncate(expanded, MAX_INTERPRETATION_LENGTH)
            prior = 1.0
            for _, weight in combination:
                prior *= weight
            own = self._make_interpretation(expanded, prior)
            split = identifiers.find_split_identifiers(text, own.search_text)
            interpretations.append(replace(own, identifiers=(*own.identifiers, *split)))
        return interpretations

    def _make_interpretation(self, text: str, prior: float) -> Interpretation:
        in_own_words, synonyms = self._synonyms.replace(text)
        search_text = strip_politeness(in_own_words)
        stems = f" {' '.join(extract_terms(in_own_words))} "
        acronyms = [
            term
            for phrase, acronym_terms in self._acronyms
            if phrase in stems
            for term in acronym_terms
        ]
        compounds = [stem(word) for word in self._spelling.find_compounds(split_words(search_text))]
        query = Query.from_text(
            search_text,
            expansions=(*acronyms, *compounds, *synonyms),
            focus=stem(question_type.extract_focus(search_text)),
            answer_type=question_type.detect_answer_type(search_text),
            about_changes=question_type.asks_about_changes(search_text),
        )
        versions = (
            *identifiers.find_years(search_text),
            *identifiers.find_versions(search_text),
        )
        return Interpretation(
            question=replace(question_type.parse_question(in_own_words), text=text),
            search_text=search_text,
            query=query,
            prior=prior,
            content=self._find_content(search_text, versions),
            identifiers=self._find_identifiers(search_text),
            versions=versions,
            ngrams=self._extract_ngrams(search_text),
        )

    def _find_identifiers(self, text: str) -> tuple[str, ...]:
        """Find the identifiers of a text; a name that general language has (iPhone) is a word."""
        return tuple(
            one
            for one in identifiers.find_identifiers(text)
            if one == one.lower() or not one.isalpha() or self._token_rank(one.lower()) is None
        )

    def _find_content(self, text: str, versions: Sequence[str]) -> tuple[ContentTerm, ...]:
        """List the terms that say what a question is about, with the ranks of their words.

        A version is none of them: `v2` may stand in a path alone. Nor is a quantity: the 10k of a
        reader is a case of what the guide says of amounts.
        """
        content: dict[str, ContentTerm] = {}
        for word in split_words(text):
            term = stem(word)
            is_specific = word not in STOPWORDS and term not in UNSPECIFIC_STEMS
            is_case = word.removeprefix("v") in versions or identifiers.is_quantity(word)
            if is_specific and term not in content and not is_case:
                content[term] = ContentTerm(term, self._log_rank(word))
        return tuple(content.values())

    def _extract_ngrams(self, text: str) -> frozenset[str]:
        """Extract the n-grams of a text in another script, unless the encoder has tokens of it.

        The default encoder has tokens of single characters only.
        """
        if not is_non_latin(text):
            return frozenset()
        ngrams = extract_ngrams(text)
        longer = (piece for piece in (*ngrams, *split_words(text)) if len(piece) > 1)
        is_known = any(self._token_rank(piece) is not None for piece in longer)
        return frozenset() if is_known else ngrams

    def _log_rank(self, word: str) -> float:
        rank = self._token_rank(word)
        rank = _UNKNOWN_RANK if rank is None else max(rank, _FIRST_WORD_RANK)
        return math.log(rank / _FIRST_WORD_RANK) + 1.0

    def _words(self, text: str) -> Iterator[Word]:
        """Yield the words of a text, spelt correctly, or the guide's words for them."""
        correct = self._make_corrector()
        for token, _, _ in tokenize(self._synonyms.replace(text)[0]):
            is_acronym = token != token.lower() and bool(self._vocabulary.expansions(token))
            yield Word(tuple(extract_terms(correct(token))), is_acronym)

    def _make_corrector(self) -> Callable[[str], str]:
        """Make a function that corrects the words of one text.

        It looks up at most MAX_CORRECTIONS words that the guide does not contain.
        """
        known: dict[str, str] = {}
        unknown_count = 0

        def correct(token: str) -> str:
            nonlocal unknown_count
            if token not in known:
                unknown_count += token.lower() not in self._vocabulary.word_counts
                allowed = unknown_count <= MAX_CORRECTIONS
                known[token] = self._spelling.correct(token) if allowed else token
            return known[token]

        return correct

    def _split_words(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Yield the words of a question with their spans.

        Splits words joined by a slash; keeps the last full stop of dotted initials.
        """
        for token, start, stop in tokenize(text):
            if "." in token and text[stop : stop + 1] == ".":
                yield token, start, stop + 1
            elif "/" not in token or self._vocabulary.expansions(token):
                yield token, start, stop
            else:
                for part, begin, end in tokenize(token.replace("/", " ")):
                    yield part, start + begin, start + end


_BEFORE_PART, _AFTER_PART = frozenset("_$@\\<"), frozenset("_(=\\>")
_MIN_CAPITAL_WORDS = 4


def _hide_guess(interpretations: Sequence[Interpretation], text: str) -> list[Interpretation]:
    """Keep what was written as the question to show, and search for the guess at what was meant."""
    return [
        replace(guess, question=replace(guess.question, text=text), source="guess")
        for guess in interpretations
    ]


def _add_identifiers(subquery: SubQuery, text: str) -> SubQuery:
    """Ask for the identifiers of an earlier part too, which a later one refers to."""
    earlier = identifiers.find_identifiers(text)
    interpretations = tuple(
        replace(one, identifiers=(*one.identifiers, *earlier)) for one in subquery.interpretations
    )
    return replace(subquery, interpretations=interpretations)


def _label(interpretations: Sequence[Interpretation], source: Source) -> list[Interpretation]:
    return [replace(interpretation, source=source) for interpretation in interpretations]


def _correct_in_case(token: str, correct: Callable[[str], str], *, is_part: bool) -> str:
    """Correct a word; one with capitals inside, or a part of a name in capitals, by one edit."""
    is_camel_case = token.isalpha() and token[1:] != token[1:].lower() and not token.isupper()
    if not is_camel_case and not (is_part and token.isupper()):
        return correct(token)
    corrected = correct(token.lower())
    if " " in corrected:  # HenFeeder, of which the guide writes Hen Feeder
        is_split = corrected == identifiers.split_identifier(token).lower()
        return corrected if is_split else token
    if OSA.distance(token.lower(), corrected) != 1 or _loses_capital(token, corrected):
        return token
    return corrected.upper() if token.isupper() else corrected


def _loses_capital(token: str, corrected: str) -> bool:
    """Whether a correction changes a letter that begins a word: `startMs` is no slip of starts."""
    edits = Levenshtein.editops(token.lower(), corrected)
    return not token.isupper() and any(
        edit.tag != "insert" and token[edit.src_pos].isupper() for edit in edits
    )


def _is_part_of_identifier(text: str, start: int, stop: int) -> bool:
    """Whether a word is a part of a path, a variable, a flag or a call."""
    before, after = text[max(0, start - 2) : start], text[stop : stop + 1]
    is_path = before in {"/", " /", "--"}  # a slash between two words is "or"
    return is_path or before[-1:] in _BEFORE_PART or (after != "" and after in _AFTER_PART)


def _lower_if_all_capitals(text: str) -> str:
    """Lower the case of a question that is written in capitals: they mark no acronym in it."""
    if any(map(str.islower, text)) or len(text.split()) < _MIN_CAPITAL_WORDS:
        return text
    return text.lower()
