"""Convert the inline markup of Org to HTML, line for line: a text keeps its line ends."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from html.entities import entitydefs, html5
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from assistant.readers.dialects import WIKI_SCHEME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_EXPANSION_DEPTH = 4  # of macros in the values of others
_MAX_NESTING = 8  # a link in a footnote in a link
_MAX_MARKUP_CHARS = 1_000

_MACRO = re.compile(r"\{\{\{([a-zA-Z][\w-]{0,60})(?:\(([^{}]{0,1000})\))?\}\}\}")
_ARGUMENT = re.compile(r"\$(\d)")
_SNIPPET = re.compile(r"@@([a-zA-Z][\w-]{0,20}):([^@]{0,1000})@@")
# A mark opens after white space or an opening bracket, and closes before its counterpart.
_BEFORE = r"(?<![^\s\x00>\-–—(\"'{*/_+])"
_AFTER = r"(?![^\s\x00<\-–—.,;:!?'\")}\[\\*/_+])"
_CODE_START = re.compile(_BEFORE + r"[=~](?=[^\s=~])")
_CODE_END = {mark: re.compile(rf"(?<=[^\s]){mark}{_AFTER}") for mark in "=~"}
_SOURCE = re.compile(r"\bsrc_[\w+-]{1,30}(?:\[[^\[\]]{0,200}\])?\{([^{}]{0,1000})\}")
_LINK = re.compile(r"\[\[([^\[\]]{1,1000})\](?:\[([^\[\]]{1,1000}|\[\[[^\[\]]{1,1000}\]\])\])?\]")
_ADDRESS = re.compile(r"<?\b(?:https?|ftp|mailto):[^\s\[\]<>\"\x00]+>?")
_FOOTNOTE = re.compile(r"\[fn:([\w-]{0,60})(?::([^\[\]]{1,2000}))?\]")
_TARGET = re.compile(r"<<<([^<>\n]{1,200})>>>|<<([^<>\n]{1,200})>>")
_LINE_BREAK = re.compile(r"\\\\[ \t]*$", re.M)
_ENTITY = re.compile(r"\\([a-zA-Z]{2,20}\d{0,2})(?:\{\}|(?![a-zA-Z]))")
_SCRIPT = re.compile(r"(?<=[^\s])([_^])\{([^{}]{1,200})\}")
_PAIRS = tuple(
    (re.compile(_BEFORE + pattern + _AFTER), tag)
    for pattern, tag in (
        (r"\*([^\s*][^*]{0,1000})\*", "strong"),
        (r"/([^\s/][^/]{0,1000})/", "em"),
        (r"_([^\s_][^_]{0,1000})_", "u"),
        (r"\+([^\s+][^+]{0,1000})\+", "del"),
    )
)
_STASHED = re.compile(r"\x00(\d+)\x00")
_SCHEME = re.compile(r"([a-zA-Z][\w+.-]{1,30}):(.*)", re.S)
_WEB_SCHEMES = frozenset({"ftp", "http", "https", "mailto", "tel"})
_IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp"})
# What Org names otherwise than HTML.
_ENTITIES = {
    "to": "→", "dots": "…", "ldots": "…", "checkmark": "✓", "bull": "•", "star": "*", "S": "§",
    "vert": "|", "vbar": "|", "slash": "/", "plus": "+", "under": "_", "equal": "=", "dollar": "$",
    "tilde": "~", "hbar": "ℏ", "EUR": "€", "deg": "°", "num": "#", "pct": "%", "quot": '"',
    "asterisk": "*", "ast": "*", "colon": ":", "hash": "#", "backslash": "\\", "la": "«", "ra": "»",
}  # fmt: skip


@dataclass
class Inline:
    """Converts texts of one page; knows what its links and macros mean.

    `targets` are the addresses of headings and targets by their name, `*heading`, `id:…` or `#…`.
    """

    targets: dict[str, str] = field(default_factory=dict)
    macros: dict[str, str] = field(default_factory=dict)
    abbreviations: dict[str, str] = field(default_factory=dict)
    budget: int = 100_000
    _stash: list[str] = field(default_factory=list)

    def convert(self, text: str) -> str:
        """Return a text as HTML."""
        self._stash.clear()
        text = _SNIPPET.sub(self._convert_snippet, self._expand(text))
        text = "".join(self._convert_code(text))
        text = _SOURCE.sub(lambda match: self._keep_code(match[1]), text)
        if "[[" in text:
            text = _LINK.sub(self._convert_link, text)
        text = _ADDRESS.sub(self._convert_address, text)
        text = _FOOTNOTE.sub(lambda match: f" ({match[2].strip()})" if match[2] else "", text)
        text = _TARGET.sub(self._convert_target, text)
        text = _LINE_BREAK.sub(lambda _: self._keep("<br>"), text)
        text = _ENTITY.sub(_write_entity, text)
        text = escape(text, quote=False)
        text = _SCRIPT.sub(_write_script, text)
        for pattern, tag in _PAIRS:
            text = pattern.sub(_tagger(tag), text)
        for _ in range(_MAX_NESTING):
            if "\x00" not in text:
                break
            text = _STASHED.sub(lambda match: self._stash[int(match[1])], text)
        return text.replace("\x00", "")

    def _keep(self, html: str) -> str:
        """Put finished HTML aside, and return the mark that stands for it."""
        self._stash.append(html)
        return f"\x00{len(self._stash) - 1}\x00"

    def _keep_code(self, words: str) -> str:
        return self._keep(f"<code>{escape(words, quote=False)}</code>")

    def _expand(self, text: str) -> str:
        """Replace macros by their values; an unknown one stays as it is."""
        for _ in range(_EXPANSION_DEPTH):
            if "{{{" not in text:
                break
            text = _MACRO.sub(self._expand_one, text)
        return text

    def _expand_one(self, match: re.Match[str]) -> str:
        value = self.macros.get(match[1].lower())
        if value is None:
            return match[0]
        arguments = re.split(r"(?<!\\),", match[2] or "")
        value = _ARGUMENT.sub(lambda mark: _argument(arguments, int(mark[1])), value)
        self.budget -= len(value)
        return value if self.budget > 0 else match[0]

    def _convert_snippet(self, match: re.Match[str]) -> str:
        return self._keep(match[2]) if match[1].lower() == "html" else ""

    def _convert_code(self, text: str) -> Iterator[str]:
        """Yield a text in pieces, its code put aside."""
        position = 0
        while start := _CODE_START.search(text, position):
            first = start.end()
            end = _CODE_END[text[first - 1]].search(text, first + 1, first + _MAX_MARKUP_CHARS)
            if not end:
                yield text[position:first]
                position = first
                continue
            yield text[position : start.start()]
            code = text[first : end.start()]
            yield "\n".join(self._keep_code(line) if line else "" for line in code.split("\n"))
            position = end.end()
        yield text[position:]

    def _convert_link(self, match: re.Match[str]) -> str:
        target, words = match[1].strip(), match[2] or ""
        address = self._locate(target.replace("\n", " "))
        if words.startswith("[["):
            words = words[2:-2]
        shown = "".join(self._convert_code(words))
        if _is_image(words or target):
            shown = self._show_image(words or target)
            if not words:
                return shown
        elif not words:
            shown = escape(_show_target(target), quote=False)
            shown = self._keep(shown)
        if not address:
            return shown
        return f"{self._keep(f'<a href={_quote(address)}>')}{shown}{self._keep('</a>')}"

    def _show_image(self, target: str) -> str:
        path = _strip_file(target)
        alt = PurePosixPath(path).stem.replace("-", " ").replace("_", " ")
        return self._keep(f"<img src={_quote(path)} alt={_quote(alt)}>")

    def _locate(self, target: str) -> str:
        """Return the address of a link's target; empty for one that leads out of the web."""
        if target.startswith("#"):
            return target
        known = self.targets.get(" ".join(target.casefold().split()))
        if known is not None:
            return known
        if target.startswith("*"):
            return f"{WIKI_SCHEME}#{target[1:].strip()}"
        scheme = _SCHEME.match(target)
        if not scheme or scheme[1].startswith("file"):
            path, _, place = _strip_file(target).partition("::")
            is_path = bool(scheme) or path.startswith(("./", "../", "/")) or path.endswith(".org")
            return f"{path}{place if place.startswith('#') else ''}" if is_path else ""
        name, rest = scheme[1].lower(), scheme[2]
        if scheme[1] in self.abbreviations:
            value = self.abbreviations[scheme[1]]
            return value.replace("%s", rest) if "%s" in value else value + rest
        if name == "doi":
            return f"https://doi.org/{rest}"
        return target if name in _WEB_SCHEMES else ""

    def _convert_address(self, match: re.Match[str]) -> str:
        bare = match[0].removeprefix("<").removesuffix(">")
        url = bare.rstrip(".,;:!?)'*_=~+") if bare == match[0] else bare
        if not match[0].startswith("<"):
            url = url.rstrip(".,;:!?)'*_=~+")
        shown = self._keep(escape(url.removeprefix("mailto:"), quote=False))
        rest = bare[len(url) :]
        return f"{self._keep(f'<a href={_quote(url)}>')}{shown}{self._keep('</a>')}{rest}"

    def _convert_target(self, match: re.Match[str]) -> str:
        return match[1] or self._keep(f"<a id={_quote(match[2])}></a>")


def _argument(arguments: list[str], number: int) -> str:
    """Return an argument of a macro by its number, all for 0."""
    if not number:
        return ",".join(arguments)
    return arguments[number - 1].replace("\\,", ",").strip() if number <= len(arguments) else ""


def _quote(value: str) -> str:
    return f'"{escape(value)}"'


def _strip_file(target: str) -> str:
    scheme = _SCHEME.match(target)
    return scheme[2] if scheme and scheme[1].lower().startswith("file") else target


def _show_target(target: str) -> str:
    """Return what is shown of a link without a text."""
    path = _strip_file(target)
    return path.removeprefix("*").removeprefix("#") if path == target else path.partition("::")[0]


def _is_image(target: str) -> bool:
    if " " in target.strip():
        return False
    return PurePosixPath(_strip_file(target)).suffix.lower() in _IMAGE_SUFFIXES


def _write_entity(match: re.Match[str]) -> str:
    shown = _ENTITIES.get(match[1]) or entitydefs.get(match[1])
    if not shown and match[1].endswith("arrow"):  # HTML 5 has the arrows by their names in TeX
        shown = html5.get(f"{match[1]};")
    return shown or match[0]


def _write_script(match: re.Match[str]) -> str:
    tag = "sub" if match[1] == "_" else "sup"
    return f"<{tag}>{match[2]}</{tag}>"


def _tagger(tag: str) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        if match[1][-1].isspace():
            return match[0]
        return f"<{tag}>{match[1]}</{tag}>"

    return replace
