"""Which files of a folder are a guide's pages, and which parts of the folder are not read.

One pass over the folder: hidden files, installed packages, virtual environments and the output
of publishing tools are left out, and no symbolic link is followed out of the guide.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import GuideError
from assistant.guide import publishers
from assistant.models.documents import GuideWarning
from assistant.readers import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_IGNORED_FOLDERS = frozenset({"node_modules", "__pycache__"})  # other people's pages, or none
_ENVIRONMENT_FILE = "pyvenv.cfg"  # stands at the top of every virtual environment of Python
_MAX_CONFIGURATION_BYTES = (
    100_000  # bytes; where a tool writes is said near the top of its own file
)
_MAX_LISTED_LINKS = 20  # links of one kind that are named one by one

_LEADS_OUT = "the link leads out of the guide"
_LEADS_INSIDE = "it is a link to a folder of the guide, which is read where it stands"
_LEADS_NOWHERE = "the link leads nowhere"


@dataclass(frozen=True, slots=True)
class GuideFiles:
    """A guide's files and folders: paths inside it with forward slashes, sorted.

    `folders` are those that were listed, the guide's own as "". `unlisted` are those that could
    not be. `skipped` says which parts of the folder are not read, and why; what is marked as
    unread there should have been read.
    """

    paths: tuple[str, ...]
    folders: tuple[str, ...]
    unlisted_folders: tuple[str, ...]
    warnings: tuple[GuideWarning, ...]

    @property
    def unreadable(self) -> tuple[GuideWarning, ...]:
        """What should have been read and could not be."""
        return tuple(oddity for oddity in self.warnings if oddity.unreadable)


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name is never looked at, wherever it stands."""
    return name.startswith(".") or name in _IGNORED_FOLDERS


def affects_guide(name: str) -> bool:
    """Whether a file of this name is a page, or decides which folders are read."""
    return (
        name.lower().endswith(decode.SUFFIXES)
        or name == _ENVIRONMENT_FILE
        or publishers.is_generator_file(name)
    )


def list_files(folder: Path) -> GuideFiles:
    """List a guide. Raises GuideError where there is no folder."""
    if not folder.is_dir():
        raise GuideError(f"There is no guide at {folder}.", "Name a folder with --corpus.")
    return _FolderWalk(os.path.realpath(folder)).run()


def printable_path(path: str) -> str:
    """A file's name with the bytes that are no text written out."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


class _FolderWalk:
    """One pass over a guide's folder."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._paths: list[str] = []
        self._folders: list[str] = []
        self._list_errors: dict[str, str] = {}  # a folder, and why it could not be listed
        self._links: dict[str, list[str]] = defaultdict(list)  # why a link is skipped, and which
        self._outputs: dict[str, str] = {}  # a folder, and which tool writes there
        self._existing_outputs: set[str] = set()  # those of them that there are

    def run(self) -> GuideFiles:
        parent, own = os.path.split(self._root)
        try:
            names = os.listdir(parent)  # noqa: PTH208 - names are all that is needed
        except OSError:
            names = []
        for output, tool in self._find_outputs(parent, names):
            if output.startswith(f"{own}/"):
                self._outputs[output.removeprefix(f"{own}/")] = tool
        waiting = [""]
        while waiting:
            waiting.extend(self._list_folder(waiting.pop()))
        # A tool may write beside the folder of its configuration, which was perhaps listed before.
        late = tuple(f"{output}/" for output in self._outputs)
        return GuideFiles(
            paths=tuple(sorted(path for path in self._paths if not path.startswith(late))),
            folders=tuple(
                sorted(path for path in self._folders if not f"{path}/".startswith(late))
            ),
            unlisted_folders=tuple(sorted(self._list_errors)),
            warnings=tuple(self._make_warnings()),
        )

    def _list_folder(self, inside: str) -> Iterator[str]:
        """List one folder, and yield those of its folders that are to be listed."""
        place = os.path.join(self._root, inside)  # noqa: PTH118 - thousands of them
        try:
            with os.scandir(place) as scanned:
                entries = {entry.name: entry for entry in scanned}
        except (FileNotFoundError, NotADirectoryError):
            return  # gone since it was named
        except OSError as error:
            self._list_errors[inside] = error.strerror or str(error)
            return
        if _ENVIRONMENT_FILE in entries and inside:
            return
        for output, tool in self._find_outputs(place, entries):
            self._outputs[posixpath.normpath(posixpath.join(inside, output))] = tool
        self._folders.append(inside)
        for name, entry in entries.items():
            if is_ignored(name):
                continue
            path = f"{inside}/{name}" if inside else name
            if entry.is_symlink():
                self._add_link(entry, path)
            elif entry.is_dir(follow_symlinks=False):
                if path in self._outputs:
                    self._existing_outputs.add(path)
                else:
                    yield path
            elif name.lower().endswith(decode.SUFFIXES):
                self._paths.append(path)

    def _add_link(self, entry: os.DirEntry[str], path: str) -> None:
        """Take a link to a page of the guide for a page; note any other that seems to be one."""
        page = path.lower().endswith(decode.SUFFIXES)
        try:
            folder = entry.is_dir()
            to = Path(entry.path).resolve()
        except (OSError, RuntimeError):  # a link that leads back to itself
            if page:
                self._links[_LEADS_NOWHERE].append(path)
            return
        if not folder and not page:
            return
        if not to.is_relative_to(self._root):
            self._links[_LEADS_OUT].append(path)
        elif folder:
            self._links[_LEADS_INSIDE].append(path)
        else:
            self._paths.append(path)

    def _find_outputs(self, place: str, names: Iterable[str]) -> list[tuple[str, str]]:
        return publishers.find_outputs(names, lambda name: _read_configuration(Path(place, name)))

    def _make_warnings(self) -> Iterator[GuideWarning]:
        late = self._outputs.keys() & set(self._folders)
        for path in sorted(self._list_errors):
            named = printable_path(path) or f"The guide's folder {printable_path(str(self._root))}"
            what = f"{named} cannot be read: {self._list_errors[path]}."
            yield GuideWarning(printable_path(path), 1, what, unreadable=True)
        for path in sorted(self._existing_outputs | late):
            what = f"{printable_path(path)} is not read: {self._outputs[path]} writes its output there."
            yield GuideWarning(printable_path(path), 1, what)
        for why, paths in sorted(self._links.items()):
            for path in sorted(paths)[:_MAX_LISTED_LINKS]:
                yield GuideWarning(
                    printable_path(path), 1, f"{printable_path(path)} is not read: {why}."
                )
            if len(paths) > _MAX_LISTED_LINKS:
                first, more = (
                    printable_path(sorted(paths)[_MAX_LISTED_LINKS]),
                    len(paths) - _MAX_LISTED_LINKS,
                )
                yield GuideWarning(
                    first, 1, f"{more:,} more links are not read, each because {why}."
                )


def _read_configuration(path: Path) -> str | None:
    """The beginning of a tool's configuration; None where there is no such file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            return file.read(_MAX_CONFIGURATION_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
