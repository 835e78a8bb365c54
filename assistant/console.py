"""The one place that writes to a terminal, a pipe or a log.

Text of readers, pages, file names and servers may hold sequences that steer a terminal, or line
ends that begin a line which looks like ours. Here controls are dropped, and every line after the
first of an entry is indented. A stream that cannot write a character gets an escape in its place.
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

# Sequences that begin with CSI go whole. Of the rest: C0 without tab and line feed, C1, separators
# that a terminal may take for line ends, and the marks that turn the direction of what follows.
_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,16}[@-~]")
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]"
)
_SURROGATES = range(0xD800, 0xE000)

_lossy_encodings: set[str] = set()  # encodings that could not write all there was


def clean(text: str) -> str:
    """Drop control characters except tab and line feed; write out halves of characters."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub(_escape_surrogate, _SEQUENCE.sub("", text))


def one_line(text: str) -> str:
    """The text cleaned and on one line: line ends become spaces."""
    return clean(text).replace("\n", " ")


def format_entry(text: str, indent: int = 0) -> str:
    """The text cleaned, its first line indented as asked for, the others by four columns more."""
    first, *others = clean(text).split("\n")
    below = " " * (indent + INDENT)
    lines = [" " * indent + first, *(below + other if other.strip() else "" for other in others)]
    return "\n".join(lines)


def echo(text: str = "", *, err: bool = False, indent: int = 0, style: str = "") -> None:
    """Write an entry to standard output, or to standard error.

    `style` is one of rich's, for a terminal. Raises AssistantError where the stream cannot be
    written, and BrokenPipeError where nobody reads it any more.
    """
    stream = sys.stderr if err else sys.stdout
    if stream is None:  # the process was started without it
        return
    told = _encode_safely(format_entry(text, indent), stream)
    if not stream.isatty():
        _write(stream, f"{told}\n")
        return
    from rich.text import Text

    console = rich_console(err=err)
    for row in _wrap_lines(told, indent, console):
        console.print(Text(row, style), soft_wrap=True)


def print_json(data: Any, *, indent: int | None = 2) -> None:
    """Print JSON types, so that what reads them has every character and a terminal no control."""
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
    """Read a line that is typed; the prompt is ours. Raises EOFError where there is no more."""
    return input(prompt)


def rich_console(*, err: bool = False, width: int | None = None) -> Console:
    """What draws bars and tables, of text that is cleaned already."""
    from rich.console import Console

    return Console(stderr=err, highlight=False, markup=False, emoji=False, width=width)


def configure_streams() -> None:
    """Set the streams of this process so that no character fails, and send the log through here."""
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
    """Say at the end of a command what is needed to see characters that were escaped."""
    for encoding in sorted(_lossy_encodings):
        with suppress(AssistantError, OSError):
            what = f"{encoding} has no sign for some of the characters: they are shown as \\uXXXX."
            echo(what, err=True)
            echo("Set PYTHONIOENCODING=utf-8 to see them.", err=True)
    _lossy_encodings.clear()


class _LogHandler(logging.Handler):
    """Writes each record as an entry, its traceback below it."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            echo(self.format(record), err=True)
        except (AssistantError, OSError, ValueError):
            self.handleError(record)


def _escape_surrogate(found: re.Match[str]) -> str:
    """A half of a character as an escape, so that a file can be told by its name; else nothing."""
    return _escape_character(found) if ord(found[0]) in _SURROGATES else ""


def _escape_character(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _encode_safely(text: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    told = text.encode(encoding, "backslashreplace").decode(encoding)
    if told != text:
        _lossy_encodings.add(encoding)
    return told


def _wrap_lines(text: str, indent: int, console: Console) -> Iterator[str]:
    """The lines of an entry as wide as the terminal, so that it wraps none to its first column."""
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
        with suppress(OSError, ValueError):  # or Python tries again when it ends, and says so
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise AssistantError(
            f"The output cannot be written: {error.strerror or error}.",
            "Make room there, or send it elsewhere.",
        ) from error
