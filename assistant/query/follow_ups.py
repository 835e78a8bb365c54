"""How a question leans on the talk before it, and how it is read without that talk; pure.

Knows follow-ups, answers to what the agent asked, and questions that are several in one.
Must not know any guide.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assistant import deadline
from assistant.models.answers import MARKER, REFUSAL
from assistant.query.question_type import parse_question
from assistant.text.text import (
    MAX_QUERY_CHARS,
    STOPWORDS,
    normalise,
    split_sentences,
    split_words,
    stem,
    truncate,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from assistant.models.answers import Turn
    from assistant.query.question_type import Question

_CONNECTIVE = re.compile(
    r"^(?:(?:and|but|or|so|ok(?:ay)?|then|also|plus|what about|how about|what of|same for|"
    r"as for)\b[ ,]*){1,8}",
    re.I,
)
# "This page" is the guide's own: it stands for nothing that was said.
_PRONOUN = re.compile(
    r"\b(?P<plural>they|them|these|those)\b|\b(?P<owner>their|its|his|her)\b|"
    r"\b(?P<single>it|(?:this|that)(?! (?:it|they|he|she|we|you|i|the|an?|there|these|those)\b)|"
    r"he|she|him|one of them|(?<=\bbe )one|(?<=\bhire )one|(?<=\bbecome )one)\b"
    r"(?! (?:is|was) (?:said|called)\b| (?:article|page|section|guide|document|site)\b)",
    re.I,
)
_PRONOUN_KINDS = {
    **dict.fromkeys("he she him his her".split(), "person"),
    **dict.fromkeys("they them their these those".split(), "group"),
}
_SMALL_TALK = re.compile(
    r"^(?:(?:many )?thanks?(?: you)?(?: (?:so|very) much)?|great|cool|perfect|nice|got it|i see|"
    r"hi|hello|hey|yes|no|yeah|ok(?:ay)?|good(?: (?:morning|day))?|alright|right|[ ,!.]){1,60}$",
    re.I,
)
_REPLY = re.compile(
    r"^(?:yes|yeah|yep|yup|no|nope|nah|not|correct|right|sure|of course|i|i'm|we|my)\b", re.I
)
_QUESTION_WORD = re.compile(r"\b(?:what|who|how|why|when|where|which|can i|do i)\b", re.I)
_DUMMY_IT = re.compile(
    r"^(?>.*?\b(?:is|was|does|will|would|can|if|when|make|makes) it\b).*?\b(?:to|that|for)\b", re.I
)
_WHICH_ONE = re.compile(
    r"^(?:and |but |so )?which (?:ones?\b|of (?:them|these|those|the \w+)\b|"
    r"(?:is|are|was|has|have|do|does|should|would|can)\b)",
    re.I,
)
_BARE_FOLLOW_UP = re.compile(
    r"^(?:why(?: not)?|how so|how come|since when|like what|such as|for example|really|"
    r"who|when|where|tell me more|more|go on|(?:is there )?any(?:thing|one|where) else|"
    r"(?:what|who|where|how) else|(?:are there )?any others?|"
    r"(?:(?:at|for|in|by|from|on|to|of|with) )?(?:which|what|how|whose|whom)(?: \w+)?)\W*$",
    re.I,
)
_VERBAL = re.compile(
    r"\b(?:is|are|was|were|be|do|does|did|can|could|should|would|will|has|have|had|may|might|must|need|want|how|why|when|where|who)\b",
    re.I,
)
_LEADING_PREPOSITION = re.compile(
    r"^(?:from|to|with|than|for|about|of|in|on|by|at|against|as) ", re.I
)
_LAST_ARTICLE = re.compile(r"\b(?:an?|the) $", re.I)
_LIST_PHRASE = re.compile(r"\b\w+ of [\w -]{1,60}?(?= (?:are|exist|is|do|does)\b|\W*$)", re.I)
# Names: words with a capital, small words allowed inside them.
_NAME = re.compile(
    r"\b[A-Z][\w'’-]*+(?: (?:(?:of|the|and|in|on|for|de|la|von|van) ){0,2}[A-Z][\w'’-]*+){0,20}"
)
# What stands before a place, a time or a work rather than a person.
_BEFORE_NON_PERSON = re.compile(
    r"(?:\b(?:in|at|on|from|for|of|to|the|since|until|by|with) |[\"“])", re.I
)
_POSSESSIVE = re.compile(r"['’]s?$")
# Somebody the same question speaks of: "my son", "an employee", "each member".
_SOMEBODY = re.compile(r"\b(?:an?|my|our|your|each|every) [a-z]|\b(?:some|any)(?:one|body)\b", re.I)
# What opens a question of its own, and where one may begin inside another.
_MODAL = r"(?:is|are|was|were|do|does|did|can|could|should|would|will|has|have|must|may)"
_SOMEONE = r"(?:i|you|we|they|it|he|she|one|the|an?|there|this|that|these|those|my|our|your)"
_NEW_QUESTION = (
    rf"(?:(?:how|what|why|what's|how's)\b|(?:who|where|when|which|whose) (?:to\b|"
    rf"\w+ {_MODAL}\b|{_MODAL}\b)|"
    rf"{_MODAL} {_SOMEONE}\b|(?:(?:please|also|then|can you|could you) ){{0,4}}"
    r"(?:explain|describe|define|list|tell me|instruct)\b)"
)
_QUESTION_BOUNDARY = re.compile(
    r"(?:(?<!\?)\?++ ?(?:(?:and|also|so|but)\b[ ,]*){0,4}|(?<![ ,;])[ ,;]++(?:and|or|"
    r"but) (?:also )?)"
    rf"(?={_NEW_QUESTION})",
    re.I,
)
_CONJUNCTIONS, _WORD_GAP = frozenset(("and", "or", "but")), re.compile(r"[ ,;]+")
_QUESTION_OPENING = re.compile(
    rf"(?:(?:please|so|and|hi|hello|ok(?:ay)?)\b[ ,]*){{0,8}}{_NEW_QUESTION}", re.I
)
_EDGE_CHARACTERS = " ()?!.,;:-–—\"'“”‘’"
MAX_SUBQUERIES = 4
MAX_ELLIPSIS_WORDS = 6
MAX_REPLY_WORDS = 8
MAX_TOPIC_WORDS = 4
MAX_NAMING_WORDS = 12
"""How many words an agent's turn has at most that answers by a name: "Ada and her band"."""

GENERIC_STEMS = frozenset(
    map(
        stem,
        """
        good better best bad worse worst hard harder hardest tough toughest easy easier easiest
        simple simplest difficult challenging risky riskiest safe safest cheap cheapest expensive
        fast fastest quick quickest slow slowest big bigger biggest small smallest large largest
        long longest short new newest old oldest important common useful popular recommended
        become happen consist work change start stop help explain describe example process
        """.split(),
    )
)
"""Stems of what may be asked of anything, so that it says nothing of what is asked about."""

_MAX_TURN_LENGTH = 250
_PRONOUN_WINDOW = 100  # characters before a word that hold the word before it
_MAX_CONTEXT_LENGTH = 700


@dataclass(frozen=True, slots=True)
class _State:
    """What a talk has come to: the last question standing alone, and what each pronoun names.

    `named` goes by the kinds of pronoun; `said` is what the agent said since the question, and
    `heard` all that either said.
    """

    last_question: str = ""
    referents: Mapping[str, str] = field(default_factory=dict)
    agent_reply: str = ""
    messages: tuple[str, ...] = ()

    def advance(self, rewrite: _Rewrite) -> _State:
        """The thread after a question: what it is about by itself, and what it goes on with."""
        before = truncate(rewrite.text)
        if rewrite.continues:
            return replace(self, last_question=before, agent_reply="")
        own = rewrite.referents
        if own is None:
            fresh = _find_topic(rewrite.text)
        else:
            fresh = " and ".join(parse_question(rewrite.text).subjects)
        new = dict.fromkeys(("thing", "group"), fresh) if fresh else {}
        named = {**self.referents, **new, **(own or {})}
        return replace(self, last_question=before, agent_reply="", referents=named)


@dataclass(frozen=True, slots=True)
class _Rewrite:
    """A question that stands alone: whether it goes on with the last, and what its pronoun names.

    `named` is None for a question without a pronoun.
    """

    text: str
    continues: bool = False
    referents: Mapping[str, str] | None = None


def normalise_turns(turns: Sequence[Turn]) -> list[Turn]:
    """What was said before, in the form a question has, and no longer than one.

    Of a longer turn the reader's is cut to its opening, the agent's to its opening and its end,
    where it may ask something. A question is read in the light of turns in this form.
    """
    return [replace(turn, text=_normalise_turn(turn)) for turn in turns]


def _normalise_turn(turn: Turn) -> str:
    half = MAX_QUERY_CHARS // 2
    if turn.role == "agent" and len(turn.text) > MAX_QUERY_CHARS:
        return f"{_truncate(turn.text, half)} … {normalise(turn.text[-half:])[-half:]}"
    return _truncate(turn.text, MAX_QUERY_CHARS)


def _truncate(text: str, longest: int) -> str:
    return truncate(normalise(text[: 4 * longest]), longest)


def rewrite_follow_up(text: str, turns: Sequence[Turn]) -> str:
    """Read the last question of a talk so that it needs no talk before it.

    A question that leans on nothing comes back as it is. What is missing is taken from the
    nearest earlier question of the reader's, itself made to stand alone, or from what the agent
    said after it.
    """
    thread = _State()
    for turn in turns:
        deadline.check()
        if turn.role == "agent":
            said = "" if turn.text == REFUSAL else MARKER.sub("", turn.text)
            thread = replace(thread, agent_reply=said, messages=(*thread.messages, said))
        elif not _SMALL_TALK.match(turn.text):
            thread = replace(thread, messages=(*thread.messages, turn.text))
            thread = thread.advance(_rewrite(turn.text, thread))
    return _rewrite(text, thread).text


def split_questions(text: str) -> tuple[str, ...]:
    """The questions a text asks, in order; one, as it stands, unless each is one by itself.

    A comparison is one question, and so is one that asks several things of one verb.
    """
    if "?" not in text.rstrip("? ") and _CONJUNCTIONS.isdisjoint(_WORD_GAP.split(text.lower())):
        return (text,)
    pieces = [piece.strip(" ,;") for piece in _QUESTION_BOUNDARY.split(text)]
    apart = _QUESTION_OPENING.match(pieces[0]) and _content_words(pieces[0])
    full = all(len(split_words(piece)) > 1 for piece in pieces)
    if not 1 < len(pieces) <= MAX_SUBQUERIES or not apart or not full:
        return (text,)
    if parse_question(text).type == "comparison":
        return (text,)
    return tuple(piece if piece.endswith("?") else piece + "?" for piece in pieces)


def is_reply(text: str, turns: Sequence[Turn]) -> bool:
    """Whether a text does no more than answer what the agent asked last."""
    return (
        bool(turns)
        and turns[-1].role == "agent"
        and bool(_find_clarification(text, turns[-1].text))
    )


def build_context(turns: Sequence[Turn]) -> str:
    """What was talked about, newest first, each turn cut to its opening; empty for no talk.

    The turns are taken as they were said.
    """
    said = [
        MARKER.sub("", turn.text[:MAX_QUERY_CHARS])[:_MAX_TURN_LENGTH]
        for turn in reversed(turns)
        if turn.text != REFUSAL and not _SMALL_TALK.match(truncate(turn.text))
    ]
    return " ".join(said)[:_MAX_CONTEXT_LENGTH]


def _rewrite(text: str, state: _State) -> _Rewrite:
    """One more question of the reader's, read in the light of the thread."""
    if asked_back := _find_clarification(text, state.agent_reply):
        return _Rewrite(f"{asked_back} {text}", continues=True)
    plain = text.strip().rstrip("?!. ")
    before, rest = state.last_question, _CONNECTIVE.sub("", plain)
    if before and _BARE_FOLLOW_UP.match(plain):
        return _Rewrite(f"{plain}: {before}", continues=True)
    led = rest != plain
    verbal = bool(_VERBAL.search(rest))
    if before and led and rest and not verbal and len(split_words(rest)) <= MAX_ELLIPSIS_WORDS:
        return _Rewrite(_substitute_subject(before, parse_question(before), rest))
    if _WHICH_ONE.match(plain) and (topic := _find_topic(before)):
        return _Rewrite(f"{rest} ({topic})?", continues=True)
    pronoun = _find_pronoun(rest)
    if pronoun and not _has_antecedent(rest[: pronoun.start()], pronoun[0].lower()):
        kind = _PRONOUN_KINDS.get(pronoun[0].lower(), "thing")
        name = _resolve_pronoun(kind, state)
        if not name:
            return _Rewrite(text, referents={})
        owner = _make_possessive(name) if pronoun["owner"] else name
        standing = rest[: pronoun.start()] + owner + rest[pronoun.end() :] + "?"
        return _Rewrite(standing, referents={kind: name})
    return _Rewrite(rest + "?" if led and verbal else text)


def _resolve_pronoun(kind: str, state: _State) -> str:
    """What a kind of pronoun stands for: who or what the reader spoke of, else the agent."""
    known = state.referents.get(kind, "")
    if kind == "person":
        return _find_person(state.messages) or " and ".join(
            parse_question(state.last_question).subjects
        )
    answered = len(split_words(state.agent_reply)) <= MAX_NAMING_WORDS and known == _content_words(
        state.last_question
    )
    return (answered and next(iter(_find_names(state.agent_reply)), "")) or known


def _make_possessive(name: str) -> str:
    return name + ("'" if name.endswith("s") and " " in name and name[0].isupper() else "'s")


def _find_clarification(text: str, agent_reply: str) -> str:
    """What the agent asked at the end of what it said, if the text is no more than the reply."""
    if not agent_reply:
        return ""
    spans = split_sentences(agent_reply)
    last = agent_reply[slice(*spans[-1])] if spans else ""
    short = len(split_words(text)) <= MAX_REPLY_WORDS and "?" not in text
    replies = short and _REPLY.match(text) and not _QUESTION_WORD.search(text)
    return last if replies and last.endswith("?") else ""


def _find_topic(last_question: str) -> str:
    """What a standing question is about: what it lists, its subjects, its first name, its nouns."""
    earlier = parse_question(last_question)
    listed = _LIST_PHRASE.search(last_question) if earlier.type == "list" else None
    if listed or earlier.subjects:
        return listed[0] if listed else " and ".join(earlier.subjects)
    spans = split_sentences(last_question)
    last = last_question[slice(*spans[-1])] if spans else ""
    nouns = _content_words(last)
    return next(iter(_find_names(last)), "") or (
        nouns if len(nouns.split()) <= MAX_TOPIC_WORDS else ""
    )


def _find_names(text: str) -> list[str]:
    """The names in a text, as written: what has a capital where no sentence begins."""
    found = []
    for match in _NAME.finditer(text):
        whole = name = match[0].strip(_EDGE_CHARACTERS)
        while name and split_words(name) and split_words(name)[0] in STOPWORDS:
            name = name.partition(" ")[2]
        if name and name[0].isupper() and (match.start() or " " in name or name != whole):
            found.append(_POSSESSIVE.sub("", name))
    return found


def _find_person(messages: Sequence[str]) -> str:
    """Who a talk names most: of the names that no preposition or article leads, the fullest."""
    names: list[str] = []
    for text in messages:
        led = {match.end() for match in _BEFORE_NON_PERSON.finditer(text)}
        names += [name for name in _find_names(text) if text.find(name) not in led]
    common = {word for text in messages for word in text.split() if word.islower()}
    names = [name for name in names if _is_person_name(name, common)]
    counts = Counter(word for name in names for word in name.split())
    if not names:
        return ""
    most = max(names, key=lambda name: max(counts[word] for word in name.split()))
    fuller = [name for name in names if set(most.split()) < set(name.split())]
    return fuller[0] if fuller else most


def _is_person_name(name: str, common: Collection[str]) -> bool:
    """Whether a name may be somebody's: no acronym, and no word of it is said in small letters."""
    if " of " in name or " for " in name:
        return False
    capitalised = [word for word in name.split() if word[0].isupper()]
    return not any(word[1:] != word[1:].lower() or word.lower() in common for word in capitalised)


def _find_pronoun(rest: str) -> re.Match[str] | None:
    """The first word that stands for something said before: no dummy `it`, no relative `that`."""
    dummy = _DUMMY_IT.match(rest)
    for match in _PRONOUN.finditer(rest):
        before = split_words(rest[max(0, match.start() - _PRONOUN_WINDOW) : match.start()])
        noun = bool(before) and (before[-1] not in STOPWORDS or before[-1].endswith("thing"))
        relative = match[0].lower() == "that" and noun
        if not relative and not (dummy and match[0].lower() == "it"):
            return match
    return None


def _has_antecedent(before: str, pronoun: str) -> bool:
    """Whether words before a pronoun give it something of the same question to stand for."""
    if pronoun == "one":
        return False
    if _PRONOUN_KINDS.get(pronoun) == "person":
        return bool(_find_names(before) or _SOMEBODY.search(before))
    return len([word for word in split_words(before) if word not in STOPWORDS]) >= 2


def _substitute_subject(before: str, earlier: Question, rest: str) -> str:
    """The earlier question asked again about something else."""
    preposition = _LEADING_PREPOSITION.match(rest)
    bare = (
        rest[preposition.end() :].strip(_EDGE_CHARACTERS)
        if preposition
        else rest.strip(_EDGE_CHARACTERS)
    )
    if not bare:
        return f"{rest}: {before}"
    if not earlier.subjects:
        place = before.lower().rfind(f" {preposition[0].lower()}") if preposition else -1
        return (
            f"{rest}: {before}"
            if place < 0
            else f"{before[:place]} {rest.strip(_EDGE_CHARACTERS)}?"
        )
    old = earlier.subjects[-1]
    position = before.rfind(old)
    if earlier.type == "list" or position < 0:
        return f"what is {bare} ({old})?"
    return _LAST_ARTICLE.sub("", before[:position]) + bare + before[position + len(old) :]


def _content_words(text: str) -> str:
    """The words of a question that carry its topic, in order."""
    return " ".join(word for word in split_words(text) if word not in STOPWORDS)
