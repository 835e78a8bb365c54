"""The bytes of a page to its text, by format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from assistant import hypertext
from assistant.errors import GuideError

if TYPE_CHECKING:
    from assistant.model import Block

Kind = Literal["markdown", "html", "text"]
SUFFIXES = (".md", ".markdown", ".mdx")


@dataclass(frozen=True, slots=True)
class Source:
    """What a file holds."""

    text: str
    kind: Kind = "markdown"
    oddities: tuple[tuple[int, str], ...] = ()
    title: str = ""
    language: str = ""


def read(path: str, raw: bytes) -> Source:
    """Placeholder until the formats land."""
    mend = "Save it as UTF-8 text the builder may read."
    encoding = "utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise GuideError(f"{path} is not UTF-8 text (line {line}).", mend) from error
    if "\x00" in text:
        raise GuideError(f"{path} is not text.", mend)
    return Source(text.replace("\r\n", "\n").replace("\r", "\n"))


def kind(path: str) -> Kind:
    """How the text of a page is to be read."""
    return "html" if path.endswith(".html") else "markdown"


def blocks(kind: Kind, text: str) -> list[Block]:
    """The blocks of a page that is no Markdown."""
    return hypertext.blocks(text) if kind == "html" else []
