"""Find the pictures that pages show: image files inside the guide's folder."""

from __future__ import annotations

import posixpath
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
