"""Convert reStructuredText inside a page of Markdown, as `{eval-rst}` has it, line for line.

Only what such passages have is known: directives, roles and links. It is never run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.readers.code_fences import leading_blanks
from assistant.readers.directives import CODE_DIRECTIVES, IGNORED_DIRECTIVES, VERSION_DIRECTIVES

if TYPE_CHECKING:
    from collections.abc import Sequence

_FENCE = "~" * 12  # longer than any in the code of 20 real guides
_EXPLICIT = re.compile(r" *\.\.(?:[ \t]+(\S.*))?$")
_DIRECTIVE = re.compile(r"\A([A-Za-z][\w.+-]*(?::[\w.+-]+)*) ?::(?:[ \t](.*))?\Z")
_OPTION = re.compile(r" *:[\w .-]+:(?: .*)?$")
_ROLE = re.compile(r"(?<![\w`:]):([A-Za-z][\w.+-]{0,40}(?::[\w.+-]{1,40}){0,3}):`")
_LINK = re.compile(r"(?<![\w`}])`([^`<>\n]++)<([^`<>\s]++)>`__?(?!\w)")
_LAYOUT_DIRECTIVES = frozenset("container grid only tab-set tabs".split())
_TEXT_DIRECTIVES = _LAYOUT_DIRECTIVES | frozenset(
    "admonition attention card caution danger dropdown error grid-item grid-item-card group-tab "
    "hint important note rubric seealso tab tab-item tip topic warning".split()
)
_LANGUAGE_DIRECTIVES = frozenset("code code-block code-cell code-tab sourcecode prompt".split())


def convert_embedded_rst(lines: Sequence[str]) -> list[str]:
    """Convert lines to as many of Markdown: code becomes a fence, the words of others stay.

    The content of a directive that is not known is code, as it is not known how it is shown.
    """
    converted = [*lines]
    number = 0
    while number < len(converted):
        line = converted[number]
        explicit = _EXPLICIT.match(line)
        if explicit is None:
            converted[number] = _convert_inline(line)
            number += 1
            continue
        end = _find_end(converted, number)
        block = converted[number:end]
        directive = _DIRECTIVE.match(explicit[1] or "")
        if directive is None:  # a comment, or the target of a link
            converted[number:end] = [""] * len(block)
            number = end
            continue
        name = directive[1].lower().rsplit(":", 1)[-1]
        argument = (directive[2] or "").strip()
        if name in VERSION_DIRECTIVES or name in _TEXT_DIRECTIVES:
            words = f"{VERSION_DIRECTIVES.get(name, '')} {argument}".strip()
            converted[number:end] = _show_text(block, "" if name in _LAYOUT_DIRECTIVES else words)
            number += 1
        else:
            converted[number:end] = _show_code(block, name, argument)
            number = end
    return converted


def _find_end(lines: Sequence[str], start: int) -> int:
    """Return the line after a block and the blank lines below it."""
    width = len(leading_blanks(lines[start]))
    for number in range(start + 1, len(lines)):
        if lines[number].strip() and len(leading_blanks(lines[number])) <= width:
            return number
    return len(lines)


def _show_text(block: Sequence[str], words: str) -> list[str]:
    """Return the words of a directive, and its content as text, without its options."""
    first = _find_content(block)
    inside = [line for line in block[first:] if line.strip()]
    width = min((len(leading_blanks(line)) for line in inside), default=0)
    blanks = [""] * (first - 1)
    return [_convert_inline(words), *blanks, *(line[width:] for line in block[first:])]


def _show_code(block: Sequence[str], name: str, argument: str) -> list[str]:
    """Return the content of a directive as a fence; nothing where it has none, or is a setting."""
    hidden = [""] * len(block)
    inside = [number for number in range(_find_content(block), len(block)) if block[number].strip()]
    is_setting = name in IGNORED_DIRECTIVES or name == "raw"
    if not inside or is_setting or inside[-1] + 1 == len(block):
        return hidden
    first, last = inside[0], inside[-1]
    width = min(len(leading_blanks(block[number])) for number in inside)
    is_code = name in CODE_DIRECTIVES or not name.startswith("auto")
    hidden[first : last + 1] = [line[width:] for line in block[first : last + 1]]
    if is_code:
        hidden[first - 1] = _FENCE + (argument if name in _LANGUAGE_DIRECTIVES else "")
        hidden[last + 1] = _FENCE
    return hidden


def _find_content(block: Sequence[str]) -> int:
    """Return the line below the options of a directive."""
    number = 1
    while number < len(block) and _OPTION.match(block[number]):
        number += 1
    return number


def _convert_inline(line: str) -> str:
    if line.startswith("#"):  # no heading there
        return f"\\{line}"
    line = _ROLE.sub(r"{\1}`", line) if ":`" in line else line
    return (
        _LINK.sub(lambda link: f"[{link[1].strip()}]({link[2]})", line) if ">`_" in line else line
    )
