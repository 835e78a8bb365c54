"""Recognise what is a page's frame and not its text: bylines, menus, links to edit it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assistant.models.documents import Passage

_FRAME = re.compile(
    r"(?:(?:edit|improve|view|suggest|report)\b[\w ,/]{0,30}\b"
    r"(?:page|source|github|gitlab|article|document|issue)(?: on \w{1,20})?|"
    r"(?:back to|go to|return to)(?: the)? (?:top|start|contents?|index|home(?: ?page)?)|"
    r"(?:page )?top|(?:table of )?contents|(?:on|in) this (?:page|section|article)|jump to|"
    r"skip to (?:main )?content|print(?: this)? page|share(?: this)?(?: page)?|"
    r"previous(?: page)?|next(?: page)?|was this (?:page |article )?helpful\??)",
    re.I,
)
_EDITED = r"(?:modified|updated|edited|changed|reviewed)"
_WRITTEN = r"(?:created|written|authored|posted|published|maintained)"
_BYLINE = re.compile(
    rf"(?:page )?(?:last )?(?:{_EDITED}|{_WRITTEN}|owner|author)(?: on| by|:) ?.{{0,120}}", re.I
)
_BYLINE_SIGN = re.compile(
    rf"\b(?:{_EDITED}|created) (?:on|by|at)\b|\blast {_EDITED}|\b(?:{_EDITED}|created): ?\d", re.I
)
_TRAIL = re.compile(r"[^>»›/.]{1,60}(?:[>»›][^>»›.]{1,60})+")
_MAX_BYLINE_WORDS = 20
_EDGES = " \t[]()←→↑↓«»|·•✏️📝-–—."
_NUMBERED = re.compile(r"\s*\(?\d")
_ASKS_FOR_BYLINE = re.compile(
    r"\bwho\b.{0,40}\b(?:wrote|written|creates?d?|authore?d?|maintains?|owns?|updated|modified|"
    r"edited|changed)\b|"
    r"\b(?:when|how old)\b.{0,60}\b(?:updated?|modified|edited|changed|created|written|published|"
    r"reviewed|posted)\b|"
    r"\b(?:last|up to) (?:date|updated?|modified|edited|reviewed)\b|\bauthor\b",
    re.I,
)


def asks_for_byline(text: str) -> bool:
    """Whether a question asks who wrote a page, or when it was written or updated."""
    return bool(_ASKS_FOR_BYLINE.search(text))


def is_furniture(text: str) -> bool:
    """Whether a text is a link or a label of the frame: "Edit this page", "Back to top"."""
    return bool(_FRAME.fullmatch(text.strip(_EDGES)))


def is_byline(text: str) -> bool:
    """Whether a text says who wrote a page and when, and nothing else."""
    plain = text.strip(_EDGES)
    if len(plain.split()) > _MAX_BYLINE_WORDS or not _BYLINE_SIGN.search(plain):
        return False
    return bool(_BYLINE.fullmatch(plain))


def find_furniture(passage: Passage) -> set[int]:
    """Find the sentences of a passage that are no text of the guide, by number.

    Furniture, bylines, breadcrumbs, and items that are nothing but a link to a place on their page.
    """
    return {
        n
        for n, sentence in enumerate(passage.sentences)
        if sentence.kind in {"prose", "item"} and _is_frame(passage, n)
    }


def _is_frame(passage: Passage, n: int) -> bool:
    sentence = passage.sentences[n]
    text = passage.slice(sentence)
    if is_furniture(text) or is_byline(text):
        return True
    links = [
        link for link in passage.links if sentence.start <= link.start and link.end <= sentence.end
    ]
    if not links:
        return False
    if _TRAIL.fullmatch(text):
        return True
    covered = sum(link.end - link.start for link in links)
    is_whole = covered >= len(text.strip(_EDGES))
    line = passage.text.rfind("\n", 0, sentence.start) + 1
    is_step = bool(_NUMBERED.match(passage.text[line : sentence.start]))
    return is_whole and not is_step and all(link.url.startswith("#") for link in links)
