"""Decide whether a question stands alone, or depends on the conversation before it (English)."""

from __future__ import annotations

import re

from assistant.query.question_type import EDGE_CHARACTERS, parse_question
from assistant.text.normalize import truncate
from assistant.text.tokenize import STOPWORDS, split_words

CONNECTIVE = re.compile(
    r"^(?:(?:and|but|or|so|ok(?:ay)?|then|also|plus|what about|how about|what of|same for|"
    r"as for|(?:no|sorry|not that)\W{1,3}i (?:mean|meant)|i (?:mean|meant))\b[ ,:]*){1,8}",
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
PRONOUN_KINDS = {
    **dict.fromkeys("he she him his her".split(), "person"),
    **dict.fromkeys("they them their these those".split(), "group"),
}
_DUMMY_IT = re.compile(
    r"^(?>.*?\b(?:is|was|does|will|would|can|if|when|make|makes) it\b)"
    r".*?\b(?:to|that|for)\b(?!\W*$)",
    re.I,
)
WHICH_ONE = re.compile(
    r"^(?:and |but |so )?which (?:ones?\b|of (?:them|these|those|the \w+)\b|"
    r"(?:is|are|was|has|have|do|does|should|would|can)\b)",
    re.I,
)
BARE_FOLLOW_UP = re.compile(
    r"^(?:why(?: not)?|how so|how come|since when|like what|such as|for example|really|"
    r"who|when|where|tell me more|more|go on|(?:is there )?any(?:thing|one|where) else|"
    r"(?:what|who|where|how) else|(?:are there )?any others?|"
    r"(?:(?:at|for|in|by|from|on|to|of|with) )?(?:which|what|how|whose|whom)(?: \w+)?)\W*$",
    re.I,
)
VERBAL = re.compile(
    r"\b(?:is|are|was|were|be|do|does|did|can|could|should|would|will|has|have|had|may|might|must|need|want|how|why|when|where|who|"
    r"(?:what|who|where|how)s)\b",
    re.I,
)
# A name: words with a capital; `of`, `the` and the like may stand between them.
_NAME = re.compile(
    r"\b[A-Z][\w'’-]*+(?: (?:(?:of|the|and|in|on|for|de|la|von|van) ){0,2}[A-Z][\w'’-]*+){0,20}"
)
POSSESSIVE = re.compile(r"['’]s?$")
# A person in the same question: "my son", "an employee", "each member".
_SOMEBODY = re.compile(r"\b(?:an?|my|our|your|each|every) [a-z]|\b(?:some|any)(?:one|body)\b", re.I)
_PRONOUN_WINDOW = 100  # how many characters before a pronoun are searched for the word before it

# A new subject that is announced, and thanks or a nod before it.
_NOD = (
    r"(?:(?:ok(?:ay)?|good|great|cool|perfect|nice|alright|right|got it|i see|th(?:an)?x|thanks?"
    r"(?: you)?|thank you)\b[ ,.!;:-]{1,3}){0,4}"
)
_CHANGE_OF_SUBJECT = re.compile(
    rf"^{_NOD}(?:(?:and|but|now|so|just|quick|one|on|to)\b,? ){{0,3}}(?:an? )?"
    r"(?:(?:new|different|another|other|unrelated|separate|next) "
    r"(?:subject|topic|thing|question|matter|note)|something (?:else|different)|anything else)"
    r"(?: now)?[ ]?[,.:;-]{1,3} ?",
    re.I,
)
_NODS = re.compile(rf"^{_NOD}", re.I)
# A word that stands for a thing named before: "can I ask for several?", "what does the third do?".
_PRO_FORM = re.compile(
    r"\b(?:several|others?|ones?|both|neither|either|either way|instead|too|as well|again|same|"
    r"latter|former)(?=\W*$)|"
    r"\b(?:several|both|all|more) (?:at once|at a time|together|at the same time)\b|"
    r"\b(?:the|that|this|each|which|any|every|another) (?:\w+ )?ones?\b|"
    r"\bthe (?:first|second|third|fourth|fifth|last|other|others|latter|former|same|rest)"
    r"(?=\W*$| (?:is|are|was|were|do|does|did|can|could|should|would|will|has|have|in|for|of)\b)",
    re.I,
)
_OPENING = re.compile(
    r"^(?:(?:please|so|hi|hello|hey|well)\b[ ,!.]{0,3}){0,3}"
    r"(?:(?:from|to|for|in|at|by|on|with|of|about) )?"
    r"(?:who|whom|whose|what|which|when|where|why|how|is|are|am|was|were|do|does|did|can|could|"
    r"should|would|will|has|have|had|may|might|must|shall|isn't|aren't|don't|doesn't|can't|won't|"
    r"whats|hows|explain|describe|define|list|name|tell|show|give|compare|"
    r"i (?:want|need|would like|'d like))\b",
    re.I,
)
_BARE_CONDITION = re.compile(r"^(?:if|unless)\b[^,.?!]*$", re.I)  # "if it rains": what then?
# "What is the limit?": of what was spoken of.
_DEFINITE = re.compile(
    r"\bthe [\w-]+$|^what (?:does|do) (?:the|each) [\w-]+ (?:mean|do|stand for)$", re.I
)
_SHORT_OPENINGS = frozenset("whats whos wheres whens hows whys".split())
_MIN_CONTENT_WORDS = 2
_VAGUE_WORDS = frozenset(
    "happen happens work works mean means help long cost costs apply applies change changes paid "
    "late early later longer start end first second third next last part case way kind".split()
)


def strip_change_of_subject(text: str) -> str:
    """Strip the words that announce a new subject; leave any other question as it is."""
    match = _CHANGE_OF_SUBJECT.match(text)
    return text[match.end() :] if match and content_words(text[match.end() :]) else text


def stands_alone(text: str) -> bool:
    """Whether a question depends on nothing before it.

    It announces a new subject, or it is a whole question: with an opening, content words of its
    own, and no word that refers back.
    """
    plain = truncate(text)
    changed = strip_change_of_subject(plain)
    if changed != plain:
        return True
    rest = _strip_nods(plain)
    if _has_follow_up_form(rest) or find_pronoun(rest):
        return False
    question_type = parse_question(rest).type
    if question_type in {"comparison", "resources"}:
        return True
    if question_type == "definition" and not _DEFINITE.search(rest):
        return True
    if not _OPENING.match(rest):
        return False
    return _has_own_subject(rest)


def refers_back(text: str) -> bool:
    """Whether a question needs the conversation before it.

    It opens like a follow-up, or a word in it refers to something that it does not name itself; or
    it has fewer than two content words of its own. Keywords and statements that name their subject
    neither refer back nor stand alone: `default port`, `my screen stays dark`.
    """
    rest = _strip_nods(truncate(text))
    if _has_follow_up_form(rest) or not _has_own_subject(rest):
        return True
    pronoun = find_pronoun(rest)
    return bool(pronoun and not has_antecedent(rest[: pronoun.start()], pronoun[0].lower()))


def _strip_nods(text: str) -> str:
    return _NODS.sub("", text).strip().rstrip("?!. ")


def _has_follow_up_form(rest: str) -> bool:
    starts = (CONNECTIVE, BARE_FOLLOW_UP, WHICH_ONE, _BARE_CONDITION)
    return any(form.match(rest) for form in starts) or bool(_PRO_FORM.search(rest))


def _has_own_subject(rest: str) -> bool:
    words = [word for word in content_words(rest).split() if word not in _VAGUE_WORDS]
    return len(words) >= _MIN_CONTENT_WORDS


def find_pronoun(rest: str) -> re.Match[str] | None:
    """Find the first word that refers back: no dummy `it`, no relative `that`."""
    dummy = _DUMMY_IT.match(rest)
    for match in _PRONOUN.finditer(rest):
        before = split_words(rest[max(0, match.start() - _PRONOUN_WINDOW) : match.start()])
        noun = bool(before) and (before[-1] not in STOPWORDS or before[-1].endswith("thing"))
        relative = match[0].lower() == "that" and noun
        if not relative and not (dummy and match[0].lower() == "it"):
            return match
    return None


def has_antecedent(before: str, pronoun: str) -> bool:
    """Whether the words before a pronoun name something that it may refer to."""
    if pronoun == "one":
        return False
    if PRONOUN_KINDS.get(pronoun) == "person":
        return bool(find_names(before) or _SOMEBODY.search(before))
    return len([word for word in split_words(before) if word not in STOPWORDS]) >= 2


def find_names(text: str) -> list[str]:
    """Find the names in a text, as written: words with a capital where no sentence starts."""
    names = []
    for match in _NAME.finditer(text):
        whole = name = match[0].strip(EDGE_CHARACTERS)
        while name and split_words(name) and split_words(name)[0] in STOPWORDS:
            name = name.partition(" ")[2]
        if name and name[0].isupper() and (match.start() or " " in name or name != whole):
            names.append(POSSESSIVE.sub("", name))
    return names


def content_words(text: str) -> str:
    """Join the words of a question that are no stopwords, in order."""
    words = split_words(text)
    return " ".join(word for word in words if word not in STOPWORDS | _SHORT_OPENINGS)
