"""Hits to quotes: which sentences of the guide answer, verbatim.

Knows how each form of question is answered from passages. Must not know how they were found.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from assistant.answering.quotes import (
    LIST_KINDS,
    Quote,
    adjacent_block,
    body_positions,
    count_words,
    group_into_quotes,
)
from assistant.text.text import extract_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from assistant.models.documents import Passage, Sentence
    from assistant.query.question_type import Question

EXTRACTIVE = "extractive"

# How many words a quote may grow to: a list of steps is long, most else is short. Halves of a
# manual (gold answers of 65 words) and of public-service pages (16 words) agreed on these.
_MAX_WORDS = {"steps": 90, "list": 90, "definition": 90}
_MAX_WORDS_DEFAULT = 70
_MAX_COMPARISON_SENTENCES = 8
# A section of fewer words compares nothing, whatever its heading says.
_MIN_COMPARISON_WORDS = 12
_TOP_K = 5
# Sections quoted for a heading with no text of its own: of 17 such in 295 public-service
# questions the answer stood in one of the next three for 16.
_MAX_SUBSECTIONS = 3
# Sources this close in probability are equal; looking further down lost right answers.
_TIE_MARGIN = 0.02
# A list answers unless a sentence beside it says clearly more to the question than it does.
_NEAR_BEST_RATIO = 0.8
# The opening of a section comes along when it says this share of what the best sentence does:
# who asks about a section's subject is answered there (evidence .80 to .97 on those pages).
_OPENING_RATIO = 0.55
# A neighbour joins the best sentence when it says this share of what that does.
_NEIGHBOUR_RATIO = 0.3

_AMOUNT = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|"
    r"\w+teen(?:th)?|dozens?|hundreds?|thousands?|millions?|billions?|half|third|quarter|twice|few|several|none|free|"
    r"unlimited|percent|seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|century|centuries)\b",
    re.I,
)
# Put together with a subject these were one pattern, which took a millisecond to compile for every
# question; so the parts are compiled once, and the subject by itself.
_LEAD_IN = re.compile(r"(?:but|and|so|in\s+short),?\s+", re.I)
_ARTICLE = re.compile(r"(?:an?|the|some)\s+", re.I)
_QUALIFIER = re.compile(r"\w+\s+")
_BRACKETED = r"(?:\s+\([^)]*\))?"
_DEFINES = re.compile(
    rf"{_BRACKETED}\s+(?:(?:is|are|was|were)\s+(?:an?|the|any|anyone|one|what|how|where|when|those)|"
    r"means?|refers?\s+to|stands?\s+for|describes?)\b",
    re.I,
)
_DESCRIBES = re.compile(rf"{_BRACKETED}\s+(?:is|are|was|were|has|have|does|answers?)\b", re.I)
_ACRONYM = r"[A-Z][\w&.]{0,40}"
_ACRONYM_WINDOW = 50  # characters that hold an acronym before a bracket
_ACRONYM_AFTER = re.compile(rf"\s*\({_ACRONYM}\)")
_ACRONYM_BEFORE = re.compile(rf"\b{_ACRONYM}\s?\($")


@dataclass(frozen=True, slots=True)
class Source:
    """A hit to quote from: how much each of its sentences says, and whether it answers."""

    passage: Passage
    scores: tuple[float, ...]
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class TermWeights:
    """How much each term of the question says, and how much a sentence says to it."""

    idf: dict[str, float]

    @classmethod
    def from_text(cls, text: str, idf: Callable[[str], float]) -> TermWeights:
        """The weights of a question's terms."""
        return cls({term: idf(term) for term in extract_terms(text)})

    def without(self, given: Iterable[str]) -> TermWeights:
        """The weights with some terms left out, as when every source shares them."""
        left_out = set(given)
        return TermWeights({t: weight for t, weight in self.idf.items() if t not in left_out})

    def coverage(self, text: str) -> float:
        """The share of the question's rarity that a text holds."""
        found = set(extract_terms(text))
        held = sum(weight for term, weight in self.idf.items() if term in found)
        return held / (sum(self.idf.values()) or 1.0)


def join_quotes(replies: Iterable[Sequence[Quote]]) -> list[Quote]:
    """The quotes of several replies in order, none that lies within one before it."""
    quotes: list[Quote] = []
    for quote in itertools.chain.from_iterable(replies):
        if not any(_is_within(quote, other) for other in quotes):
            quotes.append(quote)
    return quotes


def _is_within(quote: Quote, other: Quote) -> bool:
    same = quote.passage.id == other.passage.id
    return same and other.first <= quote.first and quote.last <= other.last


def select_quotes(
    question: Question,
    sources: Sequence[Source],
    around: Callable[[], Sequence[Passage]] = tuple,
) -> list[Quote]:
    """Quotes that answer the question, in the order they are to be read.

    Sources are best first. `around` gives the passages that stand near the best one on its page,
    in order; it is asked only where a list may run over its passage, or a heading has no text.
    """
    if not sources:
        return []
    quotes: list[Quote] = []
    if question.type == "definition":
        quotes = _quote_definition(question.subjects[0], sources)
    elif question.type in {"list", "steps"}:
        quotes = _quote_list(sources[0], around)
    if not quotes and not body_positions(sources[0].passage):
        quotes = _quote_subsections(sources[0].passage, around)
    if quotes:
        return quotes
    quotes = _quote_best_run(sources, _MAX_WORDS.get(question.type, _MAX_WORDS_DEFAULT))
    announced = bool(quotes) and any(line.endswith(":") for line in quotes[-1].text.splitlines())
    return [*quotes, *_continue_list(quotes[-1], around)] if announced else quotes


def has_definition(question: Question, passages: Iterable[Passage]) -> bool:
    """Whether a passage says outright what the question wants defined."""
    if question.type != "definition":
        return False
    return any(_quote_explicit_definition(question.subjects[0], passage) for passage in passages)


def quote_amount(sources: Sequence[Source]) -> list[Quote]:
    """The sentence with a number or a date that says nearly as much to the question as any does."""
    scored = [
        (score, -place, -position)
        for place, source in enumerate(sources)
        for position, score in enumerate(source.scores)
    ]
    most = max(scored, default=(0.0, 0, 0))[0]
    for score, place, position in sorted(scored, reverse=True):
        passage = sources[-place].passage
        if score < _NEAR_BEST_RATIO * most:
            break
        if _AMOUNT.search(passage.slice(passage.sentences[-position])):
            return group_into_quotes(passage, [-position])
    return []


def quote_comparison(
    question: Question, sources: Sequence[Source], missing: Sequence[str] = ()
) -> list[Quote]:
    """Both sides of a comparison: from the section that is about both, else from each side's own.

    Beside the sides' own sections comes a sentence that names both. Of the sides that are
    `missing` nothing can be said: the others are quoted where the guide says what they are.
    Else empty where a side is nowhere spoken of.
    """
    sides = _sides(question.subjects)
    if missing:
        named = [_quote_side(side, sources) for side in sides if side.subject not in missing]
        return [quote for quotes in named for quote in quotes]
    for source in sources:
        passage = source.passage
        substantial = count_words(passage, body_positions(passage)) > _MIN_COMPARISON_WORDS
        if substantial and all(side.is_named_in(passage.heading) for side in sides):
            return _quote_shared_section(source, sides)
    own = [_quote_side(side, sources) for side in sides]
    if all(own):
        together = [
            quote for source in sources for quote in _quote_joint_sentences(source.passage, sides)
        ]
        return _drop_overlapping([quote for quotes in own for quote in quotes[:1]] + together[:1])
    for source in sources:
        if all(side.is_named_in(source.passage.text) for side in sides):
            return _quote_shared_section(source, sides)
    for place, side in enumerate(sides):
        about = [s for s in sources if side.is_named_in(s.passage.text)]
        own[place] = own[place] or (_quote_best_run(about, _MAX_WORDS_DEFAULT) if about else [])
    return _drop_overlapping([quote for quotes in own for quote in quotes[:1]]) if all(own) else []


def _drop_overlapping(quotes: Iterable[Quote]) -> list[Quote]:
    """The quotes that repeat nothing of those before them."""
    kept: list[Quote] = []
    for quote in quotes:
        if not any(
            quote.passage.id == other.passage.id
            and quote.first <= other.last
            and other.first <= quote.last
            for other in kept
        ):
            kept.append(quote)
    return kept


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a comparison, and how strictly a text has to name it."""

    subject: str
    exact: bool

    def is_named_in(self, text: str) -> bool:
        if self.exact:
            return bool(re.search(rf"\b{_subject_pattern(self.subject).pattern}\b", text, re.I))
        return set(extract_terms(self.subject)) <= set(extract_terms(text))


def _sides(subjects: Sequence[str]) -> list[_Side]:
    """The sides; where one's words hold all of another's, a text must name them to the letter."""
    held = [set(extract_terms(subject)) for subject in subjects]
    nested = any(a <= b for a, b in itertools.permutations(held, 2))
    return [_Side(subject, exact=nested) for subject in subjects]


def _quote_side(side: _Side, sources: Sequence[Source]) -> list[Quote]:
    """What a side is, or the opening of the section on it."""
    about = [source for source in sources if side.is_named_in(source.passage.heading)]
    wanted = set(extract_terms(side.subject))
    about.sort(key=lambda source: set(extract_terms(source.passage.heading)) != wanted)
    defined = _quote_definition(side.subject, about or sources)
    return defined or (_quote_best_run(about, _MAX_WORDS_DEFAULT) if about else [])


def _quote_joint_sentences(passage: Passage, sides: Sequence[_Side]) -> list[Quote]:
    """The sentences that name every side."""
    named = (
        position
        for position in body_positions(passage)
        if all(side.is_named_in(passage.slice(passage.sentences[position])) for side in sides)
    )
    return group_into_quotes(passage, named)


def _quote_shared_section(source: Source, sides: Sequence[_Side]) -> list[Quote]:
    """All of a short section on both sides; of a long one the sentences that name a side."""
    passage = source.passage
    sentences = body_positions(passage)
    if len(sentences) <= _MAX_COMPARISON_SENTENCES:
        return [Quote(passage, sentences[0], sentences[-1])] if sentences else []
    named = [
        position
        for position in sentences
        if any(side.is_named_in(passage.slice(passage.sentences[position])) for side in sides)
    ]
    if not named:
        return _quote_best_run([source], _MAX_WORDS_DEFAULT)
    best = sorted(named, key=lambda p: (-source.scores[p], p))[:_MAX_COMPARISON_SENTENCES]
    return group_into_quotes(passage, best)


def _quote_definition(subject: str, sources: Sequence[Source]) -> list[Quote]:
    """What says best what the subject is, and what follows it in its paragraph.

    A sentence that defines it outright, else the opening of the section named after it, else a
    sentence of which it is the subject.
    """
    wanted = set(extract_terms(subject))
    if not wanted:
        return []
    passages = [source.passage for source in sources[:_TOP_K]]
    for passage in passages:
        quotes = _quote_explicit_definition(subject, passage)
        if quotes:
            return quotes
    for passage in passages:
        if set(extract_terms(passage.heading)) == wanted and body_positions(passage):
            return [_quote_paragraph(passage, body_positions(passage)[0])]
    name = _subject_pattern(subject)
    for passage in passages:
        for position in _prose_positions(passage):
            text = passage.slice(passage.sentences[position])
            starts = _subject_positions(text)
            starts |= {found.end() for at in starts if (found := _QUALIFIER.match(text, at))}
            if _is_followed_by(_DESCRIBES.match, name, text, starts):
                return [_quote_paragraph(passage, position)]
    return []


def _quote_explicit_definition(subject: str, passage: Passage) -> list[Quote]:
    """The sentence of a passage that says "X is a …", or writes X out beside its acronym."""
    name = _subject_pattern(subject)
    for position in _prose_positions(passage):
        text = passage.slice(passage.sentences[position])
        if _is_followed_by(_DEFINES.match, name, text, _subject_positions(text)):
            quote = _quote_paragraph(passage, position)
            return group_into_quotes(passage, range(quote.first, quote.last + 1))
    for position in _prose_positions(passage):
        if _has_acronym_beside(name, passage.slice(passage.sentences[position])):
            return group_into_quotes(passage, [position])
    return []


def _subject_positions(text: str) -> set[int]:
    """Where the subject of a sentence may begin: behind a word that leads in, and an article."""
    starts = {0} | {found.end() for found in [_LEAD_IN.match(text)] if found}
    return starts | {found.end() for at in starts if (found := _ARTICLE.match(text, at))}


def _is_followed_by(
    tells: Callable[[str, int], re.Match[str] | None],
    name: re.Pattern[str],
    text: str,
    starts: Iterable[int],
) -> bool:
    """Whether a name begins at one of the places and what tells of it follows."""
    named = (name.match(text, at) for at in starts)
    return any(tells(text, found.end()) for found in named if found)


def _has_acronym_beside(name: re.Pattern[str], text: str) -> bool:
    """Whether a name stands beside its acronym, one of the two in brackets."""
    for found in name.finditer(text):
        start, end = found.span()
        if _ACRONYM_AFTER.match(text, end):
            return True
        if text[end : end + 1] == ")" and _ACRONYM_BEFORE.search(
            text, max(0, start - _ACRONYM_WINDOW), start
        ):
            return True
    return False


@lru_cache(maxsize=1024)
def _subject_pattern(subject: str) -> re.Pattern[str]:
    """A pattern for the subject in the singular and the plural."""
    return re.compile(r"[\s-]{1,4}".join(map(_singular_or_plural, subject.split())), re.I)


def _singular_or_plural(word: str) -> str:
    if word.lower().endswith("ies"):
        return rf"{re.escape(word[:-3])}(?:y|ies)"
    base = word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
    return rf"{re.escape(base)}(?:e?s)?"


def _prose_positions(passage: Passage) -> list[int]:
    kinds = {"prose", "item", "quote"}
    return [n for n in body_positions(passage) if passage.sentences[n].kind in kinds]


def _quote_paragraph(passage: Passage, position: int) -> Quote:
    """A sentence with the ones after it in its paragraph, as far as a run may go."""
    last = position
    while (
        last + 1 < len(passage.sentences)
        and count_words(passage, range(position, last + 2)) <= _MAX_WORDS["definition"]
        and passage.sentences[last + 1].lines == passage.sentences[position].lines
        and passage.sentences[last + 1].kind == passage.sentences[position].kind
    ):
        last += 1
    return Quote(passage, position, last)


def _quote_list(source: Source, around: Callable[[], Sequence[Passage]]) -> list[Quote]:
    """The whole list of the best passage, with the sentence that leads into it."""
    passage, scores = source.passage, source.scores
    items = [n for n in body_positions(passage) if passage.sentences[n].kind in LIST_KINDS]
    if not items:
        return []
    prose = [n for n in body_positions(passage) if passage.sentences[n].kind == "prose"]
    if prose and max(scores[n] for n in prose) > max(scores[n] for n in items) / _NEAR_BEST_RATIO:
        return []
    first, last = items[0], items[-1]
    quotes = [Quote(passage, first, last)]
    if first and passage.slice(passage.sentences[first - 1]).endswith(":"):
        quotes = [Quote(passage, first - 1, last)]
    if first == 0:
        quotes = [*_quote_list_start(passage, around), *quotes]
    quotes += _continue_list(quotes[-1], around)
    return quotes if len(items) > 1 or len(quotes) > 1 else []


def _continue_list(quote: Quote, around: Callable[[], Sequence[Passage]]) -> list[Quote]:
    """The entries in the next passages of a list that a quote follows to its passage's end."""
    passage = quote.passage
    if quote.last < len(passage.sentences) - 1 or passage.sentences[-1].kind not in LIST_KINDS:
        return []
    quotes = []
    for following in _passages_after(passage, around):
        sentences = following.sentences
        last = -1
        while last + 1 < len(sentences) and sentences[last + 1].kind in LIST_KINDS:
            last += 1
        if last >= 0:
            quotes.append(Quote(following, 0, last))
        if last < len(sentences) - 1:
            break
    return quotes


def _quote_subsections(passage: Passage, around: Callable[[], Sequence[Passage]]) -> list[Quote]:
    """What stands under a heading that has no text of its own: the sections that follow it."""
    following = (other for other in _passages_after(passage, around) if body_positions(other))
    return list(itertools.islice(quote_section_openings(following), _MAX_SUBSECTIONS))


def _passages_after(passage: Passage, around: Callable[[], Sequence[Passage]]) -> Iterator[Passage]:
    found = itertools.dropwhile(lambda other: other.id != passage.id, around())
    return itertools.islice(found, 1, None)


def _quote_list_start(passage: Passage, around: Callable[[], Sequence[Passage]]) -> list[Quote]:
    """The entries of a list that the passages before end with, and what leads into them."""
    quotes: list[Quote] = []
    before = list(itertools.takewhile(lambda other: other.id != passage.id, around()))
    for earlier in reversed(before):
        sentences = earlier.sentences
        first = len(sentences)
        while first and sentences[first - 1].kind in LIST_KINDS:
            first -= 1
        if first and earlier.slice(sentences[first - 1]).endswith(":"):
            first -= 1
        if first < len(sentences):
            quotes.insert(0, Quote(earlier, first, len(sentences) - 1))
        if first:
            break
    return quotes


def quote_section_openings(passages: Iterable[Passage]) -> list[Quote]:
    """A list whose items are sections of their own: each heading with its first sentence."""
    return [
        Quote(passage, 0, min(1, len(passage.sentences) - 1))
        for passage in passages
        if passage.sentences and passage.sentences[0].kind == "heading"
    ]


def _quote_best_run(sources: Sequence[Source], longest: int) -> list[Quote]:
    """The sentence that says most to the question, with the opening and what stands around it.

    It is looked for in the best source only, and in those as good as equal to it. A passage of
    no more than `longest` words is quoted whole.
    """
    equal = [s for s in sources if s.probability >= sources[0].probability - _TIE_MARGIN]
    source = max(equal, key=lambda s: max(s.scores, default=-1.0))
    passage, scores = source.passage, source.scores
    sentences = body_positions(passage)
    if not sentences:
        return [Quote(passage, 0, len(passage.sentences) - 1)] if passage.sentences else []
    best = max(sentences, key=lambda n: (scores[n], -n))
    if passage.lists_resources:
        return group_into_quotes(passage, [best])
    if count_words(passage, sentences) <= longest:
        return group_into_quotes(passage, sentences)
    kept = {best}
    opening = sentences[0]
    if passage.sentences[0].kind == "heading" and scores[opening] >= _OPENING_RATIO * scores[best]:
        kept.add(opening)
    for step in (1, -1):
        edge = best
        while more := adjacent_block(passage, edge, step):
            # The sentence that says most may only repeat the question: the next one always joins.
            follows = edge == best and step == 1
            if not follows and max(scores[n] for n in more) < _NEIGHBOUR_RATIO * scores[best]:
                break
            if count_words(passage, kept.union(more)) > longest:
                break
            kept.update(more)
            edge = more[-1]
    return group_into_quotes(passage, kept)


def quote_rows(passage: Passage, titles: Iterable[str]) -> list[Quote]:
    """The sentences of a passage that hold one of the titles."""
    wanted = list(titles)
    return [
        Quote(passage, n, n)
        for n, sentence in enumerate(passage.sentences)
        if sentence.kind != "code" and _contains_any(passage, sentence, wanted)
    ][: len(wanted)]


def _contains_any(passage: Passage, sentence: Sentence, titles: Iterable[str]) -> bool:
    text = passage.slice(sentence)
    return any(title in text for title in titles)
