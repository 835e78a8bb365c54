"""Recognise what is no question about the guide: greetings, thanks, a call for help (English)."""

from __future__ import annotations

import re

from assistant.text.normalize import truncate
from assistant.text.tokenize import tokenize

_PHRASES = frozenset(
    phrase.strip()
    for phrase in """
    hi, hello, hey, hiya, howdy, greetings, good morning, good afternoon, good evening, good day,
    there, everyone, all, team, again, thanks, thank, thank you, thx, ty, cheers, very much,
    so much, a lot, many thanks, that helped, that helps, that was helpful, that is helpful,
    that's helpful, that's great, that's perfect, that's all, that is all, great, cool, perfect,
    nice, awesome, got it, i see, ok, okay, alright, bye, goodbye, see you, how are you,
    how are you doing, today, help, help me, can you help, can you help me, could you help,
    could you help me, i need help, i need some help, please
    """.split(",")
)
_NODS = frozenset("yes no yeah yep nope right good".split())
_MAX_PHRASE_WORDS = 5
_MAX_WORDS = 12
_ABOUT_YOU = re.compile(
    r"^(?:(?:hi|hello|hey|so|ok|okay|please)[ ,.!]{1,3})?(?:"
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
    return _are_phrases(_split_words(text)) or bool(_ABOUT_YOU.match(plain))


def names_no_subject(text: str) -> bool:
    """Whether a text of a conversation is small talk, or only says yes, no or the like."""
    return is_small_talk(text) or _are_phrases(_split_words(text), _PHRASES | _NODS)


def _split_words(text: str) -> list[str]:
    return [token.lower() for token, _, _ in tokenize(truncate(text).replace("’", "'"))]


def _are_phrases(words: list[str], phrases: frozenset[str] = _PHRASES) -> bool:
    """Whether words are phrases of small talk, one after another; true for no words."""
    n = 0
    while n < len(words) <= _MAX_WORDS:
        ends = range(min(len(words), n + _MAX_PHRASE_WORDS), n, -1)
        end = next((end for end in ends if " ".join(words[n:end]) in phrases), 0)
        if not end:
            return False
        n = end
    return n == len(words)
