"""Strip polite phrases from a question: greetings, requests for help, thanks (English)."""

from __future__ import annotations

import re

from assistant.text.tokenize import STOPWORDS, split_words, tokenize

_YOU = r"(?:you(?: guys)?|someone|somebody|anyone|anybody)"
_JUST = (
    r"(?:(?:just|really|also|actually|kindly|please|maybe|possibly|simply|only|currently|"
    r"kind of|hopefully) ){0,4}"
)
_SOME = (
    r"(?:(?:some|any|more|a (?:little|bit|few|couple)(?: (?:of|more|bit))?|further|general|"
    r"basic|additional|lots? of|an?|the|your|out) ){0,4}"
)
_INFORMATION = (
    r"(?:info|informations?|help|assistance|details?|questions?|advice|advise|guidance|"
    r"clarification|insight|input|instructions|something|anything|everything|things?|know|support)"
)
_ON = (
    r"(?: (?:about|on|regarding|concerning|with|for|to|of|in|into|as to|around|"
    r"(?:related|relating|relative|pertaining|in relation|with regards?|in regards?|"
    r"with respect) (?:to|with|on|of)))?"
)
_LEARN = (
    r"(?:know|ask|learn|find out|understand|hear|see|check|inquire|enquire|figure out|"
    r"be (?:told|informed))"
)
_GET = r"(?:get|have|receive|obtain|request)"
_TELL = (
    r"(?:help(?: me\b)?+(?: out\b)?+(?: (?:with|to|by|in|on|understand|find|get|know)){0,4}|"
    rf"(?:tell|inform|advise|show|teach|remind) (?:me|us)(?: more)?(?: {_SOME}{_INFORMATION})?|"
    rf"(?:give|provide|send|offer|get|share) (?:me|us)?(?: with)? ?{_SOME}{_INFORMATION}|"
    rf"(?:explain|clarify|specify)(?: to (?:me|us))?(?: {_SOME}(?:more|bit))?|"
    r"let (?:me|us) know|assist(?: me)?)"
)
_LOOKING = (
    r"(?:looking|searching|hoping|here|wondering|curious|interested|trying|calling|writing|"
    r"contacting you|reaching out|enquiring|inquiring|asking|seeking)"
)
_WANT = (
    r"i ?(?:['’]d|would|wanted|want|needed|need|wish|have|like|d|must|should) ?"
    r"(?:like|love|appreciate|prefer|want|wish)?"
)

# Each is stripped from the start, again and again, while a question remains.
_LEADS = tuple(
    re.compile(f"^(?:{pattern})", re.I)
    for pattern in (
        (
            r"(?:hi|hello|hey|hiya|greetings|howdy|dear \w+|good (?:morning|afternoon|evening|day))"
            r"(?: (?:there|all|everyone|everybody|guys|team|folks|again|sir|"
            r"madam)){0,4}\b[ ,.!;:-]*"
        ),
        (
            r"how(?: (?:are|r)|['’]re)? (?:you|u|things|it)(?: (?:doing|going|all)){0,4}"
            r"(?: (?:today|this \w+))? ?[?,.!;:-]+ ?"
        ),
        (
            rf"(?:can|could|would|will) {_YOU} (?:please )?(?:help|assist)(?: me)?"
            r"(?: out)?(?: please)? ?[?,.!;:-]+ ?"
        ),
        r"what(?:['’]?s| is) (?:the (?:deal|story|situation)|up|going on) with (?=\S)",
        r"(?:i )?hope (?:you|all|this|everything)\b[^.?!;]*[.?!;] ?",
        r"(?:nice|good) to (?:meet|see) you\b[ ,.!]*",
        (
            r"(?:excuse me|pardon me|sorry to bother(?: you)?|please|look|listen|so|"
            r"ok(?:ay)?|well|um+|alright|right|anyway|actually)\b[ ,.!:;-]+(?=\S)"
        ),
        (
            r"(?:thanks?|thank you|many thanks)(?: (?:so|very) much)?"
            r"(?: (?:for|in) [^.?!,;]{1,40})?[ ,.!;]+(?=\S)"
        ),
        (
            rf"(?:(?:can|could|would|will|may|might) {_YOU}|(?:please|kindly)) "
            rf"{_JUST}{_TELL}{_ON} "
        ),
        rf"(?:can|could|may|might) i {_JUST}(?:ask(?: you)?|{_GET}) {_SOME}{_INFORMATION}{_ON} ",
        (
            rf"i ?['’]? ?(?:am|m|was|ve been|have been) {_JUST}{_LOOKING}"
            rf"(?: (?:for|into|in|to|if|whether|about|on|"
            rf"regarding)){{0,4}} (?:(?:{_LEARN}|{_GET}) )?"
            rf"(?:(?:you|someone|anyone) (?:can|could|might|would) {_JUST}{_TELL} )?"
            rf"(?:{_SOME}{_INFORMATION}{_ON} )?(?:(?:if|whether|about) )?"
        ),
        rf"{_WANT} {_JUST}(?:to {_JUST}(?:{_LEARN}|{_GET}) )?{_SOME}{_INFORMATION}{_ON} ",
        (
            rf"{_WANT} {_JUST}to {_JUST}{_LEARN}(?: you)?"
            r"(?: (?:more|a (?:bit|little)(?: more)?))?(?: (?:about|on|regarding))? "
        ),
        (
            rf"(?:we|i) (?:need|want|require) {_SOME}"
            rf"(?:help|assistance|information|info|advice|guidance){_ON} "
        ),
        rf"do {_YOU} (?:happen to )?(?:know|have {_SOME}{_INFORMATION}{_ON}) ",
        (
            r"(?:is there|are there|do you have) any "
            rf"(?:info|information|help|guidance|advice){_ON} "
        ),
        (
            r"(?:i have (?:a|one|another|some|a few|a couple of) (?:quick )?"
            r"(?:questions?|doubts?|issues?)|(?:my|the|a|one|another) (?:quick )?"
            r"question(?: is)?|quick question|question)\b ?"
            r"(?:[:,.;-]+|(?:about|on|regarding|concerning|for you)[ ,.:]+) ?"
        ),
        r"(?:i (?:wonder|guess|think|believe|understand)|wondering) (?:if|whether)? ?",
    )
)
_MAX_ROUNDS = 6
"""The most rounds; each round strips at most one phrase of every kind."""

_TAIL = re.compile(
    r"(?<![ ,.!?;-])(?:[ ,.!?;-]++(?:(?<!they )(?<!you )(?<!we )please|pls|"
    r"thanks?(?: you)?(?: (?:so|very) much)?(?: in advance)?|"
    rf"(?:can|could|would|will) {_YOU} (?:please )?(?:"
    r"help(?: me)?(?: (?:out|with (?:that|this|it)))?|assist(?: me)?|"
    r"tell me(?: (?:about (?:it|that|this)|how|more))?|"
    r"explain(?: (?:it|that|this))?(?: to me)?|"
    r"(?:answer|clarify) (?:it|them|that|this)(?: for me)?)(?: please)?|"
    r"any (?:ideas?|help|advice)(?: (?:is|would be) appreciated)?)){1,4}[ .!?]*$",
    re.I,
)


def strip_politeness(text: str) -> str:
    """Strip the polite phrases around a question, unless nothing would be left."""
    rest = text
    for _ in range(_MAX_ROUNDS):
        before = rest
        for lead in _LEADS:
            match = lead.match(rest)
            if match and _has_content(rest[match.end() :]):
                rest = rest[match.end() :]
        if rest == before:
            break
    tail = _TAIL.search(rest)
    if tail and _has_content(rest[: tail.start()]):
        rest = rest[: tail.start()]
    return rest.strip()


def _has_content(rest: str) -> bool:
    """Whether a text has a word that is no stopword."""
    words = (word for token, _, _ in tokenize(rest) for word in split_words(token))
    return any(word not in STOPWORDS for word in words)
