"""Find what the labels of Sphinx and MyST name, on all pages of a guide."""

from __future__ import annotations

import hashlib
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from assistant import files
from assistant.guide.include_marks import find_family
from assistant.guide.publishers import slugify
from assistant.guide.references import find_labels, normalize_label
from assistant.guide.walk import list_files

if TYPE_CHECKING:
    from pathlib import Path

_LABEL_SIGNS = re.compile(rb"^ *\.\. _[^\n]+:[ \t]*\r?$|^\([^()\n]+\)=[ \t]*\r?$", re.M)
_MAX_FILE_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Label:
    """The page that has a label, and the title of the section below it; empty without one."""

    path: str
    name: str
    title: str

    @property
    def anchor(self) -> str:
        """The anchor of the label on its page, as the readers of both languages have it."""
        is_rst = find_family(self.path) == "rst"
        return slugify(self.name, "sphinx") if is_rst else "-".join(self.name.split())

    def address_from(self, page: str) -> str:
        """Return the address of the label for a link on a page."""
        path = posixpath.relpath(self.path, posixpath.dirname(page) or ".")
        return f"{quote(path)}#{quote(self.anchor)}"


class Labels:
    """The labels of a guide; its pages are read when the first one is looked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._labels: dict[str, Label | None] | None = None

    def find(self, name: str) -> Label | None:
        """Return what a label names; None where no page has it, or several do."""
        return self.load().get(normalize_label(name))

    def digest(self) -> str:
        """Return a digest of all labels: it changes with their pages and titles."""
        known = sorted((key, repr(label)) for key, label in self.load().items())
        return hashlib.sha256(repr(known).encode("utf-8", "surrogatepass")).hexdigest()

    def load(self) -> dict[str, Label | None]:
        """Read the labels of all pages, once."""
        if self._labels is None:
            self._labels = {}
            for path in list_files(self._folder).paths:
                self._add_labels(path, self._labels)
        return self._labels

    def _add_labels(self, path: str, labels: dict[str, Label | None]) -> None:
        family = find_family(path)
        if family not in {"rst", "markdown"}:
            return
        try:
            with files.open_regular(self._folder / path) as file:
                raw = file.read(_MAX_FILE_BYTES)
        except (OSError, ValueError):
            return
        if not _LABEL_SIGNS.search(raw):
            return
        for name, title in find_labels(raw.decode("utf-8", "replace").splitlines(), family):
            key = normalize_label(name)
            known = labels.get(key)
            is_new = key not in labels or (known is not None and known.path == path)
            labels[key] = Label(path, name, title) if is_new else None
