"""An exchange as HTML: a question, and what the guide says to it.

Knows how an answer looks. Must not know how it was found, nor what draws it: whatever is written
here is a single line of harmless elements with all text in it escaped, so that it may stand in a
paragraph of Markdown and pass a sanitiser unchanged.
"""

from __future__ import annotations

import html
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.render import urls
from assistant.text.normalize import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from assistant.index.store import FaissStore
    from assistant.models.answers import Answer, Citation
    from assistant.models.documents import Resource
    from assistant.render.catalogue import Messages

CONTEXT_CHARS = 500
"""Characters of a passage that are shown before and after what is quoted of it."""

MAX_QUESTION_CHARS = 300
"""Characters of a question that are shown."""

_LINE_ENDS = re.compile(r"(?<!\s)\s*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]\s*")


@dataclass(frozen=True, slots=True)
class Branding:
    """What all pages have in common: the guide's title, its logo, where they stand.

    `root` is the path they are published under; `logo` is an address, empty for none.
    """

    title: str
    root: str = ""
    logo: str = ""
    feedback_url: str = ""


def escape(words: str) -> str:
    """Words as markup on one line; a blank line would end the paragraph they stand in."""
    return html.escape(_LINE_ENDS.sub(" ", words))


def render_link(url: str, content: str, css_class: str = "") -> str:
    """A link in a new tab, because leaving the page would end the talk."""
    named = f' class="{css_class}"' if css_class else ""
    return f'<a{named} href="{escape(url)}" target="_blank" rel="noopener noreferrer">{content}</a>'


def render_failure(message: str, hint: str) -> str:
    """What went wrong and what mends it."""
    return f'<div class="notice failure"><p>{escape(message)}</p><p>{escape(hint)}</p></div>'


@dataclass(frozen=True, slots=True)
class HtmlRenderer:
    """Writes exchanges over one guide, in one language."""

    store: FaissStore
    messages: Messages
    branding: Branding

    def render_turn(self, question: str, body: str) -> str:
        """One question and what came of it."""
        asked = normalise(question[:1000])
        shown = escape(
            asked if len(asked) <= MAX_QUESTION_CHARS else asked[:MAX_QUESTION_CHARS] + " …"
        )
        heading = f'<h2 class="asked" dir="auto">{shown}</h2>' if shown else ""
        say = self.messages
        return (
            f'<section class="exchange" lang="{say.language}" dir="{say.direction}">'
            f"{heading}{body}</section>"
        )

    def render_about(self, headings: Sequence[str]) -> str:
        """Which section a talk begins with."""
        section = f"<b>{escape(' › '.join(headings))}</b>"
        said = escape(self.messages("about", section="\0")).replace("\0", section)
        return self.render_turn("", f'<p class="about">{said}</p>')

    def render_answer(self, answer: Answer, texts: Mapping[str, str], answer_id: str = "") -> str:
        """An answer: quotes, their sources and what the guide recommends, or an honest no.

        `texts` are the passages quoted from, by their ids; `kept` is where the answer is kept.
        """
        if not answer.found:
            return (
                self._render_refusal(answer)
                + self._render_actions(answer, answer_id)
                + self._render_next_questions(answer)
            )
        quotes = "".join(map(self._render_quote, answer.citations)) + self._render_missing(answer)
        cards = "".join(map(self._render_card, answer.resources))
        recommended = self._render_list("recommended", 'ul class="cards"', cards)
        sources = "".join(self._render_sources(answer.citations, texts))
        proof = self._render_list("sources", 'ol class="sources"', sources)
        if all(_is_resource_line(citation, answer.resources) for citation in answer.citations):
            # The cards say all that the quotes say, and link it: they come first.
            said = escape(self.messages("as_listed"))
            proof = f"<details><summary>{said}</summary>{quotes}{proof}</details>"
            body = recommended + proof
        else:
            body = quotes + proof + recommended
        return (
            self._render_interpretation(answer)
            + body
            + self._render_related("related", answer)
            + self._render_actions(answer, answer_id)
            + self._render_next_questions(answer)
        )

    def _render_refusal(self, answer: Answer) -> str:
        say = self.messages
        looked = f"<q><bdi>{escape(answer.understood_as)}</bdi></q>"
        looked = escape(say("looked_for", question="\0")).replace("\0", looked)
        url = self.branding.feedback_url
        tell = f"<p>{render_link(url, escape(say('tell')))}</p>" if url else ""
        return (
            f'<div class="notice refusal"><p class="verdict">{escape(say("refused"))}</p>'
            f"<p>{looked}</p>{self._render_other_readings(answer)}{self._render_missing(answer)}"
            f"{self._render_related('nearest', answer)}<p>{escape(say('rephrase'))}</p>{tell}</div>"
        )

    def _render_interpretation(self, answer: Answer) -> str:
        understood = ""
        if normalise(answer.question).casefold() != answer.understood_as.casefold():
            said = escape(self.messages("understood", question="\0"))
            question = f"<bdi>{escape(answer.understood_as)}</bdi>"
            understood = f'<p class="understood">{said.replace(chr(0), question)}</p>'
        return understood + self._render_other_readings(answer)

    def _render_other_readings(self, answer: Answer) -> str:
        """The other readings of a question, to be asked by a click."""
        offered = " ".join(
            self._render_question_button(reading) for reading in answer.other_readings
        )
        said = escape(self.messages("meant"))
        return f'<p class="others">{said} {offered}</p>' if offered else ""

    @staticmethod
    def _render_question_button(question: str) -> str:
        said = escape(question)
        return f'<button class="chip asks" dir="auto" value="{said}">{said}</button>'

    def _render_missing(self, answer: Answer) -> str:
        if not answer.missing:
            return ""
        named = f" {self.messages('or')} ".join(
            self.messages("quoted", words=side) for side in answer.missing
        )
        return f'<p class="gap" dir="auto">{escape(self.messages("gap", side=named))}</p>'

    def _render_quote(self, citation: Citation) -> str:
        say = self.messages("source", n=citation.n)
        number = (
            f'<a class="number" href="{escape(self._citation_url(citation))}" title="{escape(say)}" '
            f'target="_blank" rel="noopener noreferrer">[{citation.n}]</a>'
        )
        lines = "".join(_render_lines(citation)).removesuffix("</p>")
        return f'<blockquote dir="auto">{lines} {number}</p></blockquote>'

    def _citation_url(self, citation: Citation) -> str:
        return urls.citation_url(citation, self.branding.root)

    def _render_sources(
        self, citations: Sequence[Citation], texts: Mapping[str, str]
    ) -> Iterator[str]:
        """Where the quotes stand: one source for those that follow each other in a section."""
        for _, together in itertools.groupby(citations, key=lambda c: (c.path, c.anchor)):
            quoted = list(together)
            numbers = " ".join(f"[{citation.n}]" for citation in quoted)
            path = render_link(
                self._citation_url(quoted[0]), escape(" › ".join(quoted[0].headings))
            )
            shown = "".join(
                f'<p dir="auto">{_render_context(texts[passage], [c.span for c in spans])}</p>'
                for passage, spans in _group_by_passage(quoted)
                if passage in texts
            )
            said = escape(self.messages("in_context"))
            context = f"<details><summary>{said}</summary>{shown}</details>" if shown else ""
            yield (
                f'<li><span class="numbers">{numbers}</span> <span dir="auto">{path}</span> '
                f'<span class="page" dir="auto">{escape(quoted[0].path)}</span>{context}</li>'
            )

    def _render_card(self, resource: Resource) -> str:
        say = self.messages
        kind = say(resource.kind)
        if resource.minutes:
            kind += f" · {say('minutes', n=resource.minutes)}"
        inside = (
            f'<span class="icon icon-{resource.kind}"></span>'
            f'<span><span class="title" dir="auto">{escape(resource.title)}</span>'
            f'<span class="kind">{escape(kind)}</span></span>'
        )
        return f"<li>{render_link(urls.resource_url(resource, self.store, self.branding.root), inside)}</li>"

    def _render_related(self, heading: str, answer: Answer) -> str:
        root = self.branding.root
        items = "".join(
            f'<li dir="auto">{render_link(url, escape(" › ".join(section.headings)))}</li>'
            for section in answer.related
            for url in [urls.section_url(section.path, section.anchor, section.url, root)]
        )
        return self._render_list(heading, 'ul class="sections"', items)

    def _render_next_questions(self, answer: Answer) -> str:
        """What may be asked next; of the last exchange alone it is shown."""
        offered = " ".join(map(self._render_question_button, answer.next_questions))
        said = escape(self.messages("next"))
        return f'<div class="next"><h3>{said}</h3><p>{offered}</p></div>' if offered else ""

    def _render_list(self, heading: str, kind: str, items: str) -> str:
        """Items under a heading, or nothing where there are none."""
        said = escape(self.messages(heading))
        return f"<h3>{said}</h3><{kind}>{items}</{kind[:2]}>" if items else ""

    def _render_actions(self, answer: Answer, answer_id: str) -> str:
        """What can be done with an answer; without a script to do it they stay hidden."""
        say = self.messages
        copied = html.escape(self.render_markdown(answer)).replace("\n", "&#10;")
        copy = f'<button class="action copy" value="{copied}">{escape(say("copy"))}</button>'
        if not answer_id:
            return f'<div class="actions">{copy}</div>'
        url = f"{self.branding.root}/a/{answer_id}"
        rating = "".join(
            f'<button class="action rate" name="{name}" value="{escape(answer_id)}">{said}</button>'
            for name in ("yes", "no")
            for said in [escape(say(name))]
        )
        return (
            f'<div class="actions"><span class="helpful">{escape(say("helpful"))} {rating}</span>'
            f"{copy}{render_link(url, escape(say('link')), 'action permalink')}</div>"
        )

    def render_markdown(self, answer: Answer) -> str:
        """The answer with its sources as Markdown; our own addresses begin with a slash."""
        said = [f"**{escape(normalise(answer.question))}**"]
        if not answer.found:
            said.append(self.messages("refused"))
        for citation in answer.citations:
            lines = f"{citation.quote} [{citation.n}]".splitlines()
            said.append("\n".join(f"> {line}".rstrip() for line in lines))
        said += [
            f"[{citation.n}] [{_escape_brackets(' › '.join(citation.headings))}]({self._citation_url(citation)})"
            for citation in answer.citations
        ]
        return "\n\n".join(said)


def _escape_brackets(words: str) -> str:
    """Words that cannot end the link they stand in."""
    return re.sub(r"([\[\]\\])", r"\\\1", words)


def _group_by_passage(citations: Sequence[Citation]) -> list[tuple[str, list[Citation]]]:
    grouped = itertools.groupby(citations, key=lambda citation: citation.passage)
    return [(passage, list(group)) for passage, group in grouped]


def _render_context(passage: str, spans: Sequence[tuple[int, int]]) -> str:
    """A passage around what is quoted of it, which is marked."""
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    begin, end = max(0, first - CONTEXT_CHARS), min(len(passage), last + CONTEXT_CHARS)
    if begin:
        begin = passage.find(" ", begin, first) + 1 or begin
    if end < len(passage):
        end = max(passage.rfind(" ", last, end), last)
    pieces, at = ["… " if begin else ""], begin
    for start, stop in sorted(spans):
        pieces += [
            _escape_lines(passage[at:start]),
            f"<mark>{_escape_lines(passage[start:stop])}</mark>",
        ]
        at = stop
    return "".join([*pieces, _escape_lines(passage[at:end]), " …" if end < len(passage) else ""])


def _escape_lines(words: str) -> str:
    """Words with their line ends as elements."""
    return "<br>".join(html.escape(line) for line in _LINE_ENDS.split(words))


def _is_resource_line(citation: Citation, resources: Sequence[Resource]) -> bool:
    """Whether a quote is the line in which the guide lists one of the resources."""
    line = citation.quote.replace(" | ", " ")
    place = (citation.path, citation.anchor)
    return any((r.path, r.anchor) == place and r.title in line for r in resources)


def _render_lines(citation: Citation) -> Iterator[str]:
    """A quote's own lines: its heading, items and paragraphs, each to be seen as such."""
    for number, line in enumerate(filter(str.strip, citation.quote.splitlines())):
        item = urls.LIST_MARKER.match(line)
        if item:
            marker = f'<span class="marker">{item[2] or "•"}</span> '
            depth = min(3, len(item[1]) // 2)
            yield f'<p class="item item-{depth}">{marker}{escape(line[item.end() :])}</p>'
        elif not number and line == citation.headings[-1]:
            yield f'<p class="quoted-heading">{escape(line)}</p>'
        else:
            yield f"<p>{escape(line)}</p>"
