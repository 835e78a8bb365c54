"""Whether a sentence has what a question asks for: a time, an amount, or a name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.query.question_type import find_question_clause
from assistant.retrieval.features import has_answer_type

if TYPE_CHECKING:
    from assistant.query.query import Query

_UNIT = r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|quarters?|years?)"
_DAY = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|june|july|august|"
    r"september|october|november|december|spring|summer|autumn|winter|morning|afternoon|evening|"
    r"midnight|noon|today|tomorrow"
)
_COUNT = (
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|"
    r"thousand|million|billion|half|once|twice|none|unlimited|free)\b"
)
_NUMBER = r"(?:\d{1,6}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|several)"
_HOW_OFTEN = (
    r"\b(?:every|each|per|daily|weekly|monthly|quarterly|yearly|annual(?:ly)?|once|twice|times|"
    rf"regularly|always|never)\b|\b{_UNIT}\b"
)
_WHEN = (
    r"^(?:(?:so|and|by|until|since|from|on|at|in) )?(?:when|what (?:time|day|date|year|month)|"
    r"which (?:day|date|year|month))\b"
)
_TIME = (
    rf"\b(?:{_DAY})\b|\b{_UNIT}\b|\d{{1,2}}[:.]\d\d|\b(?:1\d|20)\d\d\b|"
    r"\b(?:after|before|until|once|as soon as|immediately)\b"
)
_DURATION = rf"\b{_NUMBER}[\s-](?:\w+[\s-])?{_UNIT}\b|\b{_NUMBER} ?min\b|\d{{1,2}}:\d\d"
_HOW_MUCH = (
    r"\bhow (?:many|much|old|far|tall|big|large|high|fast|hot)\b|\bwhat (?:percent|number|amount)"
)
_COLOUR = (
    r"\b(?:red|orange|yellow|green|blue|purple|violet|pink|brown|black|white|gr[ae]y|silver|gold|"
    r"beige|turquoise|navy|transparent)\b|#[0-9a-f]{3,8}\b"
)
_FOR_EXAMPLE = (
    r"^(?:(?:and|any|an|some|can you|please|give|show|me|us|is there|are there|do you have) ){0,6}"
    r"examples?\b|^(?:for (?:example|instance)|such as|like what)\b"
)
_EXAMPLE = r"\b(?:for example|for instance|an example|examples? (?:is|are|of)|such as|e\.g)\b"
_REASON = (
    r"\b(?:because|since|reasons?|so that|in order (?:to|that)|therefore|otherwise|due to|caused?|"
    r"to (?:avoid|prevent|ensure|protect))\b"
)
_MATERIAL = (
    r"\b(?:wood(?:en)?|oak|pine|steel|iron|alumini?um|copper|brass|bronze|glass|plastic|rubber|"
    r"paper|cardboard|cotton|wool|leather|linen|nylon|stone|concrete|clay|ceramic|metal|silk)\b"
)
_MEASURES = {
    "pressure": r"\d ?(?:bar|mbar|psi|k?pa|mpa|atm)\b",
    "temperature": r"\d ?(?:°|degrees?\b|[cf]\b)",
    "voltage": r"\d ?(?:m?v|kv|volts?)\b",
    "(?:size|width|height|length|diameter|depth)": (
        r"\d ?(?:mm|cm|m|km|in(?:ch(?:es)?)?|ft|px|[kmgt]i?b)\b|\d ?[x×] ?\d"
    ),
    "(?:weight|mass)": r"\d ?(?:mg|g|kg|t|tons?|tonnes?|lbs?|pounds?)\b",
}
_EXPECTED = tuple(
    (re.compile(question, re.I), re.compile(answer, re.I))
    for question, answer in (
        (r"\bhow (?:often|frequently|regularly)\b", _HOW_OFTEN),
        (_WHEN, _TIME),
        (rf"\bhow long\b|\bhow many {_UNIT}\b", _DURATION),
        (_HOW_MUCH, _COUNT),
        (r"\b(?:which|what) colou?rs?\b", _COLOUR),
        (_FOR_EXAMPLE, _EXAMPLE),
        (r"^(?:and |but |so )?why\b", _REASON),
        (r"\b(?:which|what) materials?\b|\bmade (?:of|from|out of)\b", _MATERIAL),
        *(
            (rf"\b(?:which|what) (?:(?:is|are) (?:the )?)?(?:\w+ )?{name}\b", unit)
            for name, unit in _MEASURES.items()
        ),
    )
)


def find_expected(text: str) -> re.Pattern[str] | None:
    """Return the pattern of the time, the amount, the colour and so on that a question asks for."""
    start = find_question_clause(text)
    return next((answer for question, answer in _EXPECTED if question.search(start)), None)


def has_expected(pattern: re.Pattern[str] | None, query: Query, text: str) -> bool:
    """Whether a sentence has what is asked for; False for a question that asks for no such thing.

    `pattern` is that of the question. A question of who or where asks for a name.
    """
    if pattern:
        return bool(pattern.search(text))
    return query.answer_type != "" and has_answer_type(query, text)
