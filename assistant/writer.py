"""Hits to quotes: which sentences of the guide answer, verbatim; and the proof that they do.

Knows how each form of question is answered from passages. Must not know how they were found.
Nothing here makes a sentence: a quote is a span of a passage.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.errors import VerifyError
from assistant.model import REFUSAL
from assistant.text import terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from assistant.model import Passage, Sentence
    from assistant.question import Question

EXTRACTIVE = "extractive"

# A quote holds the whole of a passage this short; a longer one is cut to what answers.
_SHORT = 4
_LONGEST_RUN = 3
_LONGEST_COMPARISON = 8
_LOOKED_THROUGH = 5
# Sources this close in probability are equal; looking further down lost right answers.
_EQUAL = 0.02
# A neighbour joins a sentence when it says nearly as much to the question.
_JOINS = 0.8

_LEANS = re.compile(
    r"^(?:[\"“(]?)(?:this|that|these|those|it|its|they|their|them|he|she|his|her|such|both|here|another|"
    r"then|however|but|and|or|so|also|instead|otherwise|in contrast|the same|as such)\b",
    re.I,
)
_AMOUNT = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|"
    r"\w+teen(?:th)?|dozens?|hundreds?|thousands?|millions?|billions?|half|third|quarter|twice|few|several|none|free|"
    r"unlimited|percent|seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|century|centuries)\b",
    re.I,
)
_OPENING = r"(?:(?:but|and|so|in\s+short),?\s+)?(?:(?:an?|the|some)\s+)?"
_BRACKETED = r"(?:\s+\([^)]*\))?"
_DEFINES = (
    rf"{_BRACKETED}\s+(?:(?:is|are|was|were)\s+(?:an?|the|any|anyone|one|what|how|where|when|those)|"
    r"means?|refers?\s+to|stands?\s+for|describes?)\b"
)
_TELLS = rf"{_BRACKETED}\s+(?:is|are|was|were|has|have|does|answers?|does)\b"


@dataclass(frozen=True, slots=True)
class Source:
    """A hit to quote from: its passage, how near each sentence is, and whether it answers."""

    passage: Passage
    cosines: tuple[float, ...]
    probability: float = 1.0


@dataclass(frozen=True, slots=True)
class Quote:
    """A run of a passage's sentences, `first` to `last` inclusive."""

    passage: Passage
    first: int
    last: int

    @property
    def span(self) -> tuple[int, int]:
        """The characters of the passage that are quoted."""
        sentences = self.passage.sentences
        return sentences[self.first].start, sentences[self.last].end

    @property
    def text(self) -> str:
        """The quoted characters."""
        start, end = self.span
        return self.passage.text[start:end]

    @property
    def lines(self) -> tuple[int, int]:
        """The lines of the file the quote stands on."""
        sentences = self.passage.sentences
        return sentences[self.first].lines[0], sentences[self.last].lines[1]


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

    def scores(self, source: Source) -> list[float]:
        """How much each sentence says to the question: half by meaning, half by words."""
        return [
            -1.0
            if sentence.kind == "heading"
            else 0.5 * cosine + 0.5 * self.coverage(source.passage.slice(sentence))
            for sentence, cosine in zip(source.passage.sentences, source.cosines, strict=True)
        ]


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


def write(question: Question, sources: Sequence[Source], weights: Weights) -> list[Quote]:
    """Quotes that answer the question, in the order they are to be read; sources are best first."""
    if not sources:
        return []
    match question.form:
        case "definition":
            quotes = _definition(question.subjects[0], sources)
        case "list" | "steps":
            quotes = _listed(sources, weights)
        case _:
            quotes = []
    return quotes or _best_run(sources, weights)


def defined(question: Question, sources: Sequence[Source]) -> bool:
    """Whether a source says outright what the question wants defined."""
    if question.form != "definition":
        return False
    return any(_outright(question.subjects[0], source.passage) for source in sources)


def amount(sources: Sequence[Source], weights: Weights) -> list[Quote]:
    """The sentence with a number or a date that says nearly as much to the question as any does."""
    scored = [
        (score, -place, -position)
        for place, source in enumerate(sources)
        for position, score in enumerate(weights.scores(source))
    ]
    most = max(scored, default=(0.0, 0, 0))[0]
    for score, place, position in sorted(scored, reverse=True):
        passage = sources[-place].passage
        if score < _JOINS * most:
            break
        if _AMOUNT.search(passage.slice(passage.sentences[-position])):
            return _runs(passage, _with_antecedents(passage, [-position]))
    return []


def compare(question: Question, sources: Sequence[Source], weights: Weights) -> list[Quote]:
    """Both sides of a comparison: from the section that is about both, else from each side's own.

    Empty where a side is nowhere spoken of.
    """
    sides = _sides(question.subjects)
    for source in sources:
        if all(side.is_named_in(source.passage.heading) for side in sides):
            return _both(source, sides, weights)
    for source in sources:
        if all(side.is_named_in(source.passage.text) for side in sides):
            return _both(source, sides, weights)
    quotes: list[Quote] = []
    for side in sides:
        about = [s for s in sources if side.is_named_in(s.passage.heading)]
        about = about or [s for s in sources if side.is_named_in(s.passage.text)]
        found = _definition(side.subject, about) or (_best_run(about, weights) if about else [])
        if not found:
            return []
        quotes.extend(quote for quote in found[:1] if quote not in quotes)
    return quotes


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a comparison, and how strictly a text has to name it."""

    subject: str
    to_the_letter: bool

    def is_named_in(self, text: str) -> bool:
        if self.to_the_letter:
            return bool(re.search(rf"\b{_name(self.subject)}\b", text, re.I))
        return set(terms(self.subject)) <= set(terms(text))


def _sides(subjects: Sequence[str]) -> list[_Side]:
    """The sides; where one's words hold all of another's, a text must name them to the letter."""
    held = [set(terms(subject)) for subject in subjects]
    nested = any(a <= b for a, b in itertools.permutations(held, 2))
    return [_Side(subject, to_the_letter=nested) for subject in subjects]


def _both(source: Source, sides: Sequence[_Side], weights: Weights) -> list[Quote]:
    """All of a short section on both sides; of a long one the sentences that name a side."""
    passage = source.passage
    body = _body(passage)
    if len(body) <= _LONGEST_COMPARISON:
        return [Quote(passage, body[0], body[-1])] if body else []
    named = [
        position
        for position in body
        if any(side.is_named_in(passage.slice(passage.sentences[position])) for side in sides)
    ]
    if not named:
        return _best_run([source], weights)
    scores = weights.scores(source)
    kept = sorted(sorted(named, key=lambda p: (-scores[p], p))[:_LONGEST_COMPARISON])
    return _runs(passage, _with_antecedents(passage, kept))


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
        if set(terms(passage.heading)) == wanted and _body(passage):
            return [_paragraph_from(passage, _body(passage)[0])]
    tells = re.compile(rf"^{_OPENING}(?:\w+\s+)?{_name(subject)}{_TELLS}", re.I)
    for passage in passages:
        for position in _prose(passage):
            if tells.search(passage.slice(passage.sentences[position])):
                return [_paragraph_from(passage, position)]
    return []


def _outright(subject: str, passage: Passage) -> list[Quote]:
    """The sentence of a passage that says "X is a …", or writes X out beside its acronym."""
    name = _name(subject)
    defines = re.compile(rf"^{_OPENING}{name}{_DEFINES}", re.I)
    short = r"(?-i:[A-Z][\w&.]*)"
    beside = re.compile(rf"{name}\s*\({short}\)|\b{short}\s*\({name}\)", re.I)
    for position in _prose(passage):
        if defines.search(passage.slice(passage.sentences[position])):
            quote = _paragraph_from(passage, position)
            return _runs(passage, _with_antecedents(passage, range(quote.first, quote.last + 1)))
    for position in _prose(passage):
        if beside.search(passage.slice(passage.sentences[position])):
            return _runs(passage, _with_antecedents(passage, [position]))
    return []


def _name(subject: str) -> str:
    """A pattern for the subject in the singular and the plural."""
    return r"[\s-]+".join(map(_either_number, subject.split()))


def _either_number(word: str) -> str:
    if word.lower().endswith("ies"):
        return rf"{re.escape(word[:-3])}(?:y|ies)"
    base = word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
    return rf"{re.escape(base)}(?:e?s)?"


def _prose(passage: Passage) -> list[int]:
    kinds = {"prose", "item", "quote"}
    return [n for n in _body(passage) if passage.sentences[n].kind in kinds]


def _paragraph_from(passage: Passage, position: int) -> Quote:
    """A sentence with the ones after it in its paragraph, as far as a run may go."""
    last = position
    while (
        last + 1 < len(passage.sentences)
        and last + 1 - position < _LONGEST_RUN
        and passage.sentences[last + 1].lines == passage.sentences[position].lines
        and passage.sentences[last + 1].kind == passage.sentences[position].kind
    ):
        last += 1
    return Quote(passage, position, last)


def _listed(sources: Sequence[Source], weights: Weights) -> list[Quote]:
    """The whole list of the best passage that has one, with the sentence that leads into it."""
    source = sources[0]
    passage = source.passage
    items = [n for n in _body(passage) if passage.sentences[n].kind in {"item", "row", "header"}]
    if len(items) < 2:
        return []
    first, last = items[0], items[-1]
    before = passage.sentences[first - 1] if first else None
    leads = before is not None and before.kind == "prose"
    if leads and before is not None and passage.slice(before).endswith(":"):
        first -= 1
    scores = weights.scores(source)
    prose = [n for n in _body(passage) if passage.sentences[n].kind == "prose"]
    # A sentence that says clearly more than the list does means the list is not the answer.
    if prose and max(scores[n] for n in prose) > max(scores[n] for n in items) / _JOINS:
        return []
    return [Quote(passage, first, last)]


def children(passages: Sequence[Passage]) -> list[Quote]:
    """A list whose items are sections of their own: each heading with its first sentence."""
    quotes = []
    for passage in passages:
        body = _body(passage)
        if passage.sentences and passage.sentences[0].kind == "heading":
            quotes.append(Quote(passage, 0, body[0] if body else 0))
    return quotes


def _best_run(sources: Sequence[Source], weights: Weights) -> list[Quote]:
    """The sentence that says most to the question, its close neighbours, and what it leans on.

    It is looked for in the best source only, and in those as good as equal to it.
    """
    equal = [s for s in sources if s.probability >= sources[0].probability - _EQUAL]
    source = max(equal, key=lambda s: max(weights.scores(s), default=-1.0))
    passage = source.passage
    body = _body(passage)
    if not body:
        return [Quote(passage, 0, len(passage.sentences) - 1)] if passage.sentences else []
    scores = weights.scores(source)
    best_sentence = max(body, key=lambda n: (scores[n], -n))
    if len(body) <= _SHORT and not passage.lists_resources:
        return _runs(passage, _with_antecedents(passage, body))
    kept = [best_sentence]
    for step in (1, -1):
        neighbour = best_sentence + step
        while (
            neighbour in body
            and len(kept) < _LONGEST_RUN
            and scores[neighbour] >= _JOINS * scores[best_sentence]
        ):
            kept.append(neighbour)
            neighbour += step
    return _runs(passage, _with_antecedents(passage, kept))


def _with_antecedents(passage: Passage, kept: Iterable[int]) -> list[int]:
    """The sentences with those before them that their first words lean on."""
    wanted = set(kept)
    for position in sorted(wanted):
        before = position
        while before > 0 and _LEANS.match(passage.slice(passage.sentences[before])):
            before -= 1
            wanted.add(before)
    return sorted(wanted)


def _runs(passage: Passage, kept: Sequence[int]) -> list[Quote]:
    """Sentences next to one another as one quote; after a colon, with what it announces."""
    quotes: list[Quote] = []
    for position in _with_announced(passage, kept):
        if quotes and quotes[-1].last == position - 1:
            quotes[-1] = Quote(passage, quotes[-1].first, position)
        else:
            quotes.append(Quote(passage, position, position))
    return quotes


def _with_announced(passage: Passage, kept: Sequence[int]) -> list[int]:
    """The sentences, and after one that ends with a colon the whole list, table or code."""
    wanted = set(kept)
    for position in kept:
        after = position + 1
        if not passage.slice(passage.sentences[position]).endswith(":"):
            continue
        if after < len(passage.sentences) and passage.sentences[after].kind not in _RUNNING:
            kind = passage.sentences[after].kind
            while after < len(passage.sentences) and passage.sentences[after].kind == kind:
                wanted.add(after)
                after += 1
    return sorted(wanted)


_RUNNING = {"heading", "prose", "quote"}


def _body(passage: Passage) -> list[int]:
    return [n for n, sentence in enumerate(passage.sentences) if sentence.kind != "heading"]


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


def verify(answer: Mapping[str, Any], read: Callable[[str], tuple[str, Sequence[Passage]]]) -> int:
    """Prove an answer, as `Answer.to_dict` gave it, against its guide; how many quotes stand.

    `read` gives a page's sha256 and passages by its path. Raises VerifyError at the first
    citation that is not literally in its passage, at its span, in a page that has not changed,
    and where the text says anything beside its quotes and their markers.
    """
    try:
        citations = [_Claimed.of(citation) for citation in answer["citations"]]
        text, found = str(answer["text"]), bool(answer["found"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise VerifyError(
            f"This is not an answer: {type(error).__name__} at {error}.",
            "Save one with: assistant ask QUESTION --json",
        ) from error
    said = [f"{claimed.quote} [{claimed.n}]" for claimed in citations]
    if text != ("\n\n".join(said) if said else REFUSAL) or found != bool(said):
        raise VerifyError("The text says more or less than its quotes do.", _DISTRUST)
    for claimed in citations:
        claimed.prove(*read(claimed.path))
    return len(citations)


_DISTRUST = "Ask again, and trust the new answer."


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A citation as an answer claims it."""

    n: int
    path: str
    passage: str
    quote: str
    start: int
    end: int
    sha256: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> _Claimed:
        start, end = data["span"]
        return cls(
            int(data["n"]),
            str(data["path"]),
            str(data["passage"]),
            str(data["quote"]),
            int(start),
            int(end),
            str(data["sha256"]),
        )

    def prove(self, sha256: str, passages: Iterable[Passage]) -> None:
        if sha256 != self.sha256:
            raise VerifyError(f"[{self.n}] {self.path} has changed since the answer.", _DISTRUST)
        passage = next((found for found in passages if found.id == self.passage), None)
        if passage is None:
            raise VerifyError(f"[{self.n}] There is no passage {self.passage}.", _DISTRUST)
        if not self.quote or self.start < 0 or passage.text[self.start : self.end] != self.quote:
            raise VerifyError(f"[{self.n}] The quote is not in {self.passage}.", _DISTRUST)
