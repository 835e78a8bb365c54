"""Pictures of a guide are files inside its folder, and nothing else is."""

from __future__ import annotations

import os

import pytest

from assistant.guide import pictures
from assistant.guide.pictures import find_picture, read_picture, read_size

DOT = b"<svg xmlns='http://www.w3.org/2000/svg'/>"


@pytest.fixture
def guide(tmp_path):
    folder = tmp_path / "guide"
    (folder / "parts" / "plans").mkdir(parents=True)
    (folder / ".git").mkdir()
    for name in ("boat.svg", "parts/plans/my boat.PNG", ".git/boat.png", ".boat.png", "notes.txt"):
        (folder / name).write_bytes(DOT)
    (tmp_path / "secret.png").write_bytes(b"secret")
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "same.png").symlink_to("boat.svg")
    os.mkfifo(folder / "pipe.png")
    (folder / "folder.png").mkdir()
    return folder


@pytest.mark.parametrize(
    ("page", "address", "path"),
    [
        ("index.md", "boat.svg", "boat.svg"),
        ("index.md", "./boat.svg#mast", "boat.svg"),
        ("parts/a.md", "plans/my%20boat.PNG", "parts/plans/my boat.PNG"),
        ("parts/a.md", "../boat.svg", "boat.svg"),
        ("parts/a.md", "/boat.svg", "boat.svg"),
        ("parts/a.md", "boat.svg", ""),
        ("parts/a.md", "../../secret.png", ""),
        ("index.md", "https://boats.example/boat.svg", ""),
        ("index.md", "data:image/svg+xml,x", ""),
        ("index.md", "", ""),
    ],
)
def test_an_address_on_a_page_leads_to_a_file_of_the_guide_or_nowhere(guide, page, address, path):
    assert find_picture(guide, page, address) == path


def test_a_picture_is_read_with_its_bytes(guide):
    assert read_picture(guide, "parts/plans/my boat.PNG") == DOT
    assert read_picture(guide, "same.png") == DOT


@pytest.mark.parametrize(
    "path",
    [
        "../secret.png", "parts/../../secret.png", "/etc/passwd.png", "out.png", "loop.png",
        "pipe.png", "folder.png", ".boat.png", ".git/boat.png", "notes.txt", "boat.svg\0.png",
        "..\\secret.png", "none.png", "", "a" * 300 + ".png",
    ],
)  # fmt: skip
def test_nothing_else_is_read(guide, path):
    assert read_picture(guide, path) is None


def test_a_picture_over_the_limit_is_not_read(guide):
    with (guide / "large.png").open("wb") as file:
        file.truncate(pictures.MAX_BYTES + 1)
    assert read_picture(guide, "large.png") is None


def test_there_are_none_where_the_guide_is_not_on_this_machine(tmp_path):
    assert find_picture(tmp_path / "none", "index.md", "boat.svg") == ""
    assert read_picture(tmp_path / "none", "boat.svg") is None


@pytest.mark.parametrize(
    ("name", "data", "size"),
    [
        ("boat.svg", b"<svg xmlns='x' viewBox='0 0 640 360.4'>", (640, 360)),
        ("boat.svg", b"<svg>viewBox='0 0 640 360'</svg>", None),
        ("boat.svg", b"<svg viewBox='0 0 0 99999999'>", None),
        ("a.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x80\x00\x00\x01h", (640, 360)),
        ("a.png", b"\x89PNG\r\n\x1a\n", None),
        ("a.gif", b"GIF89a\x80\x02h\x01", (640, 360)),
        ("a.webp", b"RIFF", None),
        ("secret.txt", b"GIF89a\x80\x02h\x01", None),
    ],
)
def test_the_size_of_a_picture_is_read_where_its_file_begins_with_it(tmp_path, name, data, size):
    (tmp_path / name).write_bytes(data)
    assert read_size(tmp_path, name) == size
    assert read_size(tmp_path, f"../{name}") is None
