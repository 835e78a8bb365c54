"""An independent rendering of Markdown: the words that a reader of the published page sees.

The marks of each publishing tool are removed as its manual says, markdown-it-py makes HTML, and an
HTML parser makes words. Nothing of the package is imported.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from itertools import takewhile

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.deflist import deflist_plugin

from tests.readers.oracle.layout import BLOCK, Text

Lines = list[str]

FRONT_MATTER = re.compile(
    r"\A(---|\+\+\+)[ \t]*\n(?:.*?\n)??(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL
)
FENCE = re.compile(r"^((?:[ \t>]|[-*+] |\d+[.)] )*)(`{3,}|~{3,})([^`]*)$")
TITLE = re.compile(r"""\b(?:title|filename)=(?:"([^"]*)"|'([^']*)')""")
INDENTED = re.compile(r"^(\s*)(?:!!!|\?\?\?\+?)\s+([\w-]+)?(?:\s+[\w-]+)*\s*(?:\"(.*)\")?\s*$")
TAB = re.compile(r"^(\s*)(===)[!+]*\s+\"(.*)\"\s*$")
COLONS = re.compile(r"^\s*:{3,}\s*(?:\{?([\w-]*)\}?(?:\[(.*)\]|\s+(.*?))?)?\s*$")
SLASHES = re.compile(r"^\s*/{3,}\s*(?:[\w-]+\s*(?:\|\s*(.*))?)?$")
QUOTE = re.compile(r"^(\s*)> ?")
CALLOUT = re.compile(r"^((?:\s*>)+\s*)\[!([\w-]+)(?:\|[^\]]*)?\][+-]?")
GENERATED = re.compile(r"^(\s*):::\s+[\w.]+\s*$")
DEFINED = re.compile(r"^:\s+\S")
SNIPPET = re.compile(r"^[\s>]*(?:-+8<-+|;-+8<-+)")
ABBREVIATION = re.compile(r"^[\s>]*\*\[[^\]]+\]:")
FOOTNOTE = re.compile(r"^(\s*)\[\^[^\]\s]+\]:[ \t]*")
FOOTNOTE_MARK = re.compile(r"\[\^[^\]\s]+\]")
TASK = re.compile(r"^(\s*(?:>\s*)*(?:[-*+]|\d+[.)])\s+)\[[ xX]\](?=\s)")
LIQUID = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
LIQUID_COMMENT = re.compile(r"\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\}", re.DOTALL)
HUGO = re.compile(r"\{\{([<%]).*?[>%]\}\}", re.DOTALL)
KRAMDOWN_LINE = re.compile(r"^\s*(?:>\s*)*\{:[^}]*\}\s*$")
KRAMDOWN = re.compile(r"\{::[^}]*\}|\{:/[^}]*\}")
KRAMDOWN_SPAN = re.compile(r"\{:[^}]*\}")
TOC_ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+.*\n\s*\{:\s*toc.*\}\s*$", re.MULTILINE)
WRITTEN = re.compile(r"<(\w+)\b[^>]*\smarkdown(?:=[\"']?[\w-]+[\"']?)?(?=[\s>])[^>]*>")
BLOCK_TAG = re.compile(r"<(?=(?:div|section|article|aside|main|figure|p)\b)(\w+)")
HEADING_MARKS = re.compile(r"\s*\{:?[^{}]*\}\s*$")
HEADING_ID = re.compile(r"\s*\{\s*[#.:][^{}]*\}\s*$")
ICON = re.compile(r":[a-z][a-z0-9]*(?:[-_+][a-z0-9]+)*:(?:\{[^}]*\})?")
ATTRIBUTES = re.compile(r"^\{:?[^{}\n]*\}")
WIKI_EMBED = re.compile(r"!\[\[[^\[\]]*\]\]")
WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]")
COMMENT = re.compile(r"%%.*?%%", re.DOTALL)
MYST_TARGET = re.compile(r"^[\s>]*\([\w -]+\)=\s*$")
LABEL = re.compile(r"^[\s>]*\[([^\[\]\n]+)\]:", re.MULTILINE)
SITE_REFERENCE = re.compile(r"(?<![\w\]])\[((?:[^\[\]`]|`[^\[\]`]*`)+)\]\s*\[([A-Za-z][\w.-]*)\]")
NAMING_COMMENT = re.compile(r"^(\s*(?:#+ )?)<!--\s*[\w:-]+\s+([^\s<>]+)\s*-->\s*$")
DIRECTIVE = re.compile(r"^\{(?!code)[\w:-]+\}\s*(.*)$")
OPTION = re.compile(r"^\s*:[\w-]+:")
MYST_ROLE = re.compile(r"\{[\w:-]+\}(?=`)")
ESM = re.compile(r"^(?:import|export)\s")
CODE_SPAN = re.compile(
    r"(?<!`)(`+)(?!`)(?:(?:(?!\n[ \t>]*(?:\n|[-*+] )).)*?[^`])?\1(?!`)",
    re.DOTALL,  # in one paragraph
)
EXPRESSION = re.compile(r"(?<!\\)\{[^{}]*\}")
VISIBLE_ATTRIBUTE = re.compile(
    r"""\b(?:label|title|description)\s*[=:]\s*(?:"([^"]*)"|'([^']*)')"""
)
ITEMS = re.compile(r"\bitems=\{\[([^{}]*?)\]\}")
QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
RUN = re.compile(r"[^\W_]+")
INVISIBLE = {"Cf", "Mn", "Me", "Cc"}


@dataclass(frozen=True)
class Published:
    """A page's words in order, as runs: those of no kind must be read, the others may be.

    The kinds that may be left out: `contents`, the page's own table of contents; `alt`, what
    stands for an image; `label`, the word a tool puts over a note that has no title.
    """

    runs: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def words(self) -> list[str]:
        return [word for kind, words in self.runs for word in words if not kind]

    def expected(self, read: list[str]) -> tuple[list[str], Counter[str]]:
        """The words a reading should have, and how often each kind was left out of it."""
        expected: list[str] = []
        left_out: Counter[str] = Counter()
        for number, (kind, words) in enumerate(self.runs):
            if not kind:
                expected += words
                continue
            at = len(expected)
            candidate = read[at : at + len(words)]
            follows = next((w for k, w in self.runs[number + 1 :] if not k), ())[:50]
            was_read = [w.casefold() for w in candidate] == [w.casefold() for w in words]
            # A contents list of one entry reads like the heading after it.
            if was_read and agreement(read, at + len(words), follows) >= agreement(
                read, at, follows
            ):
                expected += candidate
            elif words:
                left_out[kind] += 1
        return expected, left_out


def agreement(read: list[str], at: int, words: tuple[str, ...]) -> int:
    """How many of the words follow at this place."""
    pairs = zip(read[at : at + len(words)], words, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def words_of(text: str) -> list[str]:
    """The alphanumeric runs of a text: what stays when every mark is dropped."""
    spelled = unicodedata.normalize("NFKC", text)
    plain = "".join(c for c in spelled if unicodedata.category(c) not in INVISIBLE or c in "\t\n\r")
    return RUN.findall(plain)


def published(source: str, tool: str = "github") -> Published:
    """What the tool's page shows: github, jekyll, mkdocs, mdx, hugo, obsidian or myst."""
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    text = FRONT_MATTER.sub("", text, count=1)
    if tool == "jekyll":
        if 'parse_block_html="true"' in text:
            text = BLOCK_TAG.sub(r'<\1 markdown="1"', text)
        text = TOC_ITEM.sub("", text)
        text = LIQUID.sub("", LIQUID_COMMENT.sub("", text))
    if tool == "hugo":
        text = HUGO.sub("", text)
    known = {label_of(label) for label in LABEL.findall(text)}
    lines = unwrapped(text.split("\n"), tool, known)
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.use(deflist_plugin)
    # An address that no browser follows is still none that a reader sees.
    parser.validateLink = lambda _: True
    if tool == "mdx":
        parser.disable("code")
    tokens = parser.parse("\n".join(lines))
    tokens = marking_contents(tokens)
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "html_block" and tool == "mkdocs":
            token.content = ICON.sub("", token.content)
        if token.type == "inline" and token.children:
            clean_inline(token.children, tool, is_heading=before.type == "heading_open")
    page = Text()
    page.feed(parser.renderer.render(tokens, parser.options, {}))
    page.close()
    return Published(tuple((kind, tuple(words_of(text))) for kind, text in page.runs()))


def unwrapped(lines: Lines, tool: str, known: set[str]) -> Lines:  # noqa: C901
    """Remove what the tool acts on; titles stay, and indented bodies move out."""
    out: Lines = []
    prose: Lines = []

    def flush() -> None:
        out.extend(cleaned("\n".join(prose), tool, known).split("\n") if prose else [])
        prose.clear()

    at = 0
    while at < len(lines):
        line = lines[at]
        quoted = QUOTE.match(line) if tool in {"jekyll", "mkdocs", "myst"} else None
        if quoted:
            flush()
            end = next((n for n in range(at, len(lines)) if not QUOTE.match(lines[n])), len(lines))
            inside = [CALLOUT.sub(r"\1<x-label>\2</x-label> ", line), *lines[at + 1 : end]]
            inside = unwrapped([QUOTE.sub("", inner) for inner in inside], tool, known)
            out += [f"{quoted[1]}> {inner}".rstrip() for inner in inside]
            at = end
            continue
        if "<!--" in line and "-->" not in line.split("<!--")[-1]:
            rest = (n for n in range(at + 1, len(lines)) if "-->" in lines[n])
            end = next(rest, len(lines) - 1) + 1
            prose += lines[at:end]
            at = end
            continue
        opening = FENCE.match(line)
        if opening:
            flush()
            end = closing(lines, at, opening)
            directive = DIRECTIVE.match(opening[3]) if tool == "myst" else None
            if directive:
                inside = [x for x in lines[at + 1 : end - 1] if not OPTION.match(x)]
                title = unwrapped([opening[1] + directive[1]], tool, known)
                out += ["", *title, "", *unwrapped(inside, tool, known), ""]
                at = end
                continue
            named = TITLE.search(opening[3])
            indent = re.sub(r"[^\s>]", " ", opening[1])
            if named and tool != "github":
                # A title stands above its code, in the same item.
                title = named[1] or named[2]
                out += ["", f"{opening[1]}{title}", "", indent + line[len(opening[1]) :]]
                out += lines[at + 1 : end]
            else:
                out += lines[at:end]
            last = lines[end - 1].strip(" \t>")
            if end == at + 1 or last.strip(opening[2][0]) or not last.startswith(opening[2]):
                out.append(indent + opening[2])  # what it stands in ends it
            at = end
            continue
        marker = (INDENTED.match(line) or TAB.match(line)) if tool == "mkdocs" else None
        if marker:
            flush()
            end = indented_end(lines, at + 1, len(marker[1].expandtabs(4)) + 4)
            inside = [dedented(inner) for inner in lines[at + 1 : end]]
            title = unwrapped([marker[1] + (marker[3] or label(marker[2]))], tool, known)
            out += ["", *title, "", *unwrapped(inside, tool, known), ""]
            at = end
            continue
        above = next((x for x in reversed(lines[:at]) if x.strip()), "")
        if tool == "mkdocs" and above.endswith("-->") and DEFINED.match(line):
            # A plugin puts a term in place of the comment.
            flush()
            end = indented_end(lines, at + 1, 4)
            inside = [line[1:].lstrip(), *(dedented(inner) for inner in lines[at + 1 : end])]
            if naming := NAMING_COMMENT.match(above):
                out += ["", naming[2]]
            out += ["", *unwrapped(inside, tool, known), ""]
            at = end
            continue
        if tool == "mkdocs" and (named := GENERATED.match(line)):
            # What stands there is made from the code it names.
            at = indented_end(lines, at + 1, len(named[1]) + 4)
            continue
        above = prose[-1] if prose else ""
        if tool == "mdx" and ESM.match(line) and (not above or above.startswith("#")):
            while at < len(lines) and lines[at].strip():
                at += 1
            continue
        note = FOOTNOTE.match(line)
        if note:
            # Read where it is written: that a tool moves it to the end is no loss.
            indent = note[1] if len(note[1]) > 3 else ""
            end = indented_end(lines, at + 1, len(indent) + 4)
            inside = [indent + line[note.end() :], *map(dedented, lines[at + 1 : end])]
            flush()
            out += ["", *unwrapped(inside, tool, known), ""]
            at = end
            continue
        prose.append(line)
        at += 1
    flush()
    return out


def label(kind: str | None) -> str:
    """What a tool may write over a note without a title."""
    return f"<x-label>{kind}</x-label>" if kind and kind != "===" else ""


def closing(lines: Lines, at: int, opening: re.Match[str]) -> int:
    """The line after a fence's end; one never closed ends with the item or quotation it is in."""
    mark, prefix = opening[2], opening[1]
    depth = prefix.count(">")
    outer = len(prefix.replace(">", "").expandtabs(4))
    inner = len(re.sub(r">", "", prefix).expandtabs(4)) if re.search(r"[-*+\d]", prefix) else 0
    for number in range(at + 1, len(lines)):
        line = lines[number]
        if line.count(">", 0, len(line) - len(line.lstrip(" >")) + 1) < depth:
            return number
        bare = line.lstrip(" \t>")
        margin = len(line[: len(line) - len(bare)].replace(">", "").expandtabs(4))
        if inner and bare and margin < inner:
            return number
        if margin > outer + 3:
            continue
        if bare.startswith(mark) and not bare.rstrip().strip(mark[0]):
            return number + 1
    return len(lines)


def indented_end(lines: Lines, at: int, width: int) -> int:
    """Where the lines that are blank or indented this far end."""
    end = at
    for number in range(at, len(lines)):
        line = lines[number].expandtabs(4)
        if line.strip() and len(line) - len(line.lstrip()) < width:
            break
        if line.strip():
            end = number + 1
    return end


def dedented(line: str) -> str:
    return line.expandtabs(4)[4:] if line.expandtabs(4)[:4].isspace() else line.lstrip()


def cleaned(text: str, tool: str, known: set[str]) -> str:
    """Prose lines, none of them of a code fence, without the marks that are not shown."""
    lines = []
    for source in text.split("\n"):
        line = TASK.sub(r"\1", source)
        indent = line[: len(line) - len(line.lstrip())]
        line = CALLOUT.sub(r"\1<x-label>\2</x-label> ", line)
        if ABBREVIATION.match(line) or (tool == "mkdocs" and SNIPPET.match(line)):
            continue
        if tool in {"mkdocs", "mdx", "myst"} and (colons := COLONS.match(line)):
            line = f"\n{indent}{colons[2] or colons[3] or label(colons[1])}\n"
        if tool == "mkdocs" and (slashes := SLASHES.match(line)):
            line = f"\n{indent}{slashes[1] or ''}\n"
        if tool in {"mkdocs", "jekyll"} and KRAMDOWN_LINE.match(line):
            line = ""
        if tool == "mkdocs" and (naming := NAMING_COMMENT.match(line)) and "#" in naming[1]:
            line = f"{naming[1]}{naming[2]}"
        if tool == "myst" and MYST_TARGET.match(line):
            line = ""
        lines.append(line)
    text = "\n".join(lines)
    if tool == "obsidian":
        text = outside_code(COMMENT, "", text)
        text = outside_code(WIKI_EMBED, "", text)
        text = outside_code(WIKI_LINK, r"\1", text)
    if tool == "myst":
        text = MYST_ROLE.sub("", text)
    if tool == "mdx":
        text = without_components(text)
    if tool == "mkdocs":
        # Plugins of the site know names that no page defines.
        text = SITE_REFERENCE.sub(lambda m: m[0] if label_of(m[2]) in known else m[1], text)
    if tool in {"mkdocs", "jekyll"}:
        text = KRAMDOWN.sub("", without_wrappers(text))
    return text


def label_of(words: str) -> str:
    """The label of a link's definition as references to it are compared."""
    return " ".join(words.split()).casefold()


def outside_code(pattern: re.Pattern[str], by: str, text: str) -> str:
    """Substitute everywhere but in code spans."""
    pieces, at = [], 0
    for span in CODE_SPAN.finditer(text):
        pieces += [pattern.sub(by, text[at : span.start()]), span[0]]
        at = span.end()
    return "".join([*pieces, pattern.sub(by, text[at:])])


def without_wrappers(text: str) -> str:
    """Text whose HTML elements say that they hold Markdown, without those elements' tags."""
    for name in {match[1] for match in WRITTEN.finditer(text)}:
        # What follows a tag begins where the tag's line does, as deep in an item as that.
        tag = re.compile(
            rf"(^[ \t]*)?<{name}\b[^>]*\smarkdown\b[^>]*>\s*|</{name}\s*>", re.MULTILINE
        )
        text = outside_code(tag, r"\n\n\1" if name in BLOCK else "", text)
    return text


def without_components(text: str) -> str:
    """MDX prose without component tags and expressions; a tab's or card's title stays."""
    out, at = [], 0
    opening = re.compile(r"(?<!\\)</?(?=[A-Z>]|[a-z]+\b[^<>`]*=\{)")
    spans = [(span.start(), span.end()) for span in CODE_SPAN.finditer(text)]
    for match in opening.finditer(text):
        start = match.start()
        if start < at or any(a <= start < b for a, b in spans):
            continue
        end = tag_end(text, start)
        if not end:
            continue
        tag = text[start:end]
        if tag[1].islower():
            out += [text[at:start], f"{re.match(r'<[a-z]+', tag)[0]}>"]
            at = end
            continue
        shown = [a or b for a, b in VISIBLE_ATTRIBUTE.findall(tag)]
        for items in ITEMS.findall(tag):
            shown += [a or b for a, b in QUOTED.findall(items)]
        alone = "\n" not in text[:start] or not text[:start].rsplit("\n", 1)[-1].strip()
        apart = "\n\n" if alone else " "
        out += [text[at:start], apart, f"{apart}".join(shown), apart]
        at = end
    return outside_code(EXPRESSION, "", "".join([*out, text[at:]]))


def tag_end(text: str, start: int) -> int:
    """Where a component's tag ends, past strings and braces; 0 where it never does."""
    braces, quote = 0, ""
    for at in range(start + 1, min(len(text), start + 20_000)):
        char = text[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and (braces or text[at - 1] == "="):
            quote = char
        elif char in "{}":
            braces += 1 if char == "{" else -1
        elif char == "<" and not braces:
            return 0
        elif char == ">" and braces <= 0:
            return at + 1
    return 0


def marking_contents(tokens):
    """The tokens with lists of nothing but links into the page marked, and a heading of no more."""
    out = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            end = at + 1
            while not (tokens[end].level == token.level and tokens[end].nesting == -1):
                end += 1
            inner = [t for t in tokens[at:end] if t.type in {"inline", "fence", "html_block"}]
            if inner and all(is_in_page_link(t) for t in inner):
                whole = [*tokens[at : end + 1], raw("</x-contents>")]
                after = (t.type for t in tokens[end + 1 :] if t.type != "html_block")
                last = next(after, "heading_open")
                if out and out[-1].type == "heading_close" and last == "heading_open":
                    out.insert(-3, raw("<x-contents>"))
                else:
                    out.append(raw("<x-contents>"))
                out += whole
                at = end + 1
                continue
        out.append(token)
        at += 1
    return out


def raw(html: str) -> Token:
    return Token("html_block", "", 0, content=html)


def is_in_page_link(token) -> bool:
    unseen = {"html_inline", "softbreak"}
    children = [
        c
        for c in token.children or []
        if c.type not in unseen and (c.type != "text" or c.content.strip())
    ]
    if not children or children[0].type != "link_open" or children[-1].type != "link_close":
        return False
    opens = [c for c in children if c.type == "link_open"]
    return len(opens) == 1 and str(opens[0].attrs.get("href", "")).startswith("#")


def clean_inline(children, tool: str, *, is_heading: bool) -> None:
    """Take a tool's inline marks out of running text; code keeps what it holds."""
    last = children[-1]
    if last.type == "text" and tool != "github":
        marks = HEADING_MARKS if tool == "mkdocs" and is_heading else HEADING_ID
        last.content = marks.sub("", last.content)
    before = None
    closed = "".join(c.content for c in children if c.type == "html_inline").lower()
    for child in children:
        # GitHub shows such a tag as text; whoever does not would hide the rest of the page.
        opened = re.match(r"<(script|style|title|template)\b", child.content.lower())
        if child.type == "html_inline" and opened and f"</{opened[1]}" not in closed:
            child.content = ""
        if child.type == "text":
            text = FOOTNOTE_MARK.sub("", child.content)
            if tool in {"mkdocs", "jekyll"}:
                text = KRAMDOWN_SPAN.sub("", text)
            if tool == "mkdocs":
                follows = before is None or before.nesting == -1
                if follows or before.type in {"image", "code_inline", "softbreak"}:
                    text = ATTRIBUTES.sub("", text)
                text = ICON.sub("", text)
            child.content = text
        before = child
