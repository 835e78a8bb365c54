"""Which files of a folder are read as pages, and what is said of those that are not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.guide import page as page_reader
from assistant.guide import walk
from assistant.index import builder
from tests.conftest import ROOT
from tests.lifecycle import OTHER_USER, needs_root

PAGE = "# Page\n\nA cat sleeps.\n"

# A tool's configuration, by the files that make it, and the folder it writes to.
PUBLISHED = {
    "MkDocs": ({"mkdocs.yml": "site_name: x\nplugins: !!python/name:x.y\n"}, "site"),
    "MkDocs elsewhere": ({"mkdocs.yml": "site_dir: 'out/html'  # here\n"}, "out/html"),
    "MkDocs by an address to compute": ({"mkdocs.yml": "site_dir: !ENV [DIR, site]\n"}, "site"),
    "Jekyll": ({"_config.yml": "title: x\n"}, "_site"),
    "Jekyll elsewhere": ({"_config.yml": "destination: ./public/\n"}, "public"),
    "Hugo": ({"hugo.toml": 'baseURL = "https://example.com"\n'}, "public"),
    "Hugo elsewhere": ({"hugo.yaml": "publishDir: www\n"}, "www"),
    "Hugo in JSON": ({"config.json": '{\n  "baseURL": "/",\n  "publishDir": "www",\n}\n'}, "www"),
    "Hugo of old": ({"config.toml": 'baseURL = "/"\n'}, "public"),
    "Hugo in a folder": ({"config/_default/hugo.toml": "title = 'x'\n"}, "public"),
    "Docusaurus": ({"docusaurus.config.ts": "export default {};\n"}, "build"),
    "VitePress elsewhere": (
        {".vitepress/config.ts": "export default {\n outDir: './www',\n"},
        "www",
    ),
    "Sphinx": ({"conf.py": "project = 'x'\n"}, "_build"),
    "Sphinx by make": ({"Makefile": "SPHINXBUILD ?= sphinx-build\nBUILDDIR ?= build\n"}, "build"),
    "mdBook": ({"book.toml": '[book]\ntitle = "x"\n'}, "book"),
    "mdBook elsewhere": ({"book.toml": '[build]\nbuild-dir = "html"\n'}, "html"),
    "Quarto": ({"_quarto.yml": "project:\n  type: website\n  output-dir: docs\n"}, "docs"),
}


def write(folder: Path, *paths: str, text: str = PAGE) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("inside", ["", "docs/"])
def test_the_output_of_a_publishing_tool_is_not_read_and_that_is_said(tmp_path, name, inside):
    configured, output = PUBLISHED[name]
    for path, text in configured.items():
        write(tmp_path, inside + path, text=text)
    kept = [f"{inside}guide.md", "other/site/x.md", "other/_build/x.md", "other/public/x.md"]
    write(tmp_path, f"{inside}{output}/index.html", f"{inside}{output}/deep/x.md", *kept)
    found = walk.list_files(tmp_path)
    assert found.paths == tuple(sorted(kept))
    assert not any(folder.startswith(f"{inside}{output}") for folder in found.folders)
    (said,) = found.warnings
    assert said.path == f"{inside}{output}"
    assert (
        said.message == f"{inside}{output} is not read: {name.split()[0]} writes its output there."
    )
    assert not said.unreadable


def test_without_a_configuration_beside_it_a_folder_of_any_name_is_read(tmp_path):
    names = ["site", "_site", "public", "build", "_build", "book", "dist", "out"]
    paths = sorted(f"{name}/page.md" for name in names)
    write(tmp_path, *paths)
    write(tmp_path, "config.toml", text="[theme]\n")  # of no publishing tool
    write(tmp_path, "Makefile", text="all:\n\techo\n")
    found = walk.list_files(tmp_path)
    assert (list(found.paths), found.warnings) == (paths, ())


def test_a_configuration_beside_the_guide_counts_but_never_for_the_guide_itself(tmp_path):
    write(tmp_path, "mkdocs.yml", text="site_dir: docs/site\n")
    write(tmp_path, "docs/page.md", "docs/site/page.md")
    assert walk.list_files(tmp_path / "docs").paths == ("page.md",)
    assert walk.list_files(tmp_path / "docs" / "site").paths == ("page.md",), "it was asked for"


def test_a_tool_that_writes_beside_its_own_folder_is_heeded_in_whatever_order(tmp_path):
    for name in ("aa", "zz"):
        write(tmp_path, f"{name}/mkdocs.yml", text=f"site_dir: ../m{name}\n")
        write(tmp_path, f"m{name}/page.md", f"{name}/page.md")
    found = walk.list_files(tmp_path)
    assert found.paths == ("aa/page.md", "zz/page.md")
    assert [said.path for said in found.warnings] == ["maa", "mzz"]
    assert found.folders == ("", "aa", "zz")


def test_packages_environments_and_hidden_folders_are_not_read(tmp_path):
    write(tmp_path, "page.md", "node_modules/x/README.md", ".git/x.md", "venv/lib/x.md")
    write(tmp_path, "venv/pyvenv.cfg", text="home = /usr\n")
    found = walk.list_files(tmp_path)
    assert (found.paths, found.folders, found.warnings) == (("page.md",), ("",), ())
    assert walk.list_files(tmp_path / "venv").paths == ("lib/x.md",), "it was asked for"


def test_a_configuration_that_is_no_file_is_no_configuration(tmp_path):
    os.mkfifo(tmp_path / "mkdocs.yml")
    (tmp_path / "book.toml").mkdir()
    (tmp_path / "_config.yml").symlink_to(tmp_path / "_config.yml")
    write(tmp_path, "page.md", "site/page.md", "book/page.md", "_site/page.md")
    assert len(walk.list_files(tmp_path).paths) == 4


def test_links_that_are_not_followed_are_said_a_line_each(tmp_path):
    guide_ = tmp_path / "guide"
    write(guide_, "page.md", "folder/page.md")
    write(tmp_path, "outside/secret.md")
    (guide_ / "same.md").symlink_to("page.md")
    (guide_ / "alias").symlink_to("folder")
    (guide_ / "out.md").symlink_to(tmp_path / "outside" / "secret.md")
    (guide_ / "out").symlink_to(tmp_path / "outside")
    (guide_ / "round.md").symlink_to("round.md")
    (guide_ / "picture.png").symlink_to(tmp_path / "outside" / "secret.md")
    found = walk.list_files(guide_)
    assert found.paths == ("folder/page.md", "page.md", "same.md")
    assert {said.path: said.message.partition(": ")[2] for said in found.warnings} == {
        "alias": "it is a link to a folder of the guide, which is read where it stands.",
        "out": "the link leads out of the guide.",
        "out.md": "the link leads out of the guide.",
        "round.md": "the link leads nowhere.",
    }
    assert [
        oddity for oddity in page_reader.read_guide(guide_).warnings if "link" in oddity.message
    ] == [*found.warnings]


def test_many_links_are_counted(tmp_path):
    write(tmp_path, "outside/secret.md", "guide/page.md")
    for number in range(300):
        (tmp_path / "guide" / f"{number:03}.md").symlink_to(tmp_path / "outside" / "secret.md")
    said = walk.list_files(tmp_path / "guide").warnings
    assert len(said) == 21
    assert said[-1].message.startswith("280 more links are not read")


def test_a_build_says_what_is_not_read_also_where_nothing_changed(tmp_path, word_encoder):
    guide_ = tmp_path / "guide"
    write(guide_, "page.md", "site/page.md")
    write(guide_, "mkdocs.yml", text="site_name: x\n")
    first = builder.build_index(guide_, tmp_path / "index", word_encoder)
    again = builder.build_index(guide_, tmp_path / "index", word_encoder)
    assert (first.pages, again.reasons) == (1, ())
    for built in (first, again):
        assert [oddity.path for oddity in built.warnings] == ["site"]


@needs_root
def test_a_folder_that_may_not_be_read_is_said_to_be_unread(shared_folder):
    write(shared_folder, "guide/page.md", "guide/closed/page.md")
    (shared_folder / "guide" / "closed").chmod(0o700)
    code = (
        "import json, pathlib, sys; from assistant import settings\n"
        "from assistant.cli import doctor\n"
        "from assistant.guide import page as guide, walk\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "found = walk.files(folder)\n"
        "said = [[o.path, o.what, o.unread] for o in guide.read(folder).oddities]\n"
        "chosen = settings.Settings(corpus=folder, index=folder)\n"
        "check = next(c for c in doctor.checks(chosen) if c.name == 'guide')\n"
        "print(json.dumps([found.paths, found.unlisted, said, bool(check.mend)]))\n"
    )
    command = [*OTHER_USER, sys.executable, "-c", code, str(shared_folder / "guide")]
    said = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    assert json.loads(said.stdout) == [
        ["page.md"],
        ["closed"],
        [["closed", "closed cannot be read: Permission denied.", True]],
        True,
    ]
