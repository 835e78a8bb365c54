"""Test many readers at once: each gets the right answer, or is told when to ask again.

The short sizes check the answers, the long ones also the speed: the capacity of the server, the
response time at half of it, and what happens above it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from assistant.server.routes import chat
from tests.durability import scene
from tests.serving import Readers, Serving, questions
from tests.sizes import LONG, size

QUESTIONS_PER_READER = 5
"""Questions a reader asks before another takes the place."""

AT_HALF = 3.0
"""The factor over a single reader's median that an answer may take at half the capacity."""

REFUSED = 0.1
"""Seconds within which a request above the capacity is refused."""

GOODPUT = 0.8
"""The share of the capacity that is still answered under far more load."""

GROWTH = 0.1
"""The share by which memory may grow once the most conversations are remembered."""

long_only = pytest.mark.skipif(not LONG, reason="TORTURE=1 measures it")


@dataclass(slots=True)
class Tally:
    """The outcomes of questions: seconds of those answered and refused, and the errors."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    async def ask(self, reader, question: str, since: float | None = None) -> float:
        """Ask, compare the answer with the conversation, and return the seconds to wait.

        `since` is when the question should have been asked, where that is not now.
        """
        began = time.monotonic() if since is None else since
        try:
            response = await reader.join(question)
            if response.status == 429:
                self.refused.append(time.monotonic() - began)
                return int(response.headers["retry-after"])
            if response.status != 200:
                self.wrong.append(f"{response.status}: {response.body.decode()}")
                return 1
            received = await reader.received()
        except (AssertionError, KeyError, OSError, asyncio.IncompleteReadError) as error:
            self.wrong.append(repr(error))
            await reader.connection.close()
            return 1
        if received != reader.questions[-chat.MAX_SHOWN_TURNS :]:
            self.wrong.append(f"{received} for {reader.questions}")
        self.answered.append(time.monotonic() - began)
        return 0

    def milliseconds(self, share: int) -> float:
        return 1000 * float(np.percentile(self.answered, share))


async def ask_in_turn(port: int, readers: int, seconds: float, coming: float = 0) -> Tally:
    """Let `readers` readers ask, each as soon as the last question is answered.

    They start one after another within `coming` seconds, or all at once.
    """
    tally, new_questions = Tally(), questions()
    ends = time.monotonic() + seconds

    async def keep_asking(here: Readers, number: int) -> None:
        reader = await here.reader()
        await asyncio.sleep(coming * number / readers)
        while time.monotonic() < ends:
            if len(reader.questions) == QUESTIONS_PER_READER:
                reader = reader.anew()
            wait = await tally.ask(reader, next(new_questions))
            await asyncio.sleep(min(wait, max(0, ends - time.monotonic())))

    async with Readers(port) as here:
        await asyncio.gather(*(keep_asking(here, number) for number in range(readers)))
    return tally


async def ask_evenly(port: int, readers: int, seconds: float, rate: float) -> Tally:
    """Let `readers` readers together ask `rate` questions per second, answered or not.

    A question that is due while its reader still waits is asked late, and timed from when it was
    due.
    """
    tally, new_questions = Tally(), questions()
    started = time.monotonic() + 0.1

    async def keep_asking(here: Readers, first: int) -> None:
        reader = await here.reader()
        for number in range(first, int(seconds * rate), readers):
            due = started + number / rate
            await asyncio.sleep(max(0, due - time.monotonic()))
            if len(reader.questions) == QUESTIONS_PER_READER:
                reader = reader.anew()
            await tally.ask(reader, next(new_questions), due)

    async with Readers(port) as here:
        await asyncio.gather(*(keep_asking(here, first) for first in range(readers)))
    return tally


@pytest.fixture
def home(tmp_path, corpus_index):
    """A folder with an index of its own over the repository's guide."""
    shutil.copytree(corpus_index, tmp_path / "index")
    return tmp_path


class Report:
    """Run a load on a server and log the results."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def __call__(self, what: str, load) -> Tally:
        serving = self._serving
        used, own, before = serving.seconds, time.process_time(), serving.memory
        began = time.monotonic()
        tally = asyncio.run(load)
        taken = time.monotonic() - began
        refused = 1000 * float(np.percentile(tally.refused or [0], 95))
        scene.figures.info(
            "%s: %.1f answers/s in %.0f ms, p95 %.0f, p99 %.0f; %d refused, p95 %.0f ms; %d wrong; "
            "%.1f ms of processor an answer, of the load's own %.1f; %d MB, then %d; load %.1f",
            what,
            len(tally.answered) / taken,
            *(tally.milliseconds(share) for share in (50, 95, 99)),
            len(tally.refused),
            refused,
            len(tally.wrong),
            1000 * (serving.seconds - used) / len(tally.answered),
            1000 * (time.process_time() - own) / len(tally.answered),
            before >> 20,
            serving.memory >> 20,
            os.getloadavg()[0],
        )
        assert tally.wrong == []
        return tally


# -- correctness ----------------------------------------------------------------------------------


def test_every_one_of_many_readers_gets_the_answers_to_their_own_questions(home):
    with Serving(home, waiting=8) as serving:
        tell = Report(serving.ready())
        tally = tell("24 readers, 8 may wait", ask_in_turn(serving.port, 24, size(5, 60)))
    assert len(tally.answered) > 24
    assert tally.refused, "at least once there were too many"
    assert "Traceback" not in serving.log


# -- how much, how fast ---------------------------------------------------------------------------


@long_only
def test_load_above_the_capacity_is_refused(home):
    with Serving(home) as serving:
        tell, port = Report(serving.ready()), serving.port
        tell("warming up", ask_in_turn(port, 4, 10))
        single = tell("1 reader", ask_in_turn(port, 1, 15))
        rates = [len(single.answered) / 15]
        for count in (4, 16):
            result = tell(f"{count} readers", ask_in_turn(port, count, 15))
            rates.append(len(result.answered) / 15)
        peak = max(rates)
        half = tell("20 readers at half of it", ask_evenly(port, 20, 60, peak / 2))
        over = tell("200 readers", ask_in_turn(port, 200, 30, coming=2))
    assert not half.refused
    assert half.milliseconds(95) <= AT_HALF * single.milliseconds(50)
    assert np.percentile(over.refused, 95) <= REFUSED
    assert len(over.answered) / 30 >= GOODPUT * peak


@long_only
def test_readers_who_come_and_go_use_no_more_memory_than_the_remembered_conversations(home):
    async def visit(count: int) -> Tally:
        tally, new_questions = Tally(), itertools.islice(questions(), count)

        async def come_and_go(here: Readers) -> None:
            reader = await here.reader()
            for question in new_questions:
                reader = reader.anew()
                await tally.ask(reader, question)

        async with Readers(serving.port) as here:
            await asyncio.gather(*(come_and_go(here) for _ in range(8)))
        return tally

    with Serving(home) as serving:
        tell = Report(serving.ready())
        sizes = []
        for _ in range(3):
            tally = tell(
                f"{chat.MAX_CONVERSATIONS} readers, one question each",
                visit(chat.MAX_CONVERSATIONS),
            )
            assert not tally.refused
            sizes.append(serving.memory)
    assert sizes[-1] <= sizes[0] * (1 + GROWTH)
