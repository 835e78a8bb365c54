"""Ask again and again with many readers in one process until a file appears."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from assistant.assistant import Assistant
from assistant.index import index
from tests.conftest import WordEncoder
from tests.durability import scene

READERS = 16
PER_OPENING = 5


@dataclass(frozen=True, slots=True)
class TimedAnswer:
    """One answer: the generation it names, what it quotes, and how long it took."""

    generation: str
    quotes: tuple[str, ...]
    seconds: float


def read_until(stop: Path, folder: Path) -> list[TimedAnswer]:
    """Return all answers of sixteen readers until a file appears; raise what any of them raised."""
    with ThreadPoolExecutor(READERS) as pool:
        reading = [pool.submit(_read, stop, folder, number) for number in range(READERS)]
    return [answer for done in reading for answer in done.result()]


def _read(stop: Path, folder: Path, first: int) -> list[TimedAnswer]:
    answers = []
    questions = itertools.islice(itertools.cycle(scene.QUESTIONS), first, None)
    while not stop.exists():
        opened = index.open_index(folder)
        if opened.warning:
            raise scene.Bad(opened.warning)
        assistant = Assistant(opened, WordEncoder())
        answers += [_ask(assistant, next(questions)) for _ in range(PER_OPENING)]
        opened.store.close()
    return answers


def _ask(assistant: Assistant, question: str) -> TimedAnswer:
    started = time.perf_counter()
    answer = assistant.ask(question)
    seconds = time.perf_counter() - started
    store = assistant.index.store
    texts = {p.id: p.text for p in store.passages(range(2 * len(scene.ANIMALS)))}
    if not answer.citations or any(c.quote not in texts[c.passage] for c in answer.citations):
        raise scene.Bad(f"{question} {answer.citations}")
    return TimedAnswer(answer.generation, tuple(c.quote for c in answer.citations), seconds)
