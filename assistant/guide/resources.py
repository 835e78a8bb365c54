"""Extract the resources that a guide recommends: lines of one titled link and few other words.

The icons of a line and the host of its link show its kind: a book, an article, a video or a form.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from assistant.guide import links
from assistant.models.documents import Resource

if TYPE_CHECKING:
    from assistant.models.documents import Block, Link, ResourceKind, Section

_MINUTES = re.compile(
    r"\b(\d{1,3})[\s-]*min(?:ute)?s?\b(?:[\s-]*(?:read|watch|listen|video|talk))?", re.I
)
_VIDEO_HOSTS = re.compile(
    r"(?:^|\.)(?:youtube\.com|youtube-nocookie\.com|youtu\.be|vimeo\.com|ted\.com|loom\.com"
    r"|wistia\.com|dailymotion\.com|twitch\.tv|media\.ccc\.de)/"
)
_BOOK_HOSTS = re.compile(
    r"^(?:(?:www|smile)\.)?amazon\.|(?:^|\.)(?:goodreads\.com|oreilly\.com|bookshop\.org|leanpub\.com"
    r"|manning\.com|pragprog\.com|apress\.com|packtpub\.com|thalia\.\w+|openlibrary\.org)/"
    r"|^books\.google\.|^play\.google\.com/store/books"
)
_WEB_ADDRESS = re.compile(r"https?://[^\s()<>\[\]\"'`]+")
_FORM_HOSTS = re.compile(
    r"(?:^|\.)(?:forms\.gle|docs\.google\.com/forms|typeform\.com|forms\.office\.com|tally\.so"
    r"|surveymonkey\.com|jotform\.com)/"
)
_BOOK_SIGN = re.compile(r"(?<![a-z])books?(?!mark)|[\U0001f4d5-\U0001f4da]")
_VIDEO_SIGN = re.compile(r"video|[\U0001f3a5\U0001f3a6\U0001f4f9\U0001f4fa\u25b6]")
# A label beside the link: `, book`, `(free e-book)`, `, video`.
_BOOK_LABEL = re.compile(r"(?:^|[,(;] ?)(?:\w+ )?e?-?book(?=$|[,.;)])", re.I)
_VIDEO_LABEL = re.compile(r"(?:^|[,(;] ?)(?:\w+ )?(?:video|talk|film|lecture)(?=$|[,.;)])", re.I)
_SENTENCE_END = re.compile(r"(?<=\w\w)\. ")  # no initial: "by J. Doe"
_SEPARATORS = " |-–—:·•*()[].,;/\u2192"
_DECORATION = re.compile("[\U0001f300-\U0001faff\u2190-\u21ff\u25a0-\u27bf\ufe0f]")

_PLAIN_ADDRESS = re.compile(r"(?:https?://)?[\w./?#=&%+~-]+\Z", re.A)

# Beside its link, a recommendation has at most an author or a short note.
_MAX_WORDS_BESIDE = 8

_RESOURCE_HEADING_WORDS = frozenset(
    "reading readings resources resource references reference bibliography books articles videos "
    "links learn talks podcasts papers tools tutorials courses recommended".split()
)


def extract_resource(block: Block, section: Section) -> Resource | None:
    """Return the resource of a row, an item or a line of one titled link and few other words.

    None for any other block. Under a heading that announces resources ("Further reading",
    "Resources") the note beside the link of an item may be of any length.
    """
    if not block.links or block.kind not in {"row", "item", "prose"}:
        return None
    if not block.text and block.links[0].url:  # a video that the page shows
        return _extract_video(block.links[0], section)
    links_to_pages = [link for link in block.links if link.title and _leads_to_page(link.url)]
    if len(links_to_pages) != 1:
        return None
    link = links_to_pages[0]
    beside = block.text.replace(link.title, "", 1)
    minutes = _MINUTES.search(beside)
    is_recording = minutes and re.search("video|watch|talk", minutes[0].lower())
    label = "video" if is_recording else beside
    beside = _VIDEO_LABEL.sub("", _BOOK_LABEL.sub("", _MINUTES.sub("", beside)))
    beside = _DECORATION.sub("", beside).strip(_SEPARATORS)
    author, note = _split_author(beside)
    if len(author.split()) > _MAX_WORDS_BESIDE:
        return None
    if len(note.split()) > _count_words_allowed(block, link, section, has_author=bool(author)):
        return None
    return Resource(
        title=f"{link.title} {author}" if author else link.title,
        url=link.url,
        kind=_classify(link.url, _collect_icons(block), section.headings, label),
        minutes=int(minutes[1]) if minutes else None,
        path=section.path,
        headings=section.headings,
        anchor=section.anchor,
    )


def _split_author(beside: str) -> tuple[str, str]:
    """Split the text beside a link into its author, "by Ann B. Cee", and a note after that."""
    if not re.match(r"by\b", beside):
        return "", beside
    end = _SENTENCE_END.search(beside)
    return (beside[: end.start()], beside[end.end() :]) if end else (beside, "")


def _extract_video(link: Link, section: Section) -> Resource | None:
    """Return a video embedded in a page, with its own title or that of the heading above it."""
    if _classify(link.url, "", section.headings, "") != "video":
        return None
    return Resource(
        title=link.title or section.headings[-1],
        url=link.url,
        kind="video",
        minutes=None,
        path=section.path,
        headings=section.headings,
        anchor=section.anchor,
    )


def find_form(source: str) -> str:
    """Return the address of the first form in a page's source; empty where there is none."""
    for address in _WEB_ADDRESS.findall(source):
        with contextlib.suppress(ValueError):  # an address with a broken bracket
            parts = urlsplit(address)
            if _FORM_HOSTS.search(f"{parts.hostname or ''}{parts.path.lower()}/"):
                return str(address)
    return ""


def _count_words_allowed(block: Block, link: Link, section: Section, *, has_author: bool) -> float:
    """Return how many words a line may have in addition to its link and the author."""
    heading_words = set(section.headings[-1].lower().split())
    if (
        block.kind == "item"
        and _RESOURCE_HEADING_WORDS & heading_words
        and block.text.startswith(link.title)
        and not links.is_internal(link.url)
    ):
        return float("inf")
    if has_author or block.kind == "row":  # the words of a row are other cells
        return _MAX_WORDS_BESIDE
    # A link among more words is a reference in running text.
    return len(link.title.split()) if block.kind == "item" else 0


def _leads_to_page(url: str) -> bool:
    """Check whether a link goes to a page of the web, or to another page of the guide."""
    if url.startswith("#"):
        return False
    if _PLAIN_ADDRESS.match(url):  # nearly all links
        return True
    try:
        scheme = urlsplit(url).scheme
    except ValueError:  # an address with a broken bracket
        return False
    return bool(url) and scheme in {"", "http", "https"}


def _collect_icons(block: Block) -> str:
    """Return the icons of a line: the sources of its images, and its emoji."""
    return " ".join((*block.icons, *_DECORATION.findall(block.text))).lower()


def _classify(url: str, icons: str, headings: tuple[str, ...], label: str) -> ResourceKind:
    """Return the kind of a resource, by its icons, label, address, and the heading above it."""
    heading_words = headings[-1].lower().split()
    address = urlsplit(url)
    if not address.netloc:
        return "page"
    place = f"{address.hostname or ''}{address.path.lower()}/"
    if _BOOK_LABEL.search(label) or _BOOK_SIGN.search(icons) or _BOOK_HOSTS.search(place):
        return "book"
    if _VIDEO_LABEL.search(label) or _VIDEO_SIGN.search(icons) or _VIDEO_HOSTS.search(place):
        return "video"
    if "books" in heading_words:
        return "book"
    if {"videos", "talks"}.intersection(heading_words):
        return "video"
    return "form" if _FORM_HOSTS.search(place) else "article"
