"""List what a guide covers, for the start of the chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.guide.publishers import INDEX_NAMES
from assistant.readers import strip_suffix
from assistant.render.start_page import Topic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.index.store import FaissStore

MAX_TOPICS, MIN_TOPIC_FOLDERS, TOPIC_TITLES = 12, 3, 3
MAX_TOPIC_PAGES = 5000
"""How many of the first pages are looked at."""

FOLDERS_OF_ANY_GUIDE = frozenset("content corpus doc docs guide pages site source src".split())
"""Names of folders that say nothing about what is in them."""


def list_topics(store: FaissStore) -> tuple[Topic, ...]:
    """List the parts of a guide: one for each folder at the top, or for each page of a flat guide.

    A folder is named by its front page, or else by its own name. Front pages of the whole guide,
    and pages beside folders, are left out where there are folders enough.
    """
    folders: dict[str, list[str]] = {}
    for path in store.page_paths()[:MAX_TOPIC_PAGES]:
        folders.setdefault(_topic_folder(path), []).append(path)
    single = folders.pop("", [])
    topics = [_folder_topic(store, folder, paths) for folder, paths in folders.items()]
    if len(topics) < MIN_TOPIC_FOLDERS:
        pages = [path for path in single if not _is_front(path)]
        topics += [Topic(store.page(path).title, path, 1) for path in pages]  # type: ignore[union-attr]
    return tuple(topics[:MAX_TOPICS])


def _topic_folder(path: str) -> str:
    """Return the folder at the top that a page lies in, without what holds any guide."""
    parts = path.split("/")[:-1]
    while parts and parts[0].lower() in FOLDERS_OF_ANY_GUIDE:
        parts = parts[1:]
    return parts[0] if parts else ""


def _is_front(path: str) -> bool:
    return strip_suffix(path).lower() in INDEX_NAMES


def _folder_topic(store: FaissStore, folder: str, paths: Sequence[str]) -> Topic:
    fronts = [path for path in paths if _is_front(path.rpartition("/")[2])]
    first = fronts[0] if fronts else paths[0]
    name = folder.replace("-", " ").replace("_", " ")
    title = store.page(first).title if fronts else name[:1].upper() + name[1:]  # type: ignore[union-attr]
    shown = [path for path in paths if path != first or not fronts][:TOPIC_TITLES]
    titles = tuple(store.page(path).title for path in shown)  # type: ignore[union-attr]
    return Topic(title, first, len(paths), titles)
