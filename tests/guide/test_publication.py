"""Pages that their authors do not publish are left out and reported, unless they are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.guide.folder import read_guide
from assistant.guide.publishers import ReadingOptions


def write(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)


DRAFTS = {
    "draft: true": "---\ndraft: true\n---\nThe moat is deep.\n",
    "draft: yes": "---\ndraft: Yes\n---\nThe moat is deep.\n",
    "published: false": "---\npublished: false\n---\nThe moat is deep.\n",
    "search.exclude: true": "---\nsearch:\n  exclude: true\n---\nThe moat is deep.\n",
    "it is published on 2999-01-01": "---\npublishDate: 2999-01-01\n---\nThe moat is deep.\n",
    "it expired on 2001-02-03": "+++\nexpiryDate = 2001-02-03T10:00:00Z\n+++\nThe moat is deep.\n",
}


@pytest.mark.parametrize("reason", DRAFTS)
def test_a_page_that_is_not_published_is_left_out_and_reported(tmp_path, reason):
    write(tmp_path, "home.md", "The gate is open.\n")
    write(tmp_path, "moat.md", DRAFTS[reason])
    guide = read_guide(tmp_path)
    assert [passage.text for passage in guide.passages] == ["The gate is open."]
    (warning,) = guide.warnings
    assert warning.message == f"moat.md is not read, because it is not published: {reason}."
    assert warning.is_draft
    with_drafts = read_guide(tmp_path, reading_options=ReadingOptions(drafts=True))
    assert [p.text for p in with_drafts.passages] == ["The gate is open.", "The moat is deep."]
    assert with_drafts.warnings == ()


def test_a_folder_of_drafts_is_left_out_for_every_format(tmp_path):
    for name in ("home.md", "_drafts/moat.md", "old/_drafts/wall.html"):
        write(tmp_path, name, "Text.\n")
    guide = read_guide(tmp_path)
    assert [page.path for page in guide.pages] == ["home.md"]
    assert [w.path for w in guide.warnings] == ["_drafts/moat.md", "old/_drafts/wall.html"]


@pytest.mark.parametrize(
    "front_matter",
    ["draft: false", "published: true", "published: 2001-01-01", "publishDate: soon", "search: x"],
)
def test_a_page_with_other_values_is_published(tmp_path, front_matter):
    write(tmp_path, "home.md", f"---\n{front_matter}\n---\nThe gate is open.\n")
    assert len(read_guide(tmp_path).pages) == 1


def test_a_guide_of_drafts_alone_says_so(tmp_path):
    write(tmp_path, "moat.md", DRAFTS["draft: true"])
    with pytest.raises(Exception, match=r"No page in .* is published"):
        read_guide(tmp_path)


@pytest.mark.parametrize("name", ["_includes", "_layouts", "_templates", "docs/_partials"])
def test_parts_of_pages_are_no_pages(tmp_path, name):
    write(tmp_path, "home.md", "The gate is open.\n")
    write(tmp_path, f"{name}/foot.html", "Text.\n")
    guide = read_guide(tmp_path)
    assert [page.path for page in guide.pages] == ["home.md"]
    assert [w.message for w in guide.warnings] == [f"{name} is not read: it has parts of pages."]


def test_a_template_of_html_shows_neither_its_front_matter_nor_its_tags(tmp_path):
    write(
        tmp_path,
        "home.html",
        "---\nlayout: wide\ntitle: Castle\n---\n{% if x %}\n<p>The {{ site.x }} gate.</p>\n",
    )
    guide = read_guide(tmp_path)
    (passage,) = guide.passages
    assert (passage.headings, passage.text) == (("Castle",), "The gate.")
    assert passage.sentences[0].lines == (6, 6)


def test_ruby_in_a_page_is_neither_shown_nor_a_heading(tmp_path):
    source = (
        "---\ntitle: Castle\n---\n<%= part 'a' %>\n\n# <%= x %> Gate\n\n<% if y\n %>It opens.\n"
    )
    write(tmp_path, "gate.html.md.erb", source)
    write(tmp_path, "home.md", "[Gate](gate.html) and [gate](/gate/)\n")
    guide = read_guide(tmp_path, reading_options=ReadingOptions(base_url="https://c.example"))
    first = guide.passages[0]
    assert (first.headings, first.text) == (("Castle", "Gate"), "Gate\n\nIt opens.")
    assert first.sentences[1].lines == (9, 9)
    assert first.url == "https://c.example/gate#gate"
    assert guide.warnings == ()
