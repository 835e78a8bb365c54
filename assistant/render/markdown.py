"""An answer as Markdown with footnotes, and such a text read back as the turn of a talk it was.

Knows how an answer is written for whoever shows Markdown and nothing else. Must not know which
protocol the text goes by, nor how an answer is found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from assistant.models.answers import REFUSAL, Turn
from assistant.render import catalogue, urls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.index.store import FaissStore
    from assistant.models.answers import Answer, Citation
    from assistant.models.documents import Passage, Resource
    from assistant.render.catalogue import Messages

MAX_FOOTNOTES = 100
"""Footnotes of a turn that are looked up; no answer has as many."""

PARAGRAPH_BREAK = "\n\n"
"""What stands between two pieces of a text."""

# No bracket stands in a label but behind a backslash, so that no line is read in two ways.
_LABEL_PATTERN = r"((?:[^\[\]\\]|\\.)*+)"
_DASH = " — "
_FOOTNOTE = re.compile(
    rf"\[\^(\d{{1,3}})\]: {_LABEL_PATTERN}(?<={_DASH})\[{_LABEL_PATTERN}\]\(\S*\)"
)
_MARKER = re.compile(r" ?\[\^\d+\]")
_LABEL_SPECIALS = re.compile(r"([\[\]\\<])")
_URL_SPECIALS = re.compile(r"[\s()<>\\]")


@dataclass(frozen=True, slots=True)
class MarkdownRenderer:
    """Writes and reads answers over one guide, in one language.

    `base` is what stands before the addresses of our own: an origin, and a root below it.
    """

    store: FaissStore
    messages: Messages
    base_url: str = ""

    def render_answer(self, answer: Answer) -> list[str]:
        """The pieces of the text in their order: quotes, what is recommended, and the footnotes.

        A quote stands as it is in the guide, its marker behind it. Where nothing is quoted there
        are the refusal and the nearest sections.
        """
        said = [f"{citation.quote} [^{citation.n}]" for citation in answer.citations]
        if not answer.found:
            said.append(self.messages("refused"))
        if answer.missing:
            words = [self.messages("quoted", words=side) for side in answer.missing]
            said.append(self.messages("gap", side=f" {self.messages('or')} ".join(words)))
        if answer.resources:
            said.append(
                self._render_list("recommended", map(self._render_resource, answer.resources))
            )
        if answer.related and not answer.found:
            nearest = (
                _render_link(
                    " > ".join(section.headings),
                    urls.section_url(section.path, section.anchor, section.url, self.base_url),
                )
                for section in answer.related
            )
            said.append(self._render_list("nearest", nearest))
        if answer.citations:
            said.append("\n".join(map(self._render_footnote, answer.citations)))
        return said

    def parse_turn(self, text: str) -> Turn:
        """What an agent said earlier as the answer it was, with its sources; else as it stands.

        An answer is known by its footnotes: the last lines, numbered from 1.
        """
        lines = text.replace("\r\n", "\n").rstrip().split("\n")
        notes: list[re.Match[str]] = []
        while lines and (note := _FOOTNOTE.fullmatch(lines[-1])):
            notes.append(note)
            lines.pop()
        notes.reverse()
        body = "\n".join(lines).rstrip("\n")
        if body.partition(PARAGRAPH_BREAK)[0] in _refusal_messages():
            return Turn("agent", REFUSAL)
        numbered = [int(note[1]) for note in notes] == list(range(1, len(notes) + 1))
        quotes = _split_quotes(body, len(notes)) if numbered and len(notes) <= MAX_FOOTNOTES else []
        if not quotes:
            return Turn("agent", _MARKER.sub("", body))
        said = PARAGRAPH_BREAK.join(f"{quoted} [{n}]" for n, quoted in enumerate(quotes, 1))
        found = (
            self._find_passage(
                _unescape_label(note[2].removesuffix(_DASH)), _unescape_label(note[3]), quoted
            )
            for note, quoted in zip(notes, quotes, strict=True)
        )
        return Turn("agent", said, tuple(filter(None, found)))

    def _render_footnote(self, citation: Citation) -> str:
        headings = _escape_label(" > ".join(citation.headings))
        page = _render_link(citation.path, urls.citation_url(citation, self.base_url))
        return f"[^{citation.n}]: {headings} — {page}"

    def _render_resource(self, resource: Resource) -> str:
        kind = self.messages(resource.kind)
        if resource.minutes:
            kind += f", {self.messages('minutes', n=resource.minutes)}"
        address = urls.resource_url(resource, self.store, self.base_url)
        return f"{_render_link(resource.title, address)} ({kind})"

    def _render_list(self, heading: str, items: Iterator[str]) -> str:
        return "\n".join((f"{self.messages(heading)}:\n", *(f"- {item}" for item in items)))

    def _find_passage(self, headings: str, path: str, quote: str) -> str:
        """The passage a quote is of, by the headings above it; empty where it is not there now."""
        return next((p.id for p in self._passages_under(headings, path) if quote in p.text), "")

    def _passages_under(self, headings: str, path: str) -> Iterator[Passage]:
        for section in self.store.sections(path):
            if " ".join(" > ".join(section.headings).split()) == headings:
                for _, passage in self.store.section_passages(path, section.anchor):
                    yield passage


def _split_quotes(body: str, count: int) -> list[str]:
    """The pieces of a text that end with the markers 1 to `count`; none, if one is not there."""
    quotes, rest = [], body
    for n in range(1, count + 1):
        quoted, marker, rest = rest.partition(f" [^{n}]{PARAGRAPH_BREAK}")
        if not marker and n == count and quoted.endswith(f" [^{n}]"):
            quoted, marker = quoted.removesuffix(f" [^{n}]"), PARAGRAPH_BREAK
        if not marker:
            return []
        quotes.append(quoted)
    return quotes


def _refusal_messages() -> Sequence[str]:
    """What is said in each language where the guide does not answer."""
    return [
        catalogue.choose_messages("", language)("refused") for language in catalogue.languages()
    ]


def _render_link(words: str, url: str) -> str:
    escaped = _URL_SPECIALS.sub(lambda found: quote(found[0], safe=""), url)
    return f"[{_escape_label(words)}]({escaped})"


def _escape_label(words: str) -> str:
    """Words on one line that cannot end the link they stand in, nor begin an element."""
    return _LABEL_SPECIALS.sub(r"\\\1", " ".join(words.split()))


def _unescape_label(label: str) -> str:
    return re.sub(r"\\(.)", r"\1", label)
