"""The table of readers, by file suffix."""

from __future__ import annotations

from assistant.readers import READERS, is_page, reader_for
from assistant.readers.html import parse_html_page
from assistant.readers.markdown import parse_markdown, parse_mdx
from assistant.readers.plain_text import parse_plain_text


def test_the_suffix_decides_the_reader() -> None:
    assert {path: reader_for(path).parse for path in ("a.MD", "b/c.mdx", "d.htm", "e.rst")} == {
        "a.MD": parse_markdown,
        "b/c.mdx": parse_mdx,
        "d.htm": parse_html_page,
        "e.rst": parse_html_page,
    }
    assert reader_for("f.Txt").parse is parse_plain_text


def test_a_file_with_another_suffix_is_read_as_markdown() -> None:
    assert reader_for("notes") == READERS[".md"]


def test_what_a_project_writes_for_its_readers_needs_no_suffix_and_a_licence_is_no_page() -> None:
    pages = "README a/ReadMe CHANGELOG NEWS b/INSTALL README.txt CHANGES.rst".split()
    others = "LICENSE COPYING AUTHORS Makefile news support a/changes README.zip".split()
    assert [path for path in (*pages, *others) if is_page(path)] == pages
    (heading, text) = reader_for("CHANGELOG").parse("Version 2\n=========\n\nIt *sails*.\n")
    assert (heading.kind, heading.text, text.text) == ("heading", "Version 2", "It sails.")


def test_pages_that_become_markdown_alone_may_open_with_front_matter() -> None:
    suffixes = {suffix for suffix, reader in READERS.items() if reader.is_markdown}
    markdown = {".md", ".markdown", ".md.erb", ".mdown", ".mdx", ".mkd", ".ipynb", ".pdf"}
    assert suffixes == markdown


def test_every_reader_decodes_and_parses_the_pages_it_is_for() -> None:
    packed = set(".docx .epub .ipynb .ods .odt .pdf .pptx .xlsx".split())
    for suffix in READERS.keys() - packed:
        reader = reader_for(f"page{suffix}")
        source = reader.decode(f"page{suffix}", b"some words\n")
        assert [block.text for block in reader.parse(source.text)] == ["some words"]
