"""Name the pages that a page links to without words, as publishing tools do.

The words of such a link are the title of the page, or of the section, that it leads to. They are
put into the text before it is read, so that only this module looks into another page for them.
"""

from __future__ import annotations

import posixpath
import re
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import unquote

from assistant.guide.front_matter import parse_front_matter
from assistant.guide.include_marks import ASCIIDOC_FENCE, find_family, iter_rst_text
from assistant.guide.links import is_internal, join_path
from assistant.guide.publishers import slugify
from assistant.readers.asciidoc import make_identifier
from assistant.readers.code_fences import FENCE_OPENING, Fence, find_code_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from assistant.guide.include_marks import Family

    FindTitle = Callable[[str, str], str]
    """Returns the title at an address, its path and its anchor; empty where there is none."""
    FindLabel = Callable[[str], tuple[str, str]]
    """Returns the address and the title of a label on another page; empty where there is none."""

_SIGNS = (b"[](", b":doc:`", b"{doc}`", b":ref:`", b"{ref}`", b"content-ref")
_ASCIIDOC_SIGNS = (b"xref:", b"<<")

_MARKDOWN_LINK = re.compile(r"(?<!!)\[\]\(([^()\s<>]++)\)")
_MYST_ROLE = re.compile(r"\{doc\}`([^`<>]++)`")
_MYST_REF = re.compile(r"\{ref\}`([^`]++)`")
_CARD_START = re.compile(r"\{%-?[ \t]*content-ref\b")
_CARD_END = re.compile(r"\{%-?[ \t]*endcontent-ref\b")
_CARD_LINK = re.compile(r"\[([^\[\]]++)\]\(([^()\s<>]++)\)")
_RST_ROLE = re.compile(r":doc:`([^`<>]++)`")
_RST_REF = re.compile(r"(?<![\w:]):ref:`([^`]++)`")
_TITLED_LABEL = re.compile(r"([^<>]+)<([^<>]++)>\Z")
_RST_LABEL = re.compile(r"\A *\.\. _(?:`([^`]++)`|([^`:]++)):[ \t]*\Z")
_NO_LABEL = re.compile(r"^[./]|:|\.[A-Za-z]\w{1,4}(?:#|\Z)")
_MYST_LABEL = re.compile(r"\(([^()]++)\)=[ \t]*\Z")
_XREF = re.compile(r"(?<![^\s(])xref:([^\s\[\](]++)\[\]")
_CROSS_REFERENCE = re.compile(r"(?<!\\)<<([^<>,\s]++)>>")

_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*)$")
_EXPLICIT_ID = re.compile(r"[ \t]\{:?[ \t]*#([\w.:-]++)[^{}]*\}[ \t]*$")
_LINK = re.compile(r"!?\[([^\[\]]*+)\]\([^()]*+\)")
_ROLE = re.compile(r"(?<![\w.+:-]):[A-Za-z][\w.+:-]*:`")
_MYST_NAME = re.compile(r"\{[A-Za-z][\w.+:-]*\}`")
_ADOC_HEADING = re.compile(r"(={1,6})[ \t]+(\S.*)$")
_ADOC_ID = re.compile(r"\[(?:\[|#)([\w.:-]++)")
_MAX_TITLE_CHARS = 200


def may_have_references(raw: bytes, family: Family) -> bool:
    """Check in little time whether a file has signs of links without words."""
    return any(sign in raw for sign in (_ASCIIDOC_SIGNS if family == "asciidoc" else _SIGNS))


def name_references(
    lines: Sequence[str], family: Family, find_title: FindTitle, find_label: FindLabel
) -> Iterator[str]:
    """Yield the lines of a text, with words in the links that have none."""
    if family == "rst":
        return _name_rst(lines, find_title, find_label)
    if family == "asciidoc":
        return _name_asciidoc(lines, find_title)
    return _name_markdown(lines, find_title, find_label)


def normalize_label(name: str) -> str:
    """Return a label as Sphinx compares it."""
    return " ".join(name.split()).casefold()


def find_labels(lines: Sequence[str], family: Family) -> Iterator[tuple[str, str]]:
    """Yield each label of a page, with the title of the heading below it; empty without one."""
    pattern = _RST_LABEL if family == "rst" else _MYST_LABEL
    waiting: list[str] = []
    literal = iter_rst_text(lines) if family == "rst" else iter([False] * len(lines))
    for number, (line, is_literal) in enumerate(zip(lines, literal, strict=True)):
        if not line.strip():
            continue
        if label := None if is_literal else pattern.match(line):
            waiting.append(label[label.lastindex or 1])
        elif waiting:
            title = _read_heading(lines[number : number + 3], family)
            yield from ((name, title) for name in waiting)
            waiting = []
    yield from ((name, "") for name in waiting)


def _read_heading(lines: Sequence[str], family: Family) -> str:
    """Return the title that lines begin with; empty where they begin with anything else."""
    if family == "rst":
        title, rule = [*(lines[1:] if _is_rule(lines[0]) else lines), "", ""][:2]
        return _clean(_ROLE.sub("`", title.strip())) if title.strip() and _is_rule(rule) else ""
    heading = _ATX.match(lines[0])
    return _clean(_MYST_NAME.sub("`", heading[2].rstrip("# \t"))) if heading else ""


def _split_label(text: str) -> tuple[str, str]:
    """Return the words of a reference, empty without any, and its label."""
    titled = _TITLED_LABEL.match(text)
    return (titled[1].strip(), titled[2].strip()) if titled else ("", text.strip())


def find_heading(text: str, path: str, anchor: str) -> str:
    """Return the title of a page, or that of its section with an anchor; empty without one."""
    family = find_family(path)
    if family == "rst":
        title = "" if anchor else _find_rst_title(text.split("\n"))
        return _clean(_ROLE.sub("`", title))
    if family == "asciidoc":
        title = _find_asciidoc_title(text.split("\n"), anchor)
        return "" if "{" in title else _clean(title)
    if family is None:
        return ""
    front_matter = parse_front_matter(text)
    declared = "" if anchor else front_matter.get("title")
    return _clean(declared or _find_markdown_title(front_matter.text.split("\n"), anchor))


def find_listed_title(text: str, menu: str, path: str) -> str:
    """Return the title that a menu of pages has for a page; empty where it is not listed."""
    folder = posixpath.dirname(menu)
    for match in _CARD_LINK.finditer(text):
        if join_path(folder, unquote(match[2].partition("#")[0])) == path:
            return _clean(match[1])
    return ""


def _clean(title: str) -> str:
    """Return a title without inline marks, as the words of a link in any language."""
    plain = _LINK.sub(r"\1", title)
    plain = re.sub(r"[`*\[\]<>|\\]", "", plain).strip()
    return plain if len(plain) <= _MAX_TITLE_CHARS else ""


# -- Markdown -----------------------------------------------------------------------------------


def _name_markdown(
    lines: Sequence[str], find_title: FindTitle, find_label: FindLabel
) -> Iterator[str]:
    def name(match: re.Match[str]) -> str:
        title = _find_page_title(match[1], find_title)
        if title:
            return f"[{title}]({match[1]})"
        if _NO_LABEL.search(match[1]):
            return match[0]
        address, title = find_label(match[1].lstrip("#"))
        return f"[{title}]({address})" if title else match[0]

    def name_label(match: re.Match[str]) -> str:
        words, label = _split_label(match[1])
        address, title = find_label(label)
        return f"[{words or title}](<{address}>)" if address and (words or title) else match[0]

    def name_role(match: re.Match[str]) -> str:
        title = find_title(match[1].strip(), "")
        return f"[{title}](<{match[1].strip()}>)" if title else match[0]

    def name_card(match: re.Match[str]) -> str:
        # The tool writes the name of the file, which the reader of the site does not see.
        is_name = match[1] == match[2] or match[1].endswith(match[2].rpartition("/")[2])
        title = _find_page_title(match[2], find_title) if is_name else ""
        return f"[{title}]({match[2]})" if title else match[0]

    fence, is_card = Fence(), False
    for line in lines:
        named = line
        opening = FENCE_OPENING.match(line) if "`" in line or "~" in line else None
        if fence:
            fence.feed(line)
        elif opening:
            fence.open(opening[2], opening[1])
        elif "{%" in line:
            is_card = (is_card or bool(_CARD_START.search(line))) and not _CARD_END.search(line)
        elif is_card and "](" in line:
            named = _CARD_LINK.sub(name_card, line)
        elif "[](" in line or "{doc}`" in line or "{ref}`" in line:
            named = _MYST_REF.sub(name_label, _MYST_ROLE.sub(name_role, line))
            named = _replace_outside_code(_MARKDOWN_LINK, name, named)
        yield named


def _find_page_title(address: str, find_title: FindTitle) -> str:
    """Return the title at the address of a page of the guide; empty for any other."""
    if not is_internal(address):
        return ""
    path, _, anchor = address.partition("#")
    path = unquote(path.partition("?")[0])
    if path and find_family(path) is None:
        return ""
    return find_title(path, unquote(anchor))


def _replace_outside_code(
    pattern: re.Pattern[str], name: Callable[[re.Match[str]], str], line: str
) -> str:
    if "`" not in line:
        return pattern.sub(name, line)
    code = find_code_spans(line)
    return pattern.sub(
        lambda match: (
            match[0] if any(start <= match.start() < end for start, end in code) else name(match)
        ),
        line,
    )


def _find_markdown_title(lines: Sequence[str], anchor: str) -> str:
    fence = Fence()
    first = ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if fence:
            fence.feed(line)
            continue
        opening = FENCE_OPENING.match(line) if "`" in line or "~" in line else None
        if opening:
            fence.open(opening[2], opening[1])
            continue
        heading = _ATX.match(line) if "#" in line else None
        underlined = line.strip() and following[:3] in {"===", "---"} and not line.startswith("-")
        if heading:
            level, title = len(heading[1]), heading[2].rstrip("# \t")
        elif underlined and not following.strip("=-").strip():
            level, title = 1 if following[0] == "=" else 2, line.strip()
        else:
            continue
        explicit = _EXPLICIT_ID.search(f" {title}") if "{" in title else None
        if explicit:
            title = f" {title}"[: explicit.start()].strip()
        if anchor:
            if (explicit and explicit[1] == anchor) or anchor in _anchors(title):
                return title
        elif level == 1:
            return title
        first = first or title
    return "" if anchor else first


def _anchors(title: str) -> set[str]:
    """Return the anchors that publishing tools make of a heading."""
    plain = _clean(title)
    return {slugify(plain, "github"), slugify(plain, "mkdocs"), slugify(plain, "vitepress")}


# -- reStructuredText, AsciiDoc -----------------------------------------------------------------


def _name_rst(lines: Sequence[str], find_title: FindTitle, find_label: FindLabel) -> Iterator[str]:
    def name(match: re.Match[str]) -> str:
        title = find_title(match[1].strip(), "")
        return f":doc:`{title} <{match[1].strip()}>`" if title else match[0]

    def name_label(match: re.Match[str]) -> str:
        words, label = _split_label(match[1])
        address, title = find_label(label)
        shown = words or title
        return f":doc:`{shown} <{address}>`" if address and shown else match[0]

    for line, is_literal in zip(lines, iter_rst_text(lines), strict=True):
        if is_literal or (":doc:`" not in line and ":ref:`" not in line):
            yield line
        else:
            yield _RST_REF.sub(name_label, _RST_ROLE.sub(name, line))


def _find_rst_title(lines: Sequence[str]) -> str:
    for line, following in pairwise(lines):
        plain = line.strip()
        if _is_rule(following) and not _is_rule(line) and 0 < len(plain) <= len(following.rstrip()):
            return plain
    return ""


def _is_rule(line: str) -> bool:
    """Check whether a line is one sign alone, as under a title."""
    plain = line.rstrip()
    return len(plain) > 2 and not plain[0].isalnum() and plain == plain[0] * len(plain)


def _name_asciidoc(lines: Sequence[str], find_title: FindTitle) -> Iterator[str]:
    def name(match: re.Match[str]) -> str:
        path, _, anchor = match[1].partition("#")
        title = find_title(path, anchor) if find_family(path) == "asciidoc" else ""
        return f"xref:{match[1]}[{title}]" if title else match[0]

    fence = ""
    for line in lines:
        delimiter = ASCIIDOC_FENCE.match(line)
        if delimiter:
            fence = "" if fence == delimiter[1] else fence or delimiter[1]
        is_text = not (fence or delimiter) and ("xref:" in line or "<<" in line)
        yield _CROSS_REFERENCE.sub(name, _XREF.sub(name, line)) if is_text else line


def _find_asciidoc_title(lines: Sequence[str], anchor: str) -> str:
    identifier = ""
    for line in lines:
        heading = _ADOC_HEADING.match(line)
        if heading is None:
            explicit = _ADOC_ID.match(line)
            identifier = explicit[1] if explicit else identifier if line.startswith("[") else ""
            continue
        if not anchor or anchor in {identifier, make_identifier(heading[2])}:
            return heading[2]
        identifier = ""
    return ""
