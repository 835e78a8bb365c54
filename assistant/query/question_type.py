"""Classify a question by its own words: comparison, definition, list, steps, … (English)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from assistant.query.identifiers import find_versions
from assistant.query.query import Question
from assistant.text.normalize import truncate
from assistant.text.tokenize import STOPWORDS, split_words, stem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.models.documents import ResourceKind
    from assistant.query.query import QuestionType

    ResourceFact = Literal["author", "minutes", "place"]

# Polite phrases before a question, and the words they may precede.
_LEAD = re.compile(
    r"^(?:(?:so|ok(?:ay)?|well|hi|hello|hey|please)\b[ ,]*){0,8}"
    r"(?:(?:can|could|would|will) you (?:please )?(?:tell me |clarify )?"
    r"(?=(?:explain|define|describe|compare|contrast|list|name|what|who|how|why|the)\b)|"
    r"(?:please )?(?:tell|show) me (?=(?:what|who|how|why|the difference)\b)|"
    r"(?:do you know|i (?:want|would like|need) to know|i wonder) "
    r"(?=(?:what|who|how|why|if|whether)\b))?",
    re.I,
)
_JOIN = r"(?:and|vs\.?|versus|or|from|to|with|than|against|/|&)"
_DO = r"(?:does|do|did|can|would)"
_BE = r"(?:is|are|was|were|isn't|aren't)"
_SAME = (
    r"(?:the )?same(?: thing)? as|different (?:from|to|than)|identical to|similar to|"
    r"interchangeable with|better than|another (?:word|name) for"
)
_ALIKE = (
    r"(?:(?:the )?same(?: thing)?|different|identical|interchangeable|similar|alike|equal|"
    r"equivalent)"
)
_WHAT = r"(?:(?:what(?: is| are|'s)|explain|describe|define|compare|tell me about) )?"


# A question after a statement: "I started on Monday, when am I paid?".
_QUESTION_CLAUSE = re.compile(
    r"(?:[,;.!?)]|\s[-–—])\s+(?:(?:and|so|but|then|now)\b[ ,]*){0,3}(?P<question>"
    r"(?:how|what(?:['’]?s)?|when|where|who(?:m|se|['’]?s)?|which|why)\b|"
    r"(?:can|could|do|does|did|is|are|am|was|should|must|may|will|would|has|have) "
    r"(?:i|we|you|it|they|he|she|there|this|that|the|my|our|an?|any(?:one|body)?|some(?:one|body)|"
    r"every(?:one|body))\b)",
    re.I,
)
_OPENS_QUESTION = re.compile(
    r"(?:(?:how|what|where|who|whom|whose|which|why)\w{0,2}\b|"
    r"(?:can|could|do|does|did|is|are|am|should|must|may|will|would|has|have)\b|"
    r"(?:define|explain|describe|compare|list|name|show|tell|give)\b|"
    r"when (?:is|are|do|does|did|can|will|was|should|must)\b)",
    re.I,
)
_BACK_REFERENCES = frozenset("it that this they them these those each one".split())


@lru_cache(maxsize=256)
def find_question_clause(text: str) -> str:
    """Find the question after a statement, a condition or a greeting; the whole text without one.

    Reads the first 2,000 characters.
    """
    start = truncate(text)
    match = None if _OPENS_QUESTION.match(_LEAD.sub("", start)) else _QUESTION_CLAUSE.search(start)
    return start[match.start("question") :] if match else start


def _sides(opens: str, joins: str, ends: str = "", *, anywhere: bool = True) -> str:
    """Build a pattern for two sides: what precedes, separates and follows them.

    Each part matches at its first place and is not retried later in the text, so that the time is
    linear in the length of the text: where the first place does not match, a later one does not.
    """
    first = rf"^(?>.*?{opens})" if anywhere else rf"^{opens}"
    last = rf"(?P<b>.+?){ends}" if ends else r"(?P<b>.+)"
    return rf"{first}(?>(?P<a>.+?){joins}){last}"


_HOW = r"\b(?:how|in what ways?)"
_COMPARISONS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        _sides(
            "",
            r" (?:or|and|vs\.?|versus) ",
            r"(?: ?[-–—,:;?.])? (?:is there|are there|what(?:['’]?s| is| are)|whats) "
            r"(?:an?|any|the) differences?\b.*",
            anywhere=False,
        ),
        # After "between", "and" separates the sides, whatever else the two names contain.
        _sides(
            r"\b(?:differ\w{0,20}|distin\w{1,20}|gap|compar\w{1,20}|contrast|relationship|"
            r"similarit\w{1,20}|choose|choice)\b[\w ]{0,12}? between ",
            " and ",
        ),
        _sides(r"\bhow (?:different|similar) (?:is|are) ", " (?:from|to|and) "),
        _sides(
            r"\b(?:differences?|distinction|gap|comparison|contrast|relationship|"
            r"different(?! \w{1,40} of))\b[\w ]{0,12}? (?:between|of|about|btw|b/w) ",
            rf" {_JOIN} ",
        ),
        _sides(
            r"\b(?:differences?|compare|comparing|contrast|distinguish|differentiate|tell apart) "
            r"(?:between )?",
            rf" {_JOIN} ",
        ),
        _sides(
            rf"\b(?:how|why|in what ways?) {_BE} ",
            rf" (?:not |any |so )?(?:distinct from|distinguished from|unlike|{_SAME}) ",
        ),
        _sides(rf"{_HOW} {_DO} ", " (?:differ|compare|vary|relate) (?:from|to|with) "),
        _sides(rf"{_DO} ", " (?:really )?differ from ", anywhere=False),
        _sides(r"\bhow ", " (?:differs?|(?:is|are) different) from "),
        _sides(rf"{_HOW} (?:{_DO}|are|is) ", " and ", r" (?:differ(?:ent)?|compare|related?)\b"),
        _sides(rf"{_DO} ", " and ", r" (?:really )?differ\b", anywhere=False),
        _sides(r"\bwhat (?:distinguishes|separates|differentiates) ", " from "),
        _sides(r"\bwhat (?:sets|makes) ", " (?:apart|different) from "),
        _sides(
            "(?:is|are) ", " or ", r" (?:better|worse|\w{1,20}er|more \w{1,40})$", anywhere=False
        ),
        _sides(rf"what {_DO} ", " and ", r" do differently\b", anywhere=False),
        _sides(r"\btell ", " (?:apart )?from "),
        _sides(r"\btell ", " and ", r" apart\b"),
        _sides(
            rf"(?:so )?(?:{_BE} )?",
            rf" (?:not |really |just |exactly )?(?:{_SAME}) ",
            anywhere=False,
        ),
        _sides(rf"{_BE} ", " (?:just|basically) (?:an?|another) ", anywhere=False),
        _sides(rf"{_BE} ", " and ", rf" (?:really )?{_ALIKE}\b", anywhere=False),
        _sides(
            _WHAT,
            " (?:(?:as )?compared (?:to|with)|as opposed to|in contrast (?:to|with)) ",
            anywhere=False,
        ),
        (
            rf"(?:^|[,;:] ?){_WHAT}(?P<a>[^,;:]+?) ?(?:\bvs\.?|\bversus\b|"
            rf"(?<= )v\.?(?= [a-z])) ?(?P<b>[^,;:]+)"
        ),
        r"^(?P<a>[\w .-]{1,40}?) or (?P<b>[\w .-]{1,40}?) ?[:,?] ?(?:what|which|how)\b",
        r"^which\b[^,:]*+[,:] ?(?P<a>[\w .-]{1,40}?) or (?P<b>[\w .-]{1,40})$",
        (
            r"^(?!(?:is|are|do|does|can|should|will|would|to|how|what|who|why|when|where|i|we|my|you|"
            r"it|if|please|need|"
            r"want)\b)(?P<a>[\w.-]++(?: [\w.-]++){0,5}?) or (?P<b>[\w.-]++(?: "
            r"[\w.-]++){0,5})$"
        ),
        (
            r"^(?>(?P<a>[^,;:]+?)(?: and |"
            r" ?/ ?))(?P<b>[^,;:]+?)[:,; ]{1,3}(?:-+ )?(?:what(?: is|'s)? )?"
            r"(?:the )?differences?\b"
        ),
        *(
            rf"^(?:the )?differences? (?!in\b|for\b|"
            rf"at\b)(?P<a>\S++(?: \S++){{{n}}}) (?P<b>\S++(?: \S++){{{n}}})$"
            for n in range(3)
        ),
    )
)
_SHORT_DIFFERENCE = re.compile(r"\bdiff\b", re.I)
_TRAILING_DIFFERENCE = re.compile(r" differences?$", re.I)
_DEFINITIONS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"^what (?:does|do|did) (?:you|we|they|people) mean by (?P<a>.+)",
        r"^what (?:does|do|did) (?P<a>.+?) (?:mean|stand for|refer to|signify)\b",
        (
            r"^what(?: (?:exactly )?(?:is|are|was|were)|'s) (?:exactly )?(?:meant by|"
            r"the (?:meaning|definition) of) (?P<a>.+)"
        ),
        r"^(?:define|explain|describe) (?:what )?(?P<a>.+?)(?: (?:is|are|means?))?$",
        r"^(?:the )?(?:meaning|definition) of (?P<a>.+)",
        r"^(?:what|who)(?: exactly)?(?: (?:is|are|was|were)|'s|'re) (?:exactly )?(?P<a>.+)",
        r"^tell me (?:more )?about (?P<a>.+)",
        r"^what (?P<a>.+?) (?:is|are|means?)$",
        (
            r"^(?!(?:how|why|when|where|who|which|is|are|do|does|can|should)\b)"
            r"(?P<a>.+?) (?:meaning|definition|defined|explained)$"
        ),
    )
)
_LISTS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        (
            r"^(?>.*?\b(?:types|kinds|sorts|categories|varieties|classes|forms|flavou?rs|examples|list|parts|"
            r"pillars|phases|stages|components|elements|levels|responsibilities|duties|tasks|skills|benefits|advantages|"
            r"disadvantages|reasons|options|requirements|principles) (?:of|"
            r"for) )(?P<a>.+?)(?= (?:are|exist|is)\b|$)"
        ),
        (
            r"^(?:what|which) (?:(?:different|other|main|various|all|"
            r"common) ){0,6}(?:types|kinds|sorts) of (?P<a>.+?)(?= (?:are|exist)\b|$)"
        ),
        r"^(?:list|name|enumerate) (?:all |some )?(?:the )?(?P<a>.+)",
        (
            r"^how many (?!(?:\w+ ){0,2}(?:seconds|minutes|hours|days|nights|weeks|months|years|"
            r"times|percent|euros|dollars|pounds)\b)"
            r"(?:different )?(?:types of |kinds of )?(?P<a>.+?) (?:are|exist|is|do|does|can)\b"
        ),
        r"^(?:what|which) are (?:all )?the (?:\w+ ){0,2}(?P<a>\w+s)(?: (?:of|for|in|to)\b|$)",
    )
)
_KIND_WORDS = "types kinds sorts categories varieties classes forms flavours flavors"
KIND_STEMS = frozenset(map(stem, _KIND_WORDS.split()))
"""Stems of the words for the kinds of a thing."""

_KIND_PATTERN = r"(?:type|kind|sort|category|variety|class|form|flavou?r)"
_PREDICATE = r"(?:is|are|was|has|have|needs?|requires?|should|would|can|does|do)"
_SUPERLATIVE = r"(?:\w+est|best|worst|(?:most|least) \w+)"
_CHOICES = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        rf"^(?:which|what) {_KIND_PATTERN} of (?P<a>.+?) {_PREDICATE}\b",
        rf"^(?:which|what) (?:is|are|has) (?:the )?{_SUPERLATIVE} {_KIND_PATTERN} of (?P<a>.+)",
        rf"^which\b(?>.*?\({_KIND_PATTERN}s of )(?P<a>[^)]+)\)",
    )
)
_STEPS = re.compile(
    r"^(?:how (?:do|does|can|could|should|would|to|might)|steps to|(?:what are )?the steps)\b",
    re.I,
)
_YES_NO = re.compile(
    r"^(?:is|are|am|was|were|do|does|did|can|could|should|shall|will|would|has|have|had|may|might|must|"
    r"isn't|aren't|don't|doesn't|can't)\b",
    re.I,
)
_RESOURCE_NOUN = re.compile(
    r"\b(?P<book>books?)\b|\b(?P<article>articles?|blog posts?|essays?)\b|"
    r"\b(?P<video>videos?|talks?|movies?)\b|\b(?P<form>forms?)\b|"
    r"\b(?:resources?|references?|readings?|reading list|materials?|sources|"
    r"literature|links?|something|anything|what)\b",
    re.I,
)
_RESOURCE_VERB = re.compile(
    r"\b(?:recommend(?:ed|ation|ations|s)?|suggest(?:ed|ions?|s)?|read(?:ing)?|watch|"
    r"further|learn more|dig deeper|"
    r"good|best|any|which|what|list|where|there)\b",
    re.I,
)
_MEDIA = (
    r"(?:books?|articles?|videos?|talks?|blog posts?|essays?|resources?|references?|readings?|"
    r"literature)"
)
_RESOURCE_REQUEST = re.compile(
    r"\b(?:what|which|anything|something|where)\b.{0,30}"
    r"(?<!\ba )(?<!\ban )(?<!\bthe )(?<!\bmy )(?<!\bour )(?<!\bthis )\b(?:read|watch)\b|"
    r"^(?:(?:can|could|would|will|please|do) (?:you |the \w+ )?){0,4}(?:recommend|suggest)\b|"
    rf"\b(?:recommend|suggest)\w* (?:\w+ ){{0,3}}?{_MEDIA}\b|"
    rf"\b{_MEDIA} (?:\w+ ){{0,4}}?(?:recommend|suggest)|"
    r"\bfurther reading\b|\breading list\b|"
    rf"\b(?:good|best|any|which|what|list|more|there an?) (?:\w+ ){{0,2}}?{_MEDIA}\b|"
    r"\bwhere (?:can|could|do|should|might) (?:i|we|one) (?:learn|read|find out) more\b|"
    r"^(?:(?:can|could|would|will) you )?(?:please )?"
    r"(?:show|give|send) (?:me|us) (?:\w+ ){0,2}?links?\b|"
    r"\b(?:any|some|more|good|useful|helpful|related) links?\b|^links? (?:about|on|for|to)\b|"
    r"\b(?:is|are) there (?:\w+ ){0,3}?(?:forms?|links?)\b|"
    rf"^{_MEDIA} (?:about|on|for|by|from)\b",
    re.I,
)
_RESOURCE_SUBJECT = re.compile(
    r"^(?>.*?\b(?:about|on|regarding|for|covering|concerning) )(?P<a>.+)", re.I
)
_ARTICLE = re.compile(
    r"^(?:(?:the|a|an|some|any|being|this|that|term|word|role|concept|main|key|of|"
    r"(?:purpose|point|aim|goal|gist|idea|deal) (?:of|behind|with)|"
    r"between|both|my|your|our) ){1,20}",
    re.I,
)
_TAIL = re.compile(
    r"(?: (?:in practice|in (?:simple|plain) (?:words|terms|english)|exactly|really|"
    r"anyway|please|the same(?: thing)?|different|(?:(?:good|used|useful|meant) )?for|"
    r"here|there|all about)){1,8}$",
    re.I,
)


@lru_cache(maxsize=256)
def parse_question(text: str) -> Question:
    """Classify a question by its first 2,000 characters.

    Cached: every turn of a conversation is classified again for each question in it.
    """
    plain = _strip_lead(truncate(text))
    in_full = _SHORT_DIFFERENCE.sub("difference", plain)
    for pattern in _COMPARISONS:
        match = pattern.search(in_full)
        if match:
            second = _TRAILING_DIFFERENCE.sub("", match["b"])
            sides = (_clean_subject(match["a"]), _clean_subject(second))
            if all(0 < len(side.split()) <= 8 for side in sides):
                return Question(text, "comparison", sides)
    if _RESOURCE_REQUEST.search(plain):
        return _parse_resource_request(text, plain)
    clause = _strip_lead(find_question_clause(text))
    if _STEPS.match(clause):
        return Question(text, "steps")
    types: tuple[tuple[QuestionType, tuple[re.Pattern[str], ...], int], ...] = (
        ("choice", _CHOICES, 8),
        ("list", _LISTS, 8),
        ("definition", _DEFINITIONS, 5),
    )
    for question_type, patterns, max_words in types:
        for pattern in patterns:
            match = pattern.search(clause)
            subject = _clean_subject(match["a"]) if match else ""
            is_named = clause == plain or _BACK_REFERENCES.isdisjoint(split_words(subject))
            if subject and is_named and len(subject.split()) <= max_words:
                return Question(text, question_type, (subject,))
    if _YES_NO.match(clause):
        return Question(text, "yesno")
    return Question(text, "other")


def _strip_lead(text: str) -> str:
    return _LEAD.sub("", text.replace("’", "'").rstrip("?!. "))


def _parse_resource_request(text: str, plain: str) -> Question:
    kinds: tuple[ResourceKind, ...] = ("book", "article", "video", "form")
    nouns = _RESOURCE_NOUN.finditer(plain)
    resource_kind = next((kind for noun in nouns for kind in kinds if noun[kind]), None)
    about = _RESOURCE_SUBJECT.match(plain.rpartition("?")[2])
    subject = _clean_subject(about["a"]) if about else ""
    subjects = (subject,) if subject else ()
    return Question(text, "resources", subjects, resource_kind, subject or extract_topic(text))


EDGE_CHARACTERS = " ()?!.,;:-–—\"'“”‘’"


def _clean_subject(text: str) -> str:
    plain = _TAIL.sub("", text.strip(EDGE_CHARACTERS))
    return _ARTICLE.sub("", plain).strip(EDGE_CHARACTERS)


def extract_topic(text: str) -> str:
    """Extract the topic of a request for something to read: its words without the request."""
    rest = _RESOURCE_NOUN.sub(" ", _RESOURCE_VERB.sub(" ", truncate(text)))
    return " ".join(word for word in split_words(rest) if word not in STOPWORDS | _REQUEST_WORDS)


_REQUEST_WORDS = frozenset(
    "guide handbook docs documentation site wiki page new next first start begin beginner "
    "list".split()
)


_AMOUNT = re.compile(
    r"^(?:(?:for|in|at|by|of|since|until|from) )?"
    r"(?:how (?:much|many|old|tall|far|big|heavy|fast)\b|"
    r"when (?:was|were|did)\b|(?:what|which) (?:year|date|percentage|number|amount|age|price)\b)",
    re.I,
)


def asks_for_amount(question: Question) -> bool:
    """Whether only a number, a price or a date answers the question.

    How many kinds of a thing there are is answered by the list of them, and how long something
    takes by what ends it.
    """
    return question.type != "list" and bool(_AMOUNT.match(truncate(question.text)))


_SEVERAL = re.compile(
    r"^(?:(?:what|which) (?!(?:is|was|do|does|did|has|have|can|will|would|should)\b)"
    r"(?:\w+ ){0,3}?(?P<noun>\w{2,}[^\Wsui_]s) (?:\w+ ){0,2}?"
    r"(?:is|are|can|could|do|does|did|should|must|may|might|will|would|has|have|need)\b|"
    r"(?:list|name|show|give)(?: me)? (?:all|the|every)\b|what all\b|"
    r"what (?:goes|belongs|comes|should (?:be|go)) (?:in|into|on|onto)\b)",
    re.I,
)


def asks_for_several(text: str) -> bool:
    """Whether a question asks for all things of a kind: "which papers do I need?"."""
    return bool(_SEVERAL.match(_LEAD.sub("", find_question_clause(text))))


_CONSEQUENCE = re.compile(
    r"^(?:(?:and|but|so) )?(?:what (?:if|(?:will |would )?happen(?:s|ed)?)|even (?:if|when))\b",
    re.I,
)


def asks_for_consequence(text: str) -> bool:
    """Whether a question asks what happens in some case."""
    return bool(_CONSEQUENCE.match(find_question_clause(text)))


_FOCUS = re.compile(
    r"^(?:(?:in|on|at|for|from|to|with|by|of) )?(?:what|which|how many|how much) "
    r"(?:(?:is|are|was|were) (?:the|a|an|some) |(?:is|are|was|were) )?"
    r"(?P<a>(?:[\w'’-]{1,60} ){0,3}?[\w'’-]{1,60})(?= (?:is|are|was|were|do|does|did|"
    r"can|could|should|would|"
    r"will|may|must|has|have|had|of|for|in|on|at|to|from|with|by|that|who|which|and|or)\b|\W*$)",
    re.I,
)


# "How do I make a page load faster": what follows these verbs is a clause, not the name of a thing.
_NAMES_THING = re.compile(
    r"^(?:(?:how (?:do|does|can|could|should|would|to) (?:(?:i|we|you|one) )?"
    r"(?!(?:make|get|have|let|help|see|keep) )\w+|what (?:does|do|should|can|must)|"
    r"(?:can|could|should|may|must) (?:i|we|you) (?!(?:make|get|have|let|help|see|keep) )\w+) an? |"
    r"who (?:invented|founded|came up with|developed|coined|introduced) (?:(?:an?|the) )?)",
    re.I,
)
_NAME_TOKEN = re.compile(r"[\w'’-]+|[^\w\s]")
_MAX_NAME_WORDS = 4


def find_named_thing(text: str) -> tuple[str, ...]:
    """Find the words that name the one thing a question is about: "how do I adopt a *stray cat*".

    They are the words of a name after "a" or after who invented, up to four; empty without one.
    """
    plain = _strip_lead(truncate(text))
    match = _NAMES_THING.match(plain)
    words: list[str] = []
    for token in _NAME_TOKEN.findall(plain[match.end() :]) if match else ():
        if not token[0].isalnum() or token.lower() in STOPWORDS:
            break
        words += split_words(token)
    return tuple(words) if len(words) <= _MAX_NAME_WORDS else ()


def extract_focus(text: str) -> str:
    """Extract the word for the thing that a question asks the name of: "which *companies* hire".

    Empty where it asks for no such name: why, who, whether, or what something does.
    """
    match = _FOCUS.match(truncate(text))
    words = [word for word in split_words(match["a"]) if word not in STOPWORDS] if match else []
    return words[-1] if words else ""


_ANSWER_TYPES = {
    "date": re.compile(
        r"^(?:(?:in|on|since|until) )?(?:when|what (?:year|date)|which year)\b", re.I
    ),
    "number": re.compile(
        r"\bhow (?:many|much|long|old|far|tall|big|often|fast)\b|\b(?:max|min)(?:imum)?\b|"
        r"\bwhat (?:percent(?:age)?|number|amount|price|cost|rate|port|limit|day|time)\b",
        re.I,
    ),
    "name": re.compile(
        r"^(?:\w+ )?(?:who|whose|whom|where)\b|"
        r"\b(?:what|which) (?:person|country|city|company|state)\b",
        re.I,
    ),
}


def detect_answer_type(text: str) -> str:
    """Detect what the answer has to contain: "date", "number" or "name"; empty for anything."""
    start = truncate(text)
    types = (name for name, pattern in _ANSWER_TYPES.items() if pattern.search(start))
    return next(types, "")


_CHANGES = re.compile(
    r"\b(?:new|newest|latest|news|chang(?:e|es|ed|elog)|versions?|releas(?:e|es|ed)|added|removed|"
    r"deprecated|dropped|upgrad(?:e|ing)|migrat(?:e|ing)|since|(?:v|\d+\.)\d+)\b",
    re.I,
)


def asks_about_changes(text: str) -> bool:
    """Whether a question is about what changed, or about a version."""
    return bool(_CHANGES.search(truncate(text)))


_LARGEST = "highest most longest largest biggest greatest heaviest tallest deepest farthest"
_LARGEST_PRICE = "costliest dearest priciest"
_SMALLEST = "lowest least shortest smallest fewest lightest cheapest"
_EXTREME = re.compile(
    r"^(?:(?:and|so|then|but) )?(?:which|what|who)\b.*?\b"
    rf"(?:(?P<largest>{'|'.join(f'{_LARGEST} {_LARGEST_PRICE}'.split())})|"
    rf"(?:{'|'.join(_SMALLEST.split())}))\b",
    re.I,
)
_DIMENSIONS = {
    "money": f"cheapest {_LARGEST_PRICE} expensive cost costs price priced paid pays earn earns",
    "time": "longest shortest",
    "length": "longest shortest tallest deepest farthest",
    "weight": "heaviest lightest",
}
_EXTREME_WORDS = frozenset(
    f"{_LARGEST} {_SMALLEST} {' '.join(_DIMENSIONS.values())} have amount number value kind kinds "
    "type types sort class option options category level".split()
)


class Extreme(NamedTuple):
    """What "which one has the highest price" asks: the largest or the smallest, and of what.

    `dimensions` are those that its words imply, such as money; empty for any. `terms` say what is
    compared, and by what.
    """

    is_largest: bool
    dimensions: frozenset[str]
    terms: frozenset[str]


def find_extreme(text: str) -> Extreme | None:
    """Return which extreme a question asks for; None where it asks for none."""
    start = truncate(text)
    match = _EXTREME.search(start)
    if match is None:
        return None
    words = split_words(start)
    dimensions = {name for name, own in _DIMENSIONS.items() if set(own.split()) & set(words)}
    terms = {stem(w) for w in words if w not in STOPWORDS and w not in _EXTREME_WORDS}
    return Extreme(bool(match["largest"]), frozenset(dimensions), frozenset(terms))


_START = re.compile(r"\b(?:first|start|begin|beginners?|new to|introduct(?:ion|ory))\b", re.I)


def asks_where_to_start(text: str) -> bool:
    """Whether a request for something to read asks for what to read first."""
    return bool(_START.search(truncate(text)))


_RESOURCE_FACTS: tuple[tuple[ResourceFact, re.Pattern[str]], ...] = (
    ("author", re.compile(r"^who (?:wrote|authored|recorded) (?P<a>.+)", re.I)),
    ("author", re.compile(r"^(?:(?:who|what)(?: is|'?s) )?(?:the )?author of (?P<a>.+)", re.I)),
    (
        "minutes",
        re.compile(
            r"^how (?:long|many minutes) (?:is it|do i need|does it take) to (?:read|watch) "
            r"(?P<a>.+)",
            re.I,
        ),
    ),
    (
        "minutes",
        re.compile(
            r"^how (?:long|many minutes) (?:is|does|do|will) "
            rf"(?:(?:the|that) {_MEDIA} (?:about|on|by|called|named) )?(?P<a>.+?)(?: take)?"
            r"(?: to (?:read|watch))?$",
            re.I,
        ),
    ),
    (
        "place",
        re.compile(
            r"^where (?:can|could|do|does|should|would|may|must|to) "
            r"(?:(?:i|we|you|one|people) )?(?P<a>.+)",
            re.I,
        ),
    ),
)


_MEDIUM = re.compile(
    rf"^(?:(?:the|that|this|an?) )?{_MEDIA} (?:about|on|called|named) | {_MEDIA}$", re.I
)


class ResourceRequest(NamedTuple):
    """What a question asks of one resource, and the words that name it.

    `names_medium` is whether it says that it is an article, a book and so on: then a few words of
    the title are enough.
    """

    fact: ResourceFact
    name: str
    names_medium: bool


def find_resource_fact(text: str) -> ResourceRequest | None:
    """Return what a question asks of one resource.

    Its author ("who wrote X"), the minutes it takes, or its place: where to do something. None for
    other questions.
    """
    plain = _LEAD.sub("", truncate(text).replace("’", "'").rstrip("?!. "))
    for fact, pattern in _RESOURCE_FACTS:
        if match := pattern.search(plain):
            name = _MEDIUM.sub("", match["a"])
            return ResourceRequest(fact, name, names_medium=name != match["a"])
    return None


_LATEST = re.compile(
    r"\b(?:latest|newest|last|most recent|current) (?:version|release|update)\b", re.I
)
_CHANGE_REQUEST = re.compile(
    r"^(?:what|which|list|show|tell|any)\b.*\b(?:new|chang(?:e|es|ed)|added|removed|fixed|fixes|"
    r"features|deprecated|dropped|different|news|improve(?:d|ments))\b|"
    r"\b(?:change ?log|release notes|what's new|changes)\b",
    re.I,
)
_RELEASE_REQUEST = re.compile(
    r"^(?:when|(?:in |since |from |with |as of )?(?:which|what) (?:version|release))\b.*\b"
    r"(?:add(?:ed)?|introduced?|remov(?:e|ed)|releas(?:e|ed)|deprecated?|dropped?|published|"
    r"fix(?:ed)?|new|appear(?:ed)?|support(?:ed)?|come|came|out|changed?|renamed?)\b",
    re.I,
)


class VersionRequest(NamedTuple):
    """A question about a version: what it changed, or when something was changed.

    `version` is empty where none is named, and "latest" for the newest one.
    """

    asks_when: bool
    version: str


def find_version_request(text: str) -> VersionRequest | None:
    """Return what a question asks of versions; None where it asks for nothing of the kind."""
    plain = _LEAD.sub("", truncate(text))
    named = next(iter(find_versions(plain)), "")
    version = named or ("latest" if _LATEST.search(plain) else "")
    if _RELEASE_REQUEST.search(plain):
        return VersionRequest(asks_when=True, version=version)
    if version and _CHANGE_REQUEST.search(plain):
        return VersionRequest(asks_when=False, version=version)
    return None


QUESTION_WORDS = frozenset(
    """
    difference different differ between compare compared comparison versus distinguish explain
    define definition meaning describe types kinds examples reasons steps benefits advantages
    recommend suggest should which would could about
    """.split()
)
"""Words of questions, which spelling correction knows in addition to those of the guide."""


def is_question(heading: str) -> bool:
    """Whether a heading is a question itself, a comparison, or about how to do something."""
    return heading.rstrip().endswith("?") or parse_question(heading).type in {"comparison", "steps"}


def substitute_words(
    text: str, spans: Sequence[tuple[str, int, int]], phrases: Sequence[str]
) -> str:
    """Replace each word with its phrase, keep its plural, and adapt the article before it."""
    pieces: list[str] = []
    end = 0
    for (token, start, stop), phrase in zip(spans, phrases, strict=True):
        pieces.append(text[end:start])
        end = stop
        if phrase == token:
            pieces.append(token)
            continue
        if len(pieces) > 1 and pieces[-2] in {"a", "an"}:
            pieces[-2] = "an" if phrase[0] in "aeio" else "a"
        plural = token.endswith("s") and not phrase.endswith("s") and " " in phrase
        pieces.append(phrase + "s" if plural else phrase)
    return "".join([*pieces, text[end:]])
