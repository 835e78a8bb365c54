"""The proof of an answer: every quote stands literally where it says it does.

Knows what a saved answer claims. Must not know how answers are made or where pages are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.errors import VerifyError
from assistant.models.answers import REFUSAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from assistant.models.documents import Passage


def verify_answer(
    answer: Mapping[str, Any], read: Callable[[str], tuple[str, Sequence[Passage]]]
) -> int:
    """Prove an answer, as `Answer.to_dict` gave it, against its guide; how many quotes stand.

    `read` gives a page's sha256 and passages by its path. Raises VerifyError at the first
    citation that is not literally in its passage, at its span, in a page that has not changed,
    and where the text says anything beside its quotes and their markers.
    """
    try:
        citations = [_CitationClaim.from_dict(citation) for citation in answer["citations"]]
        text, found = str(answer["text"]), bool(answer["found"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise VerifyError(
            f"This is not an answer: {type(error).__name__} at {error}.",
            "Save one with: assistant ask QUESTION --json",
        ) from error
    said = [f"{claimed.quote} [{claimed.n}]" for claimed in citations]
    if text != ("\n\n".join(said) if said else REFUSAL) or found != bool(said):
        raise VerifyError("The text says more or less than its quotes do.", _HINT_ASK_AGAIN)
    for claimed in citations:
        claimed.verify(*read(claimed.path))
    return len(citations)


_HINT_ASK_AGAIN = "Ask again, and trust the new answer."


@dataclass(frozen=True, slots=True)
class _CitationClaim:
    """A citation as an answer claims it."""

    n: int
    path: str
    passage: str
    quote: str
    start: int
    end: int
    sha256: str

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> _CitationClaim:
        start, end = data["span"]
        return cls(
            int(data["n"]),
            str(data["path"]),
            str(data["passage"]),
            str(data["quote"]),
            int(start),
            int(end),
            str(data["sha256"]),
        )

    def verify(self, sha256: str, passages: Iterable[Passage]) -> None:
        if sha256 != self.sha256:
            raise VerifyError(
                f"[{self.n}] {self.path} has changed since the answer.", _HINT_ASK_AGAIN
            )
        passage = next((found for found in passages if found.id == self.passage), None)
        if passage is None:
            raise VerifyError(f"[{self.n}] There is no passage {self.passage}.", _HINT_ASK_AGAIN)
        if not self.quote or self.start < 0 or passage.text[self.start : self.end] != self.quote:
            raise VerifyError(f"[{self.n}] The quote is not in {self.passage}.", _HINT_ASK_AGAIN)
