"""Recognise what is no question about the guide: greetings, thanks, a call for help (English)."""

from __future__ import annotations

import re

from assistant.text.normalize import truncate
from assistant.text.tokenize import tokenize

_SMALL_TALK = re.compile(
    r"^(?:(?:"
    r"hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)|"
    r"there|everyone|all|team|again|"
    r"thanks?|thank you|thx|ty|cheers|(?:very|so) much|a lot|many thanks|"
    r"that(?:'s| is| was)? (?:helped|helpful|great|perfect|all)|"
    r"great|cool|perfect|nice|awesome|got it|i see|ok|okay|alright|"
    r"bye|goodbye|see you|how are you(?: doing)?(?: today)?|"
    r"help|(?:please|can you|could you) help(?: me)?|help me|i need (?:some )?help|please"
    r")\b[ ,.!?:;()-]{0,9}){1,8}$",
    re.I,
)
_ABOUT_YOU = re.compile(
    r"^(?:(?:hi|hello|hey|so|ok(?:ay)?|please)\b[ ,.!]{0,3}){0,3}(?:"
    r"what (?:else )?can you (?:do|tell me|answer|help(?: me)? with)(?: for me)?|"
    r"what do you (?:do|know)(?: about)?|(?:who|what) are you|what is this(?: about| for)?|"
    r"what can i (?:ask|do here|find here)(?: you| here)?(?: about)?|"
    r"how (?:can|do) you help(?: me)?|how do(?:es)? (?:you|this) work|"
    r"what (?:topics|subjects|questions) (?:do|can) you (?:cover|know|answer)|"
    r"what(?: is|'s| topics are)? in (?:this|the|your) guide|"
    r"what (?:does|do) (?:this|the|your) guide cover"
    r")[ ?!.]{0,9}$",
    re.I,
)


def is_small_talk(text: str) -> bool:
    """Whether a text asks nothing of the guide: small talk, marks without a word, or what it is."""
    plain = truncate(text).replace("’", "'")
    if not any(True for _ in tokenize(plain)):
        return True
    return bool(_SMALL_TALK.match(plain) or _ABOUT_YOU.match(plain))
