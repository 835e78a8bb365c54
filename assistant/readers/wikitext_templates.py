"""Replace the templates, tags and links of wikitext by what readers see of them.

A line break inside one of them becomes SOFT_BREAK: no block ends there, but the line is counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from assistant.readers.dialects import WIKI_SCHEME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SOFT_BREAK = "\x02"
NOTES_MARK = "\x01"
"""Where the footnotes are shown."""

_MAX_DEPTH = 40  # of templates and links in each other
_TOKEN = re.compile(r"\{{2,}|\}{2,}|\[\[|\]\]|\|")
_TAG = re.compile(
    r"<(!--|(?:nowiki|pre|syntaxhighlight|source|math|chem|ref|gallery|references|includeonly"
    r"|templatestyles|score|timeline|graph|imagemap|poem)(?=[\s/>])([^<>]*)>)",
    re.I,
)
_DROPPED_TAG = re.compile(
    r"</?(?:noinclude|onlyinclude|section|poem|tabber|tabs?|translate|languages|tvar|indicator"
    r"|dynamicpagelist|categorytree|inputbox|charinsert|references|templatestyles)"
    r"(?=[\s/>|])[^<>]*>",
    re.I,
)
_PARAMETER_NAME = re.compile(r"\s*([\w][\w .:/()-]{0,60})\s*=(?!=)")
_URL = re.compile(r"(?:https?:)?//\S+")
_FILE = re.compile(r"[^|\n]{1,200}\.(?:gif|jpe?g|ogg|ogv|pdf|png|svg|tiff?|webm|webp)", re.I)
_FILE_OPTION = re.compile(
    r"thumb(?:nail)?|mini|frame(?:d|less)?|border|left|right|center|centre|none|baseline|middle"
    r"|sub|super|top|text-top|bottom|text-bottom|upright(?:[= ].*)?|\d*(?:x\d+)?\s?px"
    r"|(?:alt|class|lang|link|loop|muted|page|start|end|thumbtime)=.*",
    re.I | re.S,
)
_SHOWN_CAPTION = frozenset("frame framed mini thumb thumbnail".split())
_LANGUAGE_PREFIX = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,8}){0,2}")
_NO_LANGUAGE = frozenset({"bug", "doi", "faq", "irc", "rfc", "wmf"})
_LAYOUT_KEYS = frozenset(
    """
    access-date accessdate align archive-date archive-url archivedate archiveurl background bgcolor
    border class colour color colspan css date-format df dir float height icon id image img lang
    language margin mode padding ref rowspan size small state style url-access url-status valign
    width
    """.split()
)
_LAYOUT_ENDINGS = ("style", "class", "color", "colour", "width", "height", "size", "_image")
_LABELS = frozenset("caution danger hint important info note notice tip warning".split())
_PAGE_LISTS = frozenset(
    ["details", "further", "main", "main article", "see", "see also", "seealso"]
)
_CHARACTERS = {
    "!": "|", "!!": "||", "!-": "|-", "!(": "[", ")!": "]", "(!": "{|", "!)": "|}", "=": "=",
    "mdash": "—", "ndash": "–", "snd": " – ", "spaced ndash": " – ", "nbsp": " ", "bullet": " • ",
    "dot": " · ", "·": " · ", "•": " • ", "pipe": "|",
}  # fmt: skip
_SHOWN_FUNCTIONS = frozenset("formatnum lc lcfirst padleft padright uc ucfirst".split())
_BRANCHES = frozenset("#if #ifeq #ifexist #ifexpr #iferror #switch plural gender".split())
_NAMESPACES = {
    "file": 6, "image": 6, "datei": 6, "bild": 6, "fichier": 6, "archivo": 6, "imagen": 6,
    "category": 14, "kategorie": 14, "catégorie": 14, "categoría": 14, "categoria": 14, "media": -2,
}  # fmt: skip


def make_address(page: str, section: str) -> str:
    """Return the address of a page that is a file of the guide."""
    anchor = make_anchor(section)
    if not page:
        return f"#{anchor}"
    return f"{WIKI_SCHEME}{page}#{anchor}" if anchor else f"{WIKI_SCHEME}{page}"


def make_anchor(title: str) -> str:
    """Return the anchor that MediaWiki gives to a heading."""
    return "_".join(title.replace("_", " ").split())


@dataclass
class Wiki:
    """What a page may refer to: the wiki's own names of namespaces, and its pages' addresses.

    `locate` returns the address of a page by its title, and of a section by its title there.
    `is_one_file`: all its pages are in one file, so that a section is one of a page.
    """

    namespaces: dict[str, int] = field(default_factory=lambda: dict(_NAMESPACES))
    locate: Callable[[str, str], str] = make_address
    is_one_file: bool = False


@dataclass
class _Frame:
    """An open template ("{{"), parameter ("{{{") or link ("[["), and its parts so far."""

    mark: str
    parts: list[list[str]] = field(default_factory=lambda: [[]])


class Expander:
    """Replaces what is no plain text in the source of one page."""

    def __init__(self, wiki: Wiki, title: str = "") -> None:
        self.display_title = ""
        self._wiki = wiki
        self._title = title
        self._own_page = title if wiki.is_one_file else ""
        self._stash: list[str] = []
        self._notes: list[str] = []
        self._note_names: set[str] = set()

    def keep(self, html: str) -> str:
        """Put finished HTML aside, and return the mark that stands for it."""
        self._stash.append(html)
        return f"\x00{len(self._stash) - 1}\x00"

    def restore(self, text: str) -> str:
        """Return a text with the HTML that was put aside."""
        pieces = text.split("\x00")
        stash = self._stash
        for number in range(1, len(pieces), 2):
            pieces[number] = stash[int(pieces[number])]
        return "".join(pieces).replace(SOFT_BREAK, "\n")

    def take_notes(self) -> list[str]:
        """Return the footnotes that no list has shown so far, as wikitext."""
        notes, self._notes = self._notes, []
        return notes

    def expand(self, source: str) -> str:
        """Return wikitext without templates, links, and tags that are none of HTML's."""
        for mark in "\x00\x01\x02":
            source = source.replace(mark, "")
        return self._expand_braces(_DROPPED_TAG.sub(_soften_match, self._expand_tags(source)))

    # -- tags -------------------------------------------------------------------------------------

    def _expand_tags(self, source: str) -> str:
        pieces: list[str] = []
        unclosed: set[str] = set()
        lower = source.lower()
        position = 0
        while match := _TAG.search(source, position):
            pieces.append(source[position : match.start()])
            is_comment = match[1] == "!--"
            name = "!--" if is_comment else re.split(r"[\s/>]", match[1], maxsplit=1)[0].lower()
            attributes = match[2] or ""
            position = match.end()
            if attributes.endswith("/"):
                pieces.append(self._convert_tag(name, attributes, ""))
                pieces.append(_soften(attributes))
                continue
            closing = "-->" if is_comment else f"</{name}"
            end = -1 if closing in unclosed else lower.find(closing, position)
            if end < 0:
                unclosed.add(closing)
                if is_comment:  # a comment without end hides the rest
                    pieces.append(_soften(source[position:]))
                    return "".join(pieces)
                pieces.append(self.keep(escape(match[0])) if name == "nowiki" else "")
                continue
            content = source[position:end]
            after = end + 3 if is_comment else lower.find(">", end) + 1 or len(source)
            pieces += [_soften(attributes), self._convert_tag(name, attributes, content)]
            pieces.append(_soften(source[end:after]))
            position = after
        pieces.append(source[position:])
        return "".join(pieces)

    def _convert_tag(self, name: str, attributes: str, content: str) -> str:
        """Return what is shown of a tag, with as many line breaks as its content has."""
        match name:
            case "nowiki":
                return self.keep(escape(content, quote=False)) if content else ""
            case "pre" | "syntaxhighlight" | "source":
                return self._convert_code(name, attributes, content)
            case "math" | "chem":
                return self.keep(f"<code>{escape(content.strip(), quote=False)}</code>") + (
                    _soften(content[: len(content) - len(content.lstrip())])
                    + _soften(content[len(content.rstrip()) :])
                )
            case "ref":
                named = re.search(r"name\s*=\s*[\"']?([^\"'/>]{1,100})", attributes)
                key = named[1].strip() if named else ""
                if content.strip() and not (key and key in self._note_names):
                    self._note_names |= {key} if key else set()
                    self._notes.append(" ".join(content.split()))
                return _soften(content)
            case "references":
                self._expand_tags(content)  # it may define footnotes
                return NOTES_MARK + _soften(content)
            case "gallery":
                return self._convert_gallery(content)
            case "poem":
                return content.replace("\n", f"{self.keep('<br>')}{SOFT_BREAK}")
            case _:
                return _soften(content)

    def _convert_code(self, name: str, attributes: str, content: str) -> str:
        words = content
        if name == "pre":
            words = re.sub(r"</?nowiki>", "", words)
        elif re.search(r"\binline\b", attributes):
            return self.keep(f"<code>{escape(words, quote=False)}</code>")
        return self.keep(f"<pre>{escape(words, quote=False)}</pre>")

    def _convert_gallery(self, content: str) -> str:
        pieces = []
        for line in content.split("\n"):
            _, mark, caption = line.partition("|")
            shown = self._expand_braces(caption) if mark else ""
            pieces.append(f"{self.keep('<p>')}{shown}{self.keep('</p>')}" if shown else "")
        return SOFT_BREAK.join(pieces)

    # -- templates and links ----------------------------------------------------------------------

    def _expand_braces(self, source: str) -> str:
        stack = [_Frame("")]
        position = 0
        for match in _TOKEN.finditer(source):
            top = stack[-1]
            top.parts[-1].append(source[position : match.start()])
            position = match.end()
            mark = match[0]
            if mark == "|":
                if top.mark:
                    top.parts.append([])
                else:
                    top.parts[-1].append(mark)
            elif mark in {"[[", "]]"}:
                if mark == "[[" and len(stack) < _MAX_DEPTH:
                    stack.append(_Frame("[["))
                elif mark == "]]" and top.mark == "[[":
                    self._close(stack)
                else:
                    top.parts[-1].append(mark)
            elif mark[0] == "{":
                self._open_braces(stack, len(mark))
            else:
                self._close_braces(stack, len(mark))
        stack[-1].parts[-1].append(source[position:])
        while len(stack) > 1:
            _give_up(stack)
        return "".join(stack[0].parts[0])

    @staticmethod
    def _open_braces(stack: list[_Frame], count: int) -> None:
        while count >= 2 and len(stack) < _MAX_DEPTH:
            size = 3 if count in {3, 6} else 2
            stack.append(_Frame("{" * size))
            count -= size
        stack[-1].parts[-1].append("{" * count)

    def _close_braces(self, stack: list[_Frame], count: int) -> None:
        while count >= 2:
            open_templates = [frame.mark for frame in stack if frame.mark.startswith("{")]
            if not open_templates:
                break
            while not stack[-1].mark.startswith("{"):
                _give_up(stack)
            if stack[-1].mark == "{{{" and count == 2:  # a brace, and a template
                stack[-1].mark = "{{"
                stack[-2].parts[-1].append("{")
            count -= len(stack[-1].mark)
            self._close(stack)
        stack[-1].parts[-1].append("}" * count)

    def _close(self, stack: list[_Frame]) -> None:
        frame = stack.pop()
        parts = ["".join(pieces) for pieces in frame.parts]
        if frame.mark == "[[":
            shown = self._convert_link(parts)
        elif frame.mark == "{{{":
            shown = f"{_soften(parts[0])}{parts[1] if len(parts) > 1 else ''}"
            shown += _soften("".join(parts[2:]))
        else:
            shown = self._convert_template(parts)
        stack[-1].parts[-1].append(shown)

    def _convert_template(self, parts: Sequence[str]) -> str:
        """Return the words that readers see of a template: those of its parameters."""
        head, arguments = parts[0], parts[1:]
        name = re.sub(r"^(?:safesubst|subst):", "", head.strip(), flags=re.I)
        name = " ".join(name.replace("_", " ").split())
        lower = name.casefold()
        function, colon, value = name.partition(":")
        if lower in _CHARACTERS and not arguments:
            return _CHARACTERS[lower]
        if lower in {"reflist", "references", "refs"}:
            return NOTES_MARK + _soften("".join(parts))
        if colon and not function.isspace():
            shown = self._call_function(function.strip().casefold(), value.strip(), parts)
            if shown is not None:
                return shown
        if lower in {"pagename", "fullpagename", "basepagename", "subpagename"}:
            return self._title
        if lower == "br":
            return self.keep("<br>")
        if lower in _PAGE_LISTS:
            pages = [self._convert_link([each.strip()]) for each in arguments if "=" not in each]
            return f"{_soften(head)}{', '.join(pages)}{_soften(''.join(arguments))}"
        if lower == "lang" or lower.startswith("lang-"):
            arguments = arguments[lower == "lang" :]
        return _soften(head) + self._show_arguments(lower, arguments)

    def _call_function(self, name: str, value: str, parts: Sequence[str]) -> str | None:
        """Return what a parser function shows; None where its name is that of a page."""
        if name == "displaytitle":
            self.display_title = value
            return ""
        if name in _SHOWN_FUNCTIONS:
            return value
        if name in _BRANCHES:
            branches = [
                part.partition("=")[2] if name == "#switch" and "=" in part else part
                for part in parts[2 if name == "#ifeq" else 1 :]
            ]
            skipped = _soften("".join(parts)).count(SOFT_BREAK)
            shown = " ".join(branches)
            return shown + SOFT_BREAK * max(0, skipped - shown.count("\n"))
        if name.startswith("#invoke"):
            return _soften(parts[0]) + self._show_arguments("", parts[2:])
        if name.startswith("#") or name in {"defaultsort", "int", "fullurl", "localurl", "ns"}:
            return _soften("".join(parts))
        return None

    def _show_arguments(self, name: str, arguments: Sequence[str]) -> str:
        named: list[tuple[str, str]] = []
        for argument in arguments:
            key = _PARAMETER_NAME.match(argument)
            named.append(
                (key[1].strip() if key else "", argument[key.end() :] if key else argument)
            )
        fields = sum(not key.isdigit() for key, _ in named if key)
        is_table = fields > 1 and sum(argument.count("\n") > 0 for argument in arguments) > 1
        address = next((v.strip() for k, v in named if k.lower() == "url"), "")
        label = f"{name.capitalize()}: " if name in _LABELS and not is_table else ""
        pieces = [self.keep("<table>") if is_table else label]
        for own, value in named:
            words = value.strip()
            is_link = own.lower() == "title" and bool(_URL.fullmatch(address))
            if _is_layout(own, words) or not words:
                pieces.append(_soften(value))
                continue
            shown = _frame_blocks(value)
            if is_link:
                shown = f"{self.keep(f'<a href={_quote(address)}>')}{shown}{self.keep('</a>')}"
            if is_table:
                title = f"<td>{escape(own.replace('_', ' '))}</td>" if own else ""
                start, end = self.keep(f"<tr>{title}<td>"), self.keep("</td></tr>")
                pieces.append(f"{start}{shown}{end}")
            else:
                pieces.append(shown if len(pieces) == 1 else f" {shown}")
        pieces.append(self.keep("</table>") if is_table else "")
        return "".join(pieces)

    # -- links ------------------------------------------------------------------------------------

    def _convert_link(self, parts: Sequence[str]) -> str:
        """Return what is shown of a link; nothing for categories and other languages."""
        breaks = _soften("".join(parts))
        target = " ".join(parts[0].replace("_", " ").replace(SOFT_BREAK, " ").split())
        if not target or "[" in target or "\x00" in target:
            return f"[[{'|'.join(parts)}]]".replace("\n", SOFT_BREAK)
        prefix, colon, rest = target.lstrip(":").partition(":")
        space = self._wiki.namespaces.get(prefix.strip().casefold()) if colon else None
        if not target.startswith(":") and colon:
            if space == 14:
                return breaks
            if space == 6:
                return self._show_file(rest.strip(), parts[1:]) + breaks
            if _LANGUAGE_PREFIX.fullmatch(prefix) and prefix not in _NO_LANGUAGE:
                return breaks
        shown = "|".join(parts[1:]) if len(parts) > 1 else target.lstrip(":")
        if not shown.strip():  # the text is the title, without what is in brackets
            shown = rest if colon else target
            shown = shown.rpartition("(")[0] if shown.endswith(")") else shown
            shown = shown.strip()
        words = shown.replace("\n", SOFT_BREAK)
        lost = breaks.count(SOFT_BREAK) - words.count(SOFT_BREAK)
        address = self._locate(target.lstrip(":"), prefix.strip().lower(), rest, space)
        link = f"{self.keep(f'<a href={_quote(address)}>')}{words}{self.keep('</a>')}"
        return (link if address else words) + SOFT_BREAK * max(0, lost)

    def _locate(self, target: str, prefix: str, rest: str, space: int | None) -> str:
        if prefix in {"w", "wikipedia"} and rest:
            return f"https://en.wikipedia.org/wiki/{make_anchor(rest)}"
        if space in {-2, 6}:
            return make_anchor(rest)
        page, _, section = target.partition("#")
        return self._wiki.locate(page.strip() or self._own_page, section.strip())

    def _show_file(self, name: str, options: Sequence[str]) -> str:
        caption = next(
            (each for each in reversed(options) if not _FILE_OPTION.fullmatch(each.strip())), ""
        )
        alt = next((each.strip()[4:] for each in options if each.strip().startswith("alt=")), "")
        is_shown = any(each.strip().lower() in _SHOWN_CAPTION for each in options)
        plain = "" if "\x00" in caption else caption.strip()
        image = self.keep(f"<img src={_quote(make_anchor(name))} alt={_quote(alt or plain)}>")
        words = caption.strip().replace("\n", " ")
        return f"{image} {words} " if is_shown and words else image


def _give_up(stack: list[_Frame]) -> None:
    """Put back the marks of what is never closed."""
    frame = stack.pop()
    stack[-1].parts[-1].append(frame.mark)
    stack[-1].parts[-1] += ["".join(frame.parts[0])]
    for pieces in frame.parts[1:]:
        if stack[-1].mark:
            stack[-1].parts.append(pieces)
        else:
            stack[-1].parts[-1] += ["|", *pieces]


def _quote(value: str) -> str:
    return f'"{escape(value)}"'


def _soften(text: str) -> str:
    """Return soft breaks for the line breaks of a text that is not shown."""
    return SOFT_BREAK * (text.count("\n") + text.count(SOFT_BREAK))


def _soften_match(match: re.Match[str]) -> str:
    return _soften(match[0])


def _is_layout(key: str, value: str) -> bool:
    """Check whether a parameter says how a template looks, or names a picture."""
    lower = key.lower()
    if lower in _LAYOUT_KEYS or lower.endswith(_LAYOUT_ENDINGS) or lower == "url":
        return True
    return bool(_FILE.fullmatch(value))


def _frame_blocks(value: str) -> str:
    """Return a value whose outer line breaks count only where it has blocks in it."""
    words = value.strip()
    before = value[: len(value) - len(value.lstrip())]
    after = value[len(value.rstrip()) :]
    if "\n" in words or words.startswith(("*", "#", ";", ":", "{|", "=")):
        first = "\n" if "\n" in before else ""
        last = "\n" if "\n" in after else ""
        return (
            f"{SOFT_BREAK * (before.count(chr(10)) - len(first))}{first}{words}{last}"
            f"{SOFT_BREAK * (after.count(chr(10)) - len(last))}"
            f"{SOFT_BREAK * (before.count(SOFT_BREAK) + after.count(SOFT_BREAK))}"
        )
    return f"{_soften(before)}{words}{_soften(after)}"
