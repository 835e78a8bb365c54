"""Find the marks by which publishing tools put a file, or a part of one, into a page.

Covers mdBook, MkDocs snippets, VitePress, Hugo, Jekyll, MyST, MDX, Sphinx and AsciiDoc. Nothing is
read here: a mark says which file it names, which lines of it, and what they become.
"""

from __future__ import annotations

import posixpath
import re
import textwrap
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from assistant.guide.publishers import slugify
from assistant.readers.code_fences import FENCE_OPENING, Fence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Lines = list[str]
    Selection = Callable[[Lines], Lines | None]

Family = Literal["markdown", "rst", "asciidoc"]

Base = Literal["file", "root", "both"]
"""Where a mark's path starts: the folder of its file, one above it, or either."""

_FAMILIES: dict[str, Family] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdown": "markdown",
    ".mkd": "markdown",
    ".mdx": "markdown",
    ".rst": "rst",
    ".adoc": "asciidoc",
    ".asciidoc": "asciidoc",
    ".asc": "asciidoc",
}
_PREFIX = r"^((?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*)"
# What every file with a mark has, or one that is not UTF-8. Looking for each takes a tenth of the
# time of one pattern for all.
_SIGNS = (
    b"{{#", b"-8<-", b"<<<", b"@include:", b"include::", b"include}", b"readfile", b"<Snippet",
    b"\0",
)  # fmt: skip
_INCLUDE_TAG = re.compile(rb"[%<]-?[ \t]*include")
_IMPORTED_FILE = re.compile(rb"\.m[a-z]{1,7}[\"']|raw-loader")

_BOOK = re.compile(
    r"(?<!\\)\{\{#(include|rustdoc_include|playground)[ \t]+([^{}\s:]++)(?::([^{}\s]*+))?"
    r"[^{}]*+\}\}"
)
_BOOK_ANCHOR = re.compile(r"ANCHOR(?:_END)?:[ \t]*([\w-]+)")
_SNIPPET = re.compile(_PREFIX + r"-+8<-+[ \t]+(?:\"([^\"\n]+)\"|'([^'\n]+)')[ \t]*$")
_SNIPPET_FENCE = re.compile(_PREFIX + r"-+8<-+[ \t]*$")
_SNIPPET_SECTION = re.compile(r"8<-+[ \t]++\[[ \t]*+(start|end)[ \t]*+:[ \t]*+([\w-]++)[ \t]*+\]")
_SNIPPET_PART = re.compile(r":(\d{0,9}(?::\d{0,9})?(?:,\d{0,9}:\d{0,9}){0,50}|[A-Za-z_][\w-]*)\Z")
_MAX_DIRECTIVE_LINES = 40  # of a directive of MyST that includes a file: its options
_MAX_DIGITS = 10  # of the number of a line
_MAX_SNIPPET_LINES = 100  # of one block of snippets
_VITEPRESS = re.compile(
    _PREFIX + r"<!--[ \t]*+@include:[ \t]*+((?:[^\s{}#-]|-(?!->))++)[ \t]*+"
    r"(?:#((?:\w|-(?!->))++))?[ \t]*+(?:\{([\d, ]*+)\})?[ \t]*+-->[ \t]*$"
)
_VITEPRESS_CODE = re.compile(
    _PREFIX + r"<<<[ \t]*+([@./][^\s{}\[\]#]*+)(?:#([\w-]++))?[ \t]*+(?:\{([^{}]*+)\})?"
    r"[ \t]*+(?:\[([^\[\]]*+)\])?[ \t]*+$"
)
_VITEPRESS_LANGUAGE = re.compile(r"(?:^|\s)([A-Za-z][\w+#-]*)")
_REGION = re.compile(r"#?(end)?region\b[ \t]*([\w*-]*)", re.I)
_SHORTCODE = re.compile(
    _PREFIX + r"\{\{[<%][ \t]*(?:include|readfile)[ \t]+(?:file[ \t]*=[ \t]*)?\"([^\"\n]+)\""
    r"([^{}<>%]*)[%>]\}\}[ \t]*$"
)
_LIQUID = re.compile(
    _PREFIX + r"\{%-?[ \t]*(include|include_relative|include-markdown)[ \t]+"
    r"([\"']?)([\w./-]+\.(?:md|markdown|txt))\3[ \t]*-?%\}[ \t]*$"
)
_LANGUAGE_ARGUMENT = re.compile(r"\blang(?:uage)?[ \t]*=[ \t]*\"([\w+#-]+)\"")
_MYST = re.compile(r"\{(include|literalinclude)\}[ \t]+(\S+)[ \t]*$")
_MYST_COLON = re.compile(_PREFIX + r"(:{3,})(\{(?:literal)?include\}[ \t]+\S+)[ \t]*$")
_IMPORT = re.compile(
    r"(?<![^\s;])import[ \t]+([A-Za-z_$][\w$]*)[ \t]+from[ \t]+[\"']([^\"'\n]+)[\"']"
)
_RAW_LOADERS = ("!!raw-loader!", "!!raw-loader?esModule=false!")
_COMPONENT = re.compile(_PREFIX + r"<([A-Za-z_$][\w$]*)(?:[ \t][^<>\n]*)?/>[ \t]*$")
_SNIPPET_COMPONENT = re.compile(_PREFIX + r"<Snippet[ \t]+file=\"([^\"\n]+)\"[ \t]*/>[ \t]*$")
_CODE_COMPONENT = re.compile(
    _PREFIX + r"<CodeBlock([^<>\n]*)>[ \t]*\{([A-Za-z_$][\w$]*)\}[ \t]*</CodeBlock>[ \t]*$"
)
_RST = re.compile(r"^([ \t]*)\.\.[ \t]+(include|literalinclude)::[ \t]+(\S.*)$")
_OPTION = re.compile(r"^[ \t>]*:([\w-]+):(.*)$")
_LITERAL = re.compile(
    r"^[ \t]*+(?:(?!\.\. ).*::[ \t]*+$|\.\.[ \t]+(?:code|code-block|code-cell|sourcecode"
    r"|parsed-literal|prompt|highlight|raw|math)::)"
)
_ASCIIDOC = re.compile(r"^include::([^\s\[][^\[]*)\[(.*)\][ \t]*$")
_ASCIIDOC_ENTRY = re.compile(r"^:([\w-]+):[ \t]+(\S.*)$")
_ASCIIDOC_REFERENCE = re.compile(r"\{([\w-]+)\}")
_ASCIIDOC_VALUE = re.compile(r"(?<![\w-])([\w-]++)=(?:\"([^\"]*)\"|([^,]*))")
_ASCIIDOC_TAG = re.compile(r"\b(tag|end)::([\w.-]++)\[\]")
_ASCIIDOC_HEADING = re.compile(r"^(={1,6})(?=[ \t]+\S)")
ASCIIDOC_FENCE = re.compile(r"^(-{4,}|\.{4,}|/{4,}|\+{4,}|```)[ \t]*$")
_ANTORA = re.compile(r"(?:([\w-]+):)?(partial|example|page|attachment)\$(.+)")
_ANTORA_FOLDERS = {
    "partial": "partials",
    "example": "examples",
    "page": "pages",
    "attachment": "attachments",
}
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.I)


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark: the text it replaces, the path it names, which lines of that file, and as what.

    `first` and `last` are the lines it takes. `before` and `after` are what stands around it in
    them. `folders` are tried besides the file's own. `code` is the language of a fence to make of
    the lines, None for text. `is_text`: the lines may have marks of their own. `is_bare`: nothing
    shows a reader that its lines are a mark.
    """

    first: int
    last: int
    path: str
    before: str = ""
    after: str = ""
    base: Base = "file"
    folders: tuple[str, ...] = ()
    select: Selection | None = None
    code: str | None = None
    caption: str = ""
    is_text: bool = True
    is_spaced: bool = False
    shift: int = 0
    is_optional: bool = False
    is_bare: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it shows all of the file as text."""
        return self.code is None and self.select in _WHOLE


@dataclass
class Names:
    """What a page defines before a mark, and marks use: AsciiDoc's attributes, MDX's imports."""

    values: dict[str, str] = field(default_factory=dict)


def find_family(path: str) -> Family | None:
    """Return the family of marks that files of this suffix may have; None for other files."""
    return _FAMILIES.get(posixpath.splitext(path)[1].lower())


def may_have_marks(raw: bytes) -> bool:
    """Check in little time whether a file has signs of marks."""
    if any(sign in raw for sign in _SIGNS):
        return True
    if b"include" in raw and _INCLUDE_TAG.search(raw):
        return True
    has_import = raw.startswith(b"import") or b"\nimport" in raw
    return has_import and _IMPORTED_FILE.search(raw) is not None


def is_address(path: str) -> bool:
    """Check whether a mark names a page of the web."""
    return _URL.match(path) is not None


def find_marks(lines: Sequence[str], family: Family, names: Names) -> Iterator[Mark]:
    """Yield the marks of a text in order; none of them overlap."""
    if family == "rst":
        return _find_rst_marks(lines)
    if family == "asciidoc":
        return _find_asciidoc_marks(lines, names)
    return _find_markdown_marks(lines, names)


# -- Markdown -----------------------------------------------------------------------------------


def _find_markdown_marks(lines: Sequence[str], names: Names) -> Iterator[Mark]:
    fence = Fence()
    number = 0
    while number < len(lines):
        line = lines[number]
        marks: list[Mark] = []
        if "{{#" in line:
            marks = list(_find_book_marks(number, line, is_code=bool(fence)))
        elif "8<" in line:
            marks = list(_find_snippet_marks(number, lines, is_code=bool(fence)))
        elif not fence:
            if "`" in line or "~" in line:
                opening = FENCE_OPENING.match(line)
                directive = opening and _MYST.match(opening[3].strip())
                if opening and directive:
                    marks = [_make_myst_mark(number, lines, opening[1], opening[2], directive)]
                elif opening:
                    fence.open(opening[2], opening[1])
                    number += 1
                    continue
            marks = marks or list(_find_line_mark(number, lines, names))
        if fence:
            fence.feed(line)
        yield from marks
        number = marks[-1].last + 1 if marks else number + 1


def _find_book_marks(number: int, line: str, *, is_code: bool) -> Iterator[Mark]:
    """Yield the first mark of mdBook in a line; the others are found in what follows it."""
    if match := _BOOK.search(line):
        before, after = line[: match.start()], line[match.end() :]
        playground = match[1] == "playground" and not is_code
        yield Mark(
            number,
            number,
            match[2],
            before,
            after,
            select=None if playground else _select_book(match[3] or ""),
            code="rust" if playground else None,
            is_text=not is_code,
            is_optional=before.count("`") % 2 == 1,  # a page may write about the mark
        )


def _select_book(part: str) -> Selection | None:
    """Select lines as mdBook does: `2`, `2:5`, `:5`, `2:` or the name of an anchor."""
    pieces = part.split(":")
    if not part or all(not piece or piece.isdecimal() for piece in pieces):
        if not part.strip(":"):
            return _drop_book_anchors
        start = _number(pieces[0]) or 1
        end = start if len(pieces) == 1 else _number(pieces[1])
        return lambda lines: _drop_book_anchors(_take(lines, start, end))
    return lambda lines: _take_between(lines, _BOOK_ANCHOR, pieces[0], "ANCHOR_END")


def _drop_book_anchors(lines: Lines) -> Lines:
    return [line for line in lines if not ("ANCHOR" in line and _BOOK_ANCHOR.search(line))]


def _number(text: str | None) -> int | None:
    """Return the number that a text is, of a file's line; None where it is none."""
    plain = (text or "").strip()
    return int(plain) if plain.isdecimal() and len(plain) < _MAX_DIGITS else None


def _take(lines: Lines, start: int, end: int | None) -> Lines:
    return lines[max(start, 1) - 1 : end]


def _take_between(lines: Lines, pattern: re.Pattern[str], name: str, end_sign: str) -> Lines | None:
    """Return the lines between the marks of a named part, without marks; None where it is not."""
    taken: Lines | None = None
    for line in lines:
        match = pattern.search(line)
        if match is None:
            if taken is not None:
                taken.append(line)
        elif match[1] == name:
            if end_sign in line:
                break
            taken = [] if taken is None else taken
    return taken


def _drop_snippet_sections(lines: Lines) -> Lines:
    return [line for line in lines if not ("8<" in line and _SNIPPET_SECTION.search(line))]


_WHOLE: tuple[Selection | None, ...] = (None, _drop_book_anchors, _drop_snippet_sections)


def _find_snippet_marks(number: int, lines: Sequence[str], *, is_code: bool) -> Iterator[Mark]:
    """Yield the marks of MkDocs snippets: one file in a line, or several between two lines."""
    line = lines[number]
    if match := _SNIPPET.match(line):
        yield _make_snippet_mark(number, match[1], match[2] or match[3], is_code=is_code)
    elif match := _SNIPPET_FENCE.match(line):
        inside = lines[number + 1 : number + 1 + _MAX_SNIPPET_LINES]
        end = next((n for n, row in enumerate(inside) if _SNIPPET_FENCE.match(row)), None)
        if end is None:
            return
        names = [row.strip(" \t>").strip("\"'") for row in inside[:end]]
        rows = [(at, name) for at, name in enumerate(names, number + 1) if name.strip("; ")]
        rows = [(at, name) for at, name in rows if not name.startswith(";")]
        first = number
        for at, name in rows:
            mark = _make_snippet_mark(at, match[1], name, is_code=is_code)
            last = number + end + 1 if at == rows[-1][0] else at
            yield replace(mark, first=first, last=last, is_bare=True)
            first = at + 1


def _make_snippet_mark(number: int, before: str, target: str, *, is_code: bool) -> Mark:
    part = None if is_address(target) else _SNIPPET_PART.search(target)
    path = target[: part.start()] if part else target
    return Mark(
        number,
        number,
        path,
        before,
        base="both",
        folders=("snippets", "_snippets", "includes", "_includes"),
        select=_select_snippet(part[1] if part else ""),
        is_text=not is_code,
        is_bare=is_code,
    )


def _select_snippet(part: str) -> Selection | None:
    if not part.strip(":,"):
        return _drop_snippet_sections
    if not part[0].isdigit() and part[0] != ":":
        return lambda lines: _take_snippet_section(lines, part)
    ranges: list[tuple[int, int | None]] = []
    for piece in part.split(","):
        start, colon, end = piece.partition(":")
        first = _number(start) or 1
        ranges.append((first, _number(end) if colon else None))
    return lambda lines: [line for start, end in ranges for line in _take(lines, start, end)]


def _take_snippet_section(lines: Lines, name: str) -> Lines | None:
    taken: Lines | None = None
    for line in lines:
        match = _SNIPPET_SECTION.search(line) if "8<" in line else None
        if match is None:
            if taken is not None:
                taken.append(line)
        elif match[2] == name:
            if match[1] == "end":
                break
            taken = []
    return taken


def _find_line_mark(number: int, lines: Sequence[str], names: Names) -> Iterator[Mark]:
    """Yield the mark that is a whole line outside code."""
    line = lines[number]
    for sign, pattern, make in _LINE_MARKS:
        if sign in line and (match := pattern.match(line)):
            yield make(number, match)
            return
    if ":::" in line and (match := _MYST_COLON.match(line)):
        if directive := _MYST.match(match[3]):
            yield _make_myst_mark(number, lines, match[1], match[2], directive)
    elif line.startswith("import"):
        # A formatter of prose may break the line inside an import.
        goes_on = line.endswith("import") and number + 1 < len(lines)
        for match in _IMPORT.finditer(f"{line} {lines[number + 1]}" if goes_on else line):
            names.values[match[1]] = match[2].replace("\\", "")  # as JavaScript reads an escape
    elif "<" in line and (match := _COMPONENT.match(line)):
        path, base = _rooted_with_base(names.values.get(match[2], ""))
        if find_family(path) == "markdown":
            yield Mark(number, number, path, match[1], base=base, is_spaced=True)
    elif "<" in line and (match := _CODE_COMPONENT.match(line)):
        loader, path = _split_loader(names.values.get(match[3], ""))
        if loader:
            path, base = _rooted_with_base(path)
            language = _LANGUAGE_ARGUMENT.search(match[2])
            code = language[1] if language else _language_of(path)
            yield Mark(number, number, path, match[1], base=base, code=code, is_text=False)


def _make_vitepress_mark(number: int, match: re.Match[str]) -> Mark:
    path, base = _rooted_with_base(match[2])
    select = _select_vitepress(match[3] or "", match[4] or "")
    return Mark(number, number, path, match[1], base=base, select=select)


def _make_vitepress_code(number: int, match: re.Match[str]) -> Mark:
    path, base = _rooted_with_base(match[2])
    language = _VITEPRESS_LANGUAGE.search(match[4] or "")
    return Mark(
        number,
        number,
        path,
        match[1],
        base=base,
        select=_select_region(match[3]) if match[3] else None,
        code=language[1] if language else _language_of(path),
        caption=f" [{match[5]}]" if match[5] else "",
        is_text=False,
    )


def _make_shortcode_mark(number: int, match: re.Match[str]) -> Mark:
    language = _LANGUAGE_ARGUMENT.search(match[3])
    is_code = "code=" in match[3] or language is not None
    return Mark(
        number,
        number,
        match[2].lstrip("/"),
        match[1],
        base="root" if match[2].startswith("/") else "both",
        folders=("includes", "_includes", "content/includes", "static/includes"),
        code=(language[1] if language else _language_of(match[2])) if is_code else None,
        is_text=not is_code,
    )


def _make_liquid_mark(number: int, match: re.Match[str]) -> Mark:
    is_include = match[2] == "include"
    return Mark(
        number,
        number,
        match[4],
        match[1],
        base="both" if is_include else "file",
        folders=("_includes",) if is_include else (),
    )


def _make_component_mark(number: int, match: re.Match[str]) -> Mark:
    return Mark(number, number, match[2], match[1], base="root", folders=("snippets",))


_LINE_MARKS: tuple[tuple[str, re.Pattern[str], Callable[[int, re.Match[str]], Mark]], ...] = (
    ("<!--", _VITEPRESS, _make_vitepress_mark),
    ("<<<", _VITEPRESS_CODE, _make_vitepress_code),
    ("{{", _SHORTCODE, _make_shortcode_mark),
    ("{%", _LIQUID, _make_liquid_mark),
    ("<Snippet", _SNIPPET_COMPONENT, _make_component_mark),
)


def _split_loader(path: str) -> tuple[str, str]:
    for loader in _RAW_LOADERS:
        if path.startswith(loader):
            return loader, path.removeprefix(loader)
    plain = path.removesuffix("?raw")
    return ("?raw", plain) if plain != path else ("", path)


def _rooted_with_base(path: str) -> tuple[str, Base]:
    """Return a path without the mark of the site's root, and where it starts."""
    for start in ("@site/", "@/", "~/", "/"):
        if path.startswith(start):
            return path.removeprefix(start), "root"
    return path.removeprefix("@"), "file"


def _select_vitepress(region: str, part: str) -> Selection | None:
    start, comma, end = part.replace(" ", "").partition(",")
    first, last = _number(start) or 1, _number(end)
    if not comma and start:
        last = first
    if not region and not part.strip():
        return None
    inside = _select_region(region) if region else None

    def select(lines: Lines) -> Lines | None:
        chosen = inside(lines) if inside else lines
        return None if chosen is None else _take(chosen, first, last)

    return select


def _select_region(name: str) -> Selection:
    """Select a region between two comments, else the section with this anchor."""

    def select(lines: Lines) -> Lines | None:
        taken: Lines | None = None
        for line in lines:
            match = _REGION.search(line) if "region" in line.lower() else None
            if match and match[2] == name:
                if match[1]:
                    return taken
                taken = []
            elif taken is not None and not match:
                taken.append(line)
        return taken if taken is not None else _take_section(lines, name)

    return select


def _take_section(lines: Lines, anchor: str) -> Lines | None:
    """Return the lines under the heading with this anchor, and the heading."""
    level = 0
    taken: Lines = []
    for line in lines:
        signs = len(line) - len(line.lstrip("#"))
        is_heading = 0 < signs <= 6 and line[signs : signs + 1] == " "
        if is_heading and level and signs <= level:
            break
        if is_heading and not level and slugify(line[signs:].strip(), "vitepress") == anchor:
            level = signs
        if level:
            taken.append(line)
    return taken or None


def _make_myst_mark(
    number: int, lines: Sequence[str], before: str, marker: str, directive: re.Match[str]
) -> Mark:
    """Return the mark of a directive of MyST, which goes on to the end of its fence."""
    options: dict[str, str] = {}
    last = number
    for at in range(number + 1, min(number + _MAX_DIRECTIVE_LINES, len(lines))):
        plain = lines[at].strip(" \t>")
        if plain and not plain.strip(marker[0]) and len(plain) >= len(marker):
            last = at
            break
        if match := _OPTION.match(lines[at]):
            options[match[1]] = match[2].strip()
    mark = _make_sphinx_mark((number, last), directive[1], directive[2], options, before)
    return replace(mark, caption=f' title="{mark.caption}"' if mark.caption else "")


def _language_of(path: str) -> str:
    return posixpath.splitext(path)[1].lstrip(".").lower()


# -- reStructuredText ---------------------------------------------------------------------------


def iter_rst_text(lines: Sequence[str]) -> Iterator[bool]:
    """Yield for each line of a page whether it is in a block of literal text."""
    literal = -1
    for line in lines:
        indentation = len(line) - len(line.lstrip())
        if line.strip() and literal >= 0 and indentation <= literal:
            literal = -1
        yield literal >= 0
        if literal < 0 and "::" in line and _LITERAL.match(line):
            literal = indentation


def _find_rst_marks(lines: Sequence[str]) -> Iterator[Mark]:
    last = -1
    for number, is_literal in enumerate(iter_rst_text(lines)):
        if number <= last or is_literal or "include::" not in lines[number]:
            continue
        if match := _RST.match(lines[number]):
            last, options = _read_rst_options(lines, number, len(match[1]))
            path = match[3].strip()
            yield _make_sphinx_mark((number, last), match[2], path, options, match[1])


def _read_rst_options(
    lines: Sequence[str], number: int, indentation: int
) -> tuple[int, dict[str, str]]:
    options: dict[str, str] = {}
    last = number
    for at in range(number + 1, len(lines)):
        match = _OPTION.match(lines[at])
        if not match or len(lines[at]) - len(lines[at].lstrip()) <= indentation:
            break
        options[match[1]] = match[2].strip()
        last = at
    return last, options


def _make_sphinx_mark(
    lines: tuple[int, int], name: str, path: str, options: dict[str, str], before: str
) -> Mark:
    is_code = name == "literalinclude" or not {"literal", "code"}.isdisjoint(options)
    language = options.get("language") or options.get("code") or _language_of(path) or "text"
    return Mark(
        *lines,
        path.lstrip("/"),
        before,
        base="root" if path.startswith("/") else "file",
        select=_select_sphinx(name, options),
        code=language if is_code else None,
        caption=options.get("caption", ""),
        is_text=not is_code,
    )


_SELECTING = frozenset(
    "lines start-line end-line start-after end-before start-at end-at pyobject dedent".split()
)


def _select_sphinx(name: str, options: dict[str, str]) -> Selection | None:
    if _SELECTING.isdisjoint(options):
        return None

    def select(lines: Lines) -> Lines | None:
        chosen: Lines | None = lines
        if "start-line" in options or "end-line" in options:
            chosen = lines[_number(options.get("start-line")) : _number(options.get("end-line"))]
        if options.get("pyobject"):
            chosen = _take_object(lines, options["pyobject"])
        if options.get("lines") and chosen is not None:
            chosen = _take_ranges(chosen, options["lines"], "-")
        if chosen is not None:
            cut = _cut_lines if name == "literalinclude" else _cut_text
            chosen = cut(chosen, options)
        if chosen is not None and "dedent" in options:
            chosen = textwrap.dedent("\n".join(chosen)).split("\n")
        return chosen

    return select


def _take_ranges(lines: Lines, ranges: str, dash: str) -> Lines:
    """Return lines by their numbers: `1,4-6,10-`; in AsciiDoc `1;4..6;10..-1`."""
    taken: Lines = []
    for piece in re.split("[,;]", ranges):
        start, is_range, end = piece.strip().partition(dash)
        first = _number(start)
        if first is None and not (is_range and not start.strip()):
            continue
        last = _number(end) if is_range else first
        taken += _take(lines, first or 1, last)
    return taken


def _cut_text(lines: Lines, options: dict[str, str]) -> Lines | None:
    """Cut a text after and before a text in it, as docutils does."""
    text = "\n".join(lines)
    for key in ("start-after", "end-before"):
        if sign := options.get(key):
            at = text.find(sign)
            if at < 0:
                return None
            text = text[at + len(sign) :] if key == "start-after" else text[:at]
    return text.split("\n")


def _cut_lines(lines: Lines, options: dict[str, str]) -> Lines | None:
    """Cut lines at the first that has a text, as Sphinx does."""
    for key, step in (("start-at", 0), ("start-after", 1)):
        if sign := options.get(key):
            at = next((n for n, line in enumerate(lines) if sign in line), None)
            if at is None:
                return None
            lines = lines[at + step :]
    for key, step in (("end-before", 0), ("end-at", 1)):
        if sign := options.get(key):
            at = next((n for n, line in enumerate(lines) if sign in line), None)
            if at is None:
                return None
            lines = lines[: at + step]
    return lines


def _take_object(lines: Lines, dotted: str) -> Lines | None:
    """Return the lines of a class or a function of Python, by its dotted name."""
    start, end = 0, len(lines)
    for name in dotted.split("."):
        opens = re.compile(rf"(?:async def|def|class) {re.escape(name)}\b")
        at = next((n for n in range(start, end) if opens.match(lines[n].lstrip())), None)
        if at is None:
            return None
        depth = len(lines[at]) - len(lines[at].lstrip())
        start = at
        end = next(
            (
                n
                for n in range(start + 1, end)
                if lines[n].strip()
                and len(lines[n]) - len(lines[n].lstrip()) <= depth
                and not lines[n].lstrip().startswith((")", "]"))
            ),
            end,
        )
    while end > start and not lines[end - 1].strip():
        end -= 1
    return lines[start:end]


# -- AsciiDoc -----------------------------------------------------------------------------------


def _find_asciidoc_marks(lines: Sequence[str], names: Names) -> Iterator[Mark]:
    comment = ""
    for number, line in enumerate(lines):
        if line.startswith("////") and not line.strip("/ \t"):
            comment = "" if comment == line.strip() else comment or line.strip()
        if comment:
            continue
        if line.startswith(":") and (entry := _ASCIIDOC_ENTRY.match(line)):
            names.values[entry[1].lower()] = entry[2].strip()
        elif line.startswith("include::") and (match := _ASCIIDOC.match(line)):
            yield _make_asciidoc_mark(number, match[1], match[2], names)


def _make_asciidoc_mark(number: int, target: str, content: str, names: Names) -> Mark:
    options = {key: quoted or plain for key, quoted, plain in _ASCIIDOC_VALUE.findall(content)}
    path = _ASCIIDOC_REFERENCE.sub(
        lambda name: names.values.get(name[1].lower(), name[0]), target.strip()
    )
    level = options.get("leveloffset", "").strip()
    tags = options.get("tags", options.get("tag", ""))
    return Mark(
        number,
        number,
        path,
        select=_select_asciidoc(options.get("lines", ""), tags),
        shift=int(level) if re.fullmatch(r"[+-]?\d", level) else 0,
        is_optional="optional" in options.get("opts", options.get("options", "")),
    )


def _select_asciidoc(ranges: str, tags: str) -> Selection | None:
    if ranges:
        return lambda lines: _take_ranges(lines, ranges, "..")
    wanted = [name.strip() for name in re.split("[,;]", tags) if name.strip()]
    return (lambda lines: _take_tagged(lines, wanted)) if wanted else None


def _take_tagged(lines: Lines, wanted: Sequence[str]) -> Lines | None:
    """Return the lines inside tags: by name, not `!name`, all tagged `*`, or all `**`."""
    rules = {name.lstrip("!"): not name.startswith("!") for name in wanted}
    base = rules.pop("**", not any(rules.values()) and "*" not in rules)
    tagged = rules.pop("*", None)
    stack: list[tuple[str, bool]] = []
    taken: Lines = []
    is_known = base or tagged is not None
    for line in lines:
        match = _ASCIIDOC_TAG.search(line) if "::" in line else None
        above = stack[-1][1] if stack else base
        if match is None:
            if above:
                taken.append(line)
        elif match[1] == "tag":
            is_known |= match[2] in rules
            rule = rules.get(match[2], tagged if tagged is not None else above)
            stack.append((match[2], rule))
        elif stack and stack[-1][0] == match[2]:
            stack.pop()
    return taken if is_known else None


def drop_asciidoc_tags(lines: Lines) -> Lines:
    """Return lines without those that begin or end a tag."""
    return [line for line in lines if not ("::" in line and _ASCIIDOC_TAG.search(line))]


def shift_asciidoc_headings(lines: Lines, by: int) -> Lines:
    """Return lines whose headings are some levels lower, outside code."""
    fence = ""
    shifted: Lines = []
    for line in lines:
        delimiter = ASCIIDOC_FENCE.match(line)
        if delimiter:
            fence = "" if fence == delimiter[1] else fence or delimiter[1]
        heading = None if fence else _ASCIIDOC_HEADING.match(line)
        if heading:
            level = min(max(len(heading[1]) + by, 1), 6)
            shifted.append("=" * level + line[heading.end() :])
        else:
            shifted.append(line)
    return shifted


def find_antora_path(path: str, target: str) -> str | None:
    """Return the path that an address of Antora means on a page; None where it is none."""
    match = _ANTORA.fullmatch(target)
    parts = path.split("/")
    if not match or "modules" not in parts[:-2]:
        return None
    at = parts.index("modules")
    module = match[1] or parts[at + 1]
    return "/".join([*parts[: at + 1], module, _ANTORA_FOLDERS[match[2]], match[3]])


def find_antora_page(path: str, target: str) -> str | None:
    """Return the page that a reference of Antora means on a page; None where it is none."""
    parts = path.split("/")
    module, _, name = target.rpartition(":")
    if "modules" not in parts[:-2] or ":" in module or "$" in name or "@" in name:
        return None
    at = parts.index("modules")
    return posixpath.join(*parts[: at + 1], module or parts[at + 1], "pages", name)
