"""List the pages in a guide's folder.

Hidden files, installed packages, virtual environments and the output of site generators are left
out, and no symbolic link is followed out of the guide.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import GuideError
from assistant.guide.antora import DESCRIPTION
from assistant.guide.publishers import find_outputs, is_generator_file
from assistant.models.documents import GuideWarning
from assistant.readers import EXPORT_SUFFIX, is_page
from assistant.readers.wiki_exports import EXPORT_START_BYTES, is_export

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_IGNORED_FOLDERS = frozenset({"node_modules", "__pycache__"})  # pages of other projects, or none
# Folders of parts that a publishing tool puts into pages.
_PART_FOLDERS = frozenset("_data _includes _layouts _partials _sass _templates".split())
# In a module of Antora: the folder of what pages include, and the menus.
_EXAMPLES = "examples"
_MODULE_MENU = re.compile(r"nav(?:[-_.].*)?\.adoc\Z")
_ENVIRONMENT_FILE = "pyvenv.cfg"  # at the top of every Python virtual environment
_MAX_CONFIGURATION_BYTES = 100_000  # the output folder is set near the top
_MAX_SUFFIX_CHARS = 12  # what is after the dot of a longer one is no format
_MAX_LISTED_LINKS = 20  # skipped links of one kind that are listed one by one

# Files that show, style or run pages. Every guide has some, so they are counted only in a folder
# without pages.
_ASSET_SUFFIXES = frozenset(
    """
    .avif .bmp .gif .ico .jpeg .jpg .png .svg .tif .tiff .webp .avi .m4a .mov .mp3 .mp4 .ogg .wav
    .webm .css .less .sass .scss .js .mjs .cjs .ts .jsx .tsx .map .eot .otf .ttf .woff .woff2
    """.split()
)

_LEADS_OUT = "the link leads out of the guide"
_LEADS_INSIDE = "it is a link to a folder of the guide, which is read where it stands"
_LEADS_NOWHERE = "the link leads nowhere"


@dataclass(frozen=True, slots=True)
class GuideFiles:
    """A guide's files and folders: sorted paths inside it, with forward slashes.

    `folders` are those that were listed, the guide's own as ""; `unlisted_folders` those that could
    not be listed. `warnings` say which parts of the folder are not read, and why.
    """

    paths: tuple[str, ...]
    folders: tuple[str, ...]
    unlisted_folders: tuple[str, ...]
    warnings: tuple[GuideWarning, ...]

    @property
    def unreadable(self) -> tuple[GuideWarning, ...]:
        """The warnings for files and folders that should have been read but could not be."""
        return tuple(warning for warning in self.warnings if warning.unreadable)


def is_ignored(name: str) -> bool:
    """Check whether files and folders of this name are ignored everywhere."""
    return name.startswith(".") or name in _IGNORED_FOLDERS


def affects_guide(name: str) -> bool:
    """Check whether a file of this name is a page, or decides which folders are read."""
    may_be_page = is_page(name) or name.lower().endswith(EXPORT_SUFFIX)
    return may_be_page or name == _ENVIRONMENT_FILE or is_generator_file(name)


def list_files(folder: Path) -> GuideFiles:
    """List the files of a guide. Raises GuideError where there is no folder."""
    if not folder.is_dir():
        raise GuideError(f"There is no guide at {folder}.", "Name a folder with --corpus.")
    return _FolderWalk(os.path.realpath(folder)).run()


def printable_path(path: str) -> str:
    """Return a file's path with bytes that are not UTF-8 written as escapes."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


class _FolderWalk:
    """One pass over a guide's folder."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._paths: list[str] = []
        self._folders: list[str] = []
        self._list_errors: dict[str, str] = {}  # the error of each unlisted folder
        self._links: dict[str, list[str]] = defaultdict(list)  # skipped links, by reason
        self._others: list[str] = []  # files of other formats
        self._outputs: dict[str, str] = {}  # output folders, with the generator's name
        self._part_folders: list[str] = []
        self._modules: set[str] = set()  # Antora's folders of modules
        self._existing_outputs: set[str] = set()  # those that the walk has found

    def run(self) -> GuideFiles:
        parent, own = os.path.split(self._root)
        try:
            names = os.listdir(parent)  # noqa: PTH208 - names are all that is needed
        except OSError:
            names = []
        for output, generator in self._find_outputs(parent, names):
            if output.startswith(f"{own}/"):
                self._outputs[output.removeprefix(f"{own}/")] = generator
        waiting = [""]
        while waiting:
            waiting.extend(self._list_folder(waiting.pop()))
        # A generator may write outside its own folder, perhaps to one that was listed before.
        late = tuple(f"{output}/" for output in self._outputs)
        return GuideFiles(
            paths=tuple(sorted(path for path in self._paths if not path.startswith(late))),
            folders=tuple(
                sorted(path for path in self._folders if not f"{path}/".startswith(late))
            ),
            unlisted_folders=tuple(sorted(self._list_errors)),
            warnings=(*self._count_others(late), *self._make_warnings()),
        )

    def _list_folder(self, inside: str) -> Iterator[str]:
        """List one folder, and yield the folders in it that are to be listed."""
        place = os.path.join(self._root, inside)  # noqa: PTH118 - faster, for thousands of folders
        try:
            with os.scandir(place) as scanned:
                entries = {entry.name: entry for entry in scanned}
        except (FileNotFoundError, NotADirectoryError):
            return  # deleted since it was listed
        except OSError as error:
            self._list_errors[inside] = error.strerror or str(error)
            return
        if _ENVIRONMENT_FILE in entries and inside:
            return
        for output, generator in self._find_outputs(place, entries):
            self._outputs[posixpath.normpath(posixpath.join(inside, output))] = generator
        self._folders.append(inside)
        if DESCRIPTION in entries:
            self._modules.add(f"{inside}/modules".lstrip("/"))
        is_module = posixpath.dirname(inside) in self._modules
        for name, entry in entries.items():
            if is_ignored(name) or (is_module and _MODULE_MENU.match(name)):
                continue
            path = f"{inside}/{name}" if inside else name
            if entry.is_symlink():
                self._add_link(entry, path)
            elif entry.is_dir(follow_symlinks=False):
                if not self._skip_folder(path, name, is_module=is_module):
                    yield path
            elif is_page(name) or (name.lower().endswith(EXPORT_SUFFIX) and _is_export(entry.path)):
                self._paths.append(path)
            elif not is_generator_file(name):
                self._others.append(path)

    def _skip_folder(self, path: str, name: str, *, is_module: bool) -> bool:
        """Check whether a folder is left out, and remember it for the warnings."""
        if path in self._outputs:
            self._existing_outputs.add(path)
        elif name in _PART_FOLDERS or (is_module and name == _EXAMPLES):
            self._part_folders.append(path)
        else:
            return False
        return True

    def _add_link(self, entry: os.DirEntry[str], path: str) -> None:
        """Add a link to a page of the guide as a page; skip any other."""
        is_page_link = is_page(path)
        try:
            is_folder = entry.is_dir()
            target = Path(entry.path).resolve()
        except (OSError, RuntimeError):  # a link that leads back to itself
            if is_page_link:
                self._links[_LEADS_NOWHERE].append(path)
            return
        if not is_folder and not is_page_link:
            return
        if not target.is_relative_to(self._root):
            self._links[_LEADS_OUT].append(path)
        elif is_folder:
            self._links[_LEADS_INSIDE].append(path)
        else:
            self._paths.append(path)

    def _find_outputs(self, place: str, names: Iterable[str]) -> list[tuple[str, str]]:
        return find_outputs(names, lambda name: _read_configuration(Path(place, name)))

    def _make_warnings(self) -> Iterator[GuideWarning]:
        late = self._outputs.keys() & set(self._folders)
        for path, error in sorted(self._list_errors.items()):
            name = printable_path(path) or f"The guide's folder {printable_path(self._root)}"
            message = f"{name} cannot be read: {error}."
            yield GuideWarning(printable_path(path), 1, message, unreadable=True)
        for path in sorted(self._existing_outputs | late):
            name, generator = printable_path(path), self._outputs[path]
            yield GuideWarning(name, 1, f"{name} is not read: {generator} writes its output there.")
        for path in sorted(self._part_folders):
            name = printable_path(path)
            yield GuideWarning(name, 1, f"{name} is not read: it has parts of pages.")
        for reason, paths in sorted(self._links.items()):
            names = [printable_path(path) for path in sorted(paths)]
            for name in names[:_MAX_LISTED_LINKS]:
                yield GuideWarning(name, 1, f"{name} is not read: {reason}.")
            if more := names[_MAX_LISTED_LINKS:]:
                links = "1 more link is" if len(more) == 1 else f"{len(more):,} more links are"
                yield GuideWarning(more[0], 1, f"{links} not read: {reason}.")

    def _count_others(self, late: tuple[str, ...]) -> Iterator[GuideWarning]:
        """Yield a warning for each kind of file that is not read, the commonest first."""
        kinds: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self._others):
            suffix = posixpath.splitext(path)[1].lower()
            if not suffix[1:].isalnum() or len(suffix) > _MAX_SUFFIX_CHARS:
                suffix = ""
            if not path.startswith(late) and not (self._paths and suffix in _ASSET_SUFFIXES):
                kinds[suffix].append(path)
        for suffix, paths in sorted(kinds.items(), key=lambda kind: (-len(kind[1]), kind[0])):
            files, verb = ("file", "was") if len(paths) == 1 else ("files", "were")
            kind = f"{printable_path(suffix)} {files}" if suffix else f"{files} without a suffix"
            message = f"{len(paths):,} {kind} {verb} not read."
            yield GuideWarning(printable_path(paths[0]), 1, message)


def _is_export(path: str) -> bool:
    """Check whether a file of XML is the export of a wiki."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the path is a string
            return is_export(file.read(EXPORT_START_BYTES))
    except OSError:
        return False


def _read_configuration(path: Path) -> str | None:
    """Return the start of a configuration file; None where there is no such file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            return file.read(_MAX_CONFIGURATION_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
