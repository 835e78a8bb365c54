"""Answer, log and count questions: every interface of the server calls this."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.errors import AnswerLogError, AssistantError
from assistant.guide import resources
from assistant.guide.links import LinkResolver
from assistant.guide.publishers import INDEX_NAMES
from assistant.models.answers import Turn
from assistant.readers import strip_suffix
from assistant.render import urls
from assistant.render.page_list import PageEntry, PageList
from assistant.server import completions
from assistant.server.completions import Completions
from assistant.server.metrics import Metrics
from assistant.server.response_cache import ResponseCache
from assistant.text.normalize import replace_surrogates
from assistant.timing import record_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from assistant.assistant import Assistant
    from assistant.models.answers import Answer, Search
    from assistant.models.documents import Page, Passage, Section
    from assistant.server.answer_log import AnswerLog, LoggedAnswer
    from assistant.server.reload import LiveAssistant
    from assistant.server.response_cache import CachedBody

MAX_EXAMPLES = 4
FEEDBACK_FORM_PAGES = 50
"""How many of the first pages are searched for a form to write to the authors."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServedAnswer:
    """An answer with the whole passages it quotes from, by their ids.

    `id` is its id in the answer log; empty where it is not logged.
    """

    answer: Answer
    texts: Mapping[str, str]
    id: str

    @property
    def turns(self) -> tuple[Turn, Turn]:
        """The question and the answer as turns of the conversation."""
        return self.answer.turns

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON types, with its id."""
        return {"id": self.id, **self.answer.to_dict()}


class Service:
    """A guide as the server's interfaces use it; safe to share between threads."""

    def __init__(
        self, live: LiveAssistant, answer_log: AnswerLog | None = None, title: str = ""
    ) -> None:
        self.live = live
        self.answer_log = answer_log
        self.title = title
        self.metrics = Metrics()
        self._examples: tuple[str, tuple[str, ...]] = ("", ())
        self._completions: tuple[str, Completions] = ("", Completions(()))
        self._lock, self._names_lock = threading.Lock(), threading.Lock()
        self._page_names: tuple[str, LinkResolver] = ("", LinkResolver(()))
        self._pages: tuple[str, PageList] = ("", PageList(()))
        self._responses = ResponseCache()

    @property
    def assistant(self) -> Assistant:
        """The current Assistant; take it once and use it to the end of a question."""
        return self.live.assistant

    def ask(
        self, question: str, history: Sequence[Turn] = (), *, interface: str, language: str = ""
    ) -> ServedAnswer:
        """Answer a question, log the answer and count it; raises as `Assistant.ask` does.

        `interface` is where it was asked, `language` the language its answer is shown in.
        """
        assistant = self.assistant
        with record_steps() as seconds:
            try:
                answer = assistant.ask(question, history)
            except AssistantError:
                self.metrics.count_failure(interface)
                raise
        self.metrics.count_answer(interface, answer, seconds)
        texts = _quoted_passages(answer, assistant)
        return ServedAnswer(answer, texts, self._log_answer(answer, texts, language))

    def search(
        self, question: str, k: int, history: Sequence[Turn] = (), *, interface: str
    ) -> Search:
        """Search for the k best passages and count it; raises as `Assistant.search` does."""
        with record_steps() as seconds:
            result = self.assistant.search(question, k, history)
        self.metrics.count_search(interface, seconds)
        return result

    def examples(self) -> tuple[str, ...]:
        """Return questions that this version of the guide answers."""
        assistant = self.assistant
        generation = assistant.index.generation
        with self._lock:
            if self._examples[0] != generation:
                self._examples = generation, tuple(assistant.examples(MAX_EXAMPLES))
            return self._examples[1]

    def complete_question(self, typed: str) -> list[str]:
        """Return questions of the guide that have the typed words."""
        assistant = self.assistant
        generation = assistant.index.generation
        with self._lock:
            if self._completions[0] != generation:
                questions = assistant.list_questions(completions.MAX_QUESTIONS)
                self._completions = generation, Completions(questions)
            known = self._completions[1]
        return known.find(typed)

    def list_pages(self) -> PageList:
        """Return the pages of this version of the guide, grouped by folder."""
        index = self.assistant.index
        with self._names_lock:
            if self._pages[0] != index.generation:
                pages = PageList(PageEntry(*row) for row in index.store.page_titles())
                self._pages = index.generation, pages
            return self._pages[1]

    def find_page(self, path: str) -> Page | None:
        """Find a page by its path, or as links name it: without its suffix, or as published."""
        store = self.assistant.index.store
        page = store.page(path)
        if page is None and (resolved := self.resolve_page_name(path)):
            page = store.page(resolved)
        return page

    def resolve_page_name(self, name: str) -> str | None:
        """Return the path of the page that a name without suffix or folder means, or None."""
        index = self.assistant.index
        with self._names_lock:  # built once per generation: .5 s for 29,000 pages
            if self._page_names[0] != index.generation:
                self._page_names = index.generation, urls.page_names(index.store)
            return urls.find_page(name, self._page_names[1])

    def read_page(self, path: str, anchor: str = "") -> dict[str, Any] | None:
        """Return a page's sections, or one of them, as JSON types; None where there are none."""
        index = self.assistant.index
        page = self.find_page(path)
        if page is None:
            return None
        texts: dict[str, list[str]] = {}
        for passage in index.store.page_passages(page.path):
            texts.setdefault(passage.anchor, []).append(passage.text)
        sections = [
            {
                "headings": list(section.headings),
                "anchor": section.anchor,
                "url": section.url,
                "lines": list(page.line_map.find_range(section.lines)),
                "text": "\n\n".join(texts.get(section.anchor, ())),
            }
            for section in index.store.sections(page.path)
            if anchor in {"", section.anchor}
        ]
        if anchor and not sections:
            return None
        return {
            "path": page.path,
            "title": page.title,
            "url": page.url,
            "sha256": page.sha256,
            "language": page.language,
            "generation": index.generation,
            "sections": sections,
        }

    def describe_guide(self, depth: int) -> dict[str, Any]:
        """Describe the guide as JSON types, with `depth` levels of headings."""
        index = self.assistant.index
        store = index.store
        paths = store.page_paths()
        return {
            "title": self.title,
            "languages": store.languages(),
            "generation": index.generation,
            "pages": len(paths),
            "passages": store.size,
            "examples": list(self.examples()),
            "headings": [
                tree for path in paths for tree in _heading_tree(store.sections(path), depth)
            ],
        }

    def cached_response(self, key: tuple[str, ...], build: Callable[[], bytes]) -> CachedBody:
        """Return a response's body, built once per generation while it stays in the cache.

        `key` names everything it is built from besides the index. Raises what `build` raises.
        """
        return self._responses.get((self.assistant.index.generation, *key), build)

    def outdated_citations(self, logged: LoggedAnswer) -> list[int]:
        """List the citations of an answer whose passage has changed or left the guide since."""
        store = self.assistant.index.store
        return [
            citation.n
            for citation in logged.answer.citations
            if logged.texts.get(citation.passage)
            not in {
                passage.text
                for _, passage in store.section_passages(citation.path, citation.anchor)
            }
        ]

    def section_context(self, section: str) -> tuple[Passage | None, tuple[Turn, ...]]:
        """Return the first passage of a section, `path#anchor`, and a conversation that quotes it.

        A question after these turns is understood and ranked as if the section had been quoted to
        the reader. A path without an anchor means the page's first section. Returns None and no
        turns where there is no such section.
        """
        path, _, anchor = replace_surrogates(section).partition("#")
        page = self.find_page(path)
        if page is None:
            return None, ()
        store = self.assistant.index.store
        sections = [] if anchor else store.sections(page.path)
        anchor = sections[0].anchor if sections else anchor
        passages = [passage for _, passage in store.section_passages(page.path, anchor)]
        if not passages:
            return None, ()
        answer = Turn("agent", passages[0].text, tuple(passage.id for passage in passages))
        return passages[0], (Turn("user", passages[0].heading), answer)

    def _log_answer(self, answer: Answer, texts: Mapping[str, str], language: str) -> str:
        """Log an answer and return its id; empty if that fails, as the answer is given anyway."""
        try:
            return self.answer_log.add(answer, texts, language=language) if self.answer_log else ""
        except AnswerLogError as error:
            _log.warning("An answer could not be logged: %s", error)
            return ""


_FOLDERS_OF_ANY_GUIDE = frozenset("content corpus doc docs guide pages site source src".split())


def guide_title(live: LiveAssistant, corpus: Path) -> str:
    """Return the guide's own title: its site's name, else that of its front page or its folder."""
    index = live.assistant.index
    if index.reading_options.title:
        return index.reading_options.title
    paths = index.store.page_paths()
    front = next((path for path in paths if strip_suffix(path).lower() in INDEX_NAMES), "")
    if not front and not corpus.is_dir():  # the guide is not on this host
        front = paths[0]
    if page := index.store.page(front) if front else None:
        return page.title
    folder = corpus.resolve()
    return folder.parent.name if folder.name in _FOLDERS_OF_ANY_GUIDE else folder.name


def feedback_form(live: LiveAssistant) -> str:
    """Return the guide's own form for readers to write to its authors, if it names one."""
    store = live.assistant.index.store
    pages = (store.page(path) for path in store.page_paths()[:FEEDBACK_FORM_PAGES])
    return next(filter(None, (resources.find_form(page.text) for page in pages if page)), "")


def _heading_tree(sections: Sequence[Section], depth: int) -> list[dict[str, Any]]:
    """Nest the headings of a page, down to a depth."""
    roots: list[dict[str, Any]] = []
    by_path: dict[tuple[str, ...], list[dict[str, Any]]] = {(): roots}
    for section in sections:
        if len(section.headings) > depth:
            continue
        node: dict[str, Any] = {
            "title": section.headings[-1],
            "path": section.path,
            "anchor": section.anchor,
            "below": [],
        }
        by_path.get(section.headings[:-1], roots).append(node)
        by_path[section.headings] = node["below"]
    return roots


def _quoted_passages(answer: Answer, assistant: Assistant) -> dict[str, str]:
    """Return the whole passages that an answer quotes from, by their ids."""
    texts = {hit.passage.id: hit.passage.text for hit in answer.hits}
    cited = {citation.passage: citation for citation in answer.citations}
    for missing in [cited[name] for name in cited if name not in texts]:
        section = assistant.index.store.section_passages(missing.path, missing.anchor)
        texts |= {passage.id: passage.text for _, passage in section}
    return {name: texts[name] for name in cited if name in texts}
