"""The configuration of a publishing tool decides the addresses of pages and the guide's title."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from assistant.guide.folder import read_guide
from assistant.guide.publishers import ReadingOptions
from assistant.guide.site import detect_site

BASE = "https://boats.example"
PAGE = "---\n{front}---\n# Boats\n\n## Größe ändern\n\nText.\n"


def write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def addresses(folder: Path) -> dict[str, str]:
    """The address of the last section of each page, without that of the site."""
    guide = read_guide(folder, reading_options=replace(detect_site(folder), base_url=BASE))
    return {section.path: section.url.removeprefix(BASE) for section in guide.sections}


@pytest.mark.parametrize(
    ("files", "publisher"),
    [
        ({"mkdocs.yml": "site_name: Boats\n"}, "mkdocs"),
        ({"docusaurus.config.ts": "export default {title: 'Boats',};\n"}, "docusaurus"),
        ({"website/docusaurus.config.js": "  title: 'Boats',\n"}, "docusaurus"),
        ({".vitepress/config.mts": "export default {\n  title: 'Boats',\n}"}, "vitepress"),
        ({"astro.config.mjs": "starlight({\n  title: 'Boats',\n})"}, "starlight"),
        ({"book.toml": '[book]\ntitle = "Boats"\n'}, "mdbook"),
        ({"conf.py": 'project = "Boats"\n'}, "sphinx"),
        ({"docs/conf.py": "project = 'Boats'  # red\n"}, "sphinx"),
        ({"hugo.toml": 'title = "Boats"\n'}, "hugo"),
        ({"config.toml": 'baseURL = "/"\ntitle = "Boats"\n'}, "hugo"),
        ({"_config.yml": "title: Boats\n"}, "jekyll"),
    ],
)
def test_a_tool_is_known_by_its_configuration(tmp_path, files, publisher):
    guide = tmp_path / "guide"
    write(guide, {**files, "page.md": "Text.\n"})
    options = detect_site(guide)
    assert (options.publisher, options.title) == (publisher, "Boats")


@pytest.mark.parametrize("file", ["config.toml", "conf.py", "astro.config.mjs"])
def test_a_file_of_another_tool_is_no_configuration(tmp_path, file):
    write(tmp_path / "guide", {file: "x = 1\n"})
    assert detect_site(tmp_path / "guide") == ReadingOptions()


def test_a_configuration_that_cannot_be_read_is_reported_once_with_what_is_assumed(tmp_path):
    guide = tmp_path / "guide"
    write(guide, {"a.md": "Text.\n", "b.md": "Text.\n"})
    (guide / "mkdocs.yml").write_bytes("site_name: Boats\n".encode("utf-16"))
    assert detect_site(guide).publisher == "mkdocs"
    (warning,) = read_guide(guide).warnings
    assert (warning.path, warning.line) == ("mkdocs.yml", 1)
    assert warning.message == (
        "mkdocs.yml cannot be read: it is not UTF-8 text. The defaults of mkdocs are assumed."
    )


def test_a_configuration_beside_the_guide_counts(tmp_path):
    write(tmp_path, {"website/docusaurus.config.js": "", "docs/page.md": "Text.\n"})
    assert detect_site(tmp_path / "docs").publisher == "docusaurus"


@pytest.mark.parametrize(
    ("files", "page", "address"),
    [
        ({"conf.py": "project = 'x'\n"}, "a/row.md", "/a/row.html#grosze-andern"),
        ({"docs/conf.py": "project = 'x'\n"}, "docs/a/row.md", "/a/row.html#grosze-andern"),
        ({"book.toml": "[book]\n"}, "src/row.md", "/row.html#größe-ändern"),
        ({"mkdocs.yml": "a: b\n"}, "docs/row.md", "/row/#groe-andern"),
        ({"mkdocs.yml": "use_directory_urls: false\n"}, "docs/row.md", "/row.html#groe-andern"),
        (
            {"mkdocs.yml": "- toc:\n    slugify: !!python/name:x.toc.slugify_unicode\n"},
            "docs/row.md",
            "/row/#größe-ändern",
        ),
        (
            {
                "mkdocs.yml": "- toc:\n    slugify: !!python/object/apply:pymdownx.slugs.slugify\n"
                "      kwds: {case: lower}\n"
            },
            "docs/row.md",
            "/row/#größe-ändern",
        ),
        ({".vitepress/config.ts": "cleanUrls: true,\n"}, "row.md", "/row#große-andern"),
        (
            {".vitepress/config.ts": "export default { title: 'Boats', cleanUrls: true }\n"},
            "row.md",
            "/row#große-andern",
        ),
        (
            {"conf.py": "project = 'x'\n", ".readthedocs.yaml": "sphinx:\n  builder: dirhtml\n"},
            "a/row.md",
            "/a/row/#grosze-andern",
        ),
        ({"_config.yml": "title: x\n"}, "a/row.md", "/a/row.html#größe-ändern"),
        ({"_config.yml": "permalink: pretty\n"}, "a/row.md", "/a/row/#größe-ändern"),
        (
            {"_config.yml": "collections:\n  boats:\n    output: true\n"},
            "_boats/a/row.md",
            "/boats/a/row.html#größe-ändern",
        ),
        (
            {
                "_config.yml": "collections:\n  boats:\n    output: true\n"
                '    permalink: "/:collection/:path/"\n'
            },
            "_boats/a/row.md",
            "/boats/a/row/#größe-ändern",
        ),
        (
            {"_config.yml": "title: x\n"},
            "_posts/2024-03-05-new boat.md",
            "/2024/03/05/new-boat.html#größe-ändern",
        ),
        ({"docusaurus.config.js": ""}, "docs/01-row.md", "/docs/row#größe-ändern"),
        (
            {"docusaurus.config.js": 'module.exports={docs:{routeBasePath:"/"}}'},
            "docs/01-row.md",
            "/row#größe-ändern",
        ),
    ],
)
def test_settings_decide_the_address_of_a_section(tmp_path, files, page, address):
    guide = tmp_path / "guide"
    write(guide, {**files, page: PAGE.format(front="")})
    assert unquote(addresses(guide)[page]) == address


def test_versions_and_locales_of_docusaurus_have_addresses_of_their_own(tmp_path):
    guide = tmp_path / "guide"
    translated = "i18n/de/docusaurus-plugin-content-docs"
    paths = {
        "docs/row.md": "/docs/next/row",
        "versioned_docs/version-2.0/row.md": "/docs/row",
        "versioned_docs/version-1.0/row.md": "/docs/1.0/row",
        f"{translated}/current/row.md": "/de/docs/next/row",
        f"{translated}/version-1.0/row.md": "/de/docs/1.0/row",
    }
    configuration = {"docusaurus.config.js": "", "versions.json": '["2.0", "1.0"]'}
    write(guide, {**configuration, **dict.fromkeys(paths, "# Row\n\nText.\n")})
    urls = addresses(guide)
    assert {path: url.partition("#")[0] for path, url in urls.items()} == paths


@pytest.mark.parametrize(
    ("front", "address"),
    [
        ("id: oars\n", "/docs/crew/oars"),
        ("slug: oars\n", "/docs/crew/oars"),
        ("slug: /oars\n", "/docs/oars"),
    ],
)
def test_an_id_or_a_slug_of_docusaurus_is_in_the_address(tmp_path, front, address):
    guide = tmp_path / "guide"
    page = "docs/02-crew/01-row.md"
    write(guide, {"docusaurus.config.js": "", page: PAGE.format(front=front)})
    assert addresses(guide)[page].partition("#")[0] == address


@pytest.mark.parametrize(
    ("configuration", "page", "front", "address"),
    [
        ("docusaurus.config.js", "docs/crew/row.md", "slug: ../oars\n", "/docs/oars"),
        ("hugo.toml", "content/crew/row.md", "url: /Old Oars\n", "/Old Oars/"),
        ("hugo.toml", "content/crew/row.md", "url: old/oars.html\n", "/old/oars.html"),
        ("hugo.toml", "content/crew/row.md", "slug: Red Oars\n", "/crew/red-oars/"),
        ("hugo.toml", "content/crew/_index.md", "slug: oars\n", "/oars/"),
        ("_config.yml", "crew/row.md", "permalink: old/oars.html\n", "/old/oars.html"),
        ("_config.yml", "crew/row.md", "slug: oars\n", "/crew/row.html"),
        ("mkdocs.yml", "docs/crew/row.md", "slug: oars\npermalink: /x/\n", "/crew/row/"),
        (".vitepress/config.ts", "crew/row.md", "slug: oars\n", "/crew/row.html"),
    ],
)
def test_only_the_keys_of_a_tool_change_the_address_of_a_page(
    tmp_path, configuration, page, front, address
):
    """As measured with Docusaurus 3.10, Hugo 0.168, Jekyll 4.3, MkDocs 1.6 and VitePress 1.6."""
    guide = tmp_path / "guide"
    write(guide, {configuration: "", page: PAGE.format(front=front)})
    assert unquote(addresses(guide)[page]).partition("#")[0] == address


def test_a_slug_of_starlight_is_an_address_from_the_root(tmp_path):
    """As measured with Starlight 0.36.3: the slug `Oars/Red` is published as `/Oars/Red/`."""
    guide = tmp_path / "guide"
    page = "src/content/docs/crew/row.md"
    front = PAGE.format(front="slug: Oars/Red\n")
    write(guide, {"astro.config.mjs": "starlight({})", page: front})
    assert addresses(guide)[page].partition("#")[0] == "/Oars/Red/"
