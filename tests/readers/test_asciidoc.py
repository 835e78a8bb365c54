"""AsciiDoc is read as Asciidoctor publishes it, each block on its lines."""

from __future__ import annotations

import re

import pytest

from assistant.errors import GuideError
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.readers import reader_for
from tests.readers.one_format import Format

READER = reader_for("a.adoc")


FORMAT = Format("a.adoc")
blocks, parts, text, links = FORMAT.blocks, FORMAT.parts, FORMAT.text, FORMAT.links


# -- pages and sections ---------------------------------------------------------------------------

PAGE = """= The boat guide
Ann Sailor <ann@example.com>
:toc: left
:boat: Kestrel

// nobody reads this
The {boat} sails.

== Ropes & lines

Two kinds.

[#sails]
=== Sails

////
nor this
////

=== Sails

One.
"""


def test_a_page_has_its_title_its_sections_and_every_block_on_its_lines() -> None:
    read = blocks(PAGE)
    assert [(block.kind, block.level, block.text, block.lines[0]) for block in read] == [
        ("heading", 1, "The boat guide", 1),
        ("prose", 0, "Ann Sailor <ann@example.com>", 2),
        ("prose", 0, "The Kestrel sails.", 7),
        ("heading", 2, "Ropes & lines", 9),
        ("prose", 0, "Two kinds.", 11),
        ("heading", 3, "Sails", 14),
        ("heading", 3, "Sails", 20),
        ("prose", 0, "One.", 22),
    ]
    assert [block.anchor for block in read if block.kind == "heading"] == [
        "",
        "_ropes_lines",
        "sails",
        "_sails",
    ]


@pytest.mark.parametrize(
    ("head", "title", "anchor"),
    [
        ("", "What's new in 2.0?", "_whats_new_in_2_0"),
        ("", "Start-up & `run` it", "_start_up_run_it"),
        (":idprefix:\n:idseparator: -\n", "Start it now", "start-it-now"),
        ("", "[[own]]Named", "own"),
    ],
)
def test_the_anchor_of_a_section_is_that_of_asciidoctor(head: str, title: str, anchor: str) -> None:
    assert blocks(f"{head}\n== {title}\n\nText.\n")[0].anchor == anchor


def test_titles_may_be_underlined() -> None:
    read = blocks("The guide\n=========\n\nFirst part\n----------\n\nWords.\n")
    assert [(b.kind, b.level, b.text) for b in read] == [
        ("heading", 1, "The guide"),
        ("heading", 2, "First part"),
        ("prose", 0, "Words."),
    ]


# -- inline ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("a *bold* and **m**id, _soft_ and __m__id", "a bold and mid, soft and mid"),
        ("`code` and ``c``ode, `+{raw}+`, +++<b>+++", "code and code, {raw}, <b>"),
        ("snake_case_word and 2*3*4 and C# and F#", "snake_case_word and 2*3*4 and C# and F#"),
        ("[.red]#marked# H~2~O E=mc^2^", "marked H2O E=mc2"),
        ("\"`curved`\" and '`single`'", "“curved” and ‘single’"),
        (r"\*no\* and \{name} and \https://example.com", "*no* and {name} and https://example.com"),
        ("a < b & c &#124; d &copy;", "a < b & c | d ©"),
        ("{cpp} {unknown} {nbsp}x", "C++ {unknown} x"),
        (
            "Press kbd:[Ctrl+C], btn:[OK], menu:File[Save > As]",
            "Press Ctrl+C, OK, File > Save > As",
        ),
        ("a ((term)) and (((hidden,term)))b", "a term and b"),
        ("Note.footnote:[See link:x.html[that page].] More", "Note. (See that page.) More"),
        ("stem:[x^2] icon:heart[] image:boat.png[A boat]", "x^2"),
        ("first +\nsecond", "first second"),
        ("an array[0] of `x`", "an array[0] of x"),
    ],
)
def test_inline_marks_are_read_as_they_are_shown(source: str, shown: str) -> None:
    assert text(source) == shown


def test_links_and_references_lead_where_they_say() -> None:
    source = """[#ropes]
== All ropes

https://example.com/a_b_c[Home^], <https://example.com>, link:x.html["One, two",window=_blank],
xref:two.adoc#part[part], xref:core:three.adoc[], <<ropes>>, <<ropes,these>>, mailto:a@b.c[].
"""
    assert links(source) == [
        ("Home", "https://example.com/a_b_c"),
        ("https://example.com", "https://example.com"),
        ("One, two", "x.html"),
        ("part", "two.adoc#part"),
        ("three", "three.adoc"),
        ("All ropes", "#ropes"),
        ("these", "#ropes"),
        ("a@b.c", "mailto:a@b.c"),
    ]


def test_references_of_antora_start_at_its_folder_of_pages() -> None:
    source = b"xref:b.adoc#x[b], xref:tools:c.adoc[c], xref:other::d.adoc[d], xref:2@e.adoc[e].\n"
    pages = "modules/ROOT/pages"
    for path, prefix in {f"{pages}/a.adoc": "", f"{pages}/n/a.adoc": "../"}.items():
        read = READER.parse(READER.decode(path, source).text)
        assert read[0].text == "b, c, d, e."
        assert [link.url for link in read[0].links] == [
            f"{prefix}b.adoc#x",
            f"{prefix}../../tools/pages/c.adoc",
        ]


def test_markup_may_go_over_a_line_and_each_line_keeps_its_place() -> None:
    (block,) = blocks("\n\nA *bold\nword* and\nmore.\n")
    assert (block.text, block.lines) == ("A bold word and more.", (3, 5))


# -- blocks ---------------------------------------------------------------------------------------


def test_lists_nest_by_their_marks_and_blocks_are_attached() -> None:
    source = """.Kinds
* one
** inner
* two +
goes on
+
Attached.
+
----
code < 1
----

. first
. second

Term:: Its text.
Other::
  Indented text.

After.
"""
    read = blocks(source)
    assert [(b.kind, b.level, b.marker, b.text) for b in read] == [
        ("prose", 0, "", "Kinds"),
        ("item", 0, "- ", "one"),
        ("item", 1, "- ", "inner"),
        ("item", 0, "- ", "two goes on"),
        ("item", 0, "", "Attached."),
        ("code", 0, "", "code < 1"),
        ("item", 1, "1. ", "first"),
        ("item", 1, "2. ", "second"),
        ("item", 1, "", "Term"),
        ("item", 1, "", "Its text."),
        ("item", 1, "", "Other"),
        ("item", 1, "", "Indented text."),
        ("prose", 0, "", "After."),
    ]


def test_admonitions_have_their_label() -> None:
    source = "TIP: Dry it.\n\n[WARNING]\n====\nNever cut it.\n\n* or so\n====\n\n[NOTE]\nLook.\n"
    assert parts(source) == [
        ("prose", "Tip: Dry it."),
        ("prose", "Warning"),
        ("prose", "Never cut it."),
        ("item", "or so"),
        ("prose", "Note: Look."),
    ]


def test_code_is_read_as_it_stands() -> None:
    source = """:v: 9

.Run
[source,ruby]
----
puts "{v} *a* <b>" # <1>

  == no heading
----
<1> Prints.

....
literal
....

```js
let a;
```

[source,subs="attributes"]
----
v{v}
----

[source]
one line

 indented
   more
"""
    assert parts(source) == [
        ("prose", "Run"),
        ("code", 'puts "{v} *a* <b>" (1)\n\n  == no heading'),
        ("item", "Prints."),
        ("code", "literal"),
        ("code", "let a;"),
        ("code", "v9"),
        ("code", "one line"),
        ("code", "indented\n  more"),
    ]


def test_quotes_name_who_is_quoted() -> None:
    source = "[quote, Bo, A log]\n____\nTo sea.\n____\n\n****\nBeside.\n****\n\n--\nOpen.\n--\n"
    assert parts(source) == [
        ("quote", "To sea."),
        ("quote", "— Bo, A log"),
        ("prose", "Beside."),
        ("prose", "Open."),
    ]


def test_the_cells_of_a_table_stand_in_their_rows() -> None:
    source = r"""[cols="1,2a",options="header"]
|===
|Name |Use

|Main
|* drives

* steers

2+|Both
.2+|Tall
|x \| y
|z
// no cell
|===

|===
|a |b
|c
|d
|===

,===
e,"f, g"
,===
"""
    assert parts(source) == [
        ("header", "Name | Use"),
        ("row", "Main | drives steers"),
        ("row", "Both"),
        ("row", "Tall | x | y"),
        ("row", "z"),
        ("row", "a | b"),
        ("row", "c | d"),
        ("row", "e | f, g"),
    ]


def test_conditions_on_other_places_do_not_hold_and_unknown_ones_lose_no_words() -> None:
    source = """:known:

ifdef::env-github[]
on GitHub
endif::[]
ifndef::known[]
ifdef::other[]
unknown
endif::[]
endif::[]
ifdef::known[shown]
ifdef::site-only[]

maybe

endif::[]
ifeval::["{v}" == "1"]
computed
endif::[]
"""
    assert parts(source) == [("prose", "shown"), ("prose", "maybe"), ("prose", "computed")]


def test_an_included_file_that_is_no_page_is_a_warning() -> None:
    source = READER.decode(
        "a.adoc", b"include::part.adoc[]\n\n----\ninclude::../x.rb[tag=a]\n----\n"
    )
    assert source.warnings == ((4, "The included file ../x.rb is not read."),)
    assert READER.parse(source.text) == []


# -- nothing is lost ------------------------------------------------------------------------------

EVERYTHING = """= w1 w2
w3 w4

w5 *w6* _w7_ `w8` https://example.com[w9] <<a,w10>>

.w11
* w12
+
--
w13

. w14
--

w15:: w16
w17::
w18

[NOTE]
.w19
====
w20

|===
|w21 |w22

|w23
a|* w24

w25
|===
====

[source]
----
w26 <1>
----
<1> w27

== w28 [[x]]w29

w30 "`w31`" +
w32 ((w33)) footnote:[w34]

++++
<p>w35</p>
++++

[quote,w37]
w36

[verse]
w38
  w39

|===
w40 | w41
|===

image::x.png[]
.w42
"""


def test_every_word_of_a_page_is_in_a_passage_once_and_in_order(tmp_path) -> None:
    (tmp_path / "a.adoc").write_text(EVERYTHING)
    page = read_page(tmp_path, "a.adoc", reading_options=ReadingOptions())
    words = re.findall(r"w\d+", "\n".join(passage.text for passage in page.passages))
    order = [f"w{number}" for number in range(2, 43)]
    assert [word for word in words if word != "w1"] == order


# -- hostile --------------------------------------------------------------------------------------

DEFINITIONS = ":a0: ha\n" + "".join(f":a{n}: {f'{{a{n - 1}}}' * 10}\n" for n in range(1, 30))


@pytest.mark.parametrize(
    "source",
    [
        "----\nwords without end",
        "====\n" * 3_000 + "words",
        "".join(f"{'=' * (n % 90 + 4)}\nwords\n" for n in range(3_000)),
        f"{DEFINITIONS}\n{{a29}} words {{a5}}" * 3,
        "|===\n" + "|a\n" * 20_000 + "words",
        '[cols="99999*"]\n|===\n|words\n|===',
        "999999999999*|words\n|===\n99999999.99999999+|words\n|===",
        "*" * 50_000 + " words",
        "`" * 50_000 + " words",
        "[" * 50_000 + " words",
        "<<" * 50_000 + " words",
        "link:" * 20_000 + " words",
        ("ifdef::x[]\n" * 20_000) + "words",
        "endif::[]\n" * 20_000 + "words",
        "* a\n+\n" * 10_000 + "words",
        ":x: \\\n" * 20_000 + "\n\nwords",
        "{" * 50_000 + "words",
        "\\" * 50_000 + "words",
        "++" * 30_000 + "words",
        "((" * 30_000 + "words",
    ],
)
def test_a_hostile_page_is_read_and_does_not_grow(source: str) -> None:
    text = READER.decode("a.adoc", source.encode()).text
    assert "words" in text
    assert text.count("\n") == source.count("\n")
    assert len(text) < 40 * len(source) + 200_000


def test_what_is_no_text_is_an_error() -> None:
    with pytest.raises(GuideError, match="is not text"):
        READER.decode("a.adoc", b"= Title\n\x00\x01")


# -- blocks without sections, and emphasised code ----------------------------------------------


def test_a_line_with_a_hash_in_a_block_is_no_heading() -> None:
    source = "== Boats\n\n[TIP]\n====\n[quote]\n# of oars = speed\n\nRow.\n====\n\n== Sea\n\nBlue."
    assert [words for kind, words in parts(source) if kind == "heading"] == ["Boats", "Sea"]
    assert any(words == "# of oars = speed" for _, words in parts(source))


@pytest.mark.parametrize("line", ["image::boat.png[]", "== Boats", "<<<"])
def test_marks_in_a_paragraph_of_code_are_code(line: str) -> None:
    assert parts(f"Write:\n\n[source]\n{line}\n\nRow.") == [
        ("prose", "Write:"),
        ("code", line),
        ("prose", "Row."),
    ]


def test_code_shows_an_escaped_directive_without_its_backslash() -> None:
    source = "----\n\\include::crew.csv[]\nrow \\fast\n----"
    assert parts(source) == [("code", "include::crew.csv[]\nrow \\fast")]


def test_the_line_above_a_quotation_may_have_a_link_in_it() -> None:
    source = "[quote, 'https://example.com/sea[Ann Sailor]']\nThe sea is blue."
    assert next(words for _, words in parts(source)) == "The sea is blue."
    assert not any("[quote" in words for _, words in parts(source))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Press `*row*` now.", "Press row now."),
        ("The crew`'s boat is `red`.", "The crew’s boat is red."),
        ("Press `_row_` now.", "Press row now."),
        ("Press `*_row_*` now.", "Press row now."),
        ("Call `__init__` now.", "Call __init__ now."),
        ("Take `*.red` boats.", "Take *.red boats."),
    ],
)
def test_marks_of_emphasis_around_all_of_a_code_are_not_shown(source: str, expected: str) -> None:
    assert text(source) == expected


def test_marks_of_callouts_count_themselves_and_dashes_of_the_code_stay() -> None:
    source = "----\n---  <.>\na: b # <.>\nc: d -- <.> <.>\n----\n<.> One.\n"
    assert parts(source)[0] == ("code", "--- (1)\na: b (2)\nc: d (3) (4)")


def test_columns_of_a_table_may_have_any_width() -> None:
    assert [kind for kind, _ in parts('[cols="~,~"]\n|===\n|a |b\n\n|c |d\n|===\n')] == [
        "header",
        "row",
    ]


def test_a_part_of_a_book_has_an_anchor_and_its_title_none() -> None:
    """As measured with Asciidoctor.js 4.1."""
    source = "= The boat\n:doctype: book\n\n= Part one.two\n\nText.\n\n== Sails\n"
    assert [block.anchor for block in blocks(source) if block.kind == "heading"] == [
        "",
        "_part_one_two",
        "_sails",
    ]
