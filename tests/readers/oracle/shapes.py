"""Pages of one repeated piece, of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def repeated(unit: str) -> Callable[[int], str]:
    """Repeat a unit, numbered where it contains `{n}`."""
    if "{n}" not in unit:
        return lambda size: unit * (size // len(unit))
    return lambda size: "".join(unit.replace("{n}", str(n)) for n in range(size // len(unit)))


def between(opening: str, unit: str, closing: str = "") -> Callable[[int], str]:
    """Repeat a unit between an opening and a closing."""
    return lambda size: opening + repeated(unit)(size) + closing


def stairs(step: str, line: str, most: int = 10**9) -> Callable[[int], str]:
    """Repeat a line, each one step deeper, and from the margin again after `most` steps."""

    def page(size: int) -> str:
        lines: list[str] = []
        while size > 0:
            lines.append(step * (len(lines) % most) + line)
            size -= len(lines[-1])
        return "".join(lines)

    return page


def nested(opening: str, body: str, closing: str) -> Callable[[int], str]:
    """Nest a pair, as often opened as closed."""
    whole = len(opening) + len(closing)
    return lambda size: opening * (size // whole) + body + closing * (size // whole)


def rising(mark: str) -> Callable[[int], str]:
    """Repeat runs of a mark, each longer by one."""
    return lambda size: " ".join(mark * n for n in range(1, int((2 * size) ** 0.5)))


def wide_table(size: int) -> str:
    columns = size // 6
    return "|a" * columns + "|\n" + "|-" * columns + "|\n" + "|b" * columns + "|\n"


SHAPES: dict[str, Callable[[int], str]] = {
    # Containers.
    "a deep list": stairs("  ", "- w\n"),
    "deep lists": stairs("  ", "- word\n", 60),
    "a deep numbered list": stairs("   ", "1. w\n"),
    "a deep list by tabs": stairs("\t", "- w\n"),
    "items on one line": between("", "- ", "a\n"),
    "numbers on one line": between("", "1. ", "a\n"),
    "deep quotations": between("", ">", " a\n"),
    "quotations deeper each line": stairs(">", " a\n"),
    "lists in quotations": between("", "> - ", "a\n"),
    "lists in quotations, line by line": stairs("> - ", "a\n"),
    "items far apart": repeated("- word\n\n\n"),
    "definitions": repeated("term{n}\n: text\n\n"),
    # Inline.
    "open brackets": repeated("["),
    "brackets about nothing": nested("[", "a", "]"),
    "links in links": nested("[", "a", "](b)"),
    "images in images": nested("![", "a", "](b)"),
    "open images": repeated("![[["),
    "open wiki links": repeated("[["),
    "open addresses": repeated("[a]("),
    "open addresses in brackets": repeated("[a](<"),
    "open titles": repeated('[a](b "'),
    "references to nothing": repeated("[a][b"),
    "footnotes of nothing": repeated("[^a"),
    "links": repeated("[a](b) "),
    "links elsewhere": repeated("[a](https://example.org/{n}) "),
    "four stars": repeated("****"),
    "emphasis never closed": repeated("*a **b "),
    "emphasis never opened": repeated("a** b* "),
    "emphasis inside words": repeated("a*b_c"),
    "underscores": repeated("_a__"),
    "nested emphasis": nested("**a ", "b", " c**"),
    "strikes": repeated("~~a ~ "),
    "backticks of rising lengths": rising("`"),
    "backticks": repeated("`a`` "),
    "stars of rising lengths": rising("*"),
    "escapes": repeated("\\*\\"),
    "ampersands": repeated("&"),
    "entities": repeated("&amp;&#35;&x"),
    "dollars": repeated("$$a$ "),
    "spaces": between("a", "     ", "b\n"),
    "tabs": between("a", "\t", "b\n"),
    "zero-width spaces": repeated("a\u200b"),
    "bare addresses": repeated("https://example.org/a "),
    "open autolinks": repeated("<a:"),
    "stops": repeated("."),
    "stops and closing marks": repeated('."'),
    "abbreviations": repeated("e.g. A. "),
    "capitals": repeated("A. "),
    "characters of a script without spaces": repeated("中文。"),
    "one long word": repeated("w"),
    # HTML.
    "open tags": repeated("<div "),
    "open tags of letters": repeated("<a "),
    "open ends": repeated("</a "),
    "open comments": repeated("<!--"),
    "comments apart": repeated("<!-- "),
    "comments on lines": repeated("a <!-- b\n"),
    "declarations": repeated("<!A "),
    "instructions": repeated("<?"),
    "character data": repeated("<![CDATA["),
    "attributes": between("<a", " b{n}=c", ">"),
    "quotes in attributes": repeated("<a b='"),
    "names in attributes": between("<a", " id", "\n"),
    "inline elements": nested("<b>", "a", "</b>"),
    "elements": nested("<div>\n\n", "a\n\n", "</div>\n\n"),
    "details": nested("<details><summary>a</summary>\n\n", "a\n\n", "</details>\n\n"),
    "anchors": repeated('<a name="a{n}"></a>\n\n'),
    "scripts never closed": repeated("<script>\n"),
    "hidden inline elements": repeated("a <style>b"),
    # What publishing tools write.
    "open expressions": repeated("{{"),
    "open tags of Liquid": repeated("{% "),
    "a tag of Liquid on each line": repeated("{% if a %}\n"),
    "comments of Liquid": repeated("{% comment %}\n"),
    "highlights of Liquid": repeated("{% highlight a %}\n"),
    "open attribute lists": repeated("a {: "),
    "open ids": repeated("a {#b"),
    "ids in one brace": between("{", "#a", "\n"),
    "ids in braces": repeated("{#a}"),
    "attribute lists on lines": repeated("a\n{: .b}\n"),
    "open options": repeated("{::"),
    "braces": nested("{", "a", "}"),
    "open braces": repeated("{"),
    "open shortcodes": repeated("{{< a "),
    "shortcodes": repeated("{{% a %}}\n"),
    "critic marks": repeated("{++a"),
    "colons": repeated(":::note\n"),
    "colons longer each line": lambda size: "\n".join(
        ":" * n + "note" for n in range(int((2 * size) ** 0.5), 2, -1)
    ),
    "directives in backticks": repeated("```{note}\n"),
    "directives with options": repeated(":::{tip}\n:class: a\n"),
    "admonitions": stairs("    ", "!!! note\n"),
    "admonitions at the margin": repeated("!!! note\n\n    a\n\n"),
    "collapsed admonitions": stairs("    ", '??? note "a"\n', 200),
    "tabs of content": stairs("    ", '=== "a"\n', 200),
    "callouts": repeated("> [!note] a\n"),
    "percent signs": repeated("%%a"),
    "percent signs on lines": repeated("%% a\n"),
    "highlights": repeated("==a"),
    "roles": repeated("{a}`b <c"),
    "emoji": repeated(":a"),
    "icons": repeated(":material-a:{ "),
    "imports": repeated("import a from 'b'\n"),
    "imports never closed": repeated("import {a\n"),
    "exports": repeated("export const a = {\n"),
    "open components": repeated("<Card a={"),
    "open components on lines": repeated("<Card\n"),
    "components": nested("<Card>\n\n", "a\n\n", "</Card>\n\n"),
    "open comments in braces": repeated("{/* a "),
    "comments in braces": repeated("{/* a */} b "),
    "leaf directives": between("::a[", "]{", "\n"),
    "titles of directives": between(":::a [", "]{", "\n"),
    "names of roles": repeated(":a"),
    "lists of tabs": between("<Tabs items={[", "'a' ", ">\n"),
    "values of attributes": between("<Card title=", " ", "\n"),
    "a highlight of Liquid": between("{% highlight", " ", "\n"),
    "an import": between("import ", "from ", "\n"),
    "blanks in a title": between("!!! note", " ", '"\n'),
    "blanks in a heading": between("# a", " ", "b\n"),
    "blanks in front matter": between("---\n[\na: b", " ", "c\n---\n"),
    "targets": repeated("(a{n})=\n"),
    "abbreviations of a page": repeated("*[A{n}]: a\n"),
    "block ids": repeated("a ^b"),
    "front matter": between("---\n", "a{n}: b\n", "---\n"),
    "front matter never closed": between("---\n", "a: b\n"),
    "front matter of brackets": between("---\na: ", "[", "\n---\n"),
    # Blocks.
    "one line": repeated("word "),
    "one sentence": between("Word", " word", "."),
    "sentences": repeated("A word is read. "),
    "a wrapped paragraph": repeated("word " * 12 + "\n"),
    "wrapped sentences": repeated("A word is. " * 6 + "\n"),
    "paragraphs": repeated("A word.\n\n"),
    "lazy lines": between("> a\n", "b\n"),
    "headings": repeated("# h{n}\n\ntext\n\n"),
    "headings of the same name": repeated("# h\n\ntext\n\n"),
    "headings with nothing below": repeated("# h{n}\n"),
    "headings ever deeper": repeated("# a\n## b\n### c\n#### d\n##### e\n###### f\n"),
    "headings named as numbered": repeated("# h\n# h-{n}\n"),
    "underlined headings": repeated("h{n}\n---\n"),
    "emphasised lines": repeated("**a {n}**\n\ntext\n\n"),
    "a heading of hashes": between("# ", "#", "\n"),
    "rules": repeated("---\n\n"),
    "rules of stars": repeated("* * *\n"),
    "an underline": between("a\n", "="),
    "a long table": between("|a|b|\n|-|-|\n", "|c|d|\n"),
    "a wide table": wide_table,
    "tables": repeated("|a|b|\n|-|-|\n|c|d|\n\n"),
    "bars": repeated("|"),
    "rows of bars": repeated("|a\n"),
    "a kramdown table": repeated("|a|b|\n"),
    "fences": repeated("```\na\n```\n"),
    "fences never closed": repeated("```\n"),
    "fences of rising lengths": lambda size: rising("`")(size).replace(" ", "\n"),
    "fences in items": repeated("- ```\n"),
    "code": repeated("    a\n"),
    "blank lines": repeated("\n"),
    "reference definitions": repeated("[r{n}]: http://x/{n}\n"),
    "reference definitions and uses": repeated("[r{n}]: b\n\n[r{n}] "),
    "definitions of one name": repeated("[r]: b\n"),
    "footnotes": repeated("a[^{n}]\n\n[^{n}]: text\n\n"),
    "tasks": repeated("- [ ] a\n"),
    "contents": repeated("- [a](#a)\n"),
    "recommended reading": repeated("- [A book](https://example.org/{n})\n"),
}

HTML_SHAPES = {
    "an unfinished tag": "<div ",
    "nested elements": "<div>",
    "nested lists": "<ul><li>w",
    "nested tables": "<table><tr><td>w",
    "nested emphasis": "<b>",
    "emphasis over paragraphs": "<b><p>",
    "an unclosed address": '<a href="',
    "unclosed links": "<a href=x><p>w",
    "unclosed comments": "<!--",
    "unopened ends": "<i></x></p>",
    "bare ampersands": "&" * 5,
    "bare brackets": "<" * 5,
    "many cells": "<td>w",
    "many attributes": " a{}=1",
    "a long line": "word " * 5,
    "blank lines": "\n" * 5,
}


def html_page(shape: str, times: int) -> str:
    """A page of HTML made of one of these, so many times."""
    body = "".join(HTML_SHAPES[shape].format(number) for number in range(times))
    return {"many cells": "<table><tr>", "many attributes": "<p"}.get(shape, "") + body
