"""What a question asks for, read from its own words (English); pure.

Knows the forms questions take: comparison, definition, list, steps, reading list, yes or no.
Must not know the talk before it, nor any guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from assistant.text import STOPWORDS, stem, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.model import ResourceKind

Form = Literal["comparison", "choice", "definition", "list", "steps", "resources", "yesno", "other"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question that stands alone, and what it asks for.

    `subjects` are the things it is about, as written: two for a comparison, one or none else.
    A choice asks which kind of its subject something holds for.
    `wanted` is the kind of resource asked for, None for any.
    """

    text: str
    form: Form
    subjects: tuple[str, ...] = ()
    wanted: ResourceKind | None = None


# What politeness puts before a question, and what it may be dropped from.
_LEAD = re.compile(
    r"^(?:(?:so|ok(?:ay)?|well|hi|hello|hey|please)\b[\s,]*)*"
    r"(?:(?:can|could|would|will)\s+you\s+(?:please\s+)?(?:tell\s+me\s+|clarify\s+)?"
    r"(?=(?:explain|define|describe|compare|contrast|list|name|what|who|how|why|the)\b)|"
    r"(?:please\s+)?(?:tell|show)\s+me\s+(?=(?:what|who|how|why|the\s+difference)\b)|"
    r"(?:do\s+you\s+know|i\s+(?:want|would\s+like|need)\s+to\s+know|i\s+wonder)\s+"
    r"(?=(?:what|who|how|why|if|whether)\b))?",
    re.I,
)
_JOIN = r"(?:and|vs\.?|versus|or|from|to|with|than|against|/|&)"
_DO = r"(?:does|do|did|can|would)"
_BE = r"(?:is|are|was|were|isn't|aren't)"
_SAME = (
    r"(?:the\s+)?same(?:\s+thing)?\s+as|different\s+(?:from|to|than)|identical\s+to|similar\s+to|"
    r"interchangeable\s+with|better\s+than|another\s+(?:word|name)\s+for"
)
_ALIKE = (
    r"(?:(?:the\s+)?same(?:\s+thing)?|different|identical|interchangeable|similar|alike|equal|"
    r"equivalent)"
)
_WHAT = r"(?:(?:what(?:\s+is|\s+are|'s)|explain|describe|define|compare|tell\s+me\s+about)\s+)?"
_COMPARISONS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        # "and" joins what "between" opens, whatever else stands in the two names.
        (
            r"\b(?:differ\w*|distin\w+|gap|compar\w+|contrast|relationship|similarit\w+|choose|choice)\b"
            r"[\w ]{0,12}?\sbetween\s+(?P<a>.+?)\s+and\s+(?P<b>.+)"
        ),
        r"\bhow\s+(?:different|similar)\s+(?:is|are)\s+(?P<a>.+?)\s+(?:from|to|and)\s+(?P<b>.+)",
        (
            r"\b(?:differences?|distinction|gap|comparison|contrast|relationship|different(?!\s+\w+\s+of))\b"
            rf"[\w ]{{0,12}}?\s(?:between|of|about|btw|b/w)\s+(?P<a>.+?)\s+{_JOIN}\s+(?P<b>.+)"
        ),
        (
            rf"\b(?:differences?|compare|comparing|contrast|distinguish|differentiate|tell\s+apart)\s+"
            rf"(?:between\s+)?(?P<a>.+?)\s+{_JOIN}\s+(?P<b>.+)"
        ),
        (
            rf"\b(?:how|why|in\s+what\s+ways?)\s+{_BE}\s+(?P<a>.+?)\s+(?:not\s+|any\s+|so\s+)?"
            rf"(?:distinct\s+from|distinguished\s+from|unlike|{_SAME})\s+(?P<b>.+)"
        ),
        (
            rf"\b(?:how|in\s+what\s+ways?)\s+{_DO}\s+(?P<a>.+?)\s+(?:differ|compare|vary|relate)\s+"
            r"(?:from|to|with)\s+(?P<b>.+)"
        ),
        rf"^{_DO}\s+(?P<a>.+?)\s+(?:really\s+)?differ\s+from\s+(?P<b>.+)",
        r"\bhow\s+(?P<a>.+?)\s+(?:differs?|(?:is|are)\s+different)\s+from\s+(?P<b>.+)",
        (
            rf"\b(?:how|in\s+what\s+ways?)\s+(?:{_DO}|are|is)\s+(?P<a>.+?)\s+and\s+(?P<b>.+?)\s+"
            r"(?:differ(?:ent)?|compare|related?)\b"
        ),
        rf"^{_DO}\s+(?P<a>.+?)\s+and\s+(?P<b>.+?)\s+(?:really\s+)?differ\b",
        r"\bwhat\s+(?:distinguishes|separates|differentiates)\s+(?P<a>.+?)\s+from\s+(?P<b>.+)",
        r"\bwhat\s+(?:sets|makes)\s+(?P<a>.+?)\s+(?:apart|different)\s+from\s+(?P<b>.+)",
        r"^(?:is|are)\s+(?P<a>.+?)\s+or\s+(?P<b>.+?)\s+(?:better|worse|\w+er|more\s+\w+)$",
        rf"^what\s+{_DO}\s+(?P<a>.+?)\s+and\s+(?P<b>.+?)\s+do\s+differently\b",
        r"\btell\s+(?P<a>.+?)\s+(?:apart\s+)?from\s+(?P<b>.+)",
        r"\btell\s+(?P<a>.+?)\s+and\s+(?P<b>.+?)\s+apart\b",
        rf"^(?:so\s+)?(?:{_BE}\s+)?(?P<a>.+?)\s+(?:not\s+|really\s+|just\s+|exactly\s+)?(?:{_SAME})\s+(?P<b>.+)",
        rf"^{_BE}\s+(?P<a>.+?)\s+(?:just|basically)\s+(?:an?|another)\s+(?P<b>.+)",
        rf"^{_BE}\s+(?P<a>.+?)\s+and\s+(?P<b>.+?)\s+(?:really\s+)?{_ALIKE}\b",
        (
            rf"^{_WHAT}(?P<a>.+?)\s+(?:(?:as\s+)?compared\s+(?:to|with)|as\s+opposed\s+to|"
            r"in\s+contrast\s+(?:to|with))\s+(?P<b>.+)"
        ),
        rf"(?:^|[,;:]\s*){_WHAT}(?P<a>[^,;:]+?)\s*(?:\bvs\.?|\bversus\b|(?<=\s)v\.?(?=\s+[a-z]))\s*(?P<b>[^,;:]+)",
        r"^(?P<a>[\w .-]{1,40}?)\s+or\s+(?P<b>[\w .-]{1,40}?)\s*[:,?]\s*(?:what|which|how)\b",
        r"^which\b[^,:]*[,:]\s*(?P<a>[\w .-]{1,40}?)\s+or\s+(?P<b>[\w .-]{1,40})$",
        (
            r"^(?!(?:is|are|do|does|can|should|will|would|to|how|what|who|why|when|where|i|we|my|you|"
            r"it|if|please|need|want)\b)(?P<a>[\w.-]+(?:\s[\w.-]+){0,5})\s+or\s+(?P<b>[\w.-]+(?:\s[\w.-]+){0,5})$"
        ),
        (
            r"^(?P<a>[^,;:]+?)(?:\s+and\s+|\s*/\s*)(?P<b>[^,;:]+?)[:,;\s]+(?:-+\s+)?(?:what(?:\s+is|'s)?\s+)?"
            r"(?:the\s+)?differences?\b"
        ),
        *(
            rf"^(?:the\s+)?differences?\s+(?!in\b|for\b|at\b)(?P<a>\S+(?:\s\S+){{{n}}})\s+(?P<b>\S+(?:\s\S+){{{n}}})$"
            for n in range(3)
        ),
    )
)
_DEFINITIONS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"^what\s+(?:does|do|did)\s+(?:you|we|they|people)\s+mean\s+by\s+(?P<a>.+)",
        r"^what\s+(?:does|do|did)\s+(?P<a>.+?)\s+(?:mean|stand\s+for|refer\s+to|signify)\b",
        r"^what(?:\s+(?:exactly\s+)?(?:is|are|was|were)|'s)\s+(?:exactly\s+)?(?:meant\s+by|the\s+(?:meaning|definition)\s+of)\s+(?P<a>.+)",
        r"^(?:define|explain|describe)\s+(?:what\s+)?(?P<a>.+?)(?:\s+(?:is|are|means?))?$",
        r"^(?:the\s+)?(?:meaning|definition)\s+of\s+(?P<a>.+)",
        r"^(?:what|who)(?:\s+exactly)?(?:\s+(?:is|are|was|were)|'s|'re)\s+(?:exactly\s+)?(?P<a>.+)",
        r"^tell\s+me\s+(?:more\s+)?about\s+(?P<a>.+)",
        r"^what\s+(?P<a>.+?)\s+(?:is|are|means?)$",
    )
)
_LISTS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        (
            r"\b(?:types|kinds|sorts|categories|varieties|classes|forms|flavou?rs|examples|list|parts|"
            r"pillars|phases|stages|components|elements|levels|responsibilities|duties|tasks|skills|benefits|advantages|"
            r"disadvantages|reasons|options|requirements|principles)\s+(?:of|for)\s+(?P<a>.+?)(?:\s+(?:are|exist|is)\b.*)?$"
        ),
        r"^(?:what|which)\s+(?:(?:different|other|main|various|all|common)\s+)*(?:types|kinds|sorts)\s+of\s+(?P<a>.+?)(?:\s+(?:are|exist)\b.*)?$",
        r"^(?:list|name|enumerate)\s+(?:all\s+|some\s+)?(?:the\s+)?(?P<a>.+)",
        r"^how\s+many\s+(?:different\s+)?(?:types\s+of\s+|kinds\s+of\s+)?(?P<a>.+?)\s+(?:are|exist|is|do|does|can)\b",
        r"^(?:what|which)\s+are\s+(?:all\s+)?the\s+(?:\w+\s+){0,2}(?P<a>\w+s)(?:\s+(?:of|for|in|to)\b.*)?$",
    )
)
_KINDS = "types kinds sorts categories varieties classes forms flavours flavors"
KINDS = frozenset(map(stem, _KINDS.split()))
"""Stems of the words for the kinds of a thing."""

_KIND = r"(?:type|kind|sort|category|variety|class|form|flavou?r)"
_PREDICATE = r"(?:is|are|was|has|have|needs?|requires?|should|would|can|does|do)"
_SUPERLATIVE = r"(?:\w+est|best|worst|(?:most|least)\s+\w+)"
_CHOICES = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        rf"^(?:which|what)\s+{_KIND}\s+of\s+(?P<a>.+?)\s+{_PREDICATE}\b",
        rf"^(?:which|what)\s+(?:is|are|has)\s+(?:the\s+)?{_SUPERLATIVE}\s+{_KIND}\s+of\s+(?P<a>.+)",
        rf"^which\b.*\({_KIND}s\s+of\s+(?P<a>[^)]+)\)",
    )
)
_STEPS = re.compile(
    r"^(?:how\s+(?:do|does|can|could|should|would|to|might)|steps\s+to|(?:what\s+are\s+)?the\s+steps)\b",
    re.I,
)
_YES_NO = re.compile(
    r"^(?:is|are|am|was|were|do|does|did|can|could|should|shall|will|would|has|have|had|may|might|must|"
    r"isn't|aren't|don't|doesn't|can't)\b",
    re.I,
)
_RESOURCE_NOUN = re.compile(
    r"\b(?P<book>books?)\b|\b(?P<article>articles?|blog\s+posts?|essays?)\b|"
    r"\b(?P<video>videos?|talks?|movies?)\b|\b(?P<form>forms?)\b|"
    r"\b(?:resources?|references?|readings?|reading\s+list|materials?|sources|literature|links?|something|anything|what)\b",
    re.I,
)
_RESOURCE_VERB = re.compile(
    r"\b(?:recommend(?:ed|ation|ations|s)?|suggest(?:ed|ions?|s)?|read(?:ing)?|watch|further|learn\s+more|dig\s+deeper|"
    r"good|best|any|which|what|list|where|there)\b",
    re.I,
)
_MEDIA = (
    r"(?:books?|articles?|videos?|talks?|blog\s+posts?|essays?|resources?|references?|readings?|"
    r"literature)"
)
_RESOURCE_ASK = re.compile(
    r"\b(?:what|which|anything|something|where)\b.{0,30}\b(?:read|watch)\b|"
    r"^(?:(?:can|could|would|will|please|do)\s+(?:you\s+|the\s+\w+\s+)?)*(?:recommend|suggest)\b|"
    rf"\b(?:recommend|suggest)\w*\s+(?:\w+\s+){{0,3}}?{_MEDIA}\b|"
    rf"\b{_MEDIA}\s+(?:\w+\s+){{0,4}}?(?:recommend|suggest)|"
    r"\bfurther\s+reading\b|\breading\s+list\b|"
    rf"\b(?:good|best|any|which|what|list|more|there\s+an?)\s+(?:\w+\s+){{0,2}}?{_MEDIA}\b|"
    r"\bwhere\s+(?:can|could|do|should|might)\s+(?:i|we|one)\s+(?:learn|read|find\s+out)\s+more\b|"
    rf"^{_MEDIA}\s+(?:about|on|for|by|from)\b",
    re.I,
)
_RESOURCE_SUBJECT = re.compile(
    r"\b(?:about|on|regarding|for|covering|concerning)\s+(?P<a>[^?]+)$", re.I
)
_ARTICLE = re.compile(
    r"^(?:(?:the|a|an|some|any|being|this|that|term|word|role|concept|main|key|of|between|both|my|your|our)\s+)+",
    re.I,
)
_TAIL = re.compile(
    r"(?:\s+(?:in\s+practice|in\s+(?:simple|plain)\s+(?:words|terms|english)|exactly|really|anyway|please|the\s+same(?:\s+thing)?|different|"
    r"here|there|all\s+about))+$",
    re.I,
)


def parse(text: str) -> Question:
    """Read what a normalised question asks for."""
    plain = _LEAD.sub("", text.replace("’", "'").strip().rstrip("?!. "))
    for pattern in _COMPARISONS:
        match = pattern.search(plain)
        if match:
            sides = (_subject(match["a"]), _subject(match["b"]))
            if all(0 < len(side.split()) <= 8 for side in sides):
                return Question(text, "comparison", sides)
    if _RESOURCE_ASK.search(plain):
        return _resources(text, plain)
    if _STEPS.match(plain):
        return Question(text, "steps")
    forms: tuple[tuple[Form, tuple[re.Pattern[str], ...], int], ...] = (
        ("choice", _CHOICES, 8),
        ("list", _LISTS, 8),
        ("definition", _DEFINITIONS, 5),
    )
    for form, patterns, longest in forms:
        for pattern in patterns:
            match = pattern.search(plain)
            subject = _subject(match["a"]) if match else ""
            if subject and len(subject.split()) <= longest:
                return Question(text, form, (subject,))
    if _YES_NO.match(plain):
        return Question(text, "yesno")
    return Question(text, "other")


def _resources(text: str, plain: str) -> Question:
    wanted: ResourceKind | None = None
    for match in _RESOURCE_NOUN.finditer(plain):
        kinds: tuple[ResourceKind, ...] = ("book", "article", "video", "form")
        wanted = next((kind for kind in kinds if match[kind]), None)
        if wanted:
            break
    about = _RESOURCE_SUBJECT.search(plain)
    subject = _subject(about["a"]) if about else ""
    return Question(text, "resources", (subject,) if subject else (), wanted)


_ROUND = " ()?!.,;:-–—\"'“”‘’"


def _subject(text: str) -> str:
    plain = _TAIL.sub("", text.strip(_ROUND))
    return _ARTICLE.sub("", plain).strip(_ROUND)


def topic(text: str) -> str:
    """What a request for something to read is about, without the words that make the request."""
    rest = _RESOURCE_NOUN.sub(" ", _RESOURCE_VERB.sub(" ", text))
    return " ".join(word for word in words(rest) if word not in STOPWORDS | _ASKING)


_ASKING = frozenset(
    "guide handbook docs documentation site wiki page new next start begin beginner list".split()
)


_AMOUNT = re.compile(
    r"^(?:(?:for|in|at|by|of|since|until|from)\s+)?(?:how\s+(?:much|many|old|long|tall|far|big|heavy|fast)\b|"
    r"when\s+(?:was|were|did)\b|(?:what|which)\s+(?:year|date|percentage|number|amount|age|price)\b)",
    re.I,
)


def wants_amount(text: str) -> bool:
    """Whether only a number, a date or a length of time answers."""
    return bool(_AMOUNT.match(text.strip()))


_FOCUS = re.compile(
    r"^(?:(?:in|on|at|for|from|to|with|by|of)\s+)?(?:what|which|how\s+many|how\s+much)\s+"
    r"(?:(?:is|are|was|were)\s+(?:the|a|an|some)\s+|(?:is|are|was|were)\s+)?"
    r"(?P<a>(?:[\w'’-]+\s+){0,3}?[\w'’-]+)(?=\s+(?:is|are|was|were|do|does|did|can|could|should|would|"
    r"will|may|must|has|have|had|of|for|in|on|at|to|from|with|by|that|who|which|and|or)\b|\W*$)",
    re.I,
)


def focus(text: str) -> str:
    """The word for what a question wants named: "which *companies* hire", "what is the *cost*".

    Empty where nothing is named: why, who, whether, or what something does.
    """
    match = _FOCUS.match(text.strip())
    found = [word for word in words(match["a"]) if word not in STOPWORDS] if match else []
    return found[-1] if found else ""


_KINDS_WANTED = {
    "date": re.compile(
        r"^(?:(?:in|on|since|until)\s+)?(?:when|what\s+(?:year|date)|which\s+year)\b", re.I
    ),
    "number": re.compile(
        r"\bhow\s+(?:many|much|long|old|far|tall|big)\b|\bwhat\s+(?:percent|number|amount)\b", re.I
    ),
    "name": re.compile(
        r"^(?:\w+\s+)?(?:who|whose|whom|where)\b|"
        r"\b(?:what|which)\s+(?:person|country|city|company|state)\b",
        re.I,
    ),
}


def kind(text: str) -> str:
    """What an answer to a question has to hold: a date, a number, a name; empty for anything."""
    asked = text.strip()
    found = (name for name, form in _KINDS_WANTED.items() if form.search(asked))
    return next(found, "")


_NEWS = re.compile(
    r"\b(?:new|newest|latest|news|chang(?:e|es|ed|elog)|versions?|releas(?:e|es|ed)|added|removed|"
    r"deprecated|dropped|upgrad(?:e|ing)|migrat(?:e|ing)|since|(?:v|\d+\.)\d+)\b",
    re.I,
)


def asks_for_news(text: str) -> bool:
    """Whether a question is about what changed, or about a version."""
    return bool(_NEWS.search(text))


FORM_WORDS = frozenset(
    """
    difference different differ between compare compared comparison versus distinguish explain
    define definition meaning describe types kinds examples reasons steps benefits advantages
    recommend suggest should which would could about
    """.split()
)
"""Words that give a question its form, which a reader may misspell like any other."""


def is_question(heading: str) -> bool:
    """Whether a heading already asks something: a question, or two things side by side."""
    return heading.rstrip().endswith("?") or parse(heading).form in {"comparison", "steps"}


def respelt(text: str, spans: Sequence[tuple[str, int, int]], phrases: Sequence[str]) -> str:
    """The text with each word as it was read, in the plural where it was, after its article."""
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
