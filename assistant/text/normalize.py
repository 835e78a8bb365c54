"""Bring text to one form, and remove invisible characters."""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE_CHARACTERS = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
# Control characters other than white space, and surrogates, which no encoding can write.
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")

# The invisible characters that no script and no emoji needs. They can hide words that only a
# machine reads.
_HIDDEN_CHARACTERS = re.compile(
    "[\u200b\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0d\ufeff\U000e0000-\U000e0fff]"
)

MAX_QUERY_CHARS = 2000
"""How many characters of a question, an earlier turn or a heading are analysed."""


def normalise(text: str) -> str:
    """Bring text to one form: NFKC, no invisible or control characters, single spaces.

    Line ends become spaces. For questions only; quoted text is never normalised.
    """
    # Invisible characters are removed first: one may be between a letter and its accent.
    visible = _INVISIBLE_CHARACTERS.sub("", text)
    return " ".join(_CONTROL_CHARACTERS.sub(" ", unicodedata.normalize("NFKC", visible)).split())


def truncate(text: str, max_chars: int = MAX_QUERY_CHARS) -> str:
    """Return the start of a text with single spaces, cut at the end of a word.

    Patterns that analyse a question, a turn or a heading run on the result, so that their input has
    single spaces and a bounded length.
    """
    plain = " ".join(text[: 4 * max_chars].split())
    if len(plain) <= max_chars:
        return plain
    cut = plain[: max_chars + 1]
    return cut.rpartition(" ")[0] or cut[:max_chars]


def replace_surrogates(text: str) -> str:
    """Replace each lone surrogate, which UTF-8 cannot write, by a question mark."""
    return text.encode(errors="replace").decode()


def strip_invisible(text: str) -> str:
    """Remove invisible and control characters, and change nothing else."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL_CHARACTERS.sub("", _INVISIBLE_CHARACTERS.sub("", text))


def find_hidden_characters(text: str) -> list[int]:
    """Return the positions of invisible characters that no script needs.

    These are tags, variation selectors without effect, and marks that change the direction of the
    text after them.
    """
    if text.isascii():
        return []
    return [match.start() for match in _HIDDEN_CHARACTERS.finditer(text)]
