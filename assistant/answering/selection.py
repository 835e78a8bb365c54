"""Select quotes from sources by question type: definition, list, comparison, amount, best run."""

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
from assistant.text.tokenize import extract_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from assistant.models.documents import Passage, Sentence
    from assistant.query.query import Question

EXTRACTIVE = "extractive"

# The most words of a quote, by question type: a list of steps is long, most other answers are
# short. Halves of the questions to a manual (gold answers of 65 words) and to public-service pages
# (16 words) agreed on these numbers.
_MAX_WORDS = {"steps": 90, "list": 90, "definition": 90}
_MAX_WORDS_DEFAULT = 70
_MAX_COMPARISON_SENTENCES = 8
# A section with at most this many words compares nothing, whatever its heading says.
_MIN_COMPARISON_WORDS = 12
_TOP_K = 5
# How many sections are quoted for a heading without text. In 295 public-service questions there
# were 17 such headings; for 16 of them the answer was in one of the next three sections.
_MAX_SUBSECTIONS = 3
# Sources whose probabilities differ by at most this count as equal; a wider margin lost right
# answers.
_TIE_MARGIN = 0.02
# A list answers if the score of its best item is at least this share of the score of the best
# sentence beside the list.
_NEAR_BEST_RATIO = 0.8
# The first sentence of a section is added when its score is at least this share of the best
# sentence's. It answers questions about the section's subject: on those pages it raised `evidence`
# from .80 to .97.
_OPENING_RATIO = 0.55
# A neighbour is added when its score is at least this share of the best sentence's.
_NEIGHBOUR_RATIO = 0.3

_AMOUNT = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|"
    r"\w+teen(?:th)?|dozens?|hundreds?|thousands?|millions?|billions?|half|third|quarter|twice|few|several|none|free|"
    r"unlimited|percent|seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|century|centuries)\b",
    re.I,
)
# These parts are compiled once, and the subject of a question is compiled separately: a whole
# pattern with the subject in it took a millisecond to compile for every question.
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
_ACRONYM_WINDOW = 50  # how many characters before a bracket are searched for an acronym
_ACRONYM_AFTER = re.compile(rf"\s*\({_ACRONYM}\)")
_ACRONYM_BEFORE = re.compile(rf"\b{_ACRONYM}\s?\($")


@dataclass(frozen=True, slots=True)
class Source:
    """A passage to quote from, with a score for each sentence and its probability to answer."""

    passage: Passage
    scores: tuple[float, ...]
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class TermWeights:
    """The idf of each term of a question."""

    idf: dict[str, float]

    @classmethod
    def from_text(cls, text: str, idf: Callable[[str], float]) -> TermWeights:
        """Look up the idf of each term of a text."""
        return cls({term: idf(term) for term in extract_terms(text)})

    def without(self, terms: Iterable[str]) -> TermWeights:
        """Return the weights without some terms, for example those that every source has."""
        excluded = set(terms)
        return TermWeights({t: weight for t, weight in self.idf.items() if t not in excluded})

    def coverage(self, text: str) -> float:
        """Compute the share of the summed idf that a text contains."""
        terms = set(extract_terms(text))
        covered = sum(weight for term, weight in self.idf.items() if term in terms)
        return covered / (sum(self.idf.values()) or 1.0)


def join_quotes(lists: Iterable[Sequence[Quote]]) -> list[Quote]:
    """Join the quotes of several sub-queries in order, without those inside another quote."""
    quotes: list[Quote] = []
    for quote in itertools.chain.from_iterable(lists):
        if not any(_is_within(quote, other) for other in quotes):
            quotes.append(quote)
    return quotes


def _is_within(quote: Quote, other: Quote) -> bool:
    same = quote.passage.id == other.passage.id
    return same and other.first <= quote.first and quote.last <= other.last


def select_quotes(
    question: Question,
    sources: Sequence[Source],
    load_neighbours: Callable[[], Sequence[Passage]] = tuple,
) -> list[Quote]:
    """Select the quotes that answer a question, in reading order.

    Sources are best first. `load_neighbours` loads the passages near the best one on its page, in
    order; it is called only where a list may run over its passage, or a heading has no text.
    """
    if not sources:
        return []
    quotes: list[Quote] = []
    if question.type == "definition":
        quotes = _quote_definition(question.subjects[0], sources)
    elif question.type in {"list", "steps"}:
        quotes = _quote_list(sources[0], load_neighbours)
    if not quotes and not body_positions(sources[0].passage):
        quotes = _quote_subsections(sources[0].passage, load_neighbours)
    if quotes:
        return quotes
    quotes = _quote_best_run(sources, _MAX_WORDS.get(question.type, _MAX_WORDS_DEFAULT))
    introduces = bool(quotes) and any(line.endswith(":") for line in quotes[-1].text.splitlines())
    return [*quotes, *_continue_list(quotes[-1], load_neighbours)] if introduces else quotes


def has_definition(question: Question, passages: Iterable[Passage]) -> bool:
    """Whether a passage explicitly defines the subject of a definition question."""
    if question.type != "definition":
        return False
    return any(_quote_explicit_definition(question.subjects[0], passage) for passage in passages)


def quote_amount(sources: Sequence[Source]) -> list[Quote]:
    """Quote the sentence with a number or a date whose score is close to the highest."""
    scored = [
        (score, -rank, -position)
        for rank, source in enumerate(sources)
        for position, score in enumerate(source.scores)
    ]
    highest = max(scored, default=(0.0, 0, 0))[0]
    for score, rank, position in sorted(scored, reverse=True):
        passage = sources[-rank].passage
        if score < _NEAR_BEST_RATIO * highest:
            break
        if _AMOUNT.search(passage.slice(passage.sentences[-position])):
            return group_into_quotes(passage, [-position])
    return []


def quote_comparison(
    question: Question, sources: Sequence[Source], missing: Sequence[str] = ()
) -> list[Quote]:
    """Quote both sides of a comparison: from a section about both, else from a section about each.

    In the second case adds a sentence that names both. Where sides are `missing` from the guide,
    quotes what the other sides are. Returns nothing where no source mentions a side.
    """
    sides = _sides(question.subjects)
    if missing:
        others = [_quote_side(side, sources) for side in sides if side.subject not in missing]
        return [quote for quotes in others for quote in quotes]
    for source in sources:
        passage = source.passage
        has_text = count_words(passage, body_positions(passage)) > _MIN_COMPARISON_WORDS
        if has_text and all(side.is_named_in(passage.heading) for side in sides):
            return _quote_shared_section(source, sides)
    by_side = [_quote_side(side, sources) for side in sides]
    if all(by_side):
        joint = [
            quote for source in sources for quote in _quote_joint_sentences(source.passage, sides)
        ]
        return _drop_overlapping([quote for quotes in by_side for quote in quotes[:1]] + joint[:1])
    for source in sources:
        if all(side.is_named_in(source.passage.text) for side in sides):
            return _quote_shared_section(source, sides)
    for n, side in enumerate(sides):
        about = [s for s in sources if side.is_named_in(s.passage.text)]
        by_side[n] = by_side[n] or (_quote_best_run(about, _MAX_WORDS_DEFAULT) if about else [])
    if not all(by_side):
        return []
    return _drop_overlapping([quote for quotes in by_side for quote in quotes[:1]])


def _drop_overlapping(quotes: Iterable[Quote]) -> list[Quote]:
    """Drop the quotes that overlap an earlier one."""
    distinct: list[Quote] = []
    for quote in quotes:
        if not any(
            quote.passage.id == other.passage.id
            and quote.first <= other.last
            and other.first <= quote.last
            for other in distinct
        ):
            distinct.append(quote)
    return distinct


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a comparison; `exact` is whether a text has to name it word for word."""

    subject: str
    exact: bool

    def is_named_in(self, text: str) -> bool:
        if self.exact:
            return bool(re.search(rf"\b{_subject_pattern(self.subject).pattern}\b", text, re.I))
        return set(extract_terms(self.subject)) <= set(extract_terms(text))


def _sides(subjects: Sequence[str]) -> list[_Side]:
    """Make the sides; exact ones where the terms of one contain all terms of another."""
    terms = [set(extract_terms(subject)) for subject in subjects]
    nested = any(a <= b for a, b in itertools.permutations(terms, 2))
    return [_Side(subject, exact=nested) for subject in subjects]


def _quote_side(side: _Side, sources: Sequence[Source]) -> list[Quote]:
    """Quote what a side is, or the start of the section on it."""
    about = [source for source in sources if side.is_named_in(source.passage.heading)]
    terms = set(extract_terms(side.subject))
    about.sort(key=lambda source: set(extract_terms(source.passage.heading)) != terms)
    definition = _quote_definition(side.subject, about or sources)
    return definition or (_quote_best_run(about, _MAX_WORDS_DEFAULT) if about else [])


def _quote_joint_sentences(passage: Passage, sides: Sequence[_Side]) -> list[Quote]:
    """Quote the sentences that name every side."""
    naming = (
        position
        for position in body_positions(passage)
        if all(side.is_named_in(passage.slice(passage.sentences[position])) for side in sides)
    )
    return group_into_quotes(passage, naming)


def _quote_shared_section(source: Source, sides: Sequence[_Side]) -> list[Quote]:
    """Quote a short section on both sides whole; of a long one, the sentences that name a side."""
    passage = source.passage
    positions = body_positions(passage)
    if len(positions) <= _MAX_COMPARISON_SENTENCES:
        return [Quote(passage, positions[0], positions[-1])] if positions else []
    naming = [
        position
        for position in positions
        if any(side.is_named_in(passage.slice(passage.sentences[position])) for side in sides)
    ]
    if not naming:
        return _quote_best_run([source], _MAX_WORDS_DEFAULT)
    best = sorted(naming, key=lambda p: (-source.scores[p], p))[:_MAX_COMPARISON_SENTENCES]
    return group_into_quotes(passage, best)


def _quote_definition(subject: str, sources: Sequence[Source]) -> list[Quote]:
    """Quote what defines the subject best, and the rest of its paragraph.

    This is an explicit definition, else the start of the section named after the subject, else a
    sentence that starts with the subject.
    """
    terms = set(extract_terms(subject))
    if not terms:
        return []
    passages = [source.passage for source in sources[:_TOP_K]]
    for passage in passages:
        quotes = _quote_explicit_definition(subject, passage)
        if quotes:
            return quotes
    for passage in passages:
        if set(extract_terms(passage.heading)) == terms and body_positions(passage):
            return [_quote_paragraph(passage, body_positions(passage)[0])]
    pattern = _subject_pattern(subject)
    for passage in passages:
        for position in _prose_positions(passage):
            text = passage.slice(passage.sentences[position])
            starts = _subject_starts(text)
            starts |= {match.end() for at in starts if (match := _QUALIFIER.match(text, at))}
            if _is_followed_by(_DESCRIBES.match, pattern, text, starts):
                return [_quote_paragraph(passage, position)]
    return []


def _quote_explicit_definition(subject: str, passage: Passage) -> list[Quote]:
    """Quote the sentence that says "X is a …", or that has X beside its acronym."""
    pattern = _subject_pattern(subject)
    for position in _prose_positions(passage):
        text = passage.slice(passage.sentences[position])
        if _is_followed_by(_DEFINES.match, pattern, text, _subject_starts(text)):
            quote = _quote_paragraph(passage, position)
            return group_into_quotes(passage, range(quote.first, quote.last + 1))
    for position in _prose_positions(passage):
        if _has_acronym_beside(pattern, passage.slice(passage.sentences[position])):
            return group_into_quotes(passage, [position])
    return []


def _subject_starts(text: str) -> set[int]:
    """Find where the subject of a sentence may start: after a connective, and after an article."""
    starts = {0} | {match.end() for match in [_LEAD_IN.match(text)] if match}
    return starts | {match.end() for at in starts if (match := _ARTICLE.match(text, at))}


def _is_followed_by(
    match_rest: Callable[[str, int], re.Match[str] | None],
    subject: re.Pattern[str],
    text: str,
    starts: Iterable[int],
) -> bool:
    """Whether the subject is at one of the starts and `match_rest` matches what follows."""
    matches = (subject.match(text, at) for at in starts)
    return any(match_rest(text, match.end()) for match in matches if match)


def _has_acronym_beside(subject: re.Pattern[str], text: str) -> bool:
    """Whether the subject is beside its acronym, one of the two in brackets."""
    for match in subject.finditer(text):
        start, end = match.span()
        if _ACRONYM_AFTER.match(text, end):
            return True
        if text[end : end + 1] == ")" and _ACRONYM_BEFORE.search(
            text, max(0, start - _ACRONYM_WINDOW), start
        ):
            return True
    return False


@lru_cache(maxsize=1024)
def _subject_pattern(subject: str) -> re.Pattern[str]:
    """Compile a pattern for the subject in the singular and the plural."""
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
    """Quote a sentence and those after it in its paragraph, within the words of a definition."""
    last = position
    while (
        last + 1 < len(passage.sentences)
        and count_words(passage, range(position, last + 2)) <= _MAX_WORDS["definition"]
        and passage.sentences[last + 1].lines == passage.sentences[position].lines
        and passage.sentences[last + 1].kind == passage.sentences[position].kind
    ):
        last += 1
    return Quote(passage, position, last)


def _quote_list(source: Source, load_neighbours: Callable[[], Sequence[Passage]]) -> list[Quote]:
    """Quote the whole list of a passage, with the sentence that introduces it."""
    passage, scores = source.passage, source.scores
    items = [n for n in body_positions(passage) if passage.sentences[n].kind in LIST_KINDS]
    if not items:
        return []
    prose = [n for n in body_positions(passage) if passage.sentences[n].kind == "prose"]
    best_item = max(scores[n] for n in items)
    if prose and max(scores[n] for n in prose) > best_item / _NEAR_BEST_RATIO:
        return []
    first, last = items[0], items[-1]
    quotes = [Quote(passage, first, last)]
    if first and passage.slice(passage.sentences[first - 1]).endswith(":"):
        quotes = [Quote(passage, first - 1, last)]
    if first == 0:
        quotes = [*_quote_list_start(passage, load_neighbours), *quotes]
    quotes += _continue_list(quotes[-1], load_neighbours)
    return quotes if len(items) > 1 or len(quotes) > 1 else []


def _continue_list(quote: Quote, load_neighbours: Callable[[], Sequence[Passage]]) -> list[Quote]:
    """Quote the rest of a list from the next passages, where it runs over its passage's end."""
    passage = quote.passage
    if quote.last < len(passage.sentences) - 1 or passage.sentences[-1].kind not in LIST_KINDS:
        return []
    quotes = []
    for following in _passages_after(passage, load_neighbours):
        sentences = following.sentences
        last = -1
        while last + 1 < len(sentences) and sentences[last + 1].kind in LIST_KINDS:
            last += 1
        if last >= 0:
            quotes.append(Quote(following, 0, last))
        if last < len(sentences) - 1:
            break
    return quotes


def _quote_subsections(
    passage: Passage, load_neighbours: Callable[[], Sequence[Passage]]
) -> list[Quote]:
    """Quote the sections that follow a heading without text."""
    following = (
        other for other in _passages_after(passage, load_neighbours) if body_positions(other)
    )
    return list(itertools.islice(quote_section_openings(following), _MAX_SUBSECTIONS))


def _passages_after(
    passage: Passage, load_neighbours: Callable[[], Sequence[Passage]]
) -> Iterator[Passage]:
    from_passage = itertools.dropwhile(lambda other: other.id != passage.id, load_neighbours())
    return itertools.islice(from_passage, 1, None)


def _quote_list_start(
    passage: Passage, load_neighbours: Callable[[], Sequence[Passage]]
) -> list[Quote]:
    """Quote the start of a list from the passages before, and the sentence that introduces it."""
    quotes: list[Quote] = []
    before = itertools.takewhile(lambda other: other.id != passage.id, load_neighbours())
    for earlier in reversed(list(before)):
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
    """Quote a list whose items are sections: each heading with its first sentence."""
    return [
        Quote(passage, 0, min(1, len(passage.sentences) - 1))
        for passage in passages
        if passage.sentences and passage.sentences[0].kind == "heading"
    ]


def _quote_best_run(sources: Sequence[Source], max_words: int) -> list[Quote]:
    """Quote the sentence with the highest score, the section's first sentence, and neighbours.

    Looks only at the best source and those that count as equal. Quotes the whole of a passage that
    has at most `max_words` words.
    """
    equal = [s for s in sources if s.probability >= sources[0].probability - _TIE_MARGIN]
    source = max(equal, key=lambda s: max(s.scores, default=-1.0))
    passage, scores = source.passage, source.scores
    body = body_positions(passage)
    if not body:
        return [Quote(passage, 0, len(passage.sentences) - 1)] if passage.sentences else []
    best = max(body, key=lambda n: (scores[n], -n))
    if passage.lists_resources:
        return group_into_quotes(passage, [best])
    if count_words(passage, body) <= max_words:
        return group_into_quotes(passage, body)
    chosen = {best}
    opening = body[0]
    if passage.sentences[0].kind == "heading" and scores[opening] >= _OPENING_RATIO * scores[best]:
        chosen.add(opening)
    for step in (1, -1):
        edge = best
        while more := adjacent_block(passage, edge, step):
            # The next sentence is always added, because the best one may only repeat the question.
            is_next = edge == best and step == 1
            if not is_next and max(scores[n] for n in more) < _NEIGHBOUR_RATIO * scores[best]:
                break
            if count_words(passage, chosen.union(more)) > max_words:
                break
            chosen.update(more)
            edge = more[-1]
    return group_into_quotes(passage, chosen)


def quote_rows(passage: Passage, titles: Iterable[str]) -> list[Quote]:
    """Quote the sentences of a passage that contain one of the titles."""
    title_list = list(titles)
    return [
        Quote(passage, n, n)
        for n, sentence in enumerate(passage.sentences)
        if sentence.kind != "code" and _contains_any(passage, sentence, title_list)
    ][: len(title_list)]


def _contains_any(passage: Passage, sentence: Sentence, titles: Iterable[str]) -> bool:
    text = passage.slice(sentence)
    return any(title in text for title in titles)
