"""Strip from code in TypeScript what Twoslash reads and does not show.

Comments of their own line cut parts of the code, set options of the compiler and ask for types.
"""

from __future__ import annotations

import re
from typing import Any

_COMMENT = re.compile(r"[ \t]*+//(.*)")
_CUT = re.compile(r"---cut(?:-(before|after|start|end))?---")
_OPTION = re.compile(r"@(?!filename\b|(?:log|error|warn|annotate)\b)\w+(?::.*)?")
_MESSAGE = re.compile(r"@(?:log|error|warn|annotate):[ \t]*(?=\S)")
_QUERY = re.compile(r"\^[?|]|\^+")


def is_twoslash(block: Any) -> bool:
    """Check whether the first line of a fence, as the parser returns it, names Twoslash."""
    return isinstance(block, dict) and "twoslash" in block["Fenced"].split()


def strip_twoslash(code: str) -> str:
    """Return the lines of code that are shown; a message in a comment stays one."""
    shown: list[str] = []
    hidden: list[str] | None = None  # the lines since the start of a cut
    for line in code.split("\n"):
        comment = _COMMENT.fullmatch(line) if "//" in line else None
        text = comment[1].strip() if comment else ""
        if cut := _CUT.fullmatch(text):
            if cut[1] == "after":
                break
            if cut[1] == "start":
                hidden = []
            elif cut[1] == "end":
                hidden = None
            else:
                shown.clear()
        elif hidden is not None:
            hidden.append(line)
        elif not _OPTION.fullmatch(text) and not _QUERY.fullmatch(text):
            shown.append(_MESSAGE.sub("", line, count=1) if text.startswith("@") else line)
    return "\n".join([*shown, *(hidden or ())]).strip("\n")
