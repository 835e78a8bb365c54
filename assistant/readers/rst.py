"""Convert reStructuredText to HTML with the lines of the file, by docutils.

Roles and directives of publishing tools are reduced to their text. No other file is read, nothing
is run, and no HTML passes through.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.core import publish_doctree, publish_from_doctree
from docutils.parsers.rst import Directive, Parser, directives, roles
from docutils.parsers.rst.languages import en
from docutils.parsers.rst.states import Inliner
from docutils.writers import html5_polyglot

from assistant.readers.directives import (
    CALL_ROLES,
    CODE_DIRECTIVES,
    IGNORED_DIRECTIVES,
    VERSION_DIRECTIVES,
    show_name,
)
from assistant.readers.html import extract_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docutils.statemachine import StringList

_SETTINGS: dict[str, object] = {
    "_disable_config": True,
    "doctitle_xform": False,
    "docinfo_xform": False,
    "embed_stylesheet": False,
    "file_insertion_enabled": False,
    "footnote_backlinks": False,
    "halt_level": 5,
    "initial_header_level": 1,
    "input_encoding": "unicode",
    "math_output": "LaTeX",
    "output_encoding": "unicode",
    "raw_enabled": False,
    "sectsubtitle_xform": False,
    "stylesheet_path": None,
    "syntax_highlight": "none",
    "toc_backlinks": False,
    "warning_stream": False,
}

_LINK_ROLES = frozenset("doc download".split())
_TEXT_ROLES = frozenset(
    "abbr dfn doc download eq guilabel index manpage menuselection newsgroup numref ref term "
    "token".split()
)
_KNOWN_ROLES = (
    _LINK_ROLES
    | CALL_ROLES
    | frozenset(
        """
    abbr any attr attribute class cmdoption command confval const cpp data decorator dfn envvar eq
    event exc file fn func guilabel index keyword kbd label macro mailheader makevar man manpage
    member menuselection mimetype mod module newsgroup numref obj object option program pyobject ref
    regexp samp setting source struct src term token type var
    """.split()
    )
)
_ROLE = re.compile(r"(?<![\w.+:-]):([A-Za-z][\w.+:-]*):`|`:([A-Za-z][\w.+:-]*):")
_ROLE_DEFINITION = re.compile(r"^ *\.\. role:: *([\w.+:-]+)", re.M)
_DIRECTIVE = re.compile(r"^[ \t]*(?:[-*+] +)*\.\. +([A-Za-z][\w.+:-]*?) ?::(?:\s|$)", re.M)
_TITLED_TARGET = re.compile(r"(.*\S)\s*<([^<>]+)>", re.DOTALL)
_OBJECT_NAME = re.compile(r"[A-Za-z_][\w.-]*")
# Options by which code is run and not shown, and lines of code that are instructions to Sphinx.
_HIDDEN_CODE_OPTIONS = frozenset({"hide", "hide-code", "suppress"})
_CODE_DECORATION = re.compile(r"@(?:savefig|suppress|verbatim|doctest|okexcept|okwarning)\b")
_OPTION = re.compile(r":([\w .-]+):(?:\s++(.*))?$")

# Directives by the kind of their argument and content.
_OBJECT_DIRECTIVES = frozenset(
    """
    attribute class cmdoption confval data decorator describe envvar event exception function macro
    member method module object option program property setting struct type var
    """.split()
)
_TEXT_DIRECTIVES = frozenset(
    """
    card centered dropdown glossary grid grid-item grid-item-card group-tab hlist
    ifconfig only seealso tab tab-item tab-set tabs todo
    """.split()
)
# Directives whose arguments are conditions and measures.
_LAYOUT_DIRECTIVES = frozenset("grid hlist ifconfig only tab-set tabs".split())
_KNOWN_DIRECTIVES = (
    IGNORED_DIRECTIVES
    | CODE_DIRECTIVES
    | _OBJECT_DIRECTIVES
    | _TEXT_DIRECTIVES
    | {*VERSION_DIRECTIVES, "raw"}
)

_WARNING, _ERROR = 2, 3
# docutils takes 5 s per MB for an ordinary page; these limits keep any page below 100 s per MB.
_MAX_PAGE_CHARS = 500_000
_MAX_LINE_CHARS = 10_000
_MAX_TEXT_CHARS = 4_000
_MAX_TARGETS = 1_000
# docutils' bugs raise these errors; such a page is read as plain text.
_DOCUTILS_ERRORS = (
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

_LINE_MARK = "\0"
_PRE_TAG = re.compile(r"(?=<pre\b)")
_LAYOUT_BREAK = re.compile(r"(?<=>)\n|\n(?=<)")


def convert_rst(source: str) -> tuple[str, list[tuple[int, str]]]:
    """Convert a page to HTML, each block on its line of the source; return it with warnings.

    Warnings are (line, message). Raises ValueError where docutils cannot read the page.
    """
    if len(source) > _MAX_PAGE_CHARS or max(map(len, source.split("\n"))) > _MAX_LINE_CHARS:
        raise ValueError("it is longer than docutils reads in good time")
    if source.count("\n.. _") > _MAX_TARGETS:
        raise ValueError("it has more targets than docutils reads in good time")
    unknown = _register_names(source)
    try:
        parser = Parser(inliner=_make_inliner())
        document = publish_doctree(source, parser=parser, settings_overrides=_SETTINGS)
        warnings = {*unknown, *_remove_messages(document)}
        _resolve_references(document)
        _remove_settings(document)
        _hide_targets(document)
        converted = publish_from_doctree(document, writer=_Writer(), settings_overrides=_SETTINGS)
    except _DOCUTILS_ERRORS as error:
        raise ValueError(f"docutils failed: {type(error).__name__}") from error
    return _align_lines(converted, source.count("\n")), sorted(warnings)


def _register_names(source: str) -> list[tuple[int, str]]:
    """Register every role and directive of a page that docutils does not know; return warnings.

    Definitions of earlier pages are overridden, so that the order of reading changes nothing.
    """
    own = {name.lower() for name in _ROLE_DEFINITION.findall(source)}
    roles.register_local_role("raw", _handle_raw_role)
    unknown: dict[str, int] = {}
    for match in _ROLE.finditer(source):
        name = (match[1] or match[2]).lower()
        if name in en.roles:
            continue
        roles.register_local_role(name, _handle_role)
        if name.rsplit(":", 1)[-1] not in _KNOWN_ROLES and name not in own:
            unknown.setdefault(f"Role {name!r} is unknown: only its text was read.", match.start())
    for match in _DIRECTIVE.finditer(source):
        name = match[1].lower()
        last = name.rsplit(":", 1)[-1]
        if name not in en.directives or last in _KNOWN_DIRECTIVES:
            directives.register_directive(name, _TextDirective)
        if (
            name not in en.directives
            and last not in _KNOWN_DIRECTIVES
            and not last.startswith("auto")
        ):
            unknown.setdefault(
                f"Directive {name!r} is unknown: only its text was read.", match.start(1)
            )
    return [(source.count("\n", 0, at) + 1, message) for message, at in unknown.items()]


def _handle_raw_role(*arguments: Any) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Return the text of inline HTML."""
    return [nodes.Text(extract_text(nodes.unescape(arguments[2])))], []


def _handle_role(*arguments: Any, **_: Any) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Return the text of a publishing tool's role, as a link where its target is known."""
    name = arguments[0].rsplit(":", 1)[-1].lower()
    text = nodes.unescape(arguments[2]).strip()
    titled = _TITLED_TARGET.fullmatch(text)
    shown, target = (titled[1], titled[2]) if titled else (text, text)
    if name in _LINK_ROLES:
        return [nodes.reference("", shown, refuri=target)], []
    if name == "ref":
        return [nodes.inline("", shown, refers=target, titled=bool(titled))], []
    if name == "menuselection":
        shown = shown.replace("-->", "\u2023")
    elif not titled:
        shown = show_name(name, shown)
    is_code = name in _KNOWN_ROLES - _TEXT_ROLES
    return [nodes.literal("", shown) if is_code else nodes.inline("", shown)], []


def _make_inliner() -> Inliner:
    """Return docutils' inline parser with a limit: it takes quadratic time in the text's length."""
    inliner = Inliner()
    parse_inline = inliner.parse

    def parse(
        text: str, lineno: int, memo: Any, parent: nodes.Node
    ) -> tuple[list[nodes.Node], list[nodes.Node]]:
        if len(text) <= _MAX_TEXT_CHARS:
            parsed: tuple[list[nodes.Node], list[nodes.Node]]
            parsed = parse_inline(text, lineno, memo, parent)
            return parsed
        message = "The paragraph is too long: its inline markup was not read."
        return [nodes.Text(nodes.unescape(text))], [memo.reporter.warning(message, line=lineno)]

    inliner.parse = parse
    return inliner


class _TextDirective(Directive):  # type: ignore[misc]
    """A directive of a publishing tool, or an unknown one: reduced to its argument and content."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        name = self.name.lower().rsplit(":", 1)[-1]
        argument, options, content = self._split_parts()
        if name in IGNORED_DIRECTIVES:
            return []
        if name == "raw":
            return self._make_raw(argument, options, content)
        parts = self._make_paragraph(options.get("caption", ""))
        if name in CODE_DIRECTIVES:
            if _HIDDEN_CODE_OPTIONS.isdisjoint(options):
                parts += self._make_code(name, argument, content)
            return parts
        if name in VERSION_DIRECTIVES:
            parts += self._make_paragraph(f"{VERSION_DIRECTIVES[name]} {argument}")
        elif name in _OBJECT_DIRECTIVES or (name.startswith("auto") and content):
            parts += [self._make_signature(line) for line in argument.split("\n") if line]
        elif not name.startswith("auto") and name not in _LAYOUT_DIRECTIVES:
            # One word or strings without content are what a directive of the site makes text of.
            is_value = " " not in argument or argument.endswith(("'", '"'))
            is_name = name not in _KNOWN_DIRECTIVES and not content and is_value
            parts += self._make_paragraph("" if is_name else argument)
        return [*parts, *self._parse_content(content)]

    def _parse_content(self, content: StringList) -> list[nodes.Node]:
        """Parse the content, with its own sections and title styles."""
        memo = self.state.memo
        styles, level = memo.title_styles, memo.section_level
        memo.title_styles, memo.section_level = [], 0
        inside = nodes.Element()
        inside.document = self.state.document
        offset = self.content_offset + len(self.content) - len(content)
        self.state.nested_parse(content, offset, inside, match_titles=True)
        memo.title_styles, memo.section_level = styles, level
        return list(inside.children)

    def _split_parts(self) -> tuple[str, dict[str, str], StringList]:
        """Split the directive into its argument, its options and its content."""
        lines = list(self.content)
        argument: list[str] = []
        options: dict[str, str] = {}
        last, number = "", 0
        beside = self.content_offset < self.lineno  # the first line is that of the directive
        adjoining = self.content_offset <= self.lineno
        while adjoining and number < len(lines) and lines[number].strip():
            option = _OPTION.match(lines[number])
            if option:
                last = option[1].lower()
                options[last] = option[2] or ""
            elif last and lines[number].startswith(" "):
                options[last] += f" {lines[number].strip()}"
            elif beside and not last:
                argument.append(lines[number].strip())
            else:
                break
            number += 1
        while number < len(lines) and not lines[number].strip():
            number += 1
        return "\n".join(argument), options, self.content[number:]

    def _make_paragraph(self, text: str) -> list[nodes.Node]:
        """Return a paragraph of inline markup; none without text."""
        if not text:
            return []
        inline, messages = self.state.inline_text(text, self.lineno)
        return [self._set_line(nodes.paragraph("", "", *inline)), *messages]

    def _make_signature(self, signature: str) -> nodes.Node:
        """Return the paragraph of an object; its name is an anchor of the page."""
        name = _OBJECT_NAME.match(signature)
        ids = [name[0]] if name else []
        return self._set_line(nodes.paragraph("", signature, ids=ids, is_signature=True))

    def _set_line(self, node: nodes.Element) -> nodes.Element:
        node.line = self.lineno
        return node

    def _make_code(self, name: str, argument: str, content: StringList) -> list[nodes.Node]:
        if name in {"include", "literalinclude"}:
            warn = self.state.reporter.warning
            return [
                warn(f"The file {argument} that is included here was not read.", line=self.lineno)
            ]
        lines = [line for line in content if not _CODE_DECORATION.match(line)]
        code = "\n".join([argument, *lines] if name == "math" and argument else lines)
        block = nodes.literal_block(code, code)
        block.line = self.content_offset + 1 + len(self.content) - len(content)
        return [block] if code.strip() else []

    def _make_raw(
        self, formats: str, options: dict[str, str], content: StringList
    ) -> list[nodes.Node]:
        """Return the text of raw HTML; raw text of other formats is not shown."""
        if {"file", "url"} & options.keys():
            warn = self.state.reporter.warning
            return [warn("A raw directive names a file that was not read.", line=self.lineno)]
        shown = extract_text("\n".join(content)) if "html" in formats.lower().split() else ""
        return [self._set_line(nodes.paragraph("", shown))] if shown else []


def _remove_messages(document: nodes.document) -> Iterator[tuple[int, str]]:
    """Remove docutils' messages from a document, and yield them; the text they are about stays."""
    inline = [*document.findall(nodes.system_message)]
    for message in [*inline, *document.parse_messages, *document.transform_messages]:
        line = message.get("line") or 1
        if message["level"] >= _WARNING:
            yield line, " ".join(message.children[0].astext().split())
    for message in inline:
        literals = list(message.findall(nodes.literal_block)) if message["level"] >= _ERROR else []
        for block in literals:
            block.line = message.get("line")
        message.parent.replace(message, literals)
    for problem in list(document.findall(nodes.problematic)):
        problem.parent.replace(problem, nodes.Text(problem.astext()))
    document.parse_messages, document.transform_messages = [], []


def _remove_settings(document: nodes.document) -> None:
    """Remove the fields without text at the start of a page, such as `:orphan:`, and `:tocdepth:`.

    They are for Sphinx; others, such as an author, are shown.
    """
    first = document.first_child_not_matching_class(nodes.PreBibliographic)
    fields = document[first] if first is not None else None
    if not isinstance(fields, nodes.field_list):
        return
    for field in list(fields):
        if field[0].astext().lower() == "tocdepth" or not field[1].astext().strip():
            fields.remove(field)
    if not len(fields):
        document.remove(fields)


def _hide_targets(document: nodes.document) -> None:
    """Hide the names of objects that stand before the heading of the same words.

    Sphinx makes such a directive the target of links alone, as a site sets it up.
    """
    names: list[nodes.Element] = []
    for node in list(document.findall(nodes.Element)):
        if isinstance(node, nodes.title) and isinstance(node.parent, nodes.section):
            if any(name.astext() == node.astext() for name in names):
                for name in names:
                    name.replace_self(nodes.target("", "", ids=name["ids"]))
            names = []
        elif isinstance(node, nodes.paragraph):
            if not node.get("is_signature"):
                names = []
            else:
                names.append(node)
        elif not isinstance(node, nodes.section | nodes.target):
            names = []


def _resolve_references(document: nodes.document) -> None:
    """Link references to labels of the same page, with the text of the label's heading."""
    headings = {
        name: section.next_node(nodes.title)
        for section in document.findall(nodes.section)
        for name in section["ids"]
    }
    for reference in list(document.findall(nodes.inline)):
        if "refers" not in reference:
            continue
        anchor = document.nameids.get(nodes.fully_normalize_name(reference["refers"]))
        if not anchor:
            continue
        heading = headings.get(anchor)
        if heading is not None and not reference["titled"]:
            shown = heading.astext()
        else:
            shown = reference.astext()
        reference.parent.replace(reference, nodes.reference("", shown, refid=anchor))


class _Translator(html5_polyglot.HTMLTranslator):  # type: ignore[misc]
    """Writes the line of each element before it."""

    def starttag(self, node: nodes.Node, tagname: str, *rest: Any, **attributes: Any) -> str:
        tag: str = super().starttag(node, tagname, *rest, **attributes)
        line = getattr(node, "line", None)
        if isinstance(node, nodes.Admonition):  # loses its line when it gets a title
            line = line or next(filter(None, (child.line for child in node.children)), None)
        if not line or isinstance(node, nodes.Inline):
            return tag
        # docutils places a title at the line under it.
        line -= isinstance(node, nodes.section | nodes.title)
        return f"{_LINE_MARK}{line}{_LINE_MARK}{tag}"

    def visit_literal(self, node: nodes.literal) -> None:
        """Write inline code as the element that means it."""
        if "code" not in node["classes"]:
            node["classes"].append("code")
        super().visit_literal(node)


class _Writer(html5_polyglot.Writer):  # type: ignore[misc]
    """Writes the body alone, without a head or styles."""

    def __init__(self) -> None:
        super().__init__()
        self.translator_class = _Translator

    def apply_template(self) -> str:
        return "".join(self.body)


def _align_lines(converted: str, line_breaks: int) -> str:
    """Add and remove line breaks until each line mark is on the line that it names."""
    before, *marked = converted.split(_LINE_MARK)
    pieces, line = ["<main>", _strip_layout_breaks(before)], 1
    for marked_line, html_ in zip(marked[::2], marked[1::2], strict=True):
        gap = "\n" * (int(marked_line) - line)
        compact = _strip_layout_breaks(html_)
        line += len(gap) + compact.count("\n")
        pieces += [gap, compact]
    return "".join([*pieces, "</main>", "\n" * (line_breaks + 1 - line)])


def _strip_layout_breaks(html: str) -> str:
    """Remove the line breaks of HTML that do not show."""
    first, *rest = _PRE_TAG.split(html)
    pieces = [_LAYOUT_BREAK.sub(" ", first)]
    for piece in rest:
        verbatim, ends, after = piece.partition("</pre>")
        pieces += [verbatim, ends, _LAYOUT_BREAK.sub(" ", after)]
    return "".join(pieces)
