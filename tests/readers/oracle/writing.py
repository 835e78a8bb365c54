"""Pages composed of every piece a publishing tool knows, whose visible words are known.

A page is drawn as a tree of pieces, so that it shrinks to the piece that matters, and written
out with numbered words: `word0001` where a reader sees it, `unseen0001` where none does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hypothesis import strategies as st

TOOLS = ("github", "jekyll", "mkdocs", "mdx", "hugo", "obsidian", "myst")

COMMON_INLINE = (
    "plain bold em code link reflink strike html_b br soft escape entity comment image url"
)
INLINE = {
    "github": "footnoted",
    "jekyll": "attributes liquid footnoted",
    "mkdocs": "attributes icon button footnoted keys critic",
    "mdx": "expression",
    "hugo": "shortcode footnoted",
    "obsidian": "wiki wiki_named embed percent mark footnoted",
    "myst": "role footnoted",
}
COMMON_LEAF = (
    "paragraph atx setext fence tilde table rule definition html html_table comment task branches"
)
LEAF = {
    "github": "indented",
    "jekyll": "indented attribute_line liquid_line liquid_comment options kramdown_table",
    "mkdocs": "indented attribute_line abbreviation snippet titled_fence",
    "mdx": "esm component_line titled_fence expression_line",
    "hugo": "indented shortcode_line",
    "obsidian": "indented percent_block",
    "myst": "indented target",
}
COMMON_NEST = "bullets numbers quote details div"
NEST = {
    "github": "callout",
    "jekyll": "tight deflist",
    "mkdocs": "admonition collapsible tab tight deflist",
    "mdx": "colons tabs callout_component",
    "hugo": "paired deflist",
    "obsidian": "callout",
    "myst": "directive colon_directive deflist",
}


# MDX reads `<!` and `<https:` as broken components.
NOT_IN_MDX = {"comment", "url"}


def kinds(names: str, tool: str) -> list[str]:
    return [name for name in names.split() if tool != "mdx" or name not in NOT_IN_MDX]


def inlines(tool: str) -> st.SearchStrategy[list[str]]:
    pieces = kinds(f"{COMMON_INLINE} {INLINE[tool]}", tool)
    return st.lists(st.sampled_from(pieces), min_size=1, max_size=4)


def pages(tool: str) -> st.SearchStrategy[list[tuple]]:
    leaf = st.tuples(st.sampled_from(kinds(f"{COMMON_LEAF} {LEAF[tool]}", tool)), inlines(tool))
    nests = st.sampled_from(f"{COMMON_NEST} {NEST[tool]}".split())

    def nest(inner: st.SearchStrategy) -> st.SearchStrategy:
        return st.tuples(nests, inlines(tool), st.lists(inner, min_size=1, max_size=3))

    return st.lists(st.recursive(leaf, nest, max_leaves=6), min_size=1, max_size=5)


@dataclass
class Writer:
    """Writes a drawn page, and records in order the words that a reader sees."""

    tool: str
    words: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    hidden: int = 0
    depth: int = 0

    @property
    def written(self) -> str:
        """Return the attribute that makes an element hold Markdown, where the tool needs one."""
        return ' markdown="1"' if self.tool in {"jekyll", "mkdocs"} else ""

    def word(self) -> str:
        self.words.append(f"word{len(self.words) + 1:04}")
        return self.words[-1]

    def unseen(self) -> str:
        self.hidden += 1
        return f"unseen{self.hidden:04}"

    def page(self, pieces: list[tuple]) -> str:
        body = self.blocks(pieces)
        notes = [line for name in self.notes for line in (f"[^{name}]: {self.word()}", "")]
        return "\n".join([*body, "", *notes, *self.after, ""])

    def blocks(self, pieces: list[tuple]) -> list[str]:
        lines: list[str] = []
        self.depth += 1
        for piece in pieces:
            lines += ["", *self.block(piece)] if lines else self.block(piece)
        self.depth -= 1
        return lines

    def block(self, piece: tuple) -> list[str]:
        kind, inline = piece[:2]
        if len(piece) == 3:
            return self.nested(kind, inline, piece[2])
        return self.leaf(kind, inline)

    def text(self, inline: list[str], *, line: bool = False) -> str:
        flat = ["plain" if line and kind in {"br", "soft"} else kind for kind in inline]
        # Text opens with a plain word, so that no piece is taken for a block of its own.
        return " ".join([self.word(), *map(self.piece, flat)])

    def piece(self, kind: str) -> str:  # noqa: C901
        w, u = self.word, self.unseen
        match kind:
            case "plain":
                return f"{w()} {w()}"
            case "bold":
                return f"**{w()} {w()}**"
            case "em":
                return f"*{w()}*"
            case "code":
                return f"`{w()}`"
            case "link":
                return f'[{w()} *{w()}*](https://example.org/{u()} "{u()}")'
            case "reflink":
                label, shown = f"{u()}", w()
                self.after.append(f"[{label}]: https://example.org/{u()}")
                return f"[{shown}][{label}]"
            case "strike":
                return f"~~{w()}~~"
            case "html_b":
                return f'<b class="{u()}">{w()}</b>'
            case "br":
                return f"{w()}<br/>{w()}  \n{w()}"
            case "soft":
                return f"{w()}\n{w()}"
            case "escape":
                return rf"\*{w()}\* {w()}\."
            case "entity":
                return f"{w()}&nbsp;&amp; {w()}"
            case "comment":
                return f"<!-- {u()} -->"
            case "image":
                return f"![]({u()}.png) {w()}"
            case "url":
                return f"<https://example.org/{w()}>"
            case "footnoted":
                name = u()
                self.notes.append(name)
                return f"{w()}[^{name}]"
            case "attributes":
                return f"*{w()}*{{: .{u()}}}"
            case "liquid":
                return f"{{{{ site.{u()} }}}}{{% if {u()} %}}{w()}{{% endif %}}"
            case "icon":
                return ":material-alert-circle:{ .lg }"
            case "button":
                return f"[{w()}]({u()}.md){{ .md-button .{u()} }}"
            case "keys":
                return f"++{w()}+{w()}++"
            case "critic":
                return f"{{++{w()}++}} =={w()}=="
            case "expression":
                return f"{{/* {u()} */}}{w()}{{props.{u()}}}"
            case "shortcode":
                return f'{{{{< icon "{u()}" >}}}}{w()}'
            case "wiki":
                return f"[[{w()}]]"
            case "wiki_named":
                return f"[[{u()}#{u()}|{w()}]]"
            case "embed":
                return f"![[{u()}.png]]"
            case "percent":
                return f"%%{u()}%%"
            case "mark":
                return f"=={w()}=="
            case "role":
                return f"{{abbr}}`{w()}`"
        raise AssertionError(kind)

    def leaf(self, kind: str, inline: list[str]) -> list[str]:  # noqa: C901
        w, u = self.word, self.unseen
        match kind:
            case "paragraph":
                return self.text(inline).split("\n")
            case "atx":
                return [f"## {self.text(inline, line=True)}"]
            case "setext":
                return [self.text(inline, line=True), "-----"]
            case "fence":
                return ["```python", f"# {w()}", "", f"    {w()}", "- " + w(), "```"]
            case "tilde":
                return ["~~~", f"## {w()}", "```", w(), "~~~"]
            case "titled_fence":
                return [f'``` py title="{w()}"', f"{w()} = 1", "```"]
            case "indented":
                return [f"<!-- {u()} -->", "", f"    # {w()}", "", f"    {w()}"]
            case "table":
                cells = [inline_ for inline_ in inline if inline_ != "wiki_named"]
                head = f"| {w()} | {w()} |"
                rows = [f"| {self.text(cells, line=True)} | {w()} |", f"| {w()} | |"]
                return [head, "|---|:-:|", *rows]
            case "kramdown_table":
                return [f"| {w()} | {w()} |", f"| {w()} | {w()} |"]
            case "rule":
                return ["***"]
            case "definition":
                return [f"[{u()}]: https://example.org/{u()} '{u()}'"]
            case "html":
                return [f'<p class="{u()}">', f"{w()} <em>{w()}</em>,{w()}<br/>{w()}", "</p>"]
            case "html_table":
                cell = f"<tr><td>{w()}</td><td>{w()}</td></tr>"
                return ["<table>", cell, "</table>"]
            case "comment":
                return [f"<!-- {u()}", "", f"# {u()}", "```", u(), "-->"]
            case "task":
                return [f"- [x] {w()}", f"- [ ] {w()}"]
            case "branches":
                return [f"- {w()}", f"    - {w()}", f"1. {w()}"]
            case "attribute_line":
                return [self.word(), f"{{: #{u()} .{u()}}}"]
            case "liquid_line":
                return [f"{{% include {u()}.html file='{u()}' %}}"]
            case "liquid_comment":
                return ["{% comment %}", u(), "{% endcomment %}"]
            case "options":
                return [f'{{::options {u()}="true" /}}']
            case "abbreviation":
                return [f"*[HTML]: {u()}"]
            case "snippet":
                return [f'--8<-- "{u()}.md"']
            case "esm":
                # Only the page's own lines can be imports.
                return [f"import {u()} from '@theme/{u()}';"] if self.depth == 1 else [w()]
            case "component_line":
                return [f"<Image src='{u()}' width={{{{a: 1}}}} />"]
            case "expression_line":
                return [f"{{/* {u()} */}}"]
            case "shortcode_line":
                return [f'{{{{% include "{u()}" %}}}}']
            case "percent_block":
                return ["%%", u(), "", u(), "%%"]
            case "target":
                return [f"({u()})=", w()]
        raise AssertionError(kind)

    def nested(self, kind: str, inline: list[str], pieces: list[tuple]) -> list[str]:  # noqa: C901
        w, u = self.word, self.unseen
        match kind:
            case "bullets":
                return self.item("-   ", pieces) + self.item("-   ", [("paragraph", inline)])
            case "numbers":
                return self.item("1.  ", pieces) + self.item("2.  ", [("paragraph", inline)])
            case "quote":
                return [f"> {line}".rstrip() for line in self.blocks(pieces)]
            case "details":
                head = [f"<details{self.written}>", f"<summary>{w()}</summary>", ""]
                return [*head, *self.blocks(pieces), "", "</details>"]
            case "div":
                return [f"<div{self.written}>", "", *self.blocks(pieces), "", "</div>"]
            case "tight":
                return [f"<aside{self.written}>", *self.text(inline).split("\n"), "</aside>"]
            case "deflist":
                first = self.text(inline, line=True)
                return [first, "", *self.item(":   ", pieces)]
            case "callout":
                head = f"[!NOTE] {w()}" if self.tool == "obsidian" else "[!NOTE]"
                inner = self.blocks([("paragraph", inline), *pieces])
                return [f"> {head}", *(f"> {line}".rstrip() for line in inner)]
            case "admonition" | "collapsible" | "tab":
                mark = {"admonition": "!!! note", "collapsible": "???+ tip", "tab": "==="}[kind]
                head = f'{mark} "{w()}"'
                return [head, "", *indented("    ", self.blocks(pieces))]
            case "colons":
                title, inner = w(), self.blocks(pieces)
                mark = longer(":", inner)
                return [f"{mark}note {title}", "", *inner, "", mark]
            case "tabs":
                head = f'<TabItem value="{u()}" label="{w()}">'
                return ["<Tabs>", head, "", *self.blocks(pieces), "", "</TabItem>", "</Tabs>"]
            case "callout_component":
                head = f'<Callout type="{u()}">'
                return [head, "", *self.blocks(pieces), "", "</Callout>"]
            case "paired":
                head = f'{{{{< alert "{u()}" >}}}}'
                return [head, "", *self.blocks(pieces), "", "{{< /alert >}}"]
            case "directive":
                title, hidden, inner = w(), u(), self.blocks(pieces)
                mark = longer("`", inner)
                return [f"{mark}{{admonition}} {title}", f":class: {hidden}", "", *inner, mark]
            case "colon_directive":
                title, inner = w(), self.blocks(pieces)
                mark = longer(":", inner)
                return [f"{mark}{{admonition}} {title}", "", *inner, "", mark]
        raise AssertionError(kind)

    def item(self, marker: str, pieces: list[tuple]) -> list[str]:
        # An item opens with a word, so that its marker never stands before code or a table.
        lines = [self.word(), "", *self.blocks(pieces)]
        return [marker + lines[0], *indented("    ", lines[1:])]


def indented(by: str, lines: list[str]) -> list[str]:
    return [by + line if line else "" for line in lines]


def longer(mark: str, lines: list[str]) -> str:
    """Return a fence longer than any inside it."""
    runs = [len(run) for line in lines for run in re.findall(rf"{mark}{{3,}}", line)]
    return mark * (max(runs, default=2) + 1)
