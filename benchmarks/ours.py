"""What we take, task by task, as `peers.py` measures the peers: the same clock, queries, passages.

    python benchmarks/ours.py TASK [--index FOLDER] [--queries FILE] [--passages FILE]

TASK is one of

    answer       milliseconds for a full answer, from an opened index
    encode-one   milliseconds to encode one text
    encode-many  texts encoded a second
    threads      full answers to 8 threads at once
    memory       the most memory that a process needs which answers through Python

Prints one line of JSON; the first queries only warm up.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import clock

from assistant import Assistant
from assistant.encoders import select as encoder_selection

if TYPE_CHECKING:
    from assistant.encoders.base import Encoder


def encoder() -> Encoder:
    """The encoder that serves: the one that `Assistant.open` asks with."""
    return encoder_selection.select_build_encoder()[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--queries", type=Path)
    parser.add_argument("--passages", type=Path)
    given = parser.parse_args()
    TASKS[given.task](given)


def answer(given: argparse.Namespace) -> None:
    assistant, queries = _opened(given)
    clock.say({**clock.each(assistant.ask, queries), "megabytes": clock.peak_megabytes()})


def encode_one(given: argparse.Namespace) -> None:
    own, queries = encoder(), clock.texts(given.queries)
    clock.each(lambda text: own.encode([text]), queries[: clock.WARM])
    clock.say(clock.each(lambda text: own.encode([text]), queries[clock.WARM :]))


def encode_many(given: argparse.Namespace) -> None:
    own, passages = encoder(), clock.texts(given.passages)
    own.encode(passages[: clock.WARM])
    clock.say(clock.at_once(own.encode, passages))


def threads(given: argparse.Namespace) -> None:
    assistant, queries = _opened(given)
    alone = clock.each(assistant.ask, queries[::2])
    clock.say({**clock.together(assistant.ask, queries[1::2]), "alone": alone["p50"]})


def memory(given: argparse.Namespace) -> None:
    assistant = Assistant.open(given.index)
    for query in clock.texts(given.queries):
        assistant.ask(query)
    clock.say({"megabytes": clock.peak_megabytes()})


def _opened(given: argparse.Namespace) -> tuple[Assistant, list[str]]:
    """An Assistant that others have warmed up, and the queries that count."""
    assistant = Assistant.open(given.index)
    queries = clock.texts(given.queries)
    clock.each(assistant.ask, queries[: clock.WARM])
    return assistant, queries[clock.WARM :]


TASKS = {
    "answer": answer,
    "encode-one": encode_one,
    "encode-many": encode_many,
    "threads": threads,
    "memory": memory,
}


if __name__ == "__main__":
    main()
