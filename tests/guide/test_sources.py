"""Guides in repositories and archives: real git over a local path, and archives of every kind."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from assistant.errors import AssistantError, GuideError, SettingsError
from assistant.guide.folder import read_guide
from assistant.guide.sources import fetch_guide, find_fetched, is_source
from assistant.index import builder

needs_git = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    """A cache of its own, and git without the settings of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


# -- git ------------------------------------------------------------------------------------------


class Repository:
    """A repository that a test commits to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q", "-b", "main", str(folder))

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        where = ("-C", str(self.folder)) if self.folder.is_dir() else ()
        subprocess.run(["git", *who, *where, *arguments], check=True, capture_output=True)

    def commit(self, **pages: str | None) -> None:
        """Commit pages of `docs`: their texts, None for one that is removed."""
        (self.folder / "docs").mkdir(exist_ok=True)
        for name, text in pages.items():
            place = self.folder / "docs" / f"{name}.md"
            place.unlink(missing_ok=True) if text is None else place.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "pages")

    def address(self, rest: str = "") -> Path:
        return Path(f"git+file://{self.folder}{rest}")


@pytest.fixture
def repository(tmp_path) -> Repository:
    made = Repository(tmp_path / "origin")
    made.commit(cats="# Cats\n\nCats sleep.\n", dogs="# Dogs\n\nDogs bark.\n")
    return made


@needs_git
def test_a_repository_is_fetched_into_the_cache_and_its_folder_is_the_guide(repository, tmp_path):
    corpus = repository.address("#main:docs")
    assert is_source(corpus)
    assert find_fetched(corpus) is None
    folder = fetch_guide(corpus).folder
    assert folder.is_relative_to(tmp_path / "cache")
    assert [page.path for page in read_guide(folder).pages] == ["cats.md", "dogs.md"]
    assert find_fetched(corpus) == folder
    assert [page.path for page in read_guide(fetch_guide(repository.address()).folder).pages] == [
        "docs/cats.md",
        "docs/dogs.md",
    ]


@needs_git
def test_an_update_takes_over_what_was_committed_and_reads_only_that(
    repository, tmp_path, word_encoder
):
    corpus = repository.address("#:docs")
    first = builder.build_index(fetch_guide(corpus).folder, tmp_path / "index", word_encoder)
    repository.commit(cats="# Cats\n\nCats purr.\n", dogs=None, birds="# Birds\n\nBirds sing.\n")
    repository.commit(fish="# Fish\n\nFish swim.\n")
    folder = fetch_guide(corpus).folder
    second = builder.build_index(folder, tmp_path / "index", word_encoder)
    again = builder.build_index(fetch_guide(corpus).folder, tmp_path / "index", word_encoder)
    assert (first.pages, second.pages, again.reasons) == (2, 3, ())
    assert [page.path for page in read_guide(folder).pages] == ["birds.md", "cats.md", "fish.md"]
    repository.commit(fish="# Fish\n\nFish dive.\n")
    last = builder.build_index(fetch_guide(corpus).folder, tmp_path / "index", word_encoder)
    assert (last.pages, last.pages_read) == (3, 1)


@needs_git
def test_a_branch_and_a_tag_can_be_named(repository):
    repository.git("tag", "v1")
    repository.git("checkout", "-q", "-b", "next/2.0")
    repository.commit(dogs=None)
    repository.git("checkout", "-q", "main")
    for name, pages in {"v1": 2, "next/2.0": 1, "main": 2}.items():
        guide = read_guide(fetch_guide(repository.address(f"#{name}:docs")).folder)
        assert len(guide.pages) == pages, name


@needs_git
def test_what_was_changed_or_left_in_the_copy_does_not_stay(repository):
    folder = fetch_guide(repository.address("#main:docs")).folder
    (folder / "cats.md").write_text("# Mice\n")
    (folder / "own.md").write_text("# Own\n")
    (folder.parent / ".git" / "index.lock").write_text("")  # of a git that was killed
    assert fetch_guide(repository.address("#main:docs")).folder == folder
    assert (folder / "cats.md").read_text() == "# Cats\n\nCats sleep.\n"
    assert not (folder / "own.md").exists()


@needs_git
@pytest.mark.parametrize(
    ("rest", "message", "hint"),
    [
        ("#none", "couldn't find remote ref none", "Name a branch"),
        ("#main:none", "There is no folder none", "#BRANCH:FOLDER"),
        ("-gone", "does not appear to be a git repository", "Check the address"),
    ],
)
def test_an_error_says_what_git_says_and_what_to_do(repository, rest, message, hint):
    with pytest.raises(GuideError) as raised:
        fetch_guide(repository.address(rest))
    assert message in raised.value.message
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("git+http://example.com/a", "git+http:// is not fetched"),
        ("git+ext::sh -c id", "no address of a repository"),
        ("git+ext://sh -c id", "git+ext:// is not fetched"),
        ("git+https://me:secret@example.com/a", "has a user or a password"),
        ("git+https://example.com/a#--upload-pack=id", "no name of a branch"),
        ("git+https://example.com/a#a..b", "no name of a branch"),
        ("git+https://example.com/a#main:../..", "no folder in the repository"),
        ("git+https://example.com/a#main:/etc", "no folder in the repository"),
        ("git+https://example.com/a#main:.git/hooks", "no folder in the repository"),
    ],
)
def test_an_address_that_could_do_something_else_is_refused(address, message):
    with pytest.raises(SettingsError) as raised:
        fetch_guide(Path(address))
    assert message in raised.value.message
    assert "secret" not in str(raised.value)


@needs_git
def test_no_hook_runs_and_no_link_leads_out(repository, tmp_path, monkeypatch):
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (hooks / "post-checkout").chmod(0o755)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(hooks.parent))
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.md").write_text("# Key\n")
    (repository.folder / "docs" / "out.md").symlink_to(tmp_path / "secret" / "key.md")
    (repository.folder / "all").symlink_to(tmp_path / "secret")
    repository.commit()
    guide = read_guide(fetch_guide(repository.address("#main:docs")).folder)
    assert [page.path for page in guide.pages] == ["cats.md", "dogs.md"]
    assert [warning.message for warning in guide.warnings] == [
        "out.md is not read: the link leads out of the guide."
    ]
    with pytest.raises(GuideError, match="There is no folder all"):
        fetch_guide(repository.address("#main:all"))
    assert not (tmp_path / "ran").exists()


@needs_git
def test_within_a_hook_of_another_repository_that_one_is_left_alone(
    repository, tmp_path, monkeypatch
):
    other = Repository(tmp_path / "other")
    other.commit(own="# Own\n")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.folder))
    assert (fetch_guide(repository.address("#main:docs")).folder / "cats.md").exists()
    assert (other.folder / "docs" / "own.md").exists()


def test_without_git_the_error_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GuideError, match="git is not installed"):
        fetch_guide(Path("git+https://example.com/a"))


# -- archives -------------------------------------------------------------------------------------

PAGES = {
    "export/index.md": "# Boats\n\nBoats float.\n",
    "export/more/sails.md": "# Sails\n\nRed.\n",
}


def zipped(place: Path, files: dict[str, str]) -> Path:
    with ZipFile(place, "w", ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return place


def tarred(place: Path, files: dict[str, str], mode: str, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(place, mode) as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, BytesIO(text.encode()))
        for member in members:
            archive.addfile(member)
    return place


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, to
    return member


@pytest.mark.parametrize(
    ("name", "mode"), [("a.zip", ""), ("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.TGZ", "w:gz")]
)
def test_an_archive_is_unpacked_into_the_cache_without_its_top_folder(tmp_path, name, mode):
    archive = tmp_path / name
    tarred(archive, PAGES, mode) if mode else zipped(archive, PAGES)
    assert is_source(archive)
    guide = fetch_guide(archive)
    assert guide.notes == ()
    assert guide.folder.is_relative_to(tmp_path / "cache")
    assert [page.path for page in read_guide(guide.folder).pages] == ["index.md", "more/sails.md"]
    assert find_fetched(archive) == guide.folder


def test_an_archive_that_changed_is_unpacked_again_and_another_is_not(tmp_path):
    archive = zipped(tmp_path / "a.zip", PAGES)
    folder = fetch_guide(archive).folder
    (folder / "mark.txt").write_text("mine")
    assert fetch_guide(archive).folder == folder
    assert (folder / "mark.txt").exists()
    zipped(archive, {"index.md": "# Boats\n\nBoats sink.\n"})
    assert fetch_guide(archive).folder == folder
    assert [path.name for path in folder.iterdir()] == ["index.md"]
    assert "sink" in (folder / "index.md").read_text()


@pytest.mark.parametrize("name", ["../out.md", "a/../../out.md", "/tmp/out.md", "..\\out.md"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_file_that_leads_out_of_the_archive_is_refused(tmp_path, name, kind):
    archive = tmp_path / "deep" / f"a.{kind}"
    archive.parent.mkdir()
    files = {"good.md": "# Good\n", name: "# Out\n"}
    zipped(archive, files) if kind == "zip" else tarred(archive, files, "w")
    with pytest.raises(GuideError, match="has a file that leads out of it"):
        fetch_guide(archive)
    assert not list(tmp_path.rglob("*out.md"))
    assert find_fetched(archive) is None


def test_links_and_devices_are_left_out_and_noted(tmp_path):
    hostile = [link("b.md", "/etc/passwd"), link("c.md", "a.md", tarfile.LNKTYPE)]
    hostile += [link("d", "..", tarfile.SYMTYPE), link("e.md", "", tarfile.FIFOTYPE)]
    archive = tarred(tmp_path / "a.tar", {"a.md": "# A\n\nWords.\n"}, "w", *hostile)
    guide = fetch_guide(archive)
    assert guide.notes == (
        f"4 links or repeated names were left out of {archive}, the first is 'b.md'.",
    )
    assert [path.name for path in guide.folder.iterdir()] == ["a.md"]
    assert fetch_guide(archive).notes == guide.notes
    packed = tmp_path / "a.zip"
    with ZipFile(packed, "w") as made:
        made.writestr("a.md", "# A\n\nWords.\n")
        entry = ZipInfo("b.md")
        entry.external_attr = 0o120777 << 16
        made.writestr(entry, "/etc/passwd")
    guide = fetch_guide(packed)
    assert guide.notes == (
        f"1 link or repeated name was left out of {packed}, the first is 'b.md'.",
    )


def test_a_file_behind_a_link_is_not_written_through_it(tmp_path):
    (tmp_path / "outside").mkdir()
    member = tarfile.TarInfo("d/x.md")
    archive = tarred(tmp_path / "a.tar", {}, "w", link("d", str(tmp_path / "outside")), member)
    assert (fetch_guide(archive).folder / "x.md").exists()
    assert not list((tmp_path / "outside").iterdir())


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("a.zip", b"", "cannot be unpacked"),
        ("a.zip", b"no archive", "cannot be unpacked"),
        ("a.tar.gz", b"no archive", "cannot be unpacked"),
        ("a.tar", b"", "cannot be unpacked"),
        ("a.tgz", b"\x1f\x8b\x08\x00", "cannot be unpacked"),
    ],
)
def test_what_is_no_archive_is_an_error(tmp_path, name, raw, message):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(GuideError, match=message):
        fetch_guide(tmp_path / name)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_an_archive_that_was_cut_off_is_an_error_and_the_copy_before_stays(tmp_path, name):
    archive = tmp_path / name
    noise = {f"{n}.md": f"# {n}\n\n{os.urandom(300).hex()}\n" for n in range(50)}
    tarred(archive, noise, "w:gz") if name.endswith("gz") else zipped(archive, noise)
    folder = fetch_guide(archive).folder
    archive.write_bytes(archive.read_bytes()[:-2_000])
    with pytest.raises(GuideError, match="cannot be unpacked"):
        fetch_guide(archive)
    assert len(list(folder.iterdir())) == 50


def test_a_bomb_is_refused(tmp_path):
    archive = zipped(tmp_path / "a.zip", {f"{n}.md": " " * 60_000_000 for n in range(2)})
    with pytest.raises(GuideError, match="unpacks to more than 100 MB"):
        fetch_guide(archive)


def test_a_missing_archive_and_a_folder_named_like_one(tmp_path):
    with pytest.raises(GuideError, match="There is no archive"):
        fetch_guide(tmp_path / "none.zip")
    (tmp_path / "docs.zip").mkdir()
    assert not is_source(tmp_path / "docs.zip")


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(AssistantError, match="cannot be written"):
        fetch_guide(zipped(tmp_path / "a.zip", PAGES))
