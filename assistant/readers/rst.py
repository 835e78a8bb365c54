"""reStructuredText to HTML whose lines are those of the file, by docutils.

Knows the roles and directives that publishing tools add to docutils, as far as their text goes.
Reads no other file, runs nothing and passes no HTML through. Must not know blocks or pages.
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

from assistant.readers import html as html_reader

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
_CALL_ROLES = frozenset("func meth".split())
_KNOWN_ROLES = (
    _LINK_ROLES
    | _CALL_ROLES
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
_OPTION = re.compile(r":([\w .-]+):(?:\s++(.*))?$")

# What a directive's argument and content are. Navigation and settings are not text.
_IGNORED_DIRECTIVES = frozenset(
    """
    codeauthor contents cssclass currentmodule default-domain highlight highlightlang index
    moduleauthor rst-class sectionauthor tabularcolumns toctree
    """.split()
)
_CODE_DIRECTIVES = frozenset(
    """
    code code-block code-tab digraph doctest graph graphviz ipython literalinclude math mermaid
    plantuml productionlist prompt sourcecode testcode testcleanup testoutput testsetup uml
    """.split()
)
_VERSION_DIRECTIVES = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "versionremoved": "Removed in version",
    "deprecated": "Deprecated since version",
}
_OBJECT_DIRECTIVES = frozenset(
    """
    attribute autoattribute autoclass autodata autodecorator autoenum autoexception autofunction
    automethod automodule autoproperty class cmdoption confval data decorator describe envvar event
    exception function macro member method module object option program property setting struct
    type var
    """.split()
)
_TEXT_DIRECTIVES = frozenset(
    """
    autosummary card centered dropdown glossary grid grid-item grid-item-card group-tab hlist
    ifconfig only seealso tab tab-item tab-set tabs todo
    """.split()
)
# Their arguments are conditions and measures.
_LAYOUT_DIRECTIVES = frozenset("grid hlist ifconfig only tab-set tabs".split())
_KNOWN_DIRECTIVES = (
    _IGNORED_DIRECTIVES
    | _CODE_DIRECTIVES
    | _OBJECT_DIRECTIVES
    | _TEXT_DIRECTIVES
    | {*_VERSION_DIRECTIVES, "raw"}
)

_WARNING, _ERROR = 2, 3
# An ordinary page takes docutils 5 s per MB; what follows keeps an odd one below 100 s per MB.
_MAX_PAGE_CHARS = 500_000
_MAX_LINE_CHARS = 10_000
_MAX_TEXT_CHARS = 4_000
_MAX_TARGETS = 1_000
# Its bugs show as any of these; a page that meets one is read as plain text.
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
    """A page as HTML, each block on the line it has in the source, and what was odd by line.

    Raises ValueError where docutils cannot read the page at all.
    """
    if len(source) > _MAX_PAGE_CHARS or max(map(len, source.split("\n"))) > _MAX_LINE_CHARS:
        raise ValueError("it is longer than docutils reads in good time")
    if source.count("\n.. _") > _MAX_TARGETS:
        raise ValueError("it has more targets than docutils reads in good time")
    unknown = _register_names(source)
    try:
        parser = Parser(inliner=_make_inliner())
        document = publish_doctree(source, parser=parser, settings_overrides=_SETTINGS)
        odd = {*unknown, *_remove_messages(document)}
        _resolve_references(document)
        written = publish_from_doctree(document, writer=_Writer(), settings_overrides=_SETTINGS)
    except _DOCUTILS_ERRORS as error:
        raise ValueError(f"docutils failed: {type(error).__name__}") from error
    return _align_lines(written, source.count("\n")), sorted(odd)


def _register_names(source: str) -> list[tuple[int, str]]:
    """Teach docutils every role and directive of a page that it does not know, by name.

    What a page before this one defined for itself is undone, so that the order of reading
    changes nothing.
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
    return [(source.count("\n", 0, at) + 1, what) for what, at in unknown.items()]


def _handle_raw_role(*arguments: Any) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """HTML in a line: the words it shows."""
    return [nodes.Text(html_reader.extract_text(nodes.unescape(arguments[2])))], []


def _handle_role(*arguments: Any, **_: Any) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """A role of a publishing tool: the words it shows, and where it leads if that is known."""
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
    elif name in _OBJECT_DIRECTIVES | _CALL_ROLES and not titled:
        shown = shown.lstrip("!")
        shown = shown[1:].rsplit(".", 1)[-1] if shown.startswith("~") else shown
        shown += "()" if name in _CALL_ROLES and not shown.endswith(")") else ""
    return [nodes.inline("", shown)], []


def _make_inliner() -> Inliner:
    """Docutils' reader of markup in lines, which takes the square of the text's length."""
    inliner = Inliner()
    read = inliner.parse

    def parse(
        text: str, lineno: int, memo: Any, parent: nodes.Node
    ) -> tuple[list[nodes.Node], list[nodes.Node]]:
        if len(text) <= _MAX_TEXT_CHARS:
            found: tuple[list[nodes.Node], list[nodes.Node]] = read(text, lineno, memo, parent)
            return found
        what = "The paragraph is too long for the markup in its lines to be read."
        return [nodes.Text(nodes.unescape(text))], [memo.reporter.warning(what, line=lineno)]

    inliner.parse = parse
    return inliner


class _TextDirective(Directive):  # type: ignore[misc]
    """A directive of a publishing tool, or one that nobody knows: its argument and content."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        name = self.name.lower().rsplit(":", 1)[-1]
        argument, options, content = self._split_parts()
        if name in _IGNORED_DIRECTIVES:
            return []
        if name == "raw":
            return self._make_raw(argument, options, content)
        found = self._make_paragraph(options.get("caption", ""))
        if name in _CODE_DIRECTIVES:
            return [*found, *self._make_code(name, argument, content)]
        if name in _VERSION_DIRECTIVES:
            found += self._make_paragraph(f"{_VERSION_DIRECTIVES[name]} {argument}")
        elif name in _OBJECT_DIRECTIVES or name.startswith("auto"):
            found += [
                self._set_line(nodes.paragraph("", line)) for line in argument.split("\n") if line
            ]
        elif name not in _LAYOUT_DIRECTIVES:
            found += self._make_paragraph(argument)
        return [*found, *self._parse_content(content)]

    def _parse_content(self, content: StringList) -> list[nodes.Node]:
        """What the content is, sections and all, its title styles its own."""
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
        """The argument, the options, and the content that follows them."""
        lines = list(self.content)
        argument: list[str] = []
        options: dict[str, str] = {}
        last, number = "", 0
        beside = self.content_offset < self.lineno  # the first line is the directive's own
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
        """A paragraph of inline markup; none where there is no text."""
        if not text:
            return []
        found, messages = self.state.inline_text(text, self.lineno)
        return [self._set_line(nodes.paragraph("", "", *found)), *messages]

    def _set_line(self, node: nodes.Element) -> nodes.Element:
        node.line = self.lineno
        return node

    def _make_code(self, name: str, argument: str, content: StringList) -> list[nodes.Node]:
        if name == "literalinclude":
            warn = self.state.reporter.warning
            return [warn(f"The file {argument} that is shown here was not read.", line=self.lineno)]
        code = "\n".join([argument, *content] if name == "math" and argument else content)
        block = nodes.literal_block(code, code)
        block.line = self.content_offset + 1 + len(self.content) - len(content)
        return [block] if code.strip() else []

    def _make_raw(
        self, formats: str, options: dict[str, str], content: StringList
    ) -> list[nodes.Node]:
        """Raw HTML as the words it shows; what is for other formats is not shown."""
        if {"file", "url"} & options.keys():
            warn = self.state.reporter.warning
            return [warn("A raw directive names a file that was not read.", line=self.lineno)]
        shown = (
            html_reader.extract_text("\n".join(content))
            if "html" in formats.lower().split()
            else ""
        )
        return [self._set_line(nodes.paragraph("", shown))] if shown else []


def _remove_messages(document: nodes.document) -> Iterator[tuple[int, str]]:
    """Take docutils' messages out of a document; the text they stand for stays, as written."""
    found = [*document.findall(nodes.system_message)]
    for message in [*found, *document.parse_messages, *document.transform_messages]:
        line = message.get("line") or 1
        if message["level"] >= _WARNING:
            yield line, " ".join(message.children[0].astext().split())
    for message in found:
        kept = list(message.findall(nodes.literal_block)) if message["level"] >= _ERROR else []
        for block in kept:
            block.line = message.get("line")
        message.parent.replace(message, kept)
    for problem in list(document.findall(nodes.problematic)):
        problem.parent.replace(problem, nodes.Text(problem.astext()))
    document.parse_messages, document.transform_messages = [], []


def _resolve_references(document: nodes.document) -> None:
    """Lead references to labels of the same page there, under the heading they stand for."""
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
    """Writes before each element the line it stands on."""

    def starttag(self, node: nodes.Node, tagname: str, *rest: Any, **attributes: Any) -> str:
        tag: str = super().starttag(node, tagname, *rest, **attributes)
        line = getattr(node, "line", None)
        if isinstance(node, nodes.Admonition):  # its own line is lost when it is given a title
            line = line or next(filter(None, (child.line for child in node.children)), None)
        if not line or isinstance(node, nodes.Inline):
            return tag
        # A title is known by the line under it.
        line -= isinstance(node, nodes.section | nodes.title)
        return f"{_LINE_MARK}{line}{_LINE_MARK}{tag}"


class _Writer(html5_polyglot.Writer):  # type: ignore[misc]
    """Writes the page alone, without a head or styles."""

    def __init__(self) -> None:
        super().__init__()
        self.translator_class = _Translator

    def apply_template(self) -> str:
        return "".join(self.body)


def _align_lines(written: str, line_breaks: int) -> str:
    """HTML with line breaks added and taken away until each mark is on the line it names."""
    before, *marked = written.split(_LINE_MARK)
    pieces, line = ["<main>", _strip_layout_breaks(before)], 1
    for wanted, html_ in zip(marked[::2], marked[1::2], strict=True):
        gap = "\n" * (int(wanted) - line)
        compact = _strip_layout_breaks(html_)
        line += len(gap) + compact.count("\n")
        pieces += [gap, compact]
    return "".join([*pieces, "</main>", "\n" * (line_breaks + 1 - line)])


def _strip_layout_breaks(written: str) -> str:
    """HTML without the line breaks that only lay it out."""
    first, *rest = _PRE_TAG.split(written)
    pieces = [_LAYOUT_BREAK.sub(" ", first)]
    for piece in rest:
        verbatim, ends, after = piece.partition("</pre>")
        pieces += [verbatim, ends, _LAYOUT_BREAK.sub(" ", after)]
    return "".join(pieces)
