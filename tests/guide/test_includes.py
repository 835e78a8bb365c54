"""What a page includes from other files of the guide is read in its place."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.guide.folder import read_guide
from assistant.guide.includes import list_parts
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.guide.walk import list_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from assistant.models.documents import Guide, ParsedPage

    Read = Callable[[str, str], ParsedPage]

RUST = """\
fn lift() {}
// ANCHOR: pull
fn pull() {}
// ANCHOR_END: pull
fn rest() {}
"""

PYTHON = """\
import sea


class Oar:
    def pull(self):
        row()

    def rest(self):
        stop()
"""

HULL = """\
== Hull

A hull floats.

// tag::paint[]
Paint it red.
// end::paint[]
"""

SAIL = """\
--8<-- [start:short]
A small sail.
--8<-- [end:short]

A large sail.
"""

KNOTS = """\
<!-- #region bowline -->
The bowline.
<!-- #endregion bowline -->

## Reef

The reef knot.

## Hitch

The hitch.
"""

FILES = {
    "boats/oars.rs": RUST,
    "boats/oars.py": PYTHON,
    "boats/_rope.md": "---\ntitle: Rope\n---\n\nTie the rope.\n\nUntie the rope.\n",
    "boats/hull.adoc": HULL,
    "boats/mast.rst": "Skip this.\n\n.. begin\n\nThe mast is tall.\n\n.. end\n\nSkip that.\n",
    "snippets/sail.md": SAIL,
    "knots.md": KNOTS,
    "modules/sea/partials/tide.adoc": "The tide turns.\n",
}


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a page of a guide that has FILES."""
    for path, text in FILES.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def read_text(path: str, text: str) -> ParsedPage:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return read_page(tmp_path, path, reading_options=ReadingOptions())

    return read_text


def text_of(page: ParsedPage) -> str:
    return "\n\n".join(passage.text for passage in page.passages)


MARKDOWN = [
    # mdBook
    ("{{#include oars.rs:1}}", "fn lift() {}"),
    ("{{#include oars.rs:3:5}}", "fn pull() {} fn rest() {}"),
    ("{{#include oars.rs::1}}", "fn lift() {}"),
    ("{{#include oars.rs:5:}}", "fn rest() {}"),
    ("{{#include oars.rs:pull}}", "fn pull() {}"),
    ("{{#rustdoc_include oars.rs}}", "fn lift() {} fn pull() {} fn rest() {}"),
    ("{{#playground oars.rs editable}}", "fn lift() {}\n// ANCHOR: pull\nfn pull() {}"),
    ("{{#include _rope.md}}", "Tie the rope.\n\nUntie the rope."),
    # MkDocs
    ('--8<-- "sail.md"', "A small sail.\n\nA large sail."),
    ("-8<- 'snippets/sail.md:short'", "A small sail."),
    ('--8<-- "snippets/sail.md:5:5"', "A large sail."),
    ('--8<--\nboats/_rope.md\n; boats/oars.rs\n"sail.md"\n--8<--', "Untie the rope. A small sail."),
    # VitePress
    ("<!--@include: ./_rope.md{5,5}-->", "Tie the rope."),
    ("<!--@include: @/knots.md#bowline-->", "The bowline."),
    ("<!-- @include: ../knots.md#reef -->", "Reef\n\nThe reef knot."),
    ("<<< ./oars.rs#none", ""),
    ("<<< @/boats/oars.rs{2} [Oars]", "Oars\n\nfn lift() {}"),
    # Hugo, Jekyll
    ('{{% include "_rope.md" %}}', "Tie the rope.\n\nUntie the rope."),
    ('{{% readfile "/boats/_rope.md" %}}', "Tie the rope.\n\nUntie the rope."),
    ('{{< readfile file="oars.py" code="true" lang="python" >}}', "import sea\n\n\nclass Oar:"),
    ("{% include_relative _rope.md %}", "Tie the rope.\n\nUntie the rope."),
    # MyST
    ("```{include} _rope.md\n```", "Tie the rope.\n\nUntie the rope."),
    ("```{literalinclude} oars.py\n:lines: 1\n:language: python\n```", "import sea"),
    (":::{include} _rope.md\n:end-before: Untie\n:::", "Tie the rope."),
    # MDX, Mintlify
    ("import Rope from './_rope.md';\n\n<Rope name=\"x\" />", "Tie the rope.\n\nUntie the rope."),
    ("import R from '@site/docs/boats/_rope.md'\n\n<R />", "Tie the rope.\n\nUntie the rope."),
    ("import A from './_a.md'; import R from './\\_rope.md'\n\n<R />", "Tie the rope."),
    ("import A from './_a.md'; import\nR from './_rope.md';\n\n<R />", "Tie the rope."),
    (
        "import A from '!!raw-loader!./oars.py';\n\n<CodeBlock>{A}</CodeBlock>",
        "import sea\n\n\nclass Oar:",
    ),
    ('<Snippet file="sail.md" />', "A small sail.\n\nA large sail."),
]


@pytest.mark.parametrize(("mark", "shown"), MARKDOWN)
def test_a_page_of_markdown_shows_what_it_includes(read, mark, shown):
    page = read("boats/row.md", f"# Row\n\nFirst.\n\n{mark}\n\nLast.\n")
    plain = text_of(page)
    assert plain.startswith("Row\n\nFirst.")
    assert plain.endswith("Last.")
    assert shown in plain
    assert "boats/" not in plain
    assert "{{" not in plain
    assert "8<" not in plain
    assert bool(page.warnings) == (not shown)


def test_included_code_stands_in_the_fence_of_its_page(read):
    page = read("boats/row.md", "# Row\n\n```rust\n{{#include oars.rs:pull}}\n```\n")
    (code,) = [s for p in page.passages for s in p.sentences if s.kind == "code"]
    assert page.passages[0].slice(code) == "fn pull() {}"


def test_included_text_stays_in_its_item_and_its_sentence(read):
    page = read(
        "boats/row.md",
        "# Row\n\n- {{#include _rope.md}}\n- Row.\n\nDo ({{#include _rope.md:5}})!\n",
    )
    kinds = [(s.kind, page.passages[0].slice(s)) for s in page.passages[0].sentences][1:]
    assert kinds[0] == ("item", "Tie the rope.")
    assert ("item", "Row.") in kinds
    assert kinds[-1] == ("prose", "Do (Tie the rope.)!")


def test_a_mark_in_code_that_cannot_be_followed_is_left_out_of_it(read):
    code = 'row()\n--8<-- "gone.py"\nstop()'
    page = read(
        "boats/row.md", f"# Row\n\n```py\n{code}\n```\n\nWrite `{{{{#include gone.py}}}}`.\n"
    )
    assert "row()\n\nstop()" in text_of(page)
    assert [(w.line, w.message.split()[0]) for w in page.warnings] == [(5, "gone.py")]


def test_marks_that_a_page_only_shows_are_not_followed(read):
    shown = "```md\n<!--@include: ./_rope.md-->\n```\n\n\\{{#include _rope.md}}\n"
    assert "Tie" not in text_of(read("boats/row.md", f"# Row\n\n{shown}"))


RST = [
    ("include:: mast.rst", "start-after: .. begin|end-before: .. end", "The mast is tall."),
    ("include:: mast.rst", "start-line: 4|end-line: 5", "The mast is tall."),
    ("literalinclude:: oars.py", "pyobject: Oar.pull|dedent:", "def pull(self):\n    row()"),
    ("literalinclude:: /boats/oars.py", "lines: 1,4", "import sea\nclass Oar:"),
    ("literalinclude:: oars.py", "start-at: def rest|end-at: stop|caption: Rest", "Rest"),
]


@pytest.mark.parametrize(("mark", "options", "shown"), RST)
def test_a_page_of_restructuredtext_shows_what_it_includes(read, mark, options, shown):
    lines = "\n".join([f".. {mark}", *(f"   :{option}" for option in options.split("|"))])
    page = read("boats/row.rst", f"Row\n===\n\nFirst.\n\n{lines}\n\nLast.\n")
    assert shown in text_of(page)
    assert "Skip" not in text_of(page)
    assert text_of(page).endswith("Last.")
    assert page.warnings == ()


def test_a_directive_in_a_literal_block_is_not_followed(read):
    page = read("boats/row.rst", "Row\n===\n\nWrite::\n\n   .. include:: mast.rst\n\nLast.\n")
    assert ".. include:: mast.rst" in text_of(page)


ASCIIDOC = [
    ("include::hull.adoc[]", "A hull floats.\n\nPaint it red."),
    ("include::hull.adoc[tag=paint]", "Paint it red."),
    ("include::hull.adoc[tags=**;!paint]", "A hull floats."),
    ("include::hull.adoc[lines=3..4;6]", "A hull floats.\n\nPaint it red."),
    (":place: ../boats\n\ninclude::{place}/hull.adoc[lines=3]", "A hull floats."),
    ("----\ninclude::oars.rs[lines=1]\n----", "fn lift() {}"),
]


@pytest.mark.parametrize(("mark", "shown"), ASCIIDOC)
def test_a_page_of_asciidoc_shows_what_it_includes(read, mark, shown):
    page = read("boats/row.adoc", f"= Row\n\nFirst.\n\n{mark}\n\nLast.\n")
    assert shown in text_of(page)
    assert "tag::" not in text_of(page)
    assert page.warnings == ()


def test_headings_that_asciidoc_includes_are_lower_by_its_offset(read):
    page = read("boats/row.adoc", "= Row\n\n== Parts\n\ninclude::hull.adoc[leveloffset=+1]\n")
    assert page.sections[-1].headings == ("Row", "Parts", "Hull")


def test_partials_of_antora_are_included_from_their_module(read):
    page = read("modules/sea/pages/row.adoc", "= Row\n\ninclude::partial$tide.adoc[]\n")
    assert "The tide turns." in text_of(page)


def test_a_file_is_included_by_files_that_are_included(read, tmp_path):
    (tmp_path / "boats/all.md").write_text("Above.\n\n{{#include _rope.md}}\n", "utf-8")
    page = read("row.md", "# Row\n\n{{#include boats/all.md}}\n")
    assert text_of(page) == "Row\n\nAbove.\n\nTie the rope.\n\nUntie the rope."


# -- lines, digests ---------------------------------------------------------------------------


def test_lines_are_those_of_the_pages_own_file(read):
    page = read("boats/row.md", "# Row\n\n{{#include _rope.md}}\n\nSee [it](gone.md).\n")
    (passage,) = page.passages
    lines = {passage.slice(s): page.page.line_map.find_range(s.lines) for s in passage.sentences}
    assert lines["Row"] == (1, 1)
    assert lines["Untie the rope."] == (3, 3)
    assert lines["See it."] == (5, 5)
    assert page.links.links == ((5, "gone.md"),)


def test_a_page_that_includes_nothing_has_the_digest_of_its_file(read):
    text = "# Row\n\nimport, include and <<< are words.\n"
    page = read("boats/row.md", text)
    assert page.page.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert page.page.line_map.runs == ()


def test_the_digest_of_a_page_covers_what_it_includes(read, tmp_path):
    text = "# Row\n\n{{#include _rope.md}}\n\n{{#include later.md}}\n"
    digests = [read("boats/row.md", text).page.sha256]
    (tmp_path / "boats/_rope.md").write_text("Cut the rope.\n", "utf-8")
    digests.append(read("boats/row.md", text).page.sha256)
    (tmp_path / "boats/later.md").write_text("Later.\n", "utf-8")
    digests.append(read("boats/row.md", text).page.sha256)
    (tmp_path / "boats/later.md").unlink()
    digests.append(read("boats/row.md", text).page.sha256)
    assert digests[1] == digests[3]
    assert len(set(digests)) == 3


# -- what is not followed ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        ("{{#include gone.md}}", "there is no such file"),
        ("{{#include ../../secret.md}}", "it is outside the guide"),
        ("{{#include ../.secret.md}}", "there is no such file"),
        ("{{#include ../way-out/secret.md}}", "there is no such file"),
        ("{{#include ../picture.bin}}", "it is not text"),
        ("{{#include row.md}}", "it includes itself"),
        ("{{#include oars.rs:steer}}", "it has no such part"),
        ("{{#include mast.rst}}", "it is written in another language"),
        ('--8<-- "https://boats.example/a.md"', "it is no file of the guide"),
    ],
)
def test_what_cannot_be_followed_is_left_out_and_reported(read, tmp_path, mark, reason):
    outside = tmp_path.with_name(f"{tmp_path.name}-outside")
    outside.mkdir()
    (outside / "secret.md").write_text("A secret.\n", "utf-8")
    (tmp_path / ".secret.md").write_text("A secret.\n", "utf-8")
    (tmp_path / "picture.bin").write_bytes(b"\x00\x01\x02")
    (tmp_path / "way-out").symlink_to(outside)
    page = read("boats/row.md", f"# Row\n\nFirst.\n\n{mark}\n\nLast.\n")
    assert text_of(page) == "Row\n\nFirst.\n\nLast."
    (warning,) = page.warnings
    assert (warning.path, warning.line) == ("boats/row.md", 5)
    assert warning.message.endswith(f"is not included here: {reason}.")


def test_files_that_include_each_other_end(read, tmp_path):
    (tmp_path / "a.md").write_text("A.\n\n{{#include b.md}}\n", "utf-8")
    (tmp_path / "b.md").write_text("B.\n\n{{#include a.md}}\n", "utf-8")
    page = read("row.md", "# Row\n\n{{#include a.md}}\n")
    assert text_of(page) == "Row\n\nA.\n\nB."
    assert [w.line for w in page.warnings] == [3]


def test_files_that_include_others_twice_each_end_soon(read, tmp_path):
    for n in range(9):
        text = f"{{{{#include n{n + 1}.md}}}}\n\n" * 9 + f"Level {n}.\n"
        (tmp_path / f"n{n}.md").write_text(text, "utf-8")
    (tmp_path / "n9.md").write_text("The end.\n" * 1_000, "utf-8")
    page = read("row.md", "# Row\n\n{{#include n0.md}}\n")
    assert len(page.page.text) < 4_000_000
    assert any("includes" in warning.message for warning in page.warnings)


def test_a_page_of_marks_that_lead_nowhere_has_few_warnings(read):
    page = read("row.md", "# Row\n\n" + "{{#include gone.md}}\n" * 2_000)
    assert len(page.warnings) == 51
    assert page.warnings[-1].message == "1,950 more files are not included from here on."


@pytest.mark.parametrize(
    "text",
    [
        "{{#include " * 50_000,
        "<" * 100_000,
        "```{include} gone.md\n" * 20_000,
        "--8<--\n" * 20_001,
        "[](gone.md) " * 20_000,
    ],
)
def test_many_signs_end_soon(read, text):
    assert read("row.md", f"# Row\n\n{text}\n").page.title == "Row"


# -- parts of pages ---------------------------------------------------------------------------


def parts_of(folder: Path) -> set[str]:
    return set(list_parts(folder, list_files(folder).paths))


def read_all(folder: Path) -> Guide:
    return read_guide(folder, reading_options=ReadingOptions())


def test_a_part_that_a_page_includes_whole_is_no_page_of_its_own(read, tmp_path):
    read("boats/row.md", "# Row\n\n{{#include _rope.md}}\n\n{{#include ../knots.md}}\n")
    assert parts_of(tmp_path) == {"boats/_rope.md"}, "knots.md has the name of a page"
    passages = [passage for passage in read_all(tmp_path).passages if "Tie the" in passage.text]
    assert [passage.path for passage in passages] == ["boats/row.md"]


def test_a_part_of_which_pages_show_some_lines_only_is_a_page(read, tmp_path):
    read("boats/row.md", "# Row\n\n{{#include _rope.md:5}}\n\n--8<-- 'sail.md:short'\n")
    assert parts_of(tmp_path) == set()


def test_parts_that_only_parts_include_are_pages(tmp_path):
    (tmp_path / "_a.md").write_text("A.\n\n{{#include _b.md}}\n", "utf-8")
    (tmp_path / "_b.md").write_text("B.\n\n{{#include _a.md}}\n", "utf-8")
    assert parts_of(tmp_path) == set()
