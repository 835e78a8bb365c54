"""Resolve "the third one" to an item of the list that the agent wrote last (English)."""

from __future__ import annotations

import re

from assistant.models.answers import MARKER
from assistant.text.normalize import MAX_QUERY_CHARS, normalise

_ORDINALS = {
    **{word: n for n, word in enumerate("first second third fourth fifth sixth seventh".split())},
    **{word: n for n, word in enumerate("1st 2nd 3rd 4th 5th 6th 7th".split())},
    "last": -1,
}
_NOUN = r"one|option|item|point|step|entry|choice|bullet|way|kind|type|role"
# "the third one", "the third?", "the third do", and not "the third party" or "the last day".
_REFERENCE = re.compile(
    rf"\bthe (?P<ordinal>{'|'.join(_ORDINALS)})(?: (?:{_NOUN})\b|(?=\W*$)|"
    r"(?= (?:is|are|was|do|does|did|can|could|should|would|will|has|have|means?|for|in|work)\b))",
    re.I,
)
_ITEM = re.compile(r"^[ \t]{0,3}(?:[-*•]|\d{1,2}[.)])[ \t]+(?P<text>\S.*)$", re.M)
_NAME_END = re.compile(r"[:;(\u2013\u2014]| - |[.!?](?: |$)")
_BOLD = re.compile(r"^(?:\*\*|__)(?P<name>[^*_]{1,80})(?:\*\*|__)")
_MAX_NAME_WORDS = 8
_MIN_ITEMS = 2
_MIN_ENUMERATED = 3
_MAX_ENUMERATION_WORDS = 40


def resolve_ordinal(text: str, reply: str) -> str:
    """Replace "the third one" by the name of that item of the agent's last reply.

    Returns the text unchanged where it has no such words, or the agent listed too little. A short
    reply of three things with commas between them is a list too.
    """
    match = _REFERENCE.search(text)
    if not match:
        return text
    names = _list_names(reply[: 4 * MAX_QUERY_CHARS])
    position = _ORDINALS[match["ordinal"].lower()]
    if len(names) < _MIN_ITEMS or position >= len(names):
        return text
    return text[: match.start()] + names[position] + text[match.end() :]


def _list_names(reply: str) -> list[str]:
    items = [match["text"] for match in _ITEM.finditer(reply)]
    if not items and len(reply.split()) <= _MAX_ENUMERATION_WORDS:
        parts = re.split(r",(?: and| or)? |;|\n", reply)
        items = parts if len(parts) >= _MIN_ENUMERATED else []
    return [name for name in map(_name_item, items) if name]


def _name_item(item: str) -> str:
    plain = normalise(MARKER.sub("", item))
    if bold := _BOLD.match(plain):
        return bold["name"].strip(" :.")
    start = _NAME_END.split(plain, maxsplit=1)[0]
    return " ".join(start.split()[:_MAX_NAME_WORDS]).strip(" ,.*_`")
