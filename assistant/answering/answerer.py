"""Hits to quotes: which sentences of the guide answer, verbatim.

Knows how each form of question is answered from passages. Must not know how they were found.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from assistant.answering.quotes import LISTED, Quote, beside, body, runs, words_in
from assistant.text.text import terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from assistant.models.documents import Passage, Sentence
    from assistant.query.question_type import Question

EXTRACTIVE = "extractive"

# How many words a quote may grow to: a list of steps is long, most else is short. Halves of a
# manual (gold answers of 65 words) and of public-service pages (16 words) agreed on these.
_LONGEST = {"steps": 90, "list": 90, "definition": 90}
_LONGEST_ELSE = 70
_LONGEST_COMPARISON = 8
# A section of fewer words compares nothing, whatever its heading says.
_SLIGHT = 12
_LOOKED_THROUGH = 5
# Sections quoted for a heading with no text of its own: of 17 such in 295 public-service
# questions the answer stood in one of the next three for 16.
_LOOKED_UNDER = 3
# Sources this close in probability are equal; looking further down lost right answers.
_EQUAL = 0.02
# A list answers unless a sentence beside it says clearly more to the question than it does.
_AS_MUCH = 0.8
# The opening of a section comes along when it says this share of what the best sentence does:
# who asks about a section's subject is answered there (evidence .80 to .97 on those pages).
_OPENS = 0.55
# A neighbour joins the best sentence when it says this share of what that does.
_JOINS = 0.3

_AMOUNT = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|"
    r"\w+teen(?:th)?|dozens?|hundreds?|thousands?|millions?|billions?|half|third|quarter|twice|few|several|none|free|"
    r"unlimited|percent|seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|century|centuries)\b",
    re.I,
)
# Put together with a subject these were one pattern, which took a millisecond to compile for every
# question; so the parts are compiled once, and the subject by itself.
_LED_IN = re.compile(r"(?:but|and|so|in\s+short),?\s+", re.I)
_ARTICLE = re.compile(r"(?:an?|the|some)\s+", re.I)
_QUALIFIER = re.compile(r"\w+\s+")
_BRACKETED = r"(?:\s+\([^)]*\))?"
_DEFINES = re.compile(
    rf"{_BRACKETED}\s+(?:(?:is|are|was|were)\s+(?:an?|the|any|anyone|one|what|how|where|when|those)|"
    r"means?|refers?\s+to|stands?\s+for|describes?)\b",
    re.I,
)
_TELLS = re.compile(rf"{_BRACKETED}\s+(?:is|are|was|were|has|have|does|answers?)\b", re.I)
_SHORT = r"[A-Z][\w&.]{0,40}"
_SHORT_BEFORE = 50  # characters that hold an acronym before a bracket
_THEN_SHORT = re.compile(rf"\s*\({_SHORT}\)")
_SHORT_FIRST = re.compile(rf"\b{_SHORT}\s?\($")


@dataclass(frozen=True, slots=True)
class Source:
    """A hit to quote from: how much each of its sentences says, and whether it answers."""

    passage: Passage
    scores: tuple[float, ...]
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each term of the question says, and how much a sentence says to it."""

    rarity: dict[str, float]

    @classmethod
    def of(cls, text: str, rarity: Callable[[str], float]) -> Weights:
        """The weights of a question's terms."""
        return cls({term: rarity(term) for term in terms(text)})

    def without(self, given: Iterable[str]) -> Weights:
        """The weights with some terms left out, as when every source shares them."""
        left_out = set(given)
        return Weights({t: weight for t, weight in self.rarity.items() if t not in left_out})

    def coverage(self, text: str) -> float:
        """The share of the question's rarity that a text holds."""
        found = set(terms(text))
        held = sum(weight for term, weight in self.rarity.items() if term in found)
        return held / (sum(self.rarity.values()) or 1.0)


def joined(replies: Iterable[Sequence[Quote]]) -> list[Quote]:
    """The quotes of several replies in order, none that lies within one before it."""
    quotes: list[Quote] = []
    for quote in itertools.chain.from_iterable(replies):
        if not any(_within(quote, other) for other in quotes):
            quotes.append(quote)
    return quotes


def _within(quote: Quote, other: Quote) -> bool:
    same = quote.passage.id == other.passage.id
    return same and other.first <= quote.first and quote.last <= other.last


def write(
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
    if question.form == "definition":
        quotes = _definition(question.subjects[0], sources)
    elif question.form in {"list", "steps"}:
        quotes = _listed(sources[0], around)
    if not quotes and not body(sources[0].passage):
        quotes = _under(sources[0].passage, around)
    if quotes:
        return quotes
    quotes = _best_run(sources, _LONGEST.get(question.form, _LONGEST_ELSE))
    announced = bool(quotes) and any(line.endswith(":") for line in quotes[-1].text.splitlines())
    return [*quotes, *_going_on(quotes[-1], around)] if announced else quotes


def defined(question: Question, passages: Iterable[Passage]) -> bool:
    """Whether a passage says outright what the question wants defined."""
    if question.form != "definition":
        return False
    return any(_outright(question.subjects[0], passage) for passage in passages)


def amount(sources: Sequence[Source]) -> list[Quote]:
    """The sentence with a number or a date that says nearly as much to the question as any does."""
    scored = [
        (score, -place, -position)
        for place, source in enumerate(sources)
        for position, score in enumerate(source.scores)
    ]
    most = max(scored, default=(0.0, 0, 0))[0]
    for score, place, position in sorted(scored, reverse=True):
        passage = sources[-place].passage
        if score < _AS_MUCH * most:
            break
        if _AMOUNT.search(passage.slice(passage.sentences[-position])):
            return runs(passage, [-position])
    return []


def compare(
    question: Question, sources: Sequence[Source], missing: Sequence[str] = ()
) -> list[Quote]:
    """Both sides of a comparison: from the section that is about both, else from each side's own.

    Beside the sides' own sections comes a sentence that names both. Of the sides that are
    `missing` nothing can be said: the others are quoted where the guide says what they are.
    Else empty where a side is nowhere spoken of.
    """
    sides = _sides(question.subjects)
    if missing:
        named = [_own(side, sources) for side in sides if side.subject not in missing]
        return [quote for quotes in named for quote in quotes]
    for source in sources:
        passage = source.passage
        substantial = words_in(passage, body(passage)) > _SLIGHT
        if substantial and all(side.is_named_in(passage.heading) for side in sides):
            return _both(source, sides)
    own = [_own(side, sources) for side in sides]
    if all(own):
        together = [quote for source in sources for quote in _together(source.passage, sides)]
        return _apart([quote for quotes in own for quote in quotes[:1]] + together[:1])
    for source in sources:
        if all(side.is_named_in(source.passage.text) for side in sides):
            return _both(source, sides)
    for place, side in enumerate(sides):
        about = [s for s in sources if side.is_named_in(s.passage.text)]
        own[place] = own[place] or (_best_run(about, _LONGEST_ELSE) if about else [])
    return _apart([quote for quotes in own for quote in quotes[:1]]) if all(own) else []


def _apart(quotes: Iterable[Quote]) -> list[Quote]:
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
    to_the_letter: bool

    def is_named_in(self, text: str) -> bool:
        if self.to_the_letter:
            return bool(re.search(rf"\b{_name(self.subject).pattern}\b", text, re.I))
        return set(terms(self.subject)) <= set(terms(text))


def _sides(subjects: Sequence[str]) -> list[_Side]:
    """The sides; where one's words hold all of another's, a text must name them to the letter."""
    held = [set(terms(subject)) for subject in subjects]
    nested = any(a <= b for a, b in itertools.permutations(held, 2))
    return [_Side(subject, to_the_letter=nested) for subject in subjects]


def _own(side: _Side, sources: Sequence[Source]) -> list[Quote]:
    """What a side is, or the opening of the section on it."""
    about = [source for source in sources if side.is_named_in(source.passage.heading)]
    wanted = set(terms(side.subject))
    about.sort(key=lambda source: set(terms(source.passage.heading)) != wanted)
    defined = _definition(side.subject, about or sources)
    return defined or (_best_run(about, _LONGEST_ELSE) if about else [])


def _together(passage: Passage, sides: Sequence[_Side]) -> list[Quote]:
    """The sentences that name every side."""
    named = (
        position
        for position in body(passage)
        if all(side.is_named_in(passage.slice(passage.sentences[position])) for side in sides)
    )
    return runs(passage, named)


def _both(source: Source, sides: Sequence[_Side]) -> list[Quote]:
    """All of a short section on both sides; of a long one the sentences that name a side."""
    passage = source.passage
    sentences = body(passage)
    if len(sentences) <= _LONGEST_COMPARISON:
        return [Quote(passage, sentences[0], sentences[-1])] if sentences else []
    named = [
        position
        for position in sentences
        if any(side.is_named_in(passage.slice(passage.sentences[position])) for side in sides)
    ]
    if not named:
        return _best_run([source], _LONGEST_ELSE)
    best = sorted(named, key=lambda p: (-source.scores[p], p))[:_LONGEST_COMPARISON]
    return runs(passage, best)


def _definition(subject: str, sources: Sequence[Source]) -> list[Quote]:
    """What says best what the subject is, and what follows it in its paragraph.

    A sentence that defines it outright, else the opening of the section named after it, else a
    sentence of which it is the subject.
    """
    wanted = set(terms(subject))
    if not wanted:
        return []
    passages = [source.passage for source in sources[:_LOOKED_THROUGH]]
    for passage in passages:
        quotes = _outright(subject, passage)
        if quotes:
            return quotes
    for passage in passages:
        if set(terms(passage.heading)) == wanted and body(passage):
            return [_paragraph_from(passage, body(passage)[0])]
    name = _name(subject)
    for passage in passages:
        for position in _prose(passage):
            text = passage.slice(passage.sentences[position])
            starts = _openings(text)
            starts |= {found.end() for at in starts if (found := _QUALIFIER.match(text, at))}
            if _named_before(_TELLS.match, name, text, starts):
                return [_paragraph_from(passage, position)]
    return []


def _outright(subject: str, passage: Passage) -> list[Quote]:
    """The sentence of a passage that says "X is a …", or writes X out beside its acronym."""
    name = _name(subject)
    for position in _prose(passage):
        text = passage.slice(passage.sentences[position])
        if _named_before(_DEFINES.match, name, text, _openings(text)):
            quote = _paragraph_from(passage, position)
            return runs(passage, range(quote.first, quote.last + 1))
    for position in _prose(passage):
        if _written_out(name, passage.slice(passage.sentences[position])):
            return runs(passage, [position])
    return []


def _openings(text: str) -> set[int]:
    """Where the subject of a sentence may begin: behind a word that leads in, and an article."""
    starts = {0} | {found.end() for found in [_LED_IN.match(text)] if found}
    return starts | {found.end() for at in starts if (found := _ARTICLE.match(text, at))}


def _named_before(
    tells: Callable[[str, int], re.Match[str] | None],
    name: re.Pattern[str],
    text: str,
    starts: Iterable[int],
) -> bool:
    """Whether a name begins at one of the places and what tells of it follows."""
    named = (name.match(text, at) for at in starts)
    return any(tells(text, found.end()) for found in named if found)


def _written_out(name: re.Pattern[str], text: str) -> bool:
    """Whether a name stands beside its acronym, one of the two in brackets."""
    for found in name.finditer(text):
        start, end = found.span()
        if _THEN_SHORT.match(text, end):
            return True
        if text[end : end + 1] == ")" and _SHORT_FIRST.search(
            text, max(0, start - _SHORT_BEFORE), start
        ):
            return True
    return False


@lru_cache(maxsize=1024)
def _name(subject: str) -> re.Pattern[str]:
    """A pattern for the subject in the singular and the plural."""
    return re.compile(r"[\s-]{1,4}".join(map(_either_number, subject.split())), re.I)


def _either_number(word: str) -> str:
    if word.lower().endswith("ies"):
        return rf"{re.escape(word[:-3])}(?:y|ies)"
    base = word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
    return rf"{re.escape(base)}(?:e?s)?"


def _prose(passage: Passage) -> list[int]:
    kinds = {"prose", "item", "quote"}
    return [n for n in body(passage) if passage.sentences[n].kind in kinds]


def _paragraph_from(passage: Passage, position: int) -> Quote:
    """A sentence with the ones after it in its paragraph, as far as a run may go."""
    last = position
    while (
        last + 1 < len(passage.sentences)
        and words_in(passage, range(position, last + 2)) <= _LONGEST["definition"]
        and passage.sentences[last + 1].lines == passage.sentences[position].lines
        and passage.sentences[last + 1].kind == passage.sentences[position].kind
    ):
        last += 1
    return Quote(passage, position, last)


def _listed(source: Source, around: Callable[[], Sequence[Passage]]) -> list[Quote]:
    """The whole list of the best passage, with the sentence that leads into it."""
    passage, scores = source.passage, source.scores
    items = [n for n in body(passage) if passage.sentences[n].kind in LISTED]
    if not items:
        return []
    prose = [n for n in body(passage) if passage.sentences[n].kind == "prose"]
    if prose and max(scores[n] for n in prose) > max(scores[n] for n in items) / _AS_MUCH:
        return []
    first, last = items[0], items[-1]
    quotes = [Quote(passage, first, last)]
    if first and passage.slice(passage.sentences[first - 1]).endswith(":"):
        quotes = [Quote(passage, first - 1, last)]
    if first == 0:
        quotes = [*_leading_up(passage, around), *quotes]
    quotes += _going_on(quotes[-1], around)
    return quotes if len(items) > 1 or len(quotes) > 1 else []


def _going_on(quote: Quote, around: Callable[[], Sequence[Passage]]) -> list[Quote]:
    """The entries in the next passages of a list that a quote follows to its passage's end."""
    passage = quote.passage
    if quote.last < len(passage.sentences) - 1 or passage.sentences[-1].kind not in LISTED:
        return []
    quotes = []
    for following in _after(passage, around):
        sentences = following.sentences
        last = -1
        while last + 1 < len(sentences) and sentences[last + 1].kind in LISTED:
            last += 1
        if last >= 0:
            quotes.append(Quote(following, 0, last))
        if last < len(sentences) - 1:
            break
    return quotes


def _under(passage: Passage, around: Callable[[], Sequence[Passage]]) -> list[Quote]:
    """What stands under a heading that has no text of its own: the sections that follow it."""
    following = (other for other in _after(passage, around) if body(other))
    return list(itertools.islice(children(following), _LOOKED_UNDER))


def _after(passage: Passage, around: Callable[[], Sequence[Passage]]) -> Iterator[Passage]:
    found = itertools.dropwhile(lambda other: other.id != passage.id, around())
    return itertools.islice(found, 1, None)


def _leading_up(passage: Passage, around: Callable[[], Sequence[Passage]]) -> list[Quote]:
    """The entries of a list that the passages before end with, and what leads into them."""
    quotes: list[Quote] = []
    before = list(itertools.takewhile(lambda other: other.id != passage.id, around()))
    for earlier in reversed(before):
        sentences = earlier.sentences
        first = len(sentences)
        while first and sentences[first - 1].kind in LISTED:
            first -= 1
        if first and earlier.slice(sentences[first - 1]).endswith(":"):
            first -= 1
        if first < len(sentences):
            quotes.insert(0, Quote(earlier, first, len(sentences) - 1))
        if first:
            break
    return quotes


def children(passages: Iterable[Passage]) -> list[Quote]:
    """A list whose items are sections of their own: each heading with its first sentence."""
    return [
        Quote(passage, 0, min(1, len(passage.sentences) - 1))
        for passage in passages
        if passage.sentences and passage.sentences[0].kind == "heading"
    ]


def _best_run(sources: Sequence[Source], longest: int) -> list[Quote]:
    """The sentence that says most to the question, with the opening and what stands around it.

    It is looked for in the best source only, and in those as good as equal to it. A passage of
    no more than `longest` words is quoted whole.
    """
    equal = [s for s in sources if s.probability >= sources[0].probability - _EQUAL]
    source = max(equal, key=lambda s: max(s.scores, default=-1.0))
    passage, scores = source.passage, source.scores
    sentences = body(passage)
    if not sentences:
        return [Quote(passage, 0, len(passage.sentences) - 1)] if passage.sentences else []
    best = max(sentences, key=lambda n: (scores[n], -n))
    if passage.lists_resources:
        return runs(passage, [best])
    if words_in(passage, sentences) <= longest:
        return runs(passage, sentences)
    kept = {best}
    opening = sentences[0]
    if passage.sentences[0].kind == "heading" and scores[opening] >= _OPENS * scores[best]:
        kept.add(opening)
    for step in (1, -1):
        edge = best
        while more := beside(passage, edge, step):
            # The sentence that says most may only repeat the question: the next one always joins.
            follows = edge == best and step == 1
            if not follows and max(scores[n] for n in more) < _JOINS * scores[best]:
                break
            if words_in(passage, kept.union(more)) > longest:
                break
            kept.update(more)
            edge = more[-1]
    return runs(passage, kept)


def rows(passage: Passage, titles: Iterable[str]) -> list[Quote]:
    """The sentences of a passage that hold one of the titles."""
    wanted = list(titles)
    return [
        Quote(passage, n, n)
        for n, sentence in enumerate(passage.sentences)
        if sentence.kind != "code" and _holds(passage, sentence, wanted)
    ][: len(wanted)]


def _holds(passage: Passage, sentence: Sentence, titles: Iterable[str]) -> bool:
    text = passage.slice(sentence)
    return any(title in text for title in titles)
