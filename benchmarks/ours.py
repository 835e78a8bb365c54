"""Measure our tasks as `peers.py` measures the peers: same clock, queries and passages.

    python benchmarks/ours.py TASK [--index FOLDER] [--queries FILE] [--passages FILE]

TASK is one of

    answer       milliseconds for a full answer, from an opened index
    encode-one   milliseconds to encode one text
    encode-many  texts encoded per second
    threads      full answers to 8 threads at once
    memory       peak memory of a process that answers through Python

Prints one line of JSON; the first queries are not timed.
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
    """Return the encoder that answers: the one that `Assistant.open` uses."""
    return encoder_selection.select_build_encoder()[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--queries", type=Path)
    parser.add_argument("--passages", type=Path)
    arguments = parser.parse_args()
    TASKS[arguments.task](arguments)


def answer(arguments: argparse.Namespace) -> None:
    assistant, queries = _opened(arguments)
    clock.say({**clock.each(assistant.ask, queries), "megabytes": clock.peak_megabytes()})


def encode_one(arguments: argparse.Namespace) -> None:
    own, queries = encoder(), clock.texts(arguments.queries)
    clock.each(lambda text: own.encode([text]), queries[: clock.WARM])
    clock.say(clock.each(lambda text: own.encode([text]), queries[clock.WARM :]))


def encode_many(arguments: argparse.Namespace) -> None:
    own, passages = encoder(), clock.texts(arguments.passages)
    own.encode(passages[: clock.WARM])
    clock.say(clock.at_once(own.encode, passages))


def threads(arguments: argparse.Namespace) -> None:
    assistant, queries = _opened(arguments)
    alone = clock.each(assistant.ask, queries[::2])
    clock.say({**clock.together(assistant.ask, queries[1::2]), "alone": alone["p50"]})


def memory(arguments: argparse.Namespace) -> None:
    assistant = Assistant.open(arguments.index)
    for query in clock.texts(arguments.queries):
        assistant.ask(query)
    clock.say({"megabytes": clock.peak_megabytes()})


def _opened(arguments: argparse.Namespace) -> tuple[Assistant, list[str]]:
    """Return an Assistant that has answered the first queries, and the other queries."""
    assistant = Assistant.open(arguments.index)
    queries = clock.texts(arguments.queries)
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
