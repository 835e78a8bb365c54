"""Write to the terminal, a pipe or the log; no other module does.

Text of readers, pages, file names and servers may contain control sequences, or a line end with a
line after it that looks like one of this program's. This module removes control characters and
indents every line of an entry after the first. It writes a character that a stream cannot encode as
an escape.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from rich.console import Console

INDENT = 4
"""Columns by which the lines after the first of an entry are indented."""

# CSI sequences are removed whole. Of other characters: C0 without tab and line feed, C1, separators
# that a terminal may take for line ends, and marks of the writing direction.
_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,16}[@-~]")
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]"
)
_SURROGATES = range(0xD800, 0xE000)

_lossy_encodings: set[str] = set()  # encodings that lacked a character


def clean(text: str) -> str:
    """Remove control characters except tab and line feed; escape lone surrogates."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub(_escape_surrogate, _SEQUENCE.sub("", text))


def one_line(text: str) -> str:
    """Clean a text and put it on one line: line ends become spaces."""
    return clean(text).replace("\n", " ")


def format_entry(text: str, indent: int = 0) -> str:
    """Clean a text and indent its lines, those after the first by four columns more."""
    first, *others = clean(text).split("\n")
    below = " " * (indent + INDENT)
    lines = [" " * indent + first, *(below + other if other.strip() else "" for other in others)]
    return "\n".join(lines)


def echo(text: str = "", *, err: bool = False, indent: int = 0, style: str = "") -> None:
    """Write an entry to standard output, or to standard error.

    `style` is one of rich's, for a terminal. Raises AssistantError where the stream cannot be
    written, and BrokenPipeError where its reader has closed it.
    """
    stream = sys.stderr if err else sys.stdout
    if stream is None:  # the process was started without the stream
        return
    text_out = _encode_safely(format_entry(text, indent), stream)
    if not stream.isatty():
        _write(stream, f"{text_out}\n")
        return
    from rich.text import Text

    console = rich_console(err=err)
    for row in _wrap_lines(text_out, indent, console):
        console.print(Text(row, style), soft_wrap=True)


def print_json(data: Any, *, indent: int | None = 2) -> None:
    """Print JSON types with every character, but controls as escapes."""
    if sys.stdout is None:
        return
    text = _CONTROL.sub(_escape_character, json.dumps(data, ensure_ascii=False, indent=indent))
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = json.dumps(data, indent=indent)
    _write(sys.stdout, f"{text}\n")


def prompt(prompt: str) -> str:
    """Print a prompt, which is not cleaned, and read a line. Raises EOFError at the end."""
    return input(prompt)


def rich_console(*, err: bool = False, width: int | None = None) -> Console:
    """Return rich's console for progress bars and tables; it does not clean text."""
    from rich.console import Console

    return Console(stderr=err, highlight=False, markup=False, emoji=False, width=width)


def configure_streams() -> None:
    """Make the streams escape what they cannot encode, and route the log through this module."""
    for stream, errors in (
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
        (sys.stdin, "replace"),
    ):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)
    if not logging.root.handlers:
        logging.root.addHandler(_LogHandler())


def report_unencodable() -> None:
    """Print at the end of a command how to see the characters that were escaped."""
    for encoding in sorted(_lossy_encodings):
        with suppress(AssistantError, OSError):
            message = f"{encoding} lacks some of the characters: they are printed as \\uXXXX."
            echo(message, err=True)
            echo("Set PYTHONIOENCODING=utf-8 to see them.", err=True)
    _lossy_encodings.clear()


class _LogHandler(logging.Handler):
    """Writes each log record as an entry, with its traceback below it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            echo(self.format(record), err=True)
        except (AssistantError, OSError, ValueError):
            self.handleError(record)


def _escape_surrogate(match: re.Match[str]) -> str:
    """Escape a lone surrogate, so that file names stay distinct; remove any other control."""
    return _escape_character(match) if ord(match[0]) in _SURROGATES else ""


def _escape_character(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _encode_safely(text: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text_out = text.encode(encoding, "backslashreplace").decode(encoding)
    if text_out != text:
        _lossy_encodings.add(encoding)
    return text_out


def _wrap_lines(text: str, indent: int, console: Console) -> Iterator[str]:
    """Wrap the lines of an entry, so that the terminal wraps none to its first column."""
    from rich.text import Text

    below = " " * (indent + INDENT)
    width = max(20, shutil.get_terminal_size().columns - len(below))
    for number, whole in enumerate(text.split("\n")):
        margin = " " * indent if number == 0 else below
        for place, row in enumerate(Text(whole.removeprefix(margin)).wrap(console, width)):
            yield (margin if place == 0 else below) + row.plain.rstrip()


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        with suppress(OSError, ValueError):  # else Python writes again at exit and prints the error
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise AssistantError(
            f"The output cannot be written: {error.strerror or error}.",
            "Free some space, or write it elsewhere.",
        ) from error
