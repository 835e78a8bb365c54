"""Rewrite follow-up questions so that they stand alone, and split several questions in one."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assistant import deadline
from assistant.models.answers import MARKER, REFUSAL
from assistant.query.question_type import parse_question
from assistant.text.normalize import MAX_QUERY_CHARS, normalise, truncate
from assistant.text.sentences import split_sentences
from assistant.text.tokenize import STOPWORDS, split_words, stem

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from assistant.models.answers import Turn
    from assistant.query.query import Question

_CONNECTIVE = re.compile(
    r"^(?:(?:and|but|or|so|ok(?:ay)?|then|also|plus|what about|how about|what of|same for|"
    r"as for)\b[ ,]*){1,8}",
    re.I,
)
# "This page" is the guide's: it refers to nothing in the conversation.
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
# A name: words with a capital; `of`, `the` and the like may stand between them.
_NAME = re.compile(
    r"\b[A-Z][\w'’-]*+(?: (?:(?:of|the|and|in|on|for|de|la|von|van) ){0,2}[A-Z][\w'’-]*+){0,20}"
)
# What stands before a place, a time or a work rather than a person.
_BEFORE_NON_PERSON = re.compile(
    r"(?:\b(?:in|at|on|from|for|of|to|the|since|until|by|with) |[\"“])", re.I
)
_POSSESSIVE = re.compile(r"['’]s?$")
# A person in the same question: "my son", "an employee", "each member".
_SOMEBODY = re.compile(r"\b(?:an?|my|our|your|each|every) [a-z]|\b(?:some|any)(?:one|body)\b", re.I)
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
_EDGE_CHARACTERS = " ()?!.,;:-–—\"'“”‘’"
MAX_SUBQUERIES = 4
MAX_ELLIPSIS_WORDS = 6
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

_MAX_TURN_LENGTH = 250
_PRONOUN_WINDOW = 100  # how many characters before a pronoun are searched for the word before it
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
        """Return the state after one more question."""
        question = truncate(rewrite.text)
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

    `referents` is None for a question without a pronoun.
    """

    text: str
    continues: bool = False
    referents: Mapping[str, str] | None = None


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


def rewrite_follow_up(text: str, turns: Sequence[Turn]) -> str:
    """Rewrite the last question of a conversation so that it stands alone.

    A question that does not depend on the conversation stays as it is. What is missing comes from
    the user's nearest earlier question, itself rewritten, or from what the agent wrote after it.
    """
    state = _State()
    for turn in turns:
        deadline.check()
        if turn.role == "agent":
            reply = "" if turn.text == REFUSAL else MARKER.sub("", turn.text)
            state = replace(state, agent_reply=reply, messages=(*state.messages, reply))
        elif not _SMALL_TALK.match(turn.text):
            state = replace(state, messages=(*state.messages, turn.text))
            state = state.advance(_rewrite(turn.text, state))
    return _rewrite(text, state).text


def split_questions(text: str) -> tuple[str, ...]:
    """Split a text into its questions, in order; leave it whole unless each part stands alone.

    A comparison is one question, and so are several things asked with one verb.
    """
    if "?" not in text.rstrip("? ") and _CONJUNCTIONS.isdisjoint(_WORD_GAP.split(text.lower())):
        return (text,)
    pieces = [piece.strip(" ,;") for piece in _QUESTION_BOUNDARY.split(text)]
    opens = _QUESTION_OPENING.match(pieces[0]) and _content_words(pieces[0])
    complete = all(len(split_words(piece)) > 1 for piece in pieces)
    if not 1 < len(pieces) <= MAX_SUBQUERIES or not opens or not complete:
        return (text,)
    if parse_question(text).type == "comparison":
        return (text,)
    return tuple(piece if piece.endswith("?") else piece + "?" for piece in pieces)


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
        if turn.text != REFUSAL and not _SMALL_TALK.match(truncate(turn.text))
    ]
    return " ".join(texts)[:_MAX_CONTEXT_LENGTH]


def _rewrite(text: str, state: _State) -> _Rewrite:
    """Rewrite the user's next question in the light of the conversation so far."""
    if clarification := _find_clarification(text, state.agent_reply):
        return _Rewrite(f"{clarification} {text}", continues=True)
    plain = text.strip().rstrip("?!. ")
    last, rest = state.last_question, _CONNECTIVE.sub("", plain)
    if last and _BARE_FOLLOW_UP.match(plain):
        return _Rewrite(f"{plain}: {last}", continues=True)
    has_connective = rest != plain
    has_verb = bool(_VERBAL.search(rest))
    is_short = len(split_words(rest)) <= MAX_ELLIPSIS_WORDS
    if last and has_connective and rest and not has_verb and is_short:
        return _Rewrite(_substitute_subject(last, parse_question(last), rest))
    if _WHICH_ONE.match(plain) and (topic := _find_topic(last)):
        return _Rewrite(f"{rest} ({topic})?", continues=True)
    pronoun = _find_pronoun(rest)
    if pronoun and not _has_antecedent(rest[: pronoun.start()], pronoun[0].lower()):
        kind = _PRONOUN_KINDS.get(pronoun[0].lower(), "thing")
        name = _resolve_pronoun(kind, state)
        if not name:
            return _Rewrite(text, referents={})
        replacement = _make_possessive(name) if pronoun["owner"] else name
        rewritten = rest[: pronoun.start()] + replacement + rest[pronoun.end() :] + "?"
        return _Rewrite(rewritten, referents={kind: name})
    return _Rewrite(rest + "?" if has_connective and has_verb else text)


def _resolve_pronoun(kind: str, state: _State) -> str:
    """Find what a kind of pronoun refers to: in the user's questions, else in the agent's reply."""
    known = state.referents.get(kind, "")
    if kind == "person":
        subjects = parse_question(state.last_question).subjects
        return _find_person(state.messages) or " and ".join(subjects)
    is_short = len(split_words(state.agent_reply)) <= MAX_NAMING_WORDS
    if is_short and known == _content_words(state.last_question):
        return next(iter(_find_names(state.agent_reply)), "") or known
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
    nouns = _content_words(last)
    is_short = len(nouns.split()) <= MAX_TOPIC_WORDS
    return next(iter(_find_names(last)), "") or (nouns if is_short else "")


def _find_names(text: str) -> list[str]:
    """Find the names in a text, as written: words with a capital where no sentence starts."""
    names = []
    for match in _NAME.finditer(text):
        whole = name = match[0].strip(_EDGE_CHARACTERS)
        while name and split_words(name) and split_words(name)[0] in STOPWORDS:
            name = name.partition(" ")[2]
        if name and name[0].isupper() and (match.start() or " " in name or name != whole):
            names.append(_POSSESSIVE.sub("", name))
    return names


def _find_person(messages: Sequence[str]) -> str:
    """Find the person named most: the fullest name that follows no preposition or article."""
    names: list[str] = []
    for text in messages:
        excluded = {match.end() for match in _BEFORE_NON_PERSON.finditer(text)}
        names += [name for name in _find_names(text) if text.find(name) not in excluded]
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


def _find_pronoun(rest: str) -> re.Match[str] | None:
    """Find the first word that refers back: no dummy `it`, no relative `that`."""
    dummy = _DUMMY_IT.match(rest)
    for match in _PRONOUN.finditer(rest):
        before = split_words(rest[max(0, match.start() - _PRONOUN_WINDOW) : match.start()])
        noun = bool(before) and (before[-1] not in STOPWORDS or before[-1].endswith("thing"))
        relative = match[0].lower() == "that" and noun
        if not relative and not (dummy and match[0].lower() == "it"):
            return match
    return None


def _has_antecedent(before: str, pronoun: str) -> bool:
    """Whether the words before a pronoun name something that it may refer to."""
    if pronoun == "one":
        return False
    if _PRONOUN_KINDS.get(pronoun) == "person":
        return bool(_find_names(before) or _SOMEBODY.search(before))
    return len([word for word in split_words(before) if word not in STOPWORDS]) >= 2


def _substitute_subject(last: str, question: Question, rest: str) -> str:
    """Ask the last question again about something else."""
    preposition = _LEADING_PREPOSITION.match(rest)
    bare = (rest[preposition.end() :] if preposition else rest).strip(_EDGE_CHARACTERS)
    if not bare:
        return f"{rest}: {last}"
    if not question.subjects:
        start = last.lower().rfind(f" {preposition[0].lower()}") if preposition else -1
        if start < 0:
            return f"{rest}: {last}"
        return f"{last[:start]} {rest.strip(_EDGE_CHARACTERS)}?"
    old = question.subjects[-1]
    start = last.rfind(old)
    if question.type == "list" or start < 0:
        return f"what is {bare} ({old})?"
    return _LAST_ARTICLE.sub("", last[:start]) + bare + last[start + len(old) :]


def _content_words(text: str) -> str:
    """Join the words of a question that are no stopwords, in order."""
    return " ".join(word for word in split_words(text) if word not in STOPWORDS)
