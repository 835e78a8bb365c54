"""Rewrite follow-up questions so that they stand alone, and split several questions in one."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assistant import deadline
from assistant.models.answers import MARKER, OVERVIEW, REFUSAL
from assistant.query.ellipsis import ask_about
from assistant.query.question_type import parse_question
from assistant.query.small_talk import names_no_subject
from assistant.query.standalone import (
    BARE_FOLLOW_UP,
    CONNECTIVE,
    PRONOUN_KINDS,
    VERBAL,
    WHICH_ONE,
    content_words,
    find_names,
    find_pronoun,
    has_antecedent,
    stands_alone,
    strip_change_of_subject,
)
from assistant.text.normalize import MAX_QUERY_CHARS, normalise, truncate
from assistant.text.sentences import split_sentences
from assistant.text.tokenize import split_words, stem

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from assistant.models.answers import Turn

_REPLY = re.compile(
    r"^(?:yes|yeah|yep|yup|no|nope|nah|not|correct|right|sure|of course|i|i'm|we|my)\b", re.I
)
_QUESTION_WORD = re.compile(r"\b(?:what|who|how|why|when|where|which|can i|do i)\b", re.I)
_LEADING_PREPOSITION = re.compile(
    r"^(?:from|to|with|than|for|about|of|in|on|by|at|against|as) ", re.I
)
_LAST_ARTICLE = re.compile(r"\b(?:an?|the) $", re.I)
_LIST_PHRASE = re.compile(r"\b\w+ of [\w -]{1,60}?(?= (?:are|exist|is|do|does)\b|\W*$)", re.I)
# What stands before a place, a time or a work rather than a person.
_BEFORE_NON_PERSON = re.compile(
    r"(?:\b(?:in|at|on|from|for|of|to|the|since|until|by|with) |[\"“])", re.I
)
# How a question starts, and where one may start inside another.
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
_NO_REPLIES = frozenset((REFUSAL, OVERVIEW))
MAX_SUBQUERIES = 4
MAX_ELLIPSIS_WORDS = 6
MAX_BARE_WORDS = 3
"""The most words of a follow-up that only names something, without "and" or "what about"."""
MAX_REPLY_WORDS = 8
MAX_TOPIC_WORDS = 4
MAX_NAMING_WORDS = 12
"""The most words of an agent's turn that answers with a name: "Ada and her band"."""

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
"""Stems of words that fit any subject, and so do not say what a question is about."""

FOLLOW_UP_STEMS = GENERIC_STEMS | frozenset(map(stem, "invent coin originate pioneer".split()))
"""The same for a follow-up, which asks "who invented it?" of what a guide says somebody devised."""

_MAX_TURN_LENGTH = 250
MAX_CONTINUED = 3
_MAX_CONTINUED_LENGTH = 300
_MAX_CONTEXT_LENGTH = 700


@dataclass(frozen=True, slots=True)
class _State:
    """The conversation so far: the last question, rewritten, and what each pronoun refers to.

    `referents` are keyed by the kind of pronoun. `agent_reply` is what the agent wrote since the
    last question, `messages` all that both wrote.
    """

    last_question: str = ""
    referents: Mapping[str, str] = field(default_factory=dict)
    agent_reply: str = ""
    messages: tuple[str, ...] = ()

    def advance(self, rewrite: _Rewrite) -> _State:
        """Return the state after one more question.

        A question that was only put beside the last one is not asked again.
        """
        is_last = rewrite.is_certain or not rewrite.is_substitution
        question = truncate(rewrite.text) if is_last else self.last_question
        if rewrite.continues:
            return replace(self, last_question=question, agent_reply="")
        if rewrite.referents is None:
            topic = _find_topic(rewrite.text)
        else:
            topic = " and ".join(parse_question(rewrite.text).subjects)
        new = dict.fromkeys(("thing", "group"), topic) if topic else {}
        referents = {**self.referents, **new, **(rewrite.referents or {})}
        return replace(self, last_question=question, agent_reply="", referents=referents)


@dataclass(frozen=True, slots=True)
class _Rewrite:
    """A stand-alone question; `continues` is whether it is about the last question's topic.

    `referents` is None for a question without a pronoun. `is_certain` is whether what the question
    leaves out was identified.
    """

    text: str
    continues: bool = False
    referents: Mapping[str, str] | None = None
    is_certain: bool = False
    is_substitution: bool = False


def normalise_turns(turns: Sequence[Turn]) -> list[Turn]:
    """Normalise earlier turns like a question, and truncate them to the length of one.

    Keeps the start of a longer turn; of an agent's also the end, where it may ask something.
    """
    return [replace(turn, text=_normalise_turn(turn)) for turn in turns]


def _normalise_turn(turn: Turn) -> str:
    half = MAX_QUERY_CHARS // 2
    if turn.role == "agent" and len(turn.text) > MAX_QUERY_CHARS:
        return f"{_normalise_start(turn.text, half)} … {normalise(turn.text[-half:])[-half:]}"
    return _normalise_start(turn.text, MAX_QUERY_CHARS)


def _normalise_start(text: str, max_chars: int) -> str:
    return truncate(normalise(text[: 4 * max_chars]), max_chars)


def rewrite_follow_up(text: str, turns: Sequence[Turn]) -> tuple[str, bool]:
    """Rewrite the last question of a conversation so that it stands alone.

    A question that does not depend on the conversation stays as it is. What is missing comes from
    the user's nearest earlier question, or from what the agent wrote after it. The second value is
    whether it was certainly identified.
    """
    state = _State()
    for turn in turns:
        deadline.check()
        if turn.role == "agent":
            reply = "" if turn.text in _NO_REPLIES else MARKER.sub("", turn.text)
            state = replace(state, agent_reply=reply, messages=(*state.messages, reply))
        elif not names_no_subject(turn.text):
            state = replace(state, messages=(*state.messages, turn.text))
            state = state.advance(_rewrite(turn.text, state))
    rewrite = _rewrite(text, state)
    return rewrite.text, rewrite.is_certain


def find_continued(turns: Sequence[Turn]) -> tuple[str, ...]:
    """Find the questions that the next one may continue, oldest first.

    They are the user's last question that stands alone, and what the user asked after it.
    """
    questions: list[str] = []
    for turn in reversed(turns):
        if turn.role == "agent" or names_no_subject(turn.text):
            continue
        text = strip_change_of_subject(turn.text).strip().rstrip("?!. ")
        questions.insert(0, truncate(text, _MAX_CONTINUED_LENGTH) + "?")
        if stands_alone(turn.text) or len(questions) == MAX_CONTINUED:
            break
    return tuple(questions)


def has_main_verb(text: str) -> bool:
    """Whether a question has an auxiliary, a common verb or a question word."""
    return bool(VERBAL.search(text))


def split_questions(text: str) -> tuple[str, ...]:
    """Split a text into its questions, in order; leave it whole unless each part stands alone.

    A comparison is one question, and so are several things asked with one verb.
    """
    if "?" not in text.rstrip("? ") and _CONJUNCTIONS.isdisjoint(_WORD_GAP.split(text.lower())):
        return (text,)
    pieces = [piece.strip(" ,;") for piece in _QUESTION_BOUNDARY.split(text)]
    opens = _QUESTION_OPENING.match(pieces[0]) and content_words(pieces[0])
    complete = all(len(split_words(piece)) > 1 for piece in pieces)
    if not 1 < len(pieces) <= MAX_SUBQUERIES or not opens or not complete:
        return (text,)
    if parse_question(text).type == "comparison":
        return (text,)
    return tuple(piece if piece.endswith("?") else piece + "?" for piece in pieces)


def find_last_question(text: str) -> str:
    """Find the question at the end of a text that begins with a statement; empty without both."""
    spans = split_sentences(text)
    if len(spans) < 2 or "?" in text[: spans[-1][0]]:
        return ""
    last = text[slice(*spans[-1])]
    return last if last.rstrip().endswith("?") else ""


def is_reply(text: str, turns: Sequence[Turn]) -> bool:
    """Whether a text only answers what the agent asked last."""
    if not turns or turns[-1].role != "agent":
        return False
    return bool(_find_clarification(text, turns[-1].text))


def build_context(turns: Sequence[Turn]) -> str:
    """Join the starts of earlier turns, newest first; empty without a conversation.

    Takes the turns as they were written, not normalised.
    """
    texts = [
        MARKER.sub("", turn.text[:MAX_QUERY_CHARS])[:_MAX_TURN_LENGTH]
        for turn in reversed(turns)
        if turn.text not in _NO_REPLIES and not names_no_subject(turn.text)
    ]
    return " ".join(texts)[:_MAX_CONTEXT_LENGTH]


def _rewrite(text: str, state: _State) -> _Rewrite:
    """Rewrite the user's next question in the light of the conversation so far."""
    if clarification := _find_clarification(text, state.agent_reply):
        return _Rewrite(f"{clarification} {text}", continues=True)
    plain = text.strip().rstrip("?!. ")
    last, rest = state.last_question, CONNECTIVE.sub("", plain)
    if last and BARE_FOLLOW_UP.match(plain):
        return _Rewrite(f"{plain}: {last}", continues=True, is_certain=True)
    has_connective = rest != plain
    has_verb = has_main_verb(rest)
    max_words = MAX_ELLIPSIS_WORDS if has_connective else MAX_BARE_WORDS
    if last and rest and not has_verb and 0 < len(split_words(rest)) <= max_words:
        substituted, is_certain = ask_about(last, rest)
        is_certain = is_certain and has_connective
        return _Rewrite(substituted, is_certain=is_certain, is_substitution=True)
    if WHICH_ONE.match(plain) and (topic := _find_topic(last)):
        is_certain = bool(parse_question(last).subjects)
        return _Rewrite(f"{rest} ({topic})?", continues=True, is_certain=is_certain)
    pronoun = find_pronoun(rest)
    if pronoun and not has_antecedent(rest[: pronoun.start()], pronoun[0].lower()):
        kind = PRONOUN_KINDS.get(pronoun[0].lower(), "thing")
        name = _resolve_pronoun(kind, state)
        if not name:
            return _Rewrite(text, referents={})
        replacement = _make_possessive(name) if pronoun["owner"] else name
        rewritten = rest[: pronoun.start()] + replacement + rest[pronoun.end() :] + "?"
        is_certain = name in parse_question(last).subjects and len(name.split()) <= MAX_TOPIC_WORDS
        is_certain = is_certain and not find_pronoun(f"{name} {rest[pronoun.end() :]}")
        return _Rewrite(rewritten, referents={kind: name}, is_certain=is_certain)
    return _Rewrite(rest + "?" if has_connective and has_verb else text)


def _resolve_pronoun(kind: str, state: _State) -> str:
    """Find what a kind of pronoun refers to: in the user's questions, else in the agent's reply."""
    known = state.referents.get(kind, "")
    if kind == "person":
        subjects = parse_question(state.last_question).subjects
        return _find_person(state.messages) or " and ".join(subjects)
    is_short = len(split_words(state.agent_reply)) <= MAX_NAMING_WORDS
    if is_short and known == content_words(state.last_question):
        return next(iter(find_names(state.agent_reply)), "") or known
    return known


def _make_possessive(name: str) -> str:
    return name + ("'" if name.endswith("s") and " " in name and name[0].isupper() else "'s")


def _find_clarification(text: str, agent_reply: str) -> str:
    """Find what the agent asked at the end of its reply, if the text is only an answer to it."""
    if not agent_reply:
        return ""
    spans = split_sentences(agent_reply)
    last = agent_reply[slice(*spans[-1])] if spans else ""
    is_short = len(split_words(text)) <= MAX_REPLY_WORDS and "?" not in text
    is_answer = is_short and _REPLY.match(text) and not _QUESTION_WORD.search(text)
    return last if is_answer and last.endswith("?") else ""


def _find_topic(text: str) -> str:
    """Find what a question is about: what it lists, its subjects, its first name, its nouns."""
    question = parse_question(text)
    phrase = _LIST_PHRASE.search(text) if question.type == "list" else None
    if phrase or question.subjects:
        return phrase[0] if phrase else " and ".join(question.subjects)
    spans = split_sentences(text)
    last = text[slice(*spans[-1])] if spans else ""
    nouns = content_words(last)
    is_short = len(nouns.split()) <= MAX_TOPIC_WORDS
    return next(iter(find_names(last)), "") or (nouns if is_short else "")


def _find_person(messages: Sequence[str]) -> str:
    """Find the person named most: the fullest name that follows no preposition or article."""
    names: list[str] = []
    for text in messages:
        excluded = {match.end() for match in _BEFORE_NON_PERSON.finditer(text)}
        names += [name for name in find_names(text) if text.find(name) not in excluded]
    common = {word for text in messages for word in text.split() if word.islower()}
    names = [name for name in names if _is_person_name(name, common)]
    counts = Counter(word for name in names for word in name.split())
    if not names:
        return ""
    most = max(names, key=lambda name: max(counts[word] for word in name.split()))
    fuller = [name for name in names if set(most.split()) < set(name.split())]
    return fuller[0] if fuller else most


def _is_person_name(name: str, common: Collection[str]) -> bool:
    """Whether a name may be a person's: no acronym, and no word also written in lower case."""
    if " of " in name or " for " in name:
        return False
    capitalised = [word for word in name.split() if word[0].isupper()]
    return not any(word[1:] != word[1:].lower() or word.lower() in common for word in capitalised)
