"""The guide that comes with the package, and where its index is kept.

Knows the package's own folder and the user's cache folder. Must not know how an index is built,
nor when this guide is the one to be asked.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import platformdirs

from assistant import __version__

_PACKAGE = Path(__file__).parent


def corpus_folder() -> Path | None:
    """The guide's folder: inside the package, or beside it in a checkout; None where it is gone."""
    inside, beside = _PACKAGE / "corpus", _PACKAGE.parent / "corpus"
    if inside.is_dir():
        return inside
    # Beside an installed package stand those of others, one of which may be called so.
    is_checkout = (_PACKAGE.parent / "pyproject.toml").is_file()
    return beside if is_checkout and beside.is_dir() else None


def cache_folder() -> Path | None:
    """The user's own cache folder, which may not be there yet; None where no home is known."""
    try:
        return Path(platformdirs.user_cache_dir("guide-assistant", appauthor=False))
    except RuntimeError:  # neither the environment nor the list of users names a home folder
        return None


def indexes_folder() -> Path | None:
    """The folder of its indexes, in the user's own cache folder; None where there is none."""
    folder = cache_folder()
    return folder and folder / "guides"


def index_folder(guide: Path, model: str) -> Path | None:
    """Where the index over a guide's files as they are now is kept, one for each version and model.

    So one that stands there needs never be brought up to date. None where `indexes` is.
    """
    folder = indexes_folder()
    if folder is None:
        return None
    digest = hashlib.sha256(f"{__version__}\0{model}\0".encode())
    for path in sorted(path for path in guide.rglob("*") if path.is_file()):
        digest.update(path.relative_to(guide).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return folder / digest.hexdigest()[:16]
