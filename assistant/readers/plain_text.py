"""Parse plain text to blocks."""

from __future__ import annotations

from itertools import groupby

from assistant.models.documents import Block
from assistant.text.normalize import strip_invisible


def parse_plain_text(text: str) -> list[Block]:
    """Return a block for each paragraph: the lines between blank ones. No character is markup."""
    blocks = []
    lines = enumerate(text.split("\n"), 1)
    for is_blank, group in groupby(lines, lambda line: not line[1].strip()):
        if is_blank:
            continue
        paragraph = list(group)
        joined = " ".join(line for _, line in paragraph)
        words = " ".join(strip_invisible(joined).split())
        if words:
            blocks.append(Block("prose", words, (paragraph[0][0], paragraph[-1][0])))
    return blocks
