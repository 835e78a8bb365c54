"""MediaWiki's wikitext is read as a wiki shows it, each block on its lines."""

from __future__ import annotations

import re

import pytest

from assistant.errors import GuideError
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.readers import reader_for
from tests.readers.one_format import Format

READER = reader_for("a.wiki")


FORMAT = Format("Red_boat.wiki")
blocks, parts, text, links = FORMAT.blocks, FORMAT.parts, FORMAT.text, FORMAT.links


# -- pages and sections ---------------------------------------------------------------------------

PAGE = """{{DISPLAYTITLE:The boat}}
__NOTOC__
Before all.<!-- not
shown --> And
more.

== Ropes & ''lines'' ==
Two kinds.
=== Thin ===
<!-- nor this -->
Of silk.

== Ropes & ''lines'' ==
----
[[Category:Boats]]
[[de:Boot]]
"""


def test_a_page_has_its_sections_with_anchors_and_every_block_on_its_lines() -> None:
    read = blocks(PAGE)
    assert [(b.kind, b.level, b.text, b.lines, b.anchor) for b in read] == [
        ("prose", 0, "Before all. And more.", (3, 5), ""),
        ("heading", 2, "Ropes & lines", (7, 7), "Ropes_&_lines"),
        ("prose", 0, "Two kinds.", (8, 8), ""),
        ("heading", 3, "Thin", (9, 9), "Thin"),
        ("prose", 0, "Of silk.", (11, 11), ""),
        ("heading", 2, "Ropes & lines", (13, 13), "Ropes_&_lines_2"),
        ("break", 0, "", (14, 14), ""),
    ]
    assert READER.decode("a.wiki", PAGE.encode()).title == "The boat"


@pytest.mark.parametrize(
    "source", ["#REDIRECT [[Ropes]]\n", " #weiterleitung [[Seile]]\n\n[[Kategorie:Boote]]\n"]
)
def test_a_redirect_has_no_words(source: str) -> None:
    assert blocks(source) == []


# -- inline ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("'''bold''', ''soft'', '''''both''''' and l'eau", "bold, soft, both and l'eau"),
        ("a < b & c &amp; d &nbsp;e <sup>2</sup><br/>f", "a < b & c & d e 2 f"),
        ("<nowiki>''raw'' [[x]] {{y}}</nowiki> <code>a ''b''</code>", "raw [[x]] {{y}} a b"),
        ("H<sub>2</sub>O <math>x < 1</math> <own>a</own>", "H2O x < 1 <own>a</own>"),
        ("{{PAGENAME}} {{!}} {{mdash}} {{{arg|default}}} {{lc:ABC}}", "Red boat | — default ABC"),
        ("{{Warning|Never cut it.}}", "Warning: Never cut it."),
        ("A {{unit|12|m}} mast {{color|red|style=x|''red''}}.", "A 12 m mast red red."),
        ("{{Tip|1=A {{b|c [[d|e]]}} f}} g", "Tip: A c e f g"),
        ("{{#if:x|then|else}} {{#switch:a|b=one|two}} {{DEFAULTSORT:x}}", "then else one two"),
        ("{{Main|Ropes|Sails}} {{Navigation}}{{clear}}", "Ropes, Sails"),
        ("{{open [[brackets {{that|never]] close", "{{open [[brackets {{that|never]] close"),
        ("[[File:a.png|thumb|200px|A ''red'' boat]] [[Image:b.png|alt=b]] x", "A red boat x"),
    ],
)  # fmt: skip
def test_inline_marks_are_read_as_they_are_shown(source: str, shown: str) -> None:
    assert text(source) == shown.replace("raw [[x]]", "''raw'' [[x]]")


def test_links_lead_where_they_say() -> None:
    source = """[[Ropes]], [[thin ropes#Silk|silk]]en, [[#Sails]], [[boat (red)|]],
[[:Category:Boats]], [https://example.com/a_b the ''site''] [https://example.com/c], https://example.com/d.
[[Media:list.pdf|the list]], [mailto:a@b.example Ann], [[w:Boat|boats]], [[on two|two
lines]].
"""
    assert links(source) == [
        ("Ropes", "wiki:Ropes"),
        ("silk", "wiki:thin ropes#Silk"),
        ("#Sails", "#Sails"),
        ("boat", "wiki:boat (red)"),
        ("Category:Boats", "wiki:Category:Boats"),
        ("the site", "https://example.com/a_b"),
        ("https://example.com/c", "https://example.com/c"),
        ("https://example.com/d", "https://example.com/d"),
        ("the list", "list.pdf"),
        ("Ann", "mailto:a@b.example"),
        ("boats", "https://en.wikipedia.org/wiki/Boat"),
        ("two lines", "wiki:on two"),
    ]


def test_a_link_finds_the_page_whose_file_has_underscores(tmp_path) -> None:
    from assistant.guide.links import LinkResolver

    for name, words in {"Red_boat.wiki": "See [[Thin ropes]].", "Thin_ropes.wiki": "Silk."}.items():
        (tmp_path / name).write_text(words)
    names = ("Red_boat.wiki", "Thin_ropes.wiki")
    pages = [read_page(tmp_path, name, reading_options=ReadingOptions()) for name in names]
    ((_, address),) = pages[0].links.links
    target = LinkResolver([page.links for page in pages]).resolve(names[0], address)
    assert target == "Thin_ropes.wiki"


# -- blocks ---------------------------------------------------------------------------------------


def test_lists_nest_by_their_marks() -> None:
    source = """* one
** inner
**# deep
* two
# first
#: goes on
# second
; mast : It stands.
; boom
: It swings.
After.
"""
    assert [(b.kind, b.level, b.marker, b.text) for b in blocks(source)] == [
        ("item", 0, "- ", "one"),
        ("item", 1, "- ", "inner"),
        ("item", 2, "1. ", "deep"),
        ("item", 0, "- ", "two"),
        ("item", 0, "1. ", "first"),
        ("item", 0, "", "goes on"),
        ("item", 0, "2. ", "second"),
        ("prose", 0, "", "mast"),
        ("prose", 0, "", "It stands."),
        ("prose", 0, "", "boom"),
        ("prose", 0, "", "It swings."),
        ("prose", 0, "", "After."),
    ]


def test_tables_have_captions_headers_spans_and_tables_in_their_cells() -> None:
    source = """{| class="wikitable"
|+ style="x" | All ropes
! Name !! style="y" | Use
|-
| thin || a [[b|c | d]]
|-
! scope="row" | thick
| colspan="2" |
* e
* f
|-
|
{|
| g
| h
|}
|}
"""
    assert parts(source) == [
        ("prose", "All ropes"),
        ("header", "Name | Use"),
        ("row", "thin | a c | d"),
        ("row", "thick | e f"),
        ("row", "g | h"),
    ]


def test_code_is_read_as_it_stands() -> None:
    source = """<syntaxhighlight lang="py">
if x:
    "''[[a]]'' {{b}}"

</syntaxhighlight>
 indented ''soft''
   more
<pre>
* no <nowiki>{{item}}</nowiki>
</pre>
Run <syntaxhighlight lang="sh" inline>ls | wc</syntaxhighlight> now.
"""
    assert parts(source) == [
        ("code", "if x:\n    \"''[[a]]'' {{b}}\""),
        ("code", "indented soft\n  more"),
        ("code", "* no {{item}}"),
        ("prose", "Run ls | wc now."),
    ]


def test_named_parameters_on_lines_of_their_own_are_a_table() -> None:
    source = """{{Infobox boat
| name = Kestrel
| image = kestrel.jpg
| sail_area = 12 {{unit|m²}}
| crew =
* Ann
* [[Bo]]
| style = color:red
}}
A boat.
"""
    assert [(b.kind, b.text, b.lines[0]) for b in blocks(source)] == [
        ("row", "name | Kestrel", 2),
        ("row", "sail area | 12 m²", 4),
        ("row", "crew | Ann Bo", 5),
        ("prose", "A boat.", 10),
    ]


def test_footnotes_stand_in_their_list_or_at_the_end() -> None:
    source = """Old.<ref name="a">{{cite book|title=Boats|year=1999|url=https://example.com/b}}</ref>
Red.<ref name="a" /> Big.<ref>A
log</ref>
== Notes ==
{{Reflist}}
After.
"""
    assert parts(source) == [
        ("prose", "Old. Red. Big."),
        ("heading", "Notes"),
        ("item", "Boats 1999"),
        ("item", "A log"),
        ("prose", "After."),
    ]
    assert parts("Red.<ref>A log</ref> Big.\n") == [("prose", "Red. Big."), ("item", "A log")]
    assert links(source) == [("Boats", "https://example.com/b")]


# -- nothing is lost ------------------------------------------------------------------------------

EVERYTHING = """w1 '''w2''' ''w3'' [[X|w4]] [https://example.com w5]
{{Unknown template|w6|key=w7|{{inner|w8}}}}
{{Box
| a = w9
| b =
w10

w11
}}
= w12 =
* w13
*# w14
: w15
; w16 : w17
{| class="x"
|+ w18
! w19 !! w20
|-
| w21 || w22
|
w23
* w24
|}
<div>w25</div> <b>w26 <i>w27</b>
<poem>
w28
w29
</poem>
<gallery>
File:x.png|w30
</gallery>
 w31
<pre>w32</pre> w33
[[File:x.png|thumb|w34]]
''''w35'''''' w36
{{w37 {{w38|w39 [[w40
|- w41
<nowiki>w42
<pre>w43
== w44
"""


def test_every_word_of_a_page_is_in_a_passage_once_and_in_order(tmp_path) -> None:
    (tmp_path / "a.wiki").write_text(EVERYTHING)
    page = read_page(tmp_path, "a.wiki", reading_options=ReadingOptions())
    words = re.findall(r"w\d+", "\n".join(passage.text for passage in page.passages))
    assert words == [f"w{number}" for number in range(1, 45)]


HOSTILE = {
    "braces": "{{" * 50_000,
    "many braces": "{" * 100_000 + "}" * 100_000,
    "pairs": "{{a|" * 20_000 + "}}" * 20_000,
    "brackets": "[[a|" * 20_000,
    "web links": "[http://a " * 20_000,
    "tags": "<ref>" * 20_000,
    "comments": "<!-- " * 20_000,
    "tables": "{|\n|\n" * 5_000,
    "lists": "*" * 50_000 + " a\n" + "".join(f"{'*' * n} x\n" for n in range(1_000)),
    "quotes": "''a'''b" * 20_000,
    "cells": "|" * 50_000 + "\n{|\n" + "||" * 50_000,
    "blank lines": "a\n" + "\n" * 50_000 + " b\n" * 1_000,
    "headings": "=" * 50_000 + "\n" + "= a =\n" * 10_000,
    "parameters": "{{a" + "|b=c" * 20_000 + "}}",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_page_is_read_and_keeps_its_lines(source: str) -> None:
    converted = READER.decode("a.wiki", source.encode()).text
    assert converted.count("\n") == source.count("\n")
    assert len(converted) < 30 * len(source)


def test_bytes_that_are_no_text_are_an_error() -> None:
    with pytest.raises(GuideError, match="not text"):
        READER.decode("a.mediawiki", b"== a ==\0\n")
