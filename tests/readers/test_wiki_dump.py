"""The export of a MediaWiki is read as a section for each of its pages."""

from __future__ import annotations

import re
from html import escape

import pytest

from assistant.errors import GuideError
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.guide.walk import list_files
from assistant.readers import reader_for

NAMESPACES = {-2: "Media", 0: "", 1: "Diskussion", 2: "Benutzer", 6: "Datei", 10: "Vorlage"}


def wiki_page(title: str, *texts: str, space: int = 0, model: str = "wikitext") -> str:
    revisions = "".join(
        f"<revision><timestamp>2026-11-{30 - number:02}T10:00:00Z</timestamp>"
        f"<contributor><username>Ann</username></contributor><comment>typo</comment>"
        f"<model>{model}</model><text bytes='1'>{escape(text)}</text></revision>"
        for number, text in enumerate(texts)
    )
    return f"<page><title>{escape(title)}</title><ns>{space}</ns><id>1</id>{revisions}</page>"


def dump(*pages: str) -> bytes:
    names = "".join(f'<namespace key="{n}">{name}</namespace>' for n, name in NAMESPACES.items())
    return (
        '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="de">'
        f"<siteinfo><sitename>All boats</sitename><namespaces>{names}</namespaces></siteinfo>"
        f"{''.join(pages)}</mediawiki>"
    ).encode()


DUMP = dump(
    wiki_page(
        "Red boat", "It has [[ropes#Thin|thin ropes]], [[Lines]], [[Gone]].\n== Sails ==\nA."
    ),
    wiki_page("Ropes", "= Ropes =\n== Thin ==\nSilk, see [[#Thin]].[[Datei:x.png]]", "old text"),
    wiki_page("Lines", "#REDIRECT [[Ropes]]"),
    wiki_page("Diskussion:Red boat", "talk", space=1),
    wiki_page("Benutzer:Ann", "user", space=2),
    wiki_page("Vorlage:Box", "template", space=10),
    wiki_page("Gadget.js", "script", model="javascript"),
    wiki_page("Hilfe:Start", "Help & <b>more</b>.", space=12),
    wiki_page("Empty", " "),
)


def test_an_export_has_a_section_for_each_page_and_links_between_them() -> None:
    reader = reader_for("boats.xml")
    source = reader.decode("boats.xml", DUMP)
    assert (source.title, source.language) == ("All boats", "de")
    read = reader.parse(source.text)
    assert [(b.kind, b.level, b.text, b.anchor) for b in read] == [
        ("heading", 2, "Red boat", "Red_boat"),
        ("prose", 0, "It has thin ropes, Lines, Gone.", ""),
        ("heading", 3, "Sails", "Red_boat/Sails"),
        ("prose", 0, "A.", ""),
        ("heading", 2, "Ropes", "Ropes"),
        ("heading", 3, "Ropes", "Ropes/Ropes"),
        ("heading", 3, "Thin", "Ropes/Thin"),
        ("prose", 0, "Silk, see #Thin.", ""),
        ("heading", 2, "Hilfe:Start", "Hilfe:Start"),
        ("prose", 0, "Help & more.", ""),
    ]
    assert [(link.title, link.url) for b in read for link in b.links] == [
        ("thin ropes", "#Ropes/Thin"),
        ("Lines", "#Ropes"),
        ("#Thin", "#Ropes/Thin"),
    ]


def test_links_of_an_export_lead_to_its_sections(tmp_path) -> None:
    (tmp_path / "boats.xml").write_bytes(DUMP)
    page = read_page(tmp_path, "boats.xml", reading_options=ReadingOptions())
    assert {address.removeprefix("#") for _, address in page.links.links} <= set(page.links.anchors)


def test_every_word_of_a_long_export_is_in_a_passage_once_and_in_order(tmp_path) -> None:
    words = [f"word{number}" for number in range(3_000)]
    pages = [wiki_page(f"P{n}", " ".join(words[n : n + 10])) for n in range(0, len(words), 10)]
    (tmp_path / "a.xml").write_bytes(dump(*pages))
    page = read_page(tmp_path, "a.xml", reading_options=ReadingOptions())
    assert re.findall(r"word\d+", " ".join(p.text for p in page.passages)) == words


def test_of_all_files_of_xml_only_exports_of_wikis_are_pages(tmp_path) -> None:
    (tmp_path / "a.md").write_text("# A\n")
    (tmp_path / "boats.XML").write_bytes(DUMP)
    (tmp_path / "page.xml").write_text('<p><ac:link><ri:page ri:content-title="x"/></ac:link></p>')
    (tmp_path / "entities.xml").write_text('<?xml version="1.0"?><hibernate-generic/>')
    (tmp_path / "feed.xml").write_text("<rss><channel><title>mediawiki</title></channel></rss>")
    (tmp_path / "map.xml").write_text("<urlset/>")
    files = list_files(tmp_path)
    assert files.paths == ("a.md", "boats.XML", "entities.xml", "page.xml")
    assert [warning.message for warning in files.warnings] == ["2 .xml files were not read."]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (DUMP[:-30], "it is damaged"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><mediawiki>&a;</mediawiki>', "declares entities"),
        (b"<mediawiki>" + b"<x>" * 400 + b"</x>" * 400 + b"</mediawiki>", "150 deep"),
    ],
    ids="damaged entities deep".split(),
)
def test_a_damaged_or_hostile_export_is_an_error_that_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(GuideError, match=reason) as raised:
        reader_for("a.xml").decode("a.xml", raw)
    assert raised.value.message.startswith("a.xml cannot be read as an export of a MediaWiki: ")
