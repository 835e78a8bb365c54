"""Select the sentences to quote: the likeliest ones, with what they need to be understood.

The answer is made greedily. Each step adds the sentence that adds most probability for its length,
together with the sentences it needs: the sentence that introduces its list, the header of its
table, the rest of a short list. It stops once the answer probably contains what was asked, or when
it is full.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.answering.quotes import Quote, refers_back
from assistant.query.question_type import asks_for_consequence, asks_for_several

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from assistant.answering.sections import CandidateSection, SentencePosition
    from assistant.query.query import Question

    Probabilities = NDArray[np.float64]

# Measured on ten guides, each left out in turn while the sentence model was fitted to the others.
MAX_WORDS = 98
"""The most words of an answer: readers take 100 for short."""

MAX_RUNS = 3
"""The most places that an answer to one question is quoted from."""

_ENOUGH = 0.72  # the summed probability at which an answer is complete
_MIN_WORDS = 25  # below this an answer may always grow
_LENGTH_POWER = 0.4  # how much a long sentence has to be worth more than a short one
_ADJACENT_BONUS = 1.3  # for a sentence beside one that is quoted
_MAX_GAP_WORDS = 12  # a sentence this short between two quoted ones is quoted too
_MAX_WHOLE_LIST = 60  # words of a list that is never quoted in part
_MAX_WHOLE_STEPS = 90  # the same where the question asks for steps or for a list
_MAX_WHOLE_ITEM = 60  # words of an item that is never quoted in part
_MAX_LEAD_IN_WORDS = 30
_MAX_SENTENCES_BETWEEN = 2  # between a sentence that points below and the list below
_MIN_PROBABILITY = 0.003  # less likely sentences are quoted only where another needs them
_MIN_GAIN = 0.045  # less is not worth reading: three words of the median, and no answer
# Another place has to add this share of what is quoted already. On six guides and on six others it
# takes a twentieth of the quotes and 4 words of the median away, and no answer; .15 loses .01.
_MIN_RUN_RATIO = 0.1
# Another section has to add more, because it is more often beside the point: .15 takes it away from
# one answer in eleven and loses two of 447, .2 from one in six and loses four.
_MIN_SECTION_RATIO = 0.15

# A section whose heading has this share of the question's terms begins with its answer: its first
# sentence is quoted too, up to this length. On twelve guides it completes one answer of 447 and
# adds two words to the median.
_MIN_HEADING_SHARE = 0.5
_MAX_OPENING_WORDS = 30

# An opening that does not fit is quoted with less of the rest, if this share of the probability is
# left: of 120 questions about the bundled guide it answers three more, and loses none of 447.
_MIN_SHORTER_SHARE = 0.8

_HIGHLIGHT_RATIO = 0.5

_ASKS_OR_INTRODUCES = (":", "?", "...", "…")
_POINTS_BELOW = re.compile(
    r"\b(?:following|follows|below|like (?:this|so))\b[^.!?:]{0,60}\.$", re.I
)
_ANNOUNCES = re.compile(
    r"\b(?:(?:the|these) following (?:\w+ ){1,4}(?:is|are|can|may|will)|(?:is|are) (?:as follows|"
    r"(?:listed|shown|given) (?:below|in the (?:list|table) below)))\b",
    re.I,
)
_MIN_LABEL_WORDS = 4  # a text with fewer words and no full stop is a label
_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", "।", "؟")
_TABLE_KINDS = frozenset({"row", "header"})
_TEXT_KINDS = frozenset({"heading", "prose", "quote", "header"})
_LIMITS = re.compile(
    r"(?:but|however|unless|except|otherwise|only|exceptions?|even|in that case|"
    r"(?:anyone|people|those|whoever)\b.{0,30}\b(?:who|do|does|did)|without)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class ScoredSection:
    """A section's sentences, each with its number of words, probability and needs.

    `needs[n]` are the numbers of the sentences without which sentence n cannot be understood.
    `heading_share` is the share of the question's terms in the headings.
    """

    sentences: tuple[SentencePosition, ...]
    words: tuple[int, ...]
    probabilities: tuple[float, ...]
    needs: tuple[tuple[int, ...], ...]
    heading_share: float = 0.0


def score_sections(
    by_question: Sequence[tuple[Sequence[CandidateSection], Sequence[Probabilities]]],
    questions: Sequence[Question],
) -> list[ScoredSection]:
    """Join the candidate sections of the questions in one text; each question counts the same."""
    asks_for_list = any(question.type in {"steps", "list"} for question in questions)
    asks_for_all = asks_for_list or any(asks_for_several(question.text) for question in questions)
    max_list = _MAX_WHOLE_STEPS if asks_for_list else _MAX_WHOLE_LIST
    asks_for_rule = any(
        question.type == "yesno" or asks_for_consequence(question.text) for question in questions
    )
    sections: dict[tuple[str, str], CandidateSection] = {}
    sums: dict[tuple[str, int], float] = {}
    for candidates, probabilities in by_question:
        for section, values in zip(candidates, probabilities, strict=True):
            known = sections.setdefault(section.key, section)
            if len(section.sentences) > len(known.sentences):
                sections[section.key] = section
            for sentence, value in zip(section.sentences, values.tolist(), strict=True):
                place = (sentence.passage.id, sentence.number)
                sums[place] = sums.get(place, 0.0) + value / len(by_question)
    scored = []
    for section in sections.values():
        places = ((sentence.passage.id, sentence.number) for sentence in section.sentences)
        means = [sums[place] for place in places]
        scored.append(
            _score_section(
                section,
                means,
                max_list,
                whole_tables=asks_for_all,
                with_exceptions=asks_for_rule,
            )
        )
    return scored


def _score_section(
    section: CandidateSection,
    probabilities: Sequence[float],
    max_list: int,
    *,
    whole_tables: bool,
    with_exceptions: bool,
) -> ScoredSection:
    sentences = section.sentences
    words = [count_sentence_words(sentence) for sentence in sentences]
    needs: Sequence[tuple[int, ...]] = [()] * len(words)
    if max(probabilities) >= _MIN_PROBABILITY:  # of others nothing is quoted
        needs = _find_needs(sentences, words, max_list, whole_tables=whole_tables)
        if with_exceptions:
            needs = [(*own, *_find_exception(sentences, words, n)) for n, own in enumerate(needs)]
    in_heading = section.heading_matches
    share = float(in_heading.mean()) if in_heading.size else 0.0
    return ScoredSection(sentences, tuple(words), tuple(probabilities), tuple(needs), share)


def count_sentence_words(sentence: SentencePosition) -> int:
    """Count the words of a sentence, and the marker of an item."""
    text = sentence.text.replace("|", " ") if sentence.kind in {"row", "header"} else sentence.text
    return len(text.split()) + (sentence.kind == "item")


def _find_needs(
    sentences: Sequence[SentencePosition],
    words: Sequence[int],
    max_list: int,
    *,
    whole_tables: bool,
) -> list[tuple[int, ...]]:
    """Find for each sentence what has to be quoted with it; lists up to `max_list` words whole."""
    needs: list[tuple[int, ...]] = []
    for start, end in _find_groups(sentences):
        kind = sentences[start].kind
        lead_in = _find_lead_in(sentences, words, start)
        is_whole = kind == "item" or (kind == "row" and whole_tables)
        is_short = is_whole and sum(words[start:end]) <= max_list
        for n in range(start, end):
            own: tuple[int, ...] = ()
            if is_short:
                own = tuple(range(start, end))
            elif sentences[n].kind == "item":
                own = tuple(_item_sentences(sentences, words, start, n))
            elif sentences[n].kind == "code" and n > start:
                own = (n - 1,)
            elif kind in _TEXT_KINDS:
                own = _antecedent(sentences, n)
            needs.append((*lead_in, *own, *_find_introduced(sentences, n)))
    return needs


def _find_introduced(sentences: Sequence[SentencePosition], n: int) -> range:
    """Find what a sentence that asks or introduces comes before; a table's header with a row.

    "Use one of the following." introduces the list, the table or the code after it.
    """
    text = sentences[n].text.rstrip()
    first = n + 1
    is_text_next = _is_text(sentences, first)
    if is_text_next and _ANNOUNCES.search(text):
        # The rest of its paragraph comes before what it announces.
        while _is_text(sentences, first) and sentences[first].lines == sentences[n].lines:
            first += 1
        is_near = first <= n + 1 + _MAX_SENTENCES_BETWEEN
        if first == len(sentences) or _is_text(sentences, first) or not is_near:
            return range(0)
    elif (is_text_next or not _POINTS_BELOW.search(text)) and not text.endswith(
        _ASKS_OR_INTRODUCES
    ):
        return range(0)
    is_header = first < len(sentences) and sentences[first].kind == "header"
    return range(n + 1, min(len(sentences), first + (2 if is_header else 1)))


def _is_text(sentences: Sequence[SentencePosition], n: int) -> bool:
    return n < len(sentences) and sentences[n].kind in _TEXT_KINDS - {"header"}


def _find_groups(sentences: Sequence[SentencePosition]) -> list[tuple[int, int]]:
    """Find the lists, tables, pieces of code and runs of text: the start and end of each.

    Code between two items is part of their list, and so is code that the last item introduces.
    """
    groups: list[tuple[int, int]] = []
    for n, sentence in enumerate(sentences):
        kind = sentence.kind
        if groups:
            start = groups[-1][0]
            before = sentences[n - 1]
            same = kind == before.kind and (kind != "item" or sentences[start].kind == "item")
            in_list = sentences[start].kind == "item" and kind in {"item", "code"}
            continues = (
                kind == "item" or before.text.rstrip().endswith(":") or _item_follows(sentences, n)
            )
            if same or (in_list and continues):
                groups[-1] = (start, n + 1)
                continue
        groups.append((n, n + 1))
    return groups


def _item_follows(sentences: Sequence[SentencePosition], n: int) -> bool:
    """Whether the next sentence that is no code is an item."""
    rest = (sentence.kind for sentence in sentences[n:] if sentence.kind != "code")
    return next(rest, "") == "item"


def _find_lead_in(
    sentences: Sequence[SentencePosition], words: Sequence[int], start: int
) -> tuple[int, ...]:
    """Find the sentence before a list or code that introduces it, or the header of a table."""
    before = start - 1
    if before < 0 or sentences[start].kind in _TEXT_KINDS:
        return ()
    if sentences[start].kind == "row":
        return (before,) if sentences[before].kind == "header" else ()
    return (before,) if _introduces(sentences[before], words[before]) else ()


def _introduces(sentence: SentencePosition, words: int) -> bool:
    text = sentence.text.rstrip()
    introduces = text.endswith(":") or bool(_POINTS_BELOW.search(text))
    return introduces and words <= _MAX_LEAD_IN_WORDS


def _item_sentences(
    sentences: Sequence[SentencePosition], words: Sequence[int], start: int, n: int
) -> range:
    """Return the sentences of the same item: all of a short one, else those before sentence n."""
    first, end = n, n + 1
    while first > start and sentences[first - 1].lines == sentences[n].lines:
        first -= 1
    while end < len(sentences) and sentences[end].lines == sentences[n].lines:
        end += 1
    return range(first, end if sum(words[first:end]) <= _MAX_WHOLE_ITEM else n)


def _antecedent(sentences: Sequence[SentencePosition], n: int) -> tuple[int, ...]:
    """Return the sentence that this one refers back to, in the same paragraph."""
    if not n or not refers_back(sentences[n].text):
        return ()
    before = sentences[n - 1]
    is_same = (before.lines, before.kind) == (sentences[n].lines, sentences[n].kind)
    return (n - 1,) if is_same else ()


def _find_exception(
    sentences: Sequence[SentencePosition], words: Sequence[int], n: int
) -> tuple[int, ...]:
    """Return the sentence after a rule that limits it: "Unless …", "People who … get nothing"."""
    after = n + 1
    if after >= len(sentences) or not _LIMITS.match(sentences[after].text):
        return ()
    is_same = sentences[after].lines == sentences[n].lines and sentences[n].kind in _TEXT_KINDS
    return (after,) if is_same and words[after] <= _MAX_LEAD_IN_WORDS else ()


Selection = dict[int, set[int]]
"""The numbers of the chosen sentences of each section."""


def select_sentences(
    sections: Sequence[ScoredSection], *, max_words: int = MAX_WORDS, max_runs: int = MAX_RUNS
) -> Selection:
    """Select the sentences that answer, from at most `max_runs` places.

    Where the first sentence of the section that most is quoted from belongs to the answer and does
    not fit, less of the rest is quoted.
    """
    chosen = _select_greedily(sections, {}, max_words, max_runs)
    if not chosen:
        return _select_likeliest(sections)
    _add_openings(sections, chosen, max_words, max_runs)
    main = max(chosen, key=lambda s: sum(sections[s].probabilities[n] for n in chosen[s]))
    may_begin = 0 not in chosen[main] and sections[main].words[0] <= max_words
    may_begin = may_begin and {0} >= set(sections[main].needs[0])
    if may_begin and _is_opening(sections[main], chosen[main], is_only=len(chosen) == 1):
        shorter = _select_greedily(sections, {main: {0}}, max_words, max_runs)
        if _is_alike(sections, shorter, chosen):
            _add_openings(sections, shorter, max_words, max_runs)
            return shorter
    return chosen


def _is_alike(sections: Sequence[ScoredSection], shorter: Selection, chosen: Selection) -> bool:
    """Whether a selection answers about as probably as another."""
    own, other = (
        sum(sections[s].probabilities[n] for s, numbers in selection.items() for n in numbers)
        for selection in (shorter, chosen)
    )
    return own >= _MIN_SHORTER_SHARE * other


def _select_greedily(
    sections: Sequence[ScoredSection], seed: Selection, max_words: int, max_runs: int
) -> Selection:
    candidates = [
        (s, n)
        for s, section in enumerate(sections)
        for n, probability in enumerate(section.probabilities)
        if probability >= _MIN_PROBABILITY and _may_stand_alone(section, n)
    ]
    chosen = {s: set(numbers) for s, numbers in seed.items()}
    texts = {sections[s].sentences[n].text.casefold() for s in seed for n in seed[s]}
    used = sum(sections[s].words[n] for s in seed for n in seed[s])
    gained = 0.0
    while used < _MIN_WORDS or gained < _ENOUGH:
        runs = _count_runs(sections, chosen)
        best: tuple[float, int, set[int]] | None = None
        for s, n in candidates:
            section, own = sections[s], chosen.get(s, set())
            if n in own:
                continue
            if section.sentences[n].text.casefold() in texts:
                continue  # the guide says it twice
            added = {
                m
                for m in _add_needs(section, own, n)
                if section.sentences[m].text.casefold() not in texts
            }
            cost = sum(section.words[m] for m in added)
            gain = sum(section.probabilities[m] for m in added)
            if used + cost > max_words or gain < _MIN_GAIN:
                continue
            new_runs = _count_runs(sections, chosen | {s: own | added})
            least = _MIN_RUN_RATIO if s in chosen else _MIN_SECTION_RATIO
            if new_runs > max_runs or (new_runs > runs and gain < least * gained):
                continue
            if (n - 1 in own or n + 1 in own) and section.sentences[n].kind != "row":
                gain *= _ADJACENT_BONUS
            value = gain / max(cost, 6) ** _LENGTH_POWER
            if best is None or value > best[0]:
                best = (value, s, added)
        if best is None:
            break
        _, s, added = best
        chosen.setdefault(s, set()).update(added)
        texts.update(sections[s].sentences[m].text.casefold() for m in added)
        used += sum(sections[s].words[m] for m in added)
        gained += sum(sections[s].probabilities[m] for m in added)
    return chosen


def _add_openings(
    sections: Sequence[ScoredSection], chosen: Selection, max_words: int, max_runs: int
) -> None:
    """Add the first sentence of each chosen section whose answer begins with it."""
    used = sum(sections[s].words[n] for s in chosen for n in chosen[s])
    for s, own in chosen.items():
        words = sections[s].words[0]
        if 0 in own or used + words > max_words or not own >= set(sections[s].needs[0]):
            continue
        if not _is_opening(sections[s], own, is_only=len(chosen) == 1):
            continue
        if _count_runs(sections, chosen | {s: own | {0}}) <= max_runs:
            own.add(0)
            used += words


def _is_opening(section: ScoredSection, chosen: set[int], *, is_only: bool) -> bool:
    """Whether a section's first sentence begins the answer that is chosen of it.

    It does if its heading is about the question, or if a list in it is the whole answer.
    """
    is_list = is_only and any(section.sentences[n].kind == "item" for n in chosen)
    is_titled = is_list or section.heading_share >= _MIN_HEADING_SHARE
    is_short = section.words[0] <= _MAX_OPENING_WORDS
    is_prose = section.sentences[0].kind == "prose" and _may_stand_alone(section, 0)
    return is_titled and is_short and is_prose


def _may_stand_alone(section: ScoredSection, n: int) -> bool:
    """Whether a sentence says something by itself: no header, no label, no lead-in, no "Yes."."""
    sentence, words = section.sentences[n], section.words[n]
    is_last = n + 1 == len(section.sentences)
    if is_last and sentence.text.rstrip().endswith(":"):
        return False  # what it introduces is in sections of its own
    if sentence.kind not in {"prose", "quote"} or any(map(str.isdigit, sentence.text)):
        return sentence.kind != "header"
    ends = sentence.text.rstrip().endswith(_SENTENCE_ENDS)
    # Scripts without spaces between words have one word in a sentence.
    return words >= _MIN_LABEL_WORDS or not sentence.text.isascii() or (ends and words > 1)


def _select_likeliest(sections: Sequence[ScoredSection]) -> Selection:
    """Select the likeliest sentence, where none fits: a long piece of code is quoted whole."""
    likeliest = max(
        (
            (probability, -s, -n)
            for s, section in enumerate(sections)
            for n, probability in enumerate(section.probabilities)
        ),
        default=None,
    )
    if likeliest is None:
        return {}
    _, s, n = likeliest
    return {-s: _add_needs(sections[-s], set(), -n)}


def _add_needs(section: ScoredSection, chosen: set[int], n: int) -> set[int]:
    """Return a sentence with all that it needs, without what is chosen already."""
    added: set[int] = set()
    waiting = [n]
    while waiting:
        m = waiting.pop()
        if m not in added and m not in chosen:
            added.add(m)
            waiting += section.needs[m]
    for between, beyond in ((n - 1, n - 2), (n + 1, n + 2)):
        is_gap = beyond in chosen and between not in chosen
        is_gap = is_gap and section.sentences[between].kind != "row"
        is_understood = is_gap and added | chosen >= set(section.needs[between])
        if is_understood and section.words[between] <= _MAX_GAP_WORDS:
            added.add(between)
    return added


def _count_runs(sections: Sequence[ScoredSection], chosen: Selection) -> int:
    """Count the places that are quoted: rows of one table are one place."""
    return sum(
        _begins_run(sections[s].sentences, numbers, n)
        for s, numbers in chosen.items()
        for n in numbers
    )


def _begins_run(sentences: Sequence[SentencePosition], chosen: set[int], n: int) -> bool:
    if n - 1 in chosen:
        return not _is_same_passage(sentences, n)
    before = n - 1
    while before >= 0 and sentences[n].kind == "row" and sentences[before].kind in _TABLE_KINDS:
        if before in chosen:
            return False
        before -= 1
    return True


def _is_same_passage(sentences: Sequence[SentencePosition], n: int) -> bool:
    """Whether a sentence is in the passage of the one before it."""
    return n > 0 and sentences[n].passage is sentences[n - 1].passage


def make_quotes(sections: Sequence[ScoredSection], chosen: Selection) -> list[Quote]:
    """Make the quotes of the chosen sentences, in the order of the sections and their text.

    Those at least half as likely as the likeliest are highlighted, unless all are.
    """
    quotes: list[Quote] = []
    probabilities = [sections[s].probabilities[n] for s, numbers in chosen.items() for n in numbers]
    threshold = _HIGHLIGHT_RATIO * max(probabilities, default=0.0)
    some_below = any(probability < threshold for probability in probabilities)
    for s in sorted(chosen):
        sentences = sections[s].sentences
        for n in sorted(chosen[s]):
            passage, position = sentences[n].passage, sentences[n].number
            is_highlight = some_below and sections[s].probabilities[n] >= threshold
            marks = (position,) if is_highlight else ()
            if n - 1 in chosen[s] and _is_same_passage(sentences, n):
                before = quotes[-1]
                quotes[-1] = Quote(passage, before.first, position, (*before.highlights, *marks))
            else:
                quotes.append(Quote(passage, position, position, marks))
    return quotes
