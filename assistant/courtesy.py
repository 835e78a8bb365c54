"""What politeness puts around a question, taken off it (English); pure.

Knows greetings, requests for help or information, and thanks. Must not know what is asked.
"""

from __future__ import annotations

import re

from assistant.text import STOPWORDS, words

_YOU = r"(?:you(?:\s+guys)?|someone|somebody|anyone|anybody)"
_JUST = (
    r"(?:(?:just|really|also|actually|kindly|please|maybe|possibly|simply|only|currently|"
    r"kind\s+of|hopefully)\s+)*"
)
_SOME = (
    r"(?:(?:some|any|more|a\s+(?:little|bit|few|couple)(?:\s+(?:of|more|bit))?|further|general|"
    r"basic|additional|lots?\s+of|an?|the|your|out)\s+)*"
)
_NEWS = (
    r"(?:info|informations?|help|assistance|details?|questions?|advice|advise|guidance|"
    r"clarification|insight|input|instructions|something|anything|everything|things?|know|support)"
)
_ON = (
    r"(?:\s+(?:about|on|regarding|concerning|with|for|to|of|in|into|as\s+to|around|"
    r"(?:related|relating|relative|pertaining|in\s+relation|with\s+regards?|in\s+regards?|"
    r"with\s+respect)\s+(?:to|with|on|of)))?"
)
_LEARN = (
    r"(?:know|ask|learn|find\s+out|understand|hear|see|check|inquire|enquire|figure\s+out|"
    r"be\s+(?:told|informed))"
)
_GET = r"(?:get|have|receive|obtain|request)"
_TELL = (
    r"(?:help(?:\s+me\b)?+(?:\s+out\b)?+(?:\s+(?:with|to|by|in|on|understand|find|get|know))*|"
    rf"(?:tell|inform|advise|show|teach|remind)\s+(?:me|us)(?:\s+more)?(?:\s+{_SOME}{_NEWS})?|"
    rf"(?:give|provide|send|offer|get|share)\s+(?:me|us)?(?:\s+with)?\s*{_SOME}{_NEWS}|"
    rf"(?:explain|clarify|specify)(?:\s+to\s+(?:me|us))?(?:\s+{_SOME}(?:more|bit))?|"
    r"let\s+(?:me|us)\s+know|assist(?:\s+me)?)"
)
_LOOKING = (
    r"(?:looking|searching|hoping|here|wondering|curious|interested|trying|calling|writing|"
    r"contacting\s+you|reaching\s+out|enquiring|inquiring|asking|seeking)"
)
_WANT = (
    r"i\s*(?:['’]d|would|wanted|want|needed|need|wish|have|like|d|must|should)\s*"
    r"(?:like|love|appreciate|prefer|want|wish)?"
)

# Each is taken off the front as often as one of them stands there and a question is left.
_LEADS = tuple(
    re.compile(f"^(?:{pattern})", re.I)
    for pattern in (
        (
            r"(?:hi|hello|hey|hiya|greetings|howdy|dear\s+\w+|good\s+(?:morning|afternoon|evening|day))"
            r"(?:\s+(?:there|all|everyone|everybody|guys|team|folks|again|sir|madam))*\b[\s,.!;:-]*"
        ),
        (
            r"how(?:\s+(?:are|r)|['’]re)?\s+(?:you|u|things|it)(?:\s+(?:doing|going|all))*"
            r"(?:\s+(?:today|this\s+\w+))?\s*[?,.!;:-]+\s*"
        ),
        (
            rf"(?:can|could|would|will)\s+{_YOU}\s+(?:please\s+)?(?:help|assist)(?:\s+me)?"
            r"(?:\s+out)?(?:\s+please)?\s*[?,.!;:-]+\s*"
        ),
        r"(?:i\s+)?hope\s+(?:you|all|this|everything)\b[^.?!;]*[.?!;]\s*",
        r"(?:nice|good)\s+to\s+(?:meet|see)\s+you\b[\s,.!]*",
        (
            r"(?:excuse\s+me|pardon\s+me|sorry\s+to\s+bother(?:\s+you)?|please|look|listen|so|"
            r"ok(?:ay)?|well|um+|alright|right|anyway|actually)\b[\s,.!:;-]+(?=\S)"
        ),
        (
            r"(?:thanks?|thank\s+you|many\s+thanks)(?:\s+(?:so|very)\s+much)?"
            r"(?:\s+(?:for|in)\s+[^.?!,;]{1,40})?[\s,.!;]+(?=\S)"
        ),
        (
            rf"(?:(?:can|could|would|will|may|might)\s+{_YOU}|(?:please|kindly))\s+"
            rf"{_JUST}{_TELL}{_ON}\s+"
        ),
        rf"(?:can|could|may|might)\s+i\s+{_JUST}(?:ask(?:\s+you)?|{_GET})\s+{_SOME}{_NEWS}{_ON}\s+",
        (
            rf"i\s*['’]?\s*(?:am|m|was|ve\s+been|have\s+been)\s+{_JUST}{_LOOKING}"
            rf"(?:\s+(?:for|into|in|to|if|whether|about|on|regarding))*\s+(?:(?:{_LEARN}|{_GET})\s+)?"
            rf"(?:(?:you|someone|anyone)\s+(?:can|could|might|would)\s+{_JUST}{_TELL}\s+)?"
            rf"(?:{_SOME}{_NEWS}{_ON}\s+)?(?:(?:if|whether|about)\s+)?"
        ),
        rf"{_WANT}\s+{_JUST}(?:to\s+{_JUST}(?:{_LEARN}|{_GET})\s+)?{_SOME}{_NEWS}{_ON}\s+",
        (
            rf"{_WANT}\s+{_JUST}to\s+{_JUST}{_LEARN}(?:\s+you)?"
            r"(?:\s+(?:more|a\s+(?:bit|little)(?:\s+more)?))?(?:\s+(?:about|on|regarding))?\s+"
        ),
        (
            rf"(?:we|i)\s+(?:need|want|require)\s+{_SOME}"
            rf"(?:help|assistance|information|info|advice|guidance){_ON}\s+"
        ),
        rf"do\s+{_YOU}\s+(?:happen\s+to\s+)?(?:know|have\s+{_SOME}{_NEWS}{_ON})\s+",
        (
            r"(?:is\s+there|are\s+there|do\s+you\s+have)\s+any\s+"
            rf"(?:info|information|help|guidance|advice){_ON}\s+"
        ),
        (
            r"(?:i\s+have\s+(?:a|one|another|some|a\s+few|a\s+couple\s+of)\s+(?:quick\s+)?"
            r"(?:questions?|doubts?|issues?)|(?:my|the|a|one|another)\s+(?:quick\s+)?"
            r"question(?:\s+is)?|quick\s+question|question)\b\s*"
            r"(?:[:,.;-]+|(?:about|on|regarding|concerning|for\s+you)[\s,.:]+)\s*"
        ),
        r"(?:i\s+(?:wonder|guess|think|believe|understand)|wondering)\s+(?:if|whether)?\s*",
    )
)
_TAIL = re.compile(
    r"(?:[\s,.!?;-]+(?:(?<!they )(?<!you )(?<!we )please|pls|"
    r"thanks?(?:\s+you)?(?:\s+(?:so|very)\s+much)?(?:\s+in\s+advance)?|"
    rf"(?:can|could|would|will)\s+{_YOU}\s+(?:please\s+)?(?:"
    r"help(?:\s+me)?(?:\s+(?:out|with\s+(?:that|this|it)))?|assist(?:\s+me)?|"
    r"tell\s+me(?:\s+(?:about\s+(?:it|that|this)|how|more))?|"
    r"explain(?:\s+(?:it|that|this))?(?:\s+to\s+me)?|"
    r"(?:answer|clarify)\s+(?:it|them|that|this)(?:\s+for\s+me)?)(?:\s+please)?|"
    r"any\s+(?:ideas?|help|advice)(?:\s+(?:is|would\s+be)\s+appreciated)?))+[\s.!?]*$",
    re.I,
)


def plain(text: str) -> str:
    """A question without the politeness around it; as it stands where nothing else is left."""
    rest = text
    taken = True
    while taken:
        taken = False
        for lead in _LEADS:
            match = lead.match(rest)
            if match and _asks(rest[match.end() :]):
                rest, taken = rest[match.end() :], True
    tail = _TAIL.search(rest)
    if tail and _asks(rest[: tail.start()]):
        rest = rest[: tail.start()]
    return rest.strip()


def _asks(rest: str) -> bool:
    """Whether anything is asked by what is left."""
    return any(word not in STOPWORDS for word in words(rest))
