"""Find the guide that comes with the package, and the folders of the user's cache."""

from __future__ import annotations

import hashlib
from pathlib import Path

import platformdirs

from assistant import __version__

_PACKAGE = Path(__file__).parent


def corpus_folder() -> Path | None:
    """Return the guide's folder, in the package or beside it in a checkout; None if missing."""
    inside, beside = _PACKAGE / "corpus", _PACKAGE.parent / "corpus"
    if inside.is_dir():
        return inside
    # An installed package is beside others, and one of those may be called `corpus`.
    is_checkout = (_PACKAGE.parent / "pyproject.toml").is_file()
    return beside if is_checkout and beside.is_dir() else None


def cache_folder() -> Path | None:
    """Return the user's cache folder, which may not exist yet; None if no home folder is known."""
    try:
        return Path(platformdirs.user_cache_dir("guide-assistant", appauthor=False))
    except RuntimeError:  # neither the environment nor the list of users names a home folder
        return None


def indexes_folder() -> Path | None:
    """Return the folder of the guide's indexes in the user's cache; None if there is no cache."""
    folder = cache_folder()
    return folder and folder / "guides"


def index_folder(guide: Path, model: str) -> Path | None:
    """Return the folder for an index of a guide's files as they are now; None if there is no cache.

    Its name is a digest of the package's version, the model and the files, so an index in it never
    needs an update.
    """
    folder = indexes_folder()
    if folder is None:
        return None
    digest = hashlib.sha256(f"{__version__}\0{model}\0".encode())
    for path in sorted(path for path in guide.rglob("*") if path.is_file()):
        digest.update(path.relative_to(guide).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return folder / digest.hexdigest()[:16]
