"""Examples in the project's documents: code blocks, and commands with what they print."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str, language: str) -> list[str]:
    """The code blocks of a document in one language."""
    return [block for name, block in _BLOCK.findall(document) if name == language]


def commands(block: str) -> list[tuple[str, str]]:
    """Each `$ command` of a console block with the output printed under it."""
    parts = re.split(r"^\$ (.*)$", block, flags=re.MULTILINE)[1:]
    return [
        (command, output.strip("\n"))
        for command, output in zip(parts[::2], parts[1::2], strict=True)
    ]


def console_commands(document: str) -> list[tuple[str, str]]:
    """The commands of all console blocks of a document, with their output."""
    return [pair for block in blocks(document, "console") for pair in commands(block)]
