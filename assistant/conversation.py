"""A talk with a guide: what was said so far goes with each question.

Knows how a talk goes on, and what can be asked of a guide, here or on a server. Must not know how
an answer is found.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.models.answers import Answer, Search, Turn

MAX_TURNS = 20
"""How many earlier turns are looked at; what was said before them is not leant on."""


class AssistantProtocol(Protocol):
    """A guide that can be asked: an Assistant over an index here, or a RemoteAssistant."""

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question; `history` is the talk so far, oldest first."""

    async def ask_async(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question in a thread of its own."""

    def search(self, question: str, k: int = 10, history: Sequence[Turn] = ()) -> Search:
        """The k passages that answer best, best first."""

    def examples(self, count: int = 4) -> list[str]:
        """Questions that the guide answers."""

    def conversation(self) -> Conversation:
        """A talk that begins with nothing said."""


class Conversation:
    """A talk with one guide. Questions asked at once, from several threads, follow each other."""

    def __init__(self, guide: AssistantProtocol) -> None:
        self._guide = guide
        self._turns: tuple[Turn, ...] = ()
        self._lock = threading.Lock()

    @property
    def turns(self) -> tuple[Turn, ...]:
        """What was said so far, oldest first: the 20 turns that are looked at."""
        return self._turns

    def ask(self, question: str) -> Answer:
        """Answer a question as one of this talk; what it raises leaves the talk as it was."""
        with self._lock:
            answer = self._guide.ask(question, self._turns)
            self._turns = (*self._turns, *answer.turns)[-MAX_TURNS:]
        return answer

    async def ask_async(self, question: str) -> Answer:
        """Answer a question in a thread of its own; one that is cancelled may still be answered."""
        return await asyncio.to_thread(self.ask, question)

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._turns = ()
