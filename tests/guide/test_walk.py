"""Listing the pages of a folder, with warnings for what is not read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.errors import GuideError
from assistant.guide import walk
from assistant.guide.folder import read_guide
from assistant.index import builder
from tests.conftest import ROOT
from tests.lifecycle import OTHER_USER, needs_root

PAGE = "# Page\n\nA cat sleeps.\n"

# A site generator's configuration files, and the folder that it writes to.
GENERATORS = {
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


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("inside", ["", "docs/"])
def test_the_output_of_a_site_generator_is_skipped_with_a_warning(tmp_path, name, inside):
    config_files, output = GENERATORS[name]
    for path, text in config_files.items():
        write(tmp_path, inside + path, text=text)
    pages = [f"{inside}guide.md", "other/site/x.md", "other/_build/x.md", "other/public/x.md"]
    write(tmp_path, f"{inside}{output}/index.html", f"{inside}{output}/deep/x.md", *pages)
    files = walk.list_files(tmp_path)
    assert files.paths == tuple(sorted(pages))
    assert not any(folder.startswith(f"{inside}{output}") for folder in files.folders)
    (warning,) = files.warnings
    assert warning.path == f"{inside}{output}"
    assert (
        warning.message
        == f"{inside}{output} is not read: {name.split()[0]} writes its output there."
    )
    assert not warning.unreadable


def test_without_a_configuration_beside_it_a_folder_of_any_name_is_read(tmp_path):
    names = ["site", "_site", "public", "build", "_build", "book", "dist", "out"]
    paths = sorted(f"{name}/page.md" for name in names)
    write(tmp_path, *paths)
    write(tmp_path, "config.toml", text="[theme]\n")  # of no publishing tool
    write(tmp_path, "Makefile", text="all:\n\techo\n")
    files = walk.list_files(tmp_path)
    assert (list(files.paths), files.warnings) == (paths, ())


def test_a_configuration_beside_the_guide_counts_but_never_for_the_guide_itself(tmp_path):
    write(tmp_path, "mkdocs.yml", text="site_dir: docs/site\n")
    write(tmp_path, "docs/page.md", "docs/site/page.md")
    assert walk.list_files(tmp_path / "docs").paths == ("page.md",)
    assert walk.list_files(tmp_path / "docs" / "site").paths == ("page.md",), "the guide itself"


def test_an_output_folder_outside_the_generators_own_is_skipped_in_any_order(tmp_path):
    for name in ("aa", "zz"):
        write(tmp_path, f"{name}/mkdocs.yml", text=f"site_dir: ../m{name}\n")
        write(tmp_path, f"m{name}/page.md", f"{name}/page.md")
    files = walk.list_files(tmp_path)
    assert files.paths == ("aa/page.md", "zz/page.md")
    assert [warning.path for warning in files.warnings] == ["maa", "mzz"]
    assert files.folders == ("", "aa", "zz")


def test_packages_environments_and_hidden_folders_are_not_read(tmp_path):
    write(tmp_path, "page.md", "node_modules/x/README.md", ".git/x.md", "venv/lib/x.md")
    write(tmp_path, "venv/pyvenv.cfg", text="home = /usr\n")
    files = walk.list_files(tmp_path)
    assert (files.paths, files.folders, files.warnings) == (("page.md",), ("",), ())
    assert walk.list_files(tmp_path / "venv").paths == ("lib/x.md",), "the guide itself"


def test_a_configuration_that_is_no_file_is_no_configuration(tmp_path):
    os.mkfifo(tmp_path / "mkdocs.yml")
    (tmp_path / "book.toml").mkdir()
    (tmp_path / "_config.yml").symlink_to(tmp_path / "_config.yml")
    write(tmp_path, "page.md", "site/page.md", "book/page.md", "_site/page.md")
    assert len(walk.list_files(tmp_path).paths) == 4


def test_each_link_that_is_not_followed_is_a_warning(tmp_path):
    guide_ = tmp_path / "guide"
    write(guide_, "page.md", "folder/page.md")
    write(tmp_path, "outside/secret.md")
    (guide_ / "same.md").symlink_to("page.md")
    (guide_ / "alias").symlink_to("folder")
    (guide_ / "out.md").symlink_to(tmp_path / "outside" / "secret.md")
    (guide_ / "out").symlink_to(tmp_path / "outside")
    (guide_ / "round.md").symlink_to("round.md")
    (guide_ / "picture.png").symlink_to(tmp_path / "outside" / "secret.md")
    files = walk.list_files(guide_)
    assert files.paths == ("folder/page.md", "page.md", "same.md")
    assert {w.path: w.message.partition(": ")[2] for w in files.warnings} == {
        "alias": "it is a link to a folder of the guide, which is read where it stands.",
        "out": "the link leads out of the guide.",
        "out.md": "the link leads out of the guide.",
        "round.md": "the link leads nowhere.",
    }
    assert [w for w in read_guide(guide_).warnings if "link" in w.message] == [*files.warnings]


def test_many_links_are_counted(tmp_path):
    write(tmp_path, "outside/secret.md", "guide/page.md")
    for number in range(300):
        (tmp_path / "guide" / f"{number:03}.md").symlink_to(tmp_path / "outside" / "secret.md")
    warnings = walk.list_files(tmp_path / "guide").warnings
    assert len(warnings) == 21
    assert warnings[-1].message.startswith("280 more links are not read")


def test_files_of_other_formats_are_counted_by_their_suffix(tmp_path):
    write(tmp_path, "page.md", "b/one.odp", "b/two.ODP", "a.odp", "LICENSE", "x.log", "mkdocs.yml")
    write(tmp_path, "cat.png", "style.css", ".hidden.odp", "site/old.odp")
    warnings = walk.list_files(tmp_path).warnings
    assert [(w.path, w.message) for w in warnings if w.path != "site"] == [
        ("a.odp", "3 .odp files were not read."),
        ("LICENSE", "1 file without a suffix was not read."),
        ("x.log", "1 .log file was not read."),
    ]


def test_a_readme_without_a_suffix_is_a_page_of_markdown(tmp_path):
    write(tmp_path, "README", "tools/readme", "tools/READ", text="# Tools\n\nA *saw* cuts.\n")
    guide_ = read_guide(tmp_path)
    assert [page.path for page in guide_.pages] == ["README", "tools/readme"]
    assert guide_.passages[0].text == "Tools\n\nA saw cuts."


def test_the_error_for_a_folder_without_pages_names_what_is_in_it(tmp_path):
    write(tmp_path, "a.odp", "b/c.odp", "logo.png")
    with pytest.raises(GuideError) as raised:
        read_guide(tmp_path)
    assert raised.value.message == (
        f"There is no page in {tmp_path}. 2 .odp files were not read. 1 .png file was not read."
    )


def test_a_build_warns_of_skipped_folders_even_where_nothing_changed(tmp_path, word_encoder):
    guide_ = tmp_path / "guide"
    write(guide_, "page.md", "site/page.md")
    write(guide_, "mkdocs.yml", text="site_name: x\n")
    first = builder.build_index(guide_, tmp_path / "index", word_encoder)
    again = builder.build_index(guide_, tmp_path / "index", word_encoder)
    assert (first.pages, again.reasons) == (1, ())
    for built in (first, again):
        assert [warning.path for warning in built.warnings] == ["site"]


@needs_root
def test_a_folder_without_read_permission_is_a_warning(shared_folder):
    write(shared_folder, "guide/page.md", "guide/closed/page.md")
    (shared_folder / "guide" / "closed").chmod(0o700)
    code = (
        "import json, pathlib, sys; from assistant import settings\n"
        "from assistant.cli import doctor\n"
        "from assistant.guide.folder import read_guide\n"
        "from assistant.guide.walk import list_files\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "files = list_files(folder)\n"
        "warnings = [[w.path, w.message, w.unreadable] for w in read_guide(folder).warnings]\n"
        "options = settings.Settings(corpus=folder, index=folder)\n"
        "check = next(c for c in doctor.run_checks(options) if c.name == 'guide')\n"
        "print(json.dumps([files.paths, files.unlisted_folders, warnings, bool(check.hint)]))\n"
    )
    command = [*OTHER_USER, sys.executable, "-c", code, str(shared_folder / "guide")]
    ran = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    assert json.loads(ran.stdout) == [
        ["page.md"],
        ["closed"],
        [["closed", "closed cannot be read: Permission denied.", True]],
        True,
    ]
