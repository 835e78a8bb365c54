"""What tests of the pages share: answers made by hand, and what a page is made of."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from assistant.models.answers import Answer, Citation
from assistant.models.documents import Resource

HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


class Tags(HTMLParser):
    """Every start tag of a piece of HTML with its attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.result: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.result.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.result if name == tag]


def assert_harmless(source: str) -> None:
    for tag, attributes in Tags(source).result:
        assert tag not in {"iframe", "object", "embed", "base"}
        assert tag != "form" or re.fullmatch(r"(/help)?/(pages)?", attributes["action"])
        assert tag != "img" or re.fullmatch(r"(/help)?/picture/[^:?#]+", attributes["src"])
        assert tag != "script" or re.match(r"(/help)?/chat/", attributes.get("src") or "")
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert not re.match(r"\s*(javascript|data|vbscript):[^,]", attributes.get("href") or "")


def citation(quoted: str, **changes) -> Citation:
    fields = {
        "n": 1,
        "passage": "a.md#one/1",
        "path": "a.md",
        "headings": ("Guide", "One"),
        "anchor": "one",
        "url": "a.md#one",
        "quote": quoted,
        "span": (0, len(quoted)),
        "lines": (1, 1),
        "sha256": "",
    }
    return Citation(**{**fields, **changes})


def answer(*citations: Citation, **changes) -> Answer:
    fields = {
        "question": "what is one?",
        "understood_as": "what is one?",
        "found": bool(citations),
        "citations": citations,
        "confidence": 0.5,
        "resources": (),
        "related": (),
        "missing": (),
        "next_questions": (),
        "hits": (),
        "writer": "extractive",
        "degraded": (),
        "generation": "",
        "seconds": 0.0,
    }
    return Answer(**{**fields, **changes})


def resource(url: str, title: str = "A title") -> Resource:
    return Resource(title, url, "article", 7, "cats and more.md", ("Guide", "One"), "one")
