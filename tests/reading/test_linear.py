"""Twice the page takes about twice the time, whatever the page is made of."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.guide import page as page_reader
from assistant.readers import html as html_reader
from assistant.readers.dialects import convert_to_commonmark

if TYPE_CHECKING:
    from collections.abc import Callable

TORTURE = bool(os.environ.get("TORTURE"))
GROWTH = 2.6
SECONDS_PER_MB = 5  # where the yardstick below takes its usual time
YARDSTICK = 0.0085
# A page grows until reading it takes this many seconds, or there is this much of it.
ENOUGH, LARGEST = (0.1, 5_000_000) if TORTURE else (0.012, 500_000)


def repeated(unit: str) -> Callable[[int], str]:
    """The unit over and over, numbered where it asks for a number."""
    if "{n}" not in unit:
        return lambda size: unit * (size // len(unit))
    return lambda size: "".join(unit.replace("{n}", str(n)) for n in range(size // len(unit)))


def between(opening: str, unit: str, closing: str = "") -> Callable[[int], str]:
    """The unit over and over on one line of its own kind."""
    return lambda size: opening + repeated(unit)(size) + closing


def stairs(step: str, line: str, most: int = 10**9) -> Callable[[int], str]:
    """Lines each indented deeper than the one before, and again from the margin after `most`."""

    def page(size: int) -> str:
        lines: list[str] = []
        while size > 0:
            lines.append(step * (len(lines) % most) + line)
            size -= len(lines[-1])
        return "".join(lines)

    return page


def nested(opening: str, body: str, closing: str) -> Callable[[int], str]:
    """One inside the other, as often opened as closed."""
    whole = len(opening) + len(closing)
    return lambda size: opening * (size // whole) + body + closing * (size // whole)


def rising(mark: str) -> Callable[[int], str]:
    """Runs of a mark, each longer by one."""
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

# Read as a page with components, and in the long size every shape with a tag or a brace.
COMPONENTS = (
    "open components",
    "imports",
    "exports",
    "expressions",
    "elements",
    "open tags",
    "braces",
)

# At their full size, whatever the machine makes of it.
LARGE = {
    "10,000 headings": repeated("# h{n}\n\ntext\n\n")(10_000 * 10),
    "10,000 headings of the same name": "# h\n\ntext\n\n" * 10_000,
    "10,000 reference definitions": "".join(f"[r{n}]: http://x/{n}\n" for n in range(10_000)),
    "10,000 footnotes": "".join(f"a[^{n}]\n\n[^{n}]: text\n\n" for n in range(10_000)),
    "20,000 links": "[a](b) " * 20_000,
    "a table of 10,000 rows": "|a|b|\n|-|-|\n" + "|c|d|\n" * 10_000,
}
HUGE = {
    "a line of 5 MB": "word " * 1_000_000,
    "a sentence of 5 MB": "Word" + " word" * 1_000_000 + ".",
    "a paragraph of 5 MB": ("word " * 12 + "\n") * 82_000,
    "blanks of 5 MB": "a" + " " * 5_000_000 + "b\n",
    "a code block of 5 MB": "```\n" + "code = 1\n" * 550_000,
    "a list of 5 MB": "- An item of a list.\n" * 240_000,
    "an element of 5 MB": "<p>" + "word " * 1_000_000 + "</p>\n",
}


def seconds(act: Callable[[], object]) -> float:
    """The processor time of one call."""
    started = time.process_time()
    act()
    return time.process_time() - started


def yardstick() -> None:
    """Work of the reader's kind, strings and small objects, that takes `YARDSTICK` seconds."""
    made = [(f"a{n}".strip(), {"n": n}, n % 7) for n in range(20_000)]
    " ".join(sorted(name for name, _, _ in made))


def allowed(megabytes: float) -> float:
    """The seconds that so much text may take on the machine as it is at this moment."""
    slowness = max(1.0, min(seconds(yardstick) for _ in range(3)) / YARDSTICK)
    return SECONDS_PER_MB * megabytes * slowness


def grown(shape: Callable[[int], str], read: Callable[[str], Callable[[], object]]) -> int:
    """How long a page must be for reading it to take long enough to be measured."""
    size = 2_000
    while size < LARGEST and seconds(read(shape(size))) < ENOUGH:
        size *= 2
    return size


def excess(shape: Callable[[int], str], read: Callable[[str], Callable[[], object]]) -> str:
    """What is wrong with the time a shape takes; nothing, it is hoped.

    A step, where a page outgrows a cache, is over at twice the size; what grows faster goes on.
    """
    size = grown(shape, read)
    return doubled(shape, read, size) and doubled(shape, read, 2 * size)


def doubled(
    shape: Callable[[int], str], read: Callable[[str], Callable[[], object]], size: int
) -> str:
    """What is wrong with the time that twice so much takes."""
    once, twice = read(shape(size)), read(shape(2 * size))
    # A busy machine only ever adds: the least of a few is the nearest to the truth.
    half = min(seconds(once) for _ in range(3))
    whole, megabytes = float("inf"), len(shape(2 * size)) / 1e6
    for _ in range(15):
        whole = min(whole, seconds(twice))
        # What takes less than can be measured grows with the caches it falls out of.
        if whole <= max(GROWTH * half, ENOUGH) and whole <= allowed(megabytes):
            return ""
        half = min(half, seconds(once))
    return f"of {size}: {whole / half:.2f} times as long, {whole / megabytes:.1f} s per MB"


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Callable[[str], Callable[[str], Callable[[], object]]]:
    """By a file's name: a way to have a text read from that file."""
    folder = tmp_path_factory.mktemp("shapes")
    page_reader.read_page(
        folder,
        written(folder, "a.mdx", ":smile: <a> {b}"),
        reading_options=page_reader.ReadingOptions(),
    )

    def named(name: str) -> Callable[[str], Callable[[], object]]:
        def read(source: str) -> Callable[[], object]:
            path = written(folder, f"{len(source)}-{name}", source)
            return lambda: page_reader.read_page(
                folder, path, reading_options=page_reader.ReadingOptions()
            )

        return read

    return named


def written(folder: Path, name: str, source: str) -> str:
    (folder / name).write_text(source, encoding="utf-8", newline="")
    return name


@pytest.mark.parametrize("shape", SHAPES)
def test_reading_a_page_takes_time_in_proportion(shape, file):
    assert not excess(SHAPES[shape], file("page.md"))


@pytest.mark.parametrize("shape", [s for s in SHAPES if s.startswith(COMPONENTS) or TORTURE])
def test_reading_a_page_with_components_takes_time_in_proportion(shape, file):
    assert not excess(SHAPES[shape], file("page.mdx"))


@pytest.mark.parametrize("shape", SHAPES)
def test_bringing_a_page_to_markdown_takes_time_in_proportion(shape):
    def read(source: str) -> Callable[[], object]:
        return lambda: convert_to_commonmark(source)

    assert not excess(SHAPES[shape], read)


@pytest.mark.skipif(not TORTURE, reason="the short size is tests/test_hypertext.py's")
@pytest.mark.parametrize("shape", SHAPES)
def test_reading_html_takes_time_in_proportion(shape):
    def read(source: str) -> Callable[[], object]:
        return lambda: html_reader.parse_html(source)

    assert not excess(SHAPES[shape], read)


@pytest.mark.parametrize("name", [*LARGE, *(HUGE if TORTURE else ())])
def test_a_large_page_is_read_at_the_usual_speed(name, file):
    source = {**LARGE, **HUGE}[name]
    read = file("page.md")(source)
    taken = float("inf")
    for _ in range(6):
        taken = min(taken, seconds(read))
        if taken <= allowed(len(source) / 1e6):
            return
    pytest.fail(f"{taken / len(source) * 1e6:.1f} s per MB")
