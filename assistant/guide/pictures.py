"""Find the pictures that pages show: image files inside the guide's folder."""

from __future__ import annotations

import io
import posixpath
import re
import struct
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from assistant import files
from assistant.guide.links import is_internal, join_path, split_address

if TYPE_CHECKING:
    from typing import Final

MEDIA_TYPES: Final = {
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
"""The media type of each suffix that is served."""

MAX_BYTES = 10_000_000

_HEAD_BYTES = 2000  # where a picture's size is found, if at all
_MAX_PIXELS = 100_000
_VIEW_BOX = re.compile(
    rb"<svg\b[^<>]*?\sviewBox\s*=\s*[\"']\s*[-\d.]{1,20}[\s,]+[-\d.]{1,20}[\s,]+"
    rb"(\d{1,6}(?:\.\d{1,9})?)[\s,]+(\d{1,6}(?:\.\d{1,9})?)\s*[\"']"
)


def find_picture(folder: Path, page: str, address: str) -> str:
    """Return the path in the guide of a picture on a page; empty where there is no such file."""
    if not is_internal(address):
        return ""
    path = join_path(posixpath.dirname(page), split_address(address)[0])
    return path if path and _locate(folder, path) else ""


def read_picture(folder: Path, path: str) -> bytes | None:
    """Read a picture by its path in the guide; None where there is no such file."""
    file = _locate(folder, path)
    try:
        return files.read_bytes(file) if file else None
    except OSError:  # removed, or closed to this user
        return None


def read_size(folder: Path, path: str) -> tuple[int, int] | None:
    """Read the width and height of a picture, so that a page leaves room for it before it loads.

    None where its file does not say it at its beginning: a JPEG may have it far inside.
    """
    file = _locate(folder, path)
    try:
        with file.open("rb") if file else io.BytesIO() as opened:
            head = opened.read(_HEAD_BYTES)
    except OSError:  # removed, or closed to this user
        return None
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        width, height = struct.unpack(">II", head[16:24])
    elif head.startswith((b"GIF87a", b"GIF89a")) and len(head) >= 10:
        width, height = struct.unpack("<HH", head[6:10])
    elif box := _VIEW_BOX.search(head):
        width, height = (round(float(number)) for number in box.groups())
    else:
        return None
    return (width, height) if 0 < width < _MAX_PIXELS and 0 < height < _MAX_PIXELS else None


def _locate(folder: Path, path: str) -> Path | None:
    """Locate a picture inside the folder: no hidden file, and none that a link leads out to."""
    parts = PurePosixPath(path).parts
    is_hidden = any(part.startswith(".") for part in parts) or "\0" in path or "\\" in path
    if not parts or is_hidden or path.startswith("/"):
        return None
    if PurePosixPath(path).suffix.lower() not in MEDIA_TYPES:
        return None
    try:
        home, file = folder.resolve(), (folder / path).resolve()
        is_inside = file.is_relative_to(home) and file.is_file()
        return file if is_inside and file.stat().st_size <= MAX_BYTES else None
    except (OSError, RuntimeError):  # a loop of links, a name that is too long
        return None
