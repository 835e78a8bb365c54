"""Bring a guide that is no folder into one: a git repository, or an archive.

Only what the user names is fetched. The copies are in the user's cache, and are brought up to date
with no more than what has changed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
import tarfile
import tempfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

from assistant import bundled
from assistant.errors import GuideError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

# A path collapses the slashes of an address: git+https://… is git+https:/… here.
_REPOSITORY = re.compile(r"git\+(\w++):/++([^#]*+)(?:#([^:]*+)(?::(.*))?)?", re.DOTALL)
_PROTOCOLS = ("https", "ssh", "file")
_REFERENCE = re.compile(r"[\w.][\w./@+-]{0,200}")
_GIT_SECONDS = 3_600  # a repository of 5 GB on a slow line
_MAX_REPORT_CHARS = 300  # of what git said

# The largest public documentation tree has 40,000 files; pictures make most of its 2 GB.
_MAX_FILES = 200_000
_MAX_BYTES = 8_000_000_000
_MAX_RATIO = 200  # to the archive's size; HTML packs 10 to 40 times
_UNCHECKED_BYTES = 100_000_000  # up to this size, any ratio is allowed
_CHUNK_BYTES = 1_000_000
_ARCHIVE_ERRORS = (
    BadZipFile,
    EOFError,
    LZMAError,
    NotImplementedError,
    RuntimeError,
    tarfile.TarError,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class LocalGuide:
    """The folder of a guide, and notes on what of its source was left out."""

    folder: Path
    notes: tuple[str, ...] = ()


def is_source(corpus: Path) -> bool:
    """Check whether a guide is no folder, but has to be brought into one."""
    return is_repository(corpus) or (corpus.name.lower().endswith(ARCHIVES) and not corpus.is_dir())


def is_repository(corpus: Path) -> bool:
    """Check whether a guide is the address of a git repository."""
    return str(corpus).startswith("git+")


def fetch_guide(corpus: Path) -> LocalGuide:
    """Bring a guide into a folder of the user's cache, or bring that up to date.

    Raises GuideError, with what git or the archive's reader says, where that fails.
    """
    if is_repository(corpus):
        return LocalGuide(_fetch_repository(_Repository.parse(str(corpus))))
    return _unpack_archive(corpus)


def find_fetched(corpus: Path) -> Path | None:
    """Return the folder that a source was brought into before; None where there is none."""
    if is_repository(corpus):
        repository = _Repository.parse(str(corpus))
        folder = _source_folder(repository.address) / "files" / repository.folder
    else:
        folder = _source_folder(str(corpus.resolve())) / "files"
    return folder if folder.is_dir() else None


def _source_folder(name: str) -> Path:
    """Return the folder of a source in the user's cache, which may not exist."""
    cache = bundled.cache_folder()
    if cache is None:
        raise SettingsError(
            "There is no home folder for a copy of the guide.",
            "Name a folder that may be written to: XDG_CACHE_HOME=FOLDER",
        )
    return (
        cache / "sources" / hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    )


@contextmanager
def _lock_source(name: str) -> Iterator[Path]:
    """Make the folder of a source, which only this user may read, and lock it."""
    from filelock import FileLock

    folder = _source_folder(name)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(folder / "lock"):
            yield folder
    except OSError as error:
        message = f"The copy of the guide in {folder} cannot be written"
        raise GuideError(
            f"{message}: {error.strerror or error}.",
            "Make room on the disk, or name another folder: XDG_CACHE_HOME=FOLDER",
        ) from error


# -- git ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Repository:
    """The address of a repository, its branch (or tag), and the guide's folder in it."""

    address: str
    branch: str
    folder: str

    @classmethod
    def parse(cls, text: str) -> _Repository:
        """Parse git+https://host/name#branch:folder. Raises SettingsError where it is another."""
        match = _REPOSITORY.fullmatch(text)
        example = "For example: --corpus git+https://example.com/team/handbook#main:docs"
        if not match:
            raise SettingsError(f"{text} is no address of a repository.", example)
        protocol, place, branch, folder = match[1], match[2], match[3] or "", match[4] or ""
        if protocol not in _PROTOCOLS:
            known = ", ".join(f"git+{each}://" for each in _PROTOCOLS)
            raise SettingsError(f"git+{protocol}:// is not fetched.", f"Use one of: {known}")
        if protocol == "https" and "@" in place.partition("/")[0]:
            raise SettingsError(
                "The address of the repository has a user or a password.",
                "Leave them to git: git config --global credential.helper store",
            )
        if branch and (not _REFERENCE.fullmatch(branch) or ".." in branch):
            raise SettingsError(f"{branch!r} is no name of a branch.", example)
        parts = PurePosixPath(folder).parts
        if folder.startswith("/") or ".." in parts or ".git" in parts:
            raise SettingsError(f"{folder!r} is no folder in the repository.", example)
        slashes = ":///" if protocol == "file" else "://"
        return cls(f"{protocol}{slashes}{place}", branch, "/".join(parts))


def _fetch_repository(repository: _Repository) -> Path:
    with _lock_source(repository.address) as home:
        files = home / "files"
        for lock in (files / ".git").glob("*.lock"):  # of a git that was killed
            lock.unlink()
        _run_git(repository, "init", "--quiet", "--", str(files))
        git = ("-C", str(files))
        _run_git(
            repository, *git, "fetch", "--quiet", "--depth=1", "--no-tags", "--force",
            "--no-recurse-submodules", "--", repository.address, repository.branch or "HEAD",
        )  # fmt: skip
        _run_git(repository, *git, "checkout", "--quiet", "--force", "--detach", "FETCH_HEAD")
        _run_git(repository, *git, "clean", "--quiet", "-ffdx")
    folder = files / repository.folder
    if not folder.is_dir() or not folder.resolve().is_relative_to(files.resolve()):
        raise GuideError(
            f"There is no folder {repository.folder} in {repository.address}.",
            "Name one that is there: git+…#BRANCH:FOLDER",
        )
    return folder


def _run_git(repository: _Repository, *arguments: str) -> None:
    """Run git, which asks nothing and runs no hook. Raises GuideError with what it says."""
    options = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "advice.detachedHead=false")
    command = ["git", *(word for option in options for word in ("-c", option)), *arguments]
    # Run from a hook, git would use the repository of the hook.
    inherited = {key: value for key, value in os.environ.items() if key not in _GIT_VARIABLES}
    environment = {
        **inherited,
        "GIT_ALLOW_PROTOCOL": ":".join(_PROTOCOLS),  # also where a server redirects
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and what the user names is after `--`
            command,
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=environment,
            timeout=_GIT_SECONDS,
            start_new_session=True,  # without a terminal, ssh asks nothing either
        )
    except FileNotFoundError:
        raise GuideError("git is not installed.", "Install it, or name a folder.") from None
    except subprocess.TimeoutExpired:
        message = f"git took more than {_GIT_SECONDS:,} s for {repository.address}."
        raise GuideError(message, "Clone it yourself, and name its folder.") from None
    if done.returncode:
        report = done.stderr.decode("utf-8", "replace")
        message = f"git cannot read {repository.address}: {_shorten_report(report)}"
        raise GuideError(message, _suggest_fix(report, repository))


_GIT_VARIABLES = frozenset(
    """
    GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
    GIT_COMMON_DIR GIT_NAMESPACE GIT_PREFIX
    """.split()
)


def _shorten_report(report: str) -> str:
    """Return what git says is wrong, on one line."""
    lines = [line.strip() for line in report.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ssh:"))]
    shown = " ".join(errors or lines[-2:]) or "it does not say why"
    return shown if len(shown) <= _MAX_REPORT_CHARS else f"{shown[:_MAX_REPORT_CHARS]}…"


def _suggest_fix(report: str, repository: _Repository) -> str:
    lower = report.lower()
    check = f"git ls-remote -- {repository.address}"
    if "couldn't find remote ref" in lower or "not our ref" in lower:
        return f"Name a branch or tag that is there: {check}"
    if any(mark in lower for mark in ("username", "authentication", "permission denied", "403")):
        return f"Let git read it, with a credential helper or an SSH key; then try: {check}"
    if "host key" in lower:
        return f"Confirm the host's key once: {check}"
    if "resolve host" in lower or "connect" in lower or "timed out" in lower:
        return f"Check the address and the network: {check}"
    return f"Check the address: {check}"


# -- archives -------------------------------------------------------------------------------------


def _unpack_archive(archive: Path) -> LocalGuide:
    """Unpack an archive, unless its copy is up to date."""
    try:
        with archive.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise GuideError(f"{archive} is not a file.", "Name an archive, or a folder.")
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise GuideError(f"There is no archive {archive}.", "Name one with --corpus.") from None
    except OSError as error:
        message = f"{archive} cannot be read: {error.strerror or error}."
        raise GuideError(message, "Name an archive that this user may read.") from error
    with _lock_source(str(archive.resolve())) as home:
        files, record = home / "files", home / "unpacked"
        before = record.read_text(encoding="utf-8").split("\n") if record.is_file() else [""]
        if before[0] == digest and files.is_dir():
            return LocalGuide(files, tuple(before[1:]))
        record.unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=home) as draft:
            unpacked = Path(draft) / "files"
            notes = _unpack(archive, unpacked)
            if files.exists():
                shutil.rmtree(files)
            _find_top_folder(unpacked).rename(files)
        record.write_text("\n".join((digest, *notes)), encoding="utf-8")
    return LocalGuide(files, tuple(notes))


def _find_top_folder(folder: Path) -> Path:
    """Return the folder that holds everything: an archive often has its own name as a folder."""
    entries = list(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder


def _unpack(archive: Path, target: Path) -> list[str]:
    """Unpack the files of an archive; return notes on what was left out."""
    target.mkdir()
    unpacker = _Unpacker(archive, target)
    try:
        if archive.name.lower().endswith(".zip"):
            with ZipFile(archive) as packed:
                for entry in packed.infolist():
                    is_link = stat.S_ISLNK(entry.external_attr >> 16)
                    if not entry.is_dir():
                        unpacker.add(
                            entry.filename,
                            None if is_link else lambda entry=entry: packed.open(entry),  # type: ignore[misc]
                        )
        else:
            with tarfile.open(archive) as packed_tar:
                for member in packed_tar:
                    if not member.isdir():
                        unpacker.add(
                            member.name,
                            (lambda member=member: packed_tar.extractfile(member))  # type: ignore[misc]
                            if member.isreg()
                            else None,
                        )
    except _ARCHIVE_ERRORS as error:
        reason = str(error) or "it is incomplete"
        message = f"{archive} cannot be unpacked: {reason[:_MAX_REPORT_CHARS]}."
        raise GuideError(message, "Export it again, or unpack it and name the folder.") from error
    return unpacker.make_notes()


class _Unpacker:
    """Writes the files of an archive below a folder, and never beside it, within limits."""

    def __init__(self, archive: Path, target: Path) -> None:
        self._archive = archive
        self._target = target
        self._file_count = self._size = 0
        ratio_limit = max(_UNCHECKED_BYTES, _MAX_RATIO * archive.stat().st_size)
        self._max_bytes = min(_MAX_BYTES, ratio_limit)
        self._left_out: list[str] = []

    def add(self, name: str, open_file: Callable[[], IO[bytes] | None] | None) -> None:
        """Write a file; one that cannot be opened is a link or a device, and is left out."""
        self._file_count += 1
        if self._file_count > _MAX_FILES:
            raise self._limit_error(f"more than {_MAX_FILES:,} files")
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or "\0" in name:
            message = f"{self._archive} has a file that leads out of it: {name[:200]}"
            raise GuideError(message, "Unpack it where nothing can be overwritten.")
        file = open_file() if open_file else None
        if file is None or not path.parts:
            self._left_out.append(name)
            return
        place = self._target.joinpath(*path.parts)
        with file:
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("xb") as written:
                    self._copy(file, written)
            except (FileExistsError, NotADirectoryError):  # a name that stands there twice
                self._left_out.append(name)

    def _copy(self, file: IO[bytes], written: IO[bytes]) -> None:
        while chunk := file.read(_CHUNK_BYTES):
            self._size += len(chunk)  # counted, since an archive may declare another size
            if self._size > self._max_bytes:
                raise self._limit_error(f"more than {self._max_bytes // 1_000_000:,} MB")
            written.write(chunk)

    def _limit_error(self, excess: str) -> GuideError:
        hint = "Pack the folder with the pages alone, or unpack it and name the folder."
        return GuideError(f"{self._archive} unpacks to {excess}.", hint)

    def make_notes(self) -> list[str]:
        """Return a note on what was left out, if anything was."""
        if not self._left_out:
            return []
        count = len(self._left_out)
        what = "1 link or repeated name was" if count == 1 else (
            f"{count:,} links or repeated names were"
        )  # fmt: skip
        first = self._left_out[0].encode("utf-8", "backslashreplace").decode()[:200]
        return [f"{what} left out of {self._archive}, the first is {first!r}."]
