"""Convert the inline markup of AsciiDoc to HTML, line for line: a text keeps its line ends."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Values that every page knows.
_BUILT_IN = {
    "amp": "&", "apos": "'", "asterisk": "*", "backslash": "\\", "backtick": "`", "blank": "",
    "brvbar": "¦", "caret": "^", "cpp": "C++", "cxx": "C++", "pp": "++", "deg": "°", "empty": "",
    "endsb": "]", "gt": ">", "ldquo": "“", "lsquo": "‘", "lt": "<", "nbsp": "\u00a0", "plus": "+",
    "quot": '"', "rdquo": "”", "rsquo": "’", "sp": " ", "startsb": "[", "tilde": "~",
    "two-colons": "::", "two-semicolons": ";;", "vbar": "|", "wj": "", "zwsp": "",
}  # fmt: skip
_MAX_VALUE_CHARS = 10_000
_EXPANSION_FACTOR = 4  # values may make a page so many times longer

_ATTRIBUTE = re.compile(r"(\\?)\{(\w[\w-]{0,60})\}")
_PASSTHROUGH = re.compile(
    r"\+\+\+([^+]+)\+\+\+|\+\+([^+]+)\+\+|`\+([^`]+)\+`|\bpass:[a-z,]{0,20}\[([^\[\]]*)\]"
)
_CODE = re.compile(r"``([^`]{1,2000})``|(?<![\w\\`])`(?=[^\s`])([^`]{1,2000})`(?![\w`])")
_CURVED = re.compile(r"\"`([^`]{1,2000})`\"|'`([^`]{1,2000})`'")
# A run of characters before brackets: it may end with a macro, link:target[text], or an address.
_BRACKETS = re.compile(r"(?<![^\s\[\]])([^\s\[\]]++)\[((?:[^\\\[\]]|\\[^\[])*)\]")
_NAME = re.compile(
    r"\\?(?<!\w)(link|xref|mailto|image|icon|anchor|kbd|btn|menu|footnote|footnoteref|stem|latexmath"
    r"|asciimath|indexterm2|indexterm|https?|ftp|irc):"
)
_ADDRESS = re.compile(r"\\?\b(?:https?|ftp|irc)://[^\s\[\]<>\"\x00]+")
_REFERENCE = re.compile(r"<<([^<>,]{1,300})(?:,([^<>]{0,500}))?>>")
_INLINE_ANCHOR = re.compile(
    r"\[\[([\w:.-]{1,100})(?:,[^\[\]]{0,200})?\]\]|\[#([\w:.-]{1,100})\](?=#)"
)
_INDEX_TERM = re.compile(r"\(\(\(([^()]{1,300})\)\)\)|\(\(([^()]{1,300})\)\)")
_REFERENCE_MARK = re.compile(r"&amp;(?=(?:[a-zA-Z]\w{1,30}|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_ROLE = re.compile(r"\[[.#][\w .%-]{0,60}\](?=[#*_`\x00])|\[[a-z-]{1,40}\](?=#\S)")
_LINE_BREAK = re.compile(r"(?<=[ \t])\+[ \t]*$", re.M)
_PAIRS = tuple(
    (re.compile(pattern), tag)
    for pattern, tag in (
        (r"\*\*([^*]{1,2000})\*\*", "strong"),
        (r"(?<![\w\\*])\*([^\s*][^*]{0,2000})\*(?![\w*])", "strong"),
        (r"__([^_]{1,2000})__", "em"),
        (r"(?<![\w\\_])_([^\s_][^_]{0,2000})_(?![\w_])", "em"),
        (r"##([^#]{1,2000})##", "mark"),
        (r"(?<![\w\\#&])#([^\s#][^#]{0,2000})#(?![\w#])", "mark"),
        (r"(?<!\\)\^([^\s^]{1,200})\^", "sup"),
        (r"(?<!\\)~([^\s~]{1,200})~", "sub"),
    )
)
_APOSTROPHE = re.compile(r"(?<=\w)`'")
_ESCAPED = re.compile(r"\\(?=[*_`#^~{\[<\"'(])")
_STASHED = re.compile(r"\x00(\d+)\x00")
# A link whose address begins with an attribute that the site sets.
_UNKNOWN_ADDRESS = re.compile(r"(?<!\\)\{[a-z][\w-]*+\}[^\s\[\]{}\x00]*+\[([^\[\]{}]++)\]")
_NAMED = re.compile(r",\s*[\w-]+=")
_MACRO_NESTING = 2  # a link in a footnote, a picture in a link
_MAX_NESTING = 8


@dataclass
class Inline:
    """Converts texts of one page; knows its attributes, and the titles of its sections by id."""

    attributes: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    budget: int = 100_000
    pages_folder: str | None = None  # Antora's folder of pages, seen from the page: "", "../"
    _stash: list[str] = field(default_factory=list)

    def expand(self, text: str) -> str:
        """Replace the names of attributes by their values; an unknown one stays as it is."""
        return _ATTRIBUTE.sub(self._expand_one, text) if "{" in text else text

    def _expand_one(self, match: re.Match[str]) -> str:
        name = match[2].lower()
        value = self.attributes.get(name, _BUILT_IN.get(name))
        if match[1] or value is None or len(value) > self.budget:
            return match[0]
        self.budget -= len(value)
        return value

    def define(self, name: str, value: str | None) -> None:
        """Set an attribute of the page; without a value, remove it."""
        if value is None:
            self.attributes.pop(name.lower(), None)
            return
        expanded = self.expand(value)
        self.attributes[name.lower()] = expanded if len(expanded) <= _MAX_VALUE_CHARS else value

    def convert(self, text: str) -> str:
        """Return a text as HTML."""
        self._stash.clear()
        text = _PASSTHROUGH.sub(self._convert_passthrough, text)
        text = self.expand(text)
        text = _CURVED.sub(lambda m: f"“{m[1]}”" if m[1] else f"‘{m[2]}’", text)
        text = _APOSTROPHE.sub("’", text)
        text = _CODE.sub(self._convert_code, text)
        if ":" in text or "<<" in text:
            for _ in range(_MACRO_NESTING):
                text = _BRACKETS.sub(self._convert_brackets, text)
            text = _ADDRESS.sub(self._convert_address, text)
            text = _REFERENCE.sub(self._convert_reference, text)
        if "{" in text:
            text = _UNKNOWN_ADDRESS.sub(lambda m: m[1].removesuffix("^"), text)
        text = _INLINE_ANCHOR.sub(lambda m: self._keep(f'<a id="{m[1] or m[2]}"></a>'), text)
        text = _INDEX_TERM.sub(lambda m: m[2] or "", text)
        text = _LINE_BREAK.sub(lambda _: self._keep("<br>"), text)
        text = _REFERENCE_MARK.sub("&", escape(_ROLE.sub("", text), quote=False))
        for pattern, tag in _PAIRS:
            text = pattern.sub(_tagger(tag), text)
        text = _ESCAPED.sub("", text)
        for _ in range(_MAX_NESTING):  # a link in a footnote in a link
            if "\x00" not in text:
                break
            text = _STASHED.sub(lambda m: self._stash[int(m[1])], text)
        return text.replace("\x00", "")

    def _keep(self, html: str) -> str:
        """Put finished HTML aside, and return the mark that stands for it."""
        self._stash.append(html)
        return f"\x00{len(self._stash) - 1}\x00"

    def _convert_passthrough(self, match: re.Match[str]) -> str:
        words = next(filter(None, match.groups()), "")
        html = escape(words, quote=False)
        return self._keep(f"<code>{html}</code>" if match[3] else html)

    def _convert_code(self, match: re.Match[str]) -> str:
        words = match[1] or match[2]
        plain = _BRACKETS.sub(self._show_code_link, _strip_emphasis(words))
        return self._keep("<code>") + self._keep(escape(plain, quote=False)) + self._keep("</code>")

    @staticmethod
    def _show_code_link(match: re.Match[str]) -> str:
        name = _NAME.search(match[1])
        is_link = name and name[1] in {"link", "xref", "https", "http"}
        return match[1][: name.start()] + _link_text(match[2]) if name and is_link else match[0]

    def _convert_brackets(self, match: re.Match[str]) -> str:
        """Convert the macro or the address before brackets, if there is one."""
        token, content = match[1], match[2]
        name = _NAME.search(token)
        if not name or (not content and name[0].startswith("\\")):
            return match[0]
        before, target = token[: name.start()], token[name.end() :]
        if name[0].startswith("\\"):
            return f"{before}{self._keep(escape(match[0][name.start() + 1 :], quote=False))}"
        if target.startswith("//"):
            target = f"{name[1]}:{target}"
            return before + self._link(target, _link_text(content) or target)
        return before + self._convert_macro(name[1], target, _link_text(content))

    def _convert_macro(self, name: str, target: str, words: str) -> str:
        match name:
            case "link":
                return self._link(target, words or target)
            case "mailto":
                return self._link(f"mailto:{target}", words or target)
            case "xref":
                return self._refer(target, words)
            case "image":
                alt = words or PurePosixPath(target).stem.replace("-", " ").replace("_", " ")
                return self._keep(f'<img src="{escape(target)}" alt="{escape(alt)}">')
            case "anchor":
                return self._keep(f'<a id="{escape(target)}"></a>')
            case "stem" | "latexmath" | "asciimath":
                return self._keep(f"<code>{escape(words, quote=False)}</code>")
            case _:
                return self._show_words(name, target, words)

    def _show_words(self, name: str, target: str, words: str) -> str:
        """Return what is shown of a macro without an address."""
        if name in {"kbd", "btn"}:
            return self._keep("<kbd>") + words + self._keep("</kbd>")
        if name == "menu":
            return " > ".join(part for part in (target, *words.split(" > ")) if part.strip())
        if name in {"footnote", "footnoteref"}:
            return f" ({words})" if words else ""
        return words if name == "indexterm2" else ""

    def _convert_address(self, match: re.Match[str]) -> str:
        if match[0].startswith("\\"):
            return self._keep(escape(match[0][1:], quote=False))
        url = match[0].rstrip(".,;:!?)'")
        return self._link(url, url) + match[0][len(url) :]

    def _convert_reference(self, match: re.Match[str]) -> str:
        return self._refer(match[1].strip(), (match[2] or "").strip())

    def _refer(self, target: str, words: str) -> str:
        """Return a link to a section, or to another page; a section's title is its text."""
        path, mark, anchor = target.rpartition("#") if "#" in target else ("", "", target)
        if not mark and PurePosixPath(target).suffix in {".adoc", ".asciidoc", ".html"}:
            path, anchor = target, ""
        if path and not PurePosixPath(path).suffix:
            path = f"{path}.adoc"
        stem = PurePosixPath(path.rpartition(":")[2]).stem.replace("-", " ").replace("_", " ")
        shown = words or (stem if path else self.titles.get(anchor, anchor))
        address = self._locate_page(path) if path else ""
        if path and not address:
            return shown
        return self._link(f"{address}#{anchor}" if anchor else address, shown)

    def _locate_page(self, name: str) -> str:
        """Return the address of a page as Antora names it; empty for one of another component."""
        if self.pages_folder is None:
            return name.rpartition(":")[2]
        *module, page = name.split(":")
        if len(module) > 1 or "@" in name:
            return ""
        folder = f"../../{module[0]}/pages/" if module else ""
        return f"{self.pages_folder}{folder}{page}"

    def _link(self, address: str, words: str) -> str:
        return self._keep(f'<a href="{escape(address)}">') + words + self._keep("</a>")


def _strip_emphasis(code: str) -> str:
    """Return code without the marks of emphasis around all of it; `__name__` is a name."""
    for mark in ("**__", "**", "*_", "*", "_"):
        size, end = len(mark), mark[::-1]
        inside = code[size:-size]
        if inside and code == f"{mark}{inside}{end}" and not {inside[0], inside[-1]} & set("*_ "):
            return inside
    return code


def _link_text(words: str) -> str:
    """Return the text of a macro's brackets, without its named attributes."""
    plain = words.replace("\\]", "]").strip()
    if plain.startswith('"') and plain.rfind('"') > 0:
        return plain[1 : plain.rfind('"')]
    named = _NAMED.search(f",{plain}")
    if named:
        plain = plain[: max(0, named.start() - 1)]
    return plain.removesuffix("^").rstrip(", ")


def _tagger(tag: str) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        if match[1][-1].isspace():
            return match[0]
        return f"<{tag}>{match[1]}</{tag}>"

    return replace
