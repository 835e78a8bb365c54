"""Convert a Jupyter notebook to Markdown: its text, its code, and what the code printed.

Cells that Jupyter Book hides by their tags are left out, and so are pictures and widgets.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_BACKTICKS = re.compile(r"`{3,}")
_LANGUAGE = re.compile(r"[\w+#.-]{1,30}")
_FRONT_MATTER = re.compile(r"---\n.*?^---\s*\Z", re.DOTALL | re.MULTILINE)
_TERMINAL_CODES = re.compile("\x1b\\[[0-9;?]{0,20}[A-Za-z]")
# The text of an object that has another form: <Figure size 640x480 with 1 Axes>.
_OBJECT = re.compile(r"<[A-Za-z_][^<>\n]*>\Z")
_PLAIN_FIELDS = frozenset(
    "text/plain text output_type metadata execution_count prompt_number".split()
)
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")
_HIDDEN_CELL, _HIDDEN_CODE, _HIDDEN_OUTPUT = (
    frozenset({f"remove-{part}", f"remove_{part}", f"hide_{part}"})
    for part in ("cell", "input", "output")
)


def convert_notebook(source: str) -> tuple[str, str]:
    """Convert a notebook to Markdown, and return it with the title that the notebook declares.

    Raises ValueError, with the reason, where it is no notebook.
    """
    try:
        notebook = json.loads(source)
    except RecursionError:
        raise ValueError("it nests too deep") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} is not JSON ({error.msg})") from None
    notebook = _dict(notebook)
    # Format 3 has the cells in worksheets.
    holders = [notebook, *_dicts(notebook.get("worksheets"))]
    if not any(isinstance(holder.get("cells"), list) for holder in holders):
        raise ValueError("it is no notebook: there are no cells in it")
    cells = [cell for holder in holders for cell in _dicts(holder.get("cells"))]
    metadata = _dict(notebook.get("metadata"))
    kernel, language = _dict(metadata.get("kernelspec")), _dict(metadata.get("language_info"))
    named = _text(kernel.get("language")) or _text(language.get("name"))
    parts = [part for cell in cells for part in _convert_cell(cell, named)]
    text = "\n\n".join(part.strip("\n") for part in parts if part.strip())
    is_raw = bool(cells) and cells[0].get("cell_type") == "raw"
    if not (is_raw and text.startswith("---\n")):
        text = f"\n{text}"  # a rule at the start of a text cell opens no front matter
    return f"{text}\n", _text(metadata.get("title"))


def _convert_cell(cell: dict[str, Any], language: str) -> Iterator[str]:
    tags = _dict(cell.get("metadata")).get("tags")
    tags = frozenset(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()
    if not _HIDDEN_CELL.isdisjoint(tags):
        return
    source = _text(cell.get("source", cell.get("input")))
    match cell.get("cell_type"):
        case "markdown":
            yield _close_fences(source)
        case "heading":
            level = cell.get("level")
            marks = "#" * min(6, max(1, level if isinstance(level, int) else 1))
            yield f"{marks} {' '.join(source.split())}"
        case "code":
            if _HIDDEN_CODE.isdisjoint(tags):
                yield _make_fence(source, _text(cell.get("language")) or language)
            if _HIDDEN_OUTPUT.isdisjoint(tags):
                for output in _dicts(cell.get("outputs")):
                    yield _convert_output(output)
        case _:
            yield source if _FRONT_MATTER.match(source) else _make_fence(source)


def _convert_output(output: dict[str, Any]) -> str:
    """Return what an output shows as text or a table; empty for a picture."""
    kind = output.get("output_type")
    if kind == "stream":
        return _make_fence(_clean_terminal_text(_text(output.get("text"))))
    if kind in {"error", "pyerr"}:
        return _make_fence(f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}")
    data = _dict(output.get("data")) or output  # format 3 has no field for the data
    if markdown := _text(data.get("text/markdown")):
        return _close_fences(markdown)
    plain = _text(data.get("text/plain", data.get("text")))
    if not plain.strip() or (data.keys() - _PLAIN_FIELDS and _OBJECT.match(plain.strip())):
        return _BLANK_LINES.sub("\n", _text(data.get("text/html")))  # a blank line would end it
    return _make_fence(_clean_terminal_text(plain))


def _make_fence(text: str, language: str = "") -> str:
    """Return text as a fenced code block; empty where there is none."""
    if not text.strip():
        return ""
    longest = max(map(len, _BACKTICKS.findall(text)), default=2)
    fence = "`" * (longest + 1)
    info = language if _LANGUAGE.fullmatch(language) else ""
    return "\n".join((fence + info, text.strip("\n"), fence))


def _close_fences(markdown: str) -> str:
    """Close a code block that a cell leaves open, so that the next cell is not part of it."""
    opened = ""
    for line in markdown.split("\n"):
        if fence := _FENCE.match(line):
            if not opened:
                opened = fence[1]
            elif fence[1].startswith(opened) and not line[fence.end() :].strip():
                opened = ""
    return f"{markdown}\n{opened}" if opened else markdown


def _clean_terminal_text(text: str) -> str:
    """Return what a terminal shows: no colours, and of a progress bar the last state."""
    lines = _TERMINAL_CODES.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _text(value: Any) -> str:
    """Return a text, which may be a list of lines; empty for anything else."""
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
