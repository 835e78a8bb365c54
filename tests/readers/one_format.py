"""Parse texts as a page of one format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.readers import reader_for

if TYPE_CHECKING:
    from assistant.models.documents import Block


class Format:
    """Parses texts as the page of this name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._reader = reader_for(name)

    def blocks(self, source: str) -> list[Block]:
        """Return the blocks of a text."""
        return self._reader.parse(self._reader.decode(self._name, source.encode()).text)

    def parts(self, source: str) -> list[tuple[str, str]]:
        """Return the kind and the text of each block."""
        return [(block.kind, block.text) for block in self.blocks(source)]

    def text(self, source: str) -> str:
        """Return the text of the only block."""
        (block,) = self.blocks(source)
        return block.text

    def links(self, source: str) -> list[tuple[str, str]]:
        """Return the words and the address of each link."""
        return [(link.title, link.url) for block in self.blocks(source) for link in block.links]
