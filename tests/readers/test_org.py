"""Org is read as its own export shows it, each block on its lines."""

from __future__ import annotations

import re

import pytest

from assistant.errors import GuideError
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.readers import reader_for
from tests.readers.one_format import Format

READER = reader_for("a.org")


FORMAT = Format("a.org")
blocks, parts, text, links = FORMAT.blocks, FORMAT.parts, FORMAT.text, FORMAT.links


# -- pages and sections ---------------------------------------------------------------------------

PAGE = """# nobody reads this
#+TITLE: The boat guide
#+AUTHOR: Ann Sailor
#+LANGUAGE: en
#+TODO: NEXT(n) | GIVEN_UP

Before all.
* TODO [#A] Ropes and lines [1/2]                                :work:deck:
  SCHEDULED: <2026-11-30 Mon>
  :PROPERTIES:
  :CUSTOM_ID: ropes
  :END:
  Two kinds.
** NEXT Thin
   :LOGBOOK:
   CLOCK: [2026-11-30 Mon 10:00]--[2026-11-30 Mon 11:00] =>  1:00
   :END:
   :NOTE:
   Of silk.
   :END:
** COMMENT Not shown
   nor this
*** nor that
* Sails
#+BEGIN_COMMENT
nor here
#+END_COMMENT
One.
* Private :noexport:
** all of it
* Last
"""


def test_a_page_has_its_title_its_sections_and_every_block_on_its_lines() -> None:
    read = blocks(PAGE)
    assert [(block.kind, block.level, block.text, block.lines[0]) for block in read] == [
        ("heading", 1, "The boat guide", 2),
        ("prose", 0, "Ann Sailor", 3),
        ("prose", 0, "Before all.", 7),
        ("heading", 2, "Ropes and lines [1/2]", 8),
        ("prose", 0, "Two kinds.", 13),
        ("heading", 3, "Thin", 14),
        ("prose", 0, "Of silk.", 19),
        ("heading", 2, "Sails", 24),
        ("prose", 0, "One.", 28),
        ("heading", 2, "Last", 31),
    ]
    assert [block.anchor for block in read if block.kind == "heading"][1] == "ropes"
    assert READER.decode("a.org", PAGE.encode()).language == "en"


def test_a_page_without_a_title_is_called_as_its_only_first_heading(tmp_path) -> None:
    (tmp_path / "notes.org").write_text("* All knots\n** Bowline\nA loop.\n")
    page = read_page(tmp_path, "notes.org", reading_options=ReadingOptions())
    assert page.page.title == "All knots"
    assert page.sections[-1].headings == ("All knots", "Bowline")


# -- inline ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("*bold /and soft/*, _under_, +gone+.", "bold and soft, under, gone."),
        ("=x = 1= and ~a *b* c~ and 'a=b=c'", "x = 1 and a *b* c and 'a=b=c'"),
        ("snake_case_word, 2*3*4 and /etc/hosts", "snake_case_word, 2*3*4 and /etc/hosts"),
        (r"H_{2}O, m^{2}, \alpha\to\beta, 5\nbsp{}m, \unknown", "H2O, m2, α→β, 5 m, \\unknown"),
        ("a < b & c | d", "a < b & c | d"),
        ("Dry it.[fn:1] Well[fn:: or wet it][fn:a:or not].", "Dry it. Well (or wet it) (or not)."),
        ("<<place>>Here and <<<there>>>.", "Here and there."),
        ("See src_sh[:exports code]{ls -l} and @@html:<b>@@now@@latex:x@@.", "See ls -l and now."),
        ("#+MACRO: boat the $1 boat\nOn {{{boat(red)}}} {{{no}}}", "On the red boat {{{no}}}"),
        ("first \\\\\nsecond", "first second"),
        ("<2026-11-30 Mon 10:00>", "<2026-11-30 Mon 10:00>"),
    ],
)  # fmt: skip
def test_inline_marks_are_read_as_they_are_shown(source: str, shown: str) -> None:
    assert text(source) == shown


def test_code_and_bold_are_marked() -> None:
    (block,) = blocks("A *b* =c=.\n")
    assert [(block.text[m.start : m.end], m.kind) for m in block.markup] == [
        ("b", "strong"),
        ("c", "code"),
    ]


def test_links_lead_where_they_say() -> None:
    source = """#+LINK: bug https://bugs.example.com/%s
[[https://example.com/a_b_c][Home]], [[file:ropes.org::#thin][thin *ropes*]],
[[./sails.org::*White][white]], <https://example.com/x>, https://example.com/y.
[[#sails]], [[*All sails][sails]], [[id:77][by id]], [[bug:12][the bug]], [[info:emacs][Emacs]],
[[file:log.csv]], [[https://example.com/z][file:z.png]], mailto:a@b.example, [[All sails]].
* All sails
:PROPERTIES:
:CUSTOM_ID: sails
:ID: 77
:END:
"""
    assert links(source) == [
        ("Home", "https://example.com/a_b_c"),
        ("thin ropes", "ropes.org#thin"),
        ("white", "./sails.org"),
        ("https://example.com/x", "https://example.com/x"),
        ("https://example.com/y", "https://example.com/y"),
        ("sails", "#sails"),
        ("sails", "#sails"),
        ("by id", "#sails"),
        ("the bug", "https://bugs.example.com/12"),
        ("log.csv", "log.csv"),
        ("", "https://example.com/z"),
        ("a@b.example", "mailto:a@b.example"),
        ("All sails", "#sails"),
    ]


def test_a_heading_without_an_id_is_linked_by_its_words(tmp_path) -> None:
    (tmp_path / "a.org").write_text("See [[*White sails]].\n* White sails\nNew.\n")
    page = read_page(tmp_path, "a.org", reading_options=ReadingOptions())
    assert page.links.links == ((1, "wiki:#White sails"),)
    assert "white-sails" in page.links.anchors


def test_markup_may_go_over_a_line_and_each_line_keeps_its_place() -> None:
    (block,) = blocks("\n\nA *bold\nword* and\nmore.\n")
    assert (block.text, block.lines) == ("A bold word and more.", (3, 5))


# -- blocks ---------------------------------------------------------------------------------------


def test_lists_nest_by_how_far_they_are_indented() -> None:
    source = """Kinds:
- one
  goes on
  + inner
    * deep

  still one
- [X] two

1. first
2) second
   #+begin_src sh
   ls
   #+end_src
3. [@7] seventh


- mast :: It stands.
  A lot.
- boom ::
  It swings.
After.
"""
    assert [(b.kind, b.level, b.marker, b.text) for b in blocks(source)] == [
        ("prose", 0, "", "Kinds:"),
        ("item", 0, "- ", "one goes on"),
        ("item", 1, "- ", "inner"),
        ("item", 2, "- ", "deep"),
        ("item", 0, "", "still one"),
        ("item", 0, "- ", "two"),
        ("item", 0, "1. ", "first"),
        ("item", 0, "2. ", "second"),
        ("code", 0, "", "ls"),
        ("item", 0, "7. ", "seventh"),
        ("prose", 0, "", "mast"),
        ("prose", 0, "", "It stands. A lot."),
        ("prose", 0, "", "boom"),
        ("prose", 0, "", "It swings."),
        ("prose", 0, "", "After."),
    ]


def test_a_table_has_a_header_above_its_first_rule() -> None:
    source = """#+CAPTION: All ropes
| <l>  |     |
| Name | Use |
|------+-----|
| thin | *a* |
|      | b   |
|------+-----|
| thick | c |
#+TBLFM: $2=1

| d | e |
"""
    assert parts(source) == [
        ("prose", "All ropes"),
        ("header", "Name | Use"),
        ("row", "thin | a"),
        ("row", "b"),
        ("row", "thick | c"),
        ("row", "d | e"),
    ]


def test_blocks_of_code_examples_and_quotes_are_read_as_they_are_shown() -> None:
    source = """#+NAME: x
#+BEGIN_SRC org -n :results output
  ,* no heading
    *no bold* <b>
#+END_SRC
#+RESULTS:
: 42
:  43
#+begin_src sh :exports none
hidden
#+end_src
#+begin_example
| a |
#+end_example
#+BEGIN_QUOTE
To *sea*.

- now
#+END_QUOTE
#+begin_warning
Never.
#+end_warning
#+begin_export html
<p>raw</p>
#+end_export
#+begin_export latex
raw
#+end_export
#+begin_verse
One
two
#+end_verse
\\begin{equation}
x
\\end{equation}
-----
"""
    assert parts(source) == [
        ("code", "* no heading\n  *no bold* <b>"),
        ("code", "42\n 43"),
        ("code", "| a |"),
        ("quote", "To sea."),
        ("item", "now"),
        ("prose", "Never."),
        ("prose", "raw"),
        ("quote", "One two"),
        ("code", "\\begin{equation}\nx\n\\end{equation}"),
        ("break", ""),
    ]


def test_a_footnote_stands_where_it_is_defined() -> None:
    source = "A rope.[fn:1]\n\n[fn:1] Of *hemp*\nor silk.\n[fn:2] Another.\n"
    assert parts(source) == [
        ("prose", "A rope."),
        ("prose", "Of hemp or silk."),
        ("prose", "Another."),
    ]


def test_an_included_file_that_is_no_page_is_a_warning() -> None:
    source = READER.decode("a.org", b'#+INCLUDE: "b.org"\n#+INCLUDE: "../x.sh" src sh\n')
    assert source.warnings == ((2, "The included file ../x.sh is not read."),)


# -- nothing is lost ------------------------------------------------------------------------------

EVERYTHING = """#+TITLE: w1 w2
#+SUBTITLE: w3
w4 *w5* /w6/ =w7= [[x.org][w8]] [[https://example.com][w9]][fn:1]
* DONE [#B] w10 w11 :tag:
DEADLINE: <2026-11-30 Mon>
- w12
  - [ ] w13 :: not a term, w14
- w15 :: w16
  w17

  w18
+ w19
| w20 | w21 |
|-----+-----|
| w22 | w23
#+begin_src c
w24
#+end_src
#+begin_unknown
w25
#+begin_quote
w26
#+end_unknown
:drawer:
w27
:end:
:no drawer
: w28
*w29
w30* w31
#+begin_src never closed
w32
#no comment w33
****** w34
#+begin_example
w35
* w36
#+end_example
[fn:1] w37
:open:
w38 {{{w39}}} <<w40 [[w41 [fn:w42
1) w43
"""


def test_every_word_of_a_page_is_in_a_passage_once_and_in_order(tmp_path) -> None:
    (tmp_path / "a.org").write_text(EVERYTHING)
    page = read_page(tmp_path, "a.org", reading_options=ReadingOptions())
    assert page.page.title == "w1 w2"
    words = re.findall(r"w\d+", "\n".join(passage.text for passage in page.passages))
    assert words == [f"w{number}" for number in range(1, 44)]


HOSTILE = {
    "headings": "* \n" * 20_000 + "*" * 50_000 + " x",
    "deep lists": "".join(f"{' ' * n}- x\n" for n in range(2_000)),
    "open blocks": "#+begin_quote\n" * 20_000 + "#+end_quote\n" * 20_000,
    "open code": "#+begin_src x\n" * 20_000,
    "drawers": ":a:\n" * 20_000 + ":end:\n",
    "marks": "*a /b _c +d =e ~f " * 10_000,
    "brackets": "[[a][" * 20_000,
    "footnotes": "[fn:a:" * 20_000,
    "macros": "#+MACRO: a {{{a}}}{{{a}}}\n" + "{{{a}}} " * 20_000,
    "tables": "|" * 100_000,
    "entities": "\\a{" * 50_000,
    "tags": "* a " + ":a" * 50_000,
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_page_is_read(source: str) -> None:
    assert len(READER.decode("a.org", source.encode()).text) < 20 * len(source)


def test_bytes_that_are_no_text_are_an_error() -> None:
    with pytest.raises(GuideError, match="not text"):
        READER.decode("a.org", b"* a\0b\n")


def test_an_arrow_is_named_as_in_tex() -> None:
    assert text("Press M-\\rightarrow or \\Leftarrow{}.") == "Press M-→ or ⇐."


def test_code_in_the_text_of_a_link_is_code() -> None:
    source = "See [[https://example.com/oars][~row-fast~]], [[https://example.com][a =boat=]]."
    assert text(source) == "See row-fast, a boat."
    assert links(source) == [
        ("row-fast", "https://example.com/oars"),
        ("a boat", "https://example.com"),
    ]
