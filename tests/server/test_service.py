"""Test the service behind every interface: pages by name and cached bodies."""

from __future__ import annotations

import pytest

from assistant.assistant import Assistant
from assistant.index import builder
from assistant.index import index as indexes
from assistant.server.reload import LiveAssistant
from assistant.server.service import Service, guide_title


def write_guide(folder, pages: int):
    for number in range(pages):
        (folder / f"part{number}").mkdir()
        page = folder / f"part{number}" / f"Page-{number}.md"
        page.write_text(f"# Page {number}\n\n## A cat {number}\n\nA cat sleeps.\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory, word_encoder):
    corpus, folder = tmp_path_factory.mktemp("guide"), tmp_path_factory.mktemp("index")
    write_guide(corpus, 30)
    builder.build_index(corpus, folder, word_encoder)
    return corpus, folder


@pytest.fixture
def service(place, word_encoder):
    return Service(LiveAssistant(Assistant(indexes.open_index(place[1]), word_encoder)))


@pytest.mark.parametrize("name", ["part7/Page-7", "part7/page-7.html", "Page-7", "page-7"])
def test_a_page_is_found_without_its_suffix_or_by_its_name_alone(service, name):
    assert service.find_page(name).path == "part7/Page-7.md"


@pytest.mark.parametrize("name", ["", "none", "part7/none", "../part7/Page-7", "part7/./Page-7"])
def test_a_name_of_no_page_finds_none(service, name):
    assert service.find_page(name) is None


def test_every_section_of_a_page_is_read_whole_and_once(service):
    store = service.assistant.index.store
    for path in store.page_paths():
        sections = service.read_page(path)["sections"]
        for section in sections:
            passages = store.section_passages(path, section["anchor"])
            assert section["text"] == "\n\n".join(passage.text for _, passage in passages)
        assert service.read_page(path, sections[-1]["anchor"])["sections"] == sections[-1:]


def test_names_and_bodies_belong_to_the_newest_generation(place, word_encoder):
    corpus, folder = place
    live = LiveAssistant(Assistant(indexes.open_index(folder), word_encoder))
    service = Service(live)
    assert service.find_page("fresh") is None
    before = service.cached_response(
        ("guide",), lambda: str(service.describe_guide(1)["pages"]).encode()
    )
    (corpus / "fresh.md").write_text("# Fresh\n\nA dog barks.\n")
    builder.build_index(corpus, folder, word_encoder)
    live.assistant = live.assistant.with_index(indexes.open_index(folder))
    assert service.find_page("fresh").path == "fresh.md"
    after = service.cached_response(
        ("guide",), lambda: str(service.describe_guide(1)["pages"]).encode()
    )
    assert (before.content, after.content) == (b"30", b"31")


@pytest.mark.parametrize(
    ("files", "title"),
    [
        (
            {"mkdocs.yml": "site_name: Harbour\n", "docs/index.md": "# Welcome\n\nText.\n"},
            "Harbour",
        ),
        ({"index.md": "# Welcome\n\nText.\n", "boats.md": "# Boats\n\nText.\n"}, "Welcome"),
        ({"boats.md": "# Boats\n\nText.\n", "deep/index.md": "# Deep\n\nText.\n"}, "Sea"),
    ],
)
def test_a_guide_is_called_as_its_site_its_front_page_or_its_folder(
    files, title, tmp_path, word_encoder
):
    corpus, folder = tmp_path / "Sea" / "docs", tmp_path / "index"
    for path, text in files.items():
        (corpus / path).parent.mkdir(parents=True, exist_ok=True)
        (corpus / path).write_text(text)
    builder.build_index(corpus, folder, word_encoder)
    live = LiveAssistant(Assistant(indexes.open_index(folder), word_encoder))
    assert guide_title(live, corpus) == title
