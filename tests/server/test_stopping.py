"""Test how a server with readers starts, stops on a signal and restarts after a kill."""

from __future__ import annotations

import asyncio
import json
import random
import re
import shutil
import signal
import time

import pytest

from tests.serving import PATIENCE, Connection, Readers, Response, Serving, fetch, questions
from tests.sizes import size

BOTH = [signal.SIGTERM, signal.SIGINT]
PROGRESS_BAR = re.compile(r" *[a-z]+ .*\d/\d+ ")
SYLLABLES = "ka to mi re su lon dar ven pil gro".split()


def write_guide(folder, pages: int, sections: int):
    """Write a guide of made-up words: `pages` pages of `sections` sections."""
    rng = random.Random(pages)

    def words(count: int) -> str:
        return " ".join("".join(rng.choices(SYLLABLES, k=3)) for _ in range(count))

    folder.mkdir()
    for number in range(pages):
        lines = [f"# Page {number}\n"]
        lines += [f"## {words(3)}\n\n{words(12)}.\n" for _ in range(sections)]
        (folder / f"page-{number:03}.md").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def home(tmp_path, corpus_index):
    """A folder with an index of its own over the repository's guide."""
    shutil.copytree(corpus_index, tmp_path / "index")
    return tmp_path


def unexpected_lines(serving: Serving) -> list[str]:
    """List the log lines beside the address of the chat and the report on the index."""
    expected = ("The chat is at ", "Up to date: ", "Built (")
    return [
        line
        for line in serving.log.splitlines()
        if line.strip() and not PROGRESS_BAR.match(line) and not line.startswith(expected)
    ]


async def fetch_progress(port: int) -> dict[str, list[int]]:
    """Return the progress: for each step begun, the number done and the total."""
    return (await fetch(port, "/progress")).json()["steps"]


async def open_tabs(readers: Readers, count: int) -> list[asyncio.Task]:
    """Open idle tabs: an idle connection and a heartbeat stream each."""
    streams = []
    for number in range(count):
        await readers.connection().request("GET", "/healthz")
        stream = readers.connection()
        head = await stream.begin("GET", f"/gradio_api/heartbeat/tab{number}")
        streams.append(asyncio.create_task(ends_cleanly(stream, head)))
    return streams


async def ends_cleanly(stream: Connection, head: Response) -> bool:
    """Whether a stream reaches its end and is not cut off."""
    try:
        async for _ in stream.chunks(head):
            pass
    except (asyncio.IncompleteReadError, ConnectionError):
        return False
    return True


async def give_up(readers: Readers) -> None:
    """Ask and leave, once before reading the answer, once while reading it."""
    early, late = await readers.reader(), await readers.reader()
    for reader in (early, late):
        assert (await reader.join("What is a product owner?")).status == 200
    await late.connection.begin("GET", f"/gradio_api/queue/data?session_hash={late.name}")
    await asyncio.gather(early.connection.close(), late.connection.close())


async def ask_until_refused(readers: Readers) -> list[str]:
    """Ask until the server is gone and return how each question was refused."""
    outcomes = []
    while True:
        reader = await readers.reader()
        try:
            response = await reader.join("What is a product manager?")
            waits = response.headers.get("retry-after", "").isdecimal()
            outcomes.append(f"{response.status} {'wait' if waits else ''}")
        except ConnectionRefusedError:
            return outcomes
        except (ConnectionError, asyncio.IncompleteReadError):
            outcomes.append("closed")
        await reader.connection.close()
        await asyncio.sleep(0.02)


# -- signals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", size([signal.SIGTERM], BOTH))
def test_a_stopping_server_answers_accepted_questions_and_accepts_no_more(home, number):
    async def stop(readers: Readers) -> None:
        tabs = await open_tabs(readers, 6)
        await give_up(readers)
        asking = [await readers.reader() for _ in range(24)]
        new = questions()
        joined = await asyncio.gather(*(reader.join(next(new)) for reader in asking))
        assert {response.status for response in joined} == {200}
        # Half of them listen when the signal comes, the others only after it.
        received = [asyncio.create_task(reader.received()) for reader in asking[:12]]
        await asyncio.sleep(0.02)
        serving.process.send_signal(number)
        await asyncio.sleep(0.05)
        received += [asyncio.create_task(reader.received()) for reader in asking[12:]]
        refused = asyncio.create_task(ask_until_refused(readers))
        assert await asyncio.gather(*received) == [reader.questions for reader in asking]
        # Nobody waits for an answer any more, and open tabs do not delay the stop.
        await asyncio.to_thread(serving.process.wait, PATIENCE)
        assert set(await refused) <= {"503 wait", "closed"}
        assert "503 wait" in await refused, "at least one question came too late"
        assert await asyncio.gather(*tabs) == [True] * 6

    async def run():
        async with Readers(serving.port) as readers:
            await stop(readers)

    with Serving(home) as serving:
        serving.ready()
        asyncio.run(run())
        assert serving.process.returncode == 0
        assert unexpected_lines(serving) == []


def long_questions(count: int) -> list[bytes]:
    """Return bodies of different questions of nearly the maximum length."""
    text = "how does a product owner work with the team and what comes of it "
    return [
        json.dumps({"question": f"{number} {text * 30}"[:1990]}).encode() for number in range(count)
    ]


def test_a_probe_goes_first_and_a_stopping_server_answers_programs_or_returns_503(home):
    async def probe(readers: Readers) -> None:
        requests = [
            asyncio.create_task(readers.connection().request("POST", "/api/ask", body))
            for body in long_questions(60)
        ]
        await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
        probed = await readers.connection().request("GET", "/healthz")
        waiting = sum(not one.done() for one in requests)
        await asyncio.gather(*requests)
        assert probed.status == 200
        assert waiting > 20  # more than the threads could have answered before the probe

    async def run(serving: Serving) -> list[Response]:
        async with Readers(serving.port) as readers:
            await probe(readers)
            requests = [
                asyncio.create_task(readers.connection().request("POST", "/api/ask", body))
                for body in long_questions(20)
            ]
            # Requests are answered in order, so by now all of them have arrived.
            await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
            serving.process.send_signal(signal.SIGTERM)
            return await asyncio.gather(*requests)

    with Serving(home) as serving:
        responses = asyncio.run(run(serving.ready()))
        serving.ended(time.monotonic())
        assert serving.process.returncode == 0
        assert responses[0].status == 200
        for response in responses:
            assert response.status in {200, 503}
            stopping = "The assistant is stopping."
            assert response.status == 200 or response.json()["detail"] == stopping
        assert unexpected_lines(serving) == []


@pytest.mark.parametrize("number", size([signal.SIGINT], BOTH))
@pytest.mark.usefixtures("encoder")
def test_a_server_stops_while_it_builds_the_index(tmp_path, number):
    corpus = write_guide(tmp_path / "guide", 300, 30)
    with Serving(tmp_path, corpus) as serving:
        port = serving.port
        until = time.monotonic() + PATIENCE
        while not asyncio.run(fetch_progress(port)).get("encoding", [0])[0]:
            assert time.monotonic() < until
            time.sleep(0.05)
        serving.stop(number)
        assert serving.process.returncode == 0
        assert unexpected_lines(serving) == []


def test_a_server_stops_while_it_exports_the_model(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with Serving(tmp_path) as serving:
        while "exporting" not in asyncio.run(fetch_progress(serving.port)):
            time.sleep(0.05)
        serving.stop()
        assert serving.process.returncode == 0
        assert unexpected_lines(serving) == []


# -- killed ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("encoder")
def test_a_server_killed_at_its_first_start_starts_again_and_shows_its_progress(tmp_path):
    corpus = write_guide(tmp_path / "guide", 300, 1)

    async def follow_progress(port: int, steps: list):
        """Record the progress until the chat is served, and return its page."""
        while True:
            page = await fetch(port, "/")
            steps.append(await fetch_progress(port))
            if page.status == 200:
                return page.body.decode()
            assert page.status == 503
            assert page.headers["retry-after"].isdecimal()
            assert "Preparing the guide" in page.body.decode()
            assert (await fetch(port, "/healthz")).status == 200
            await asyncio.sleep(0.02)

    with Serving(tmp_path, corpus) as serving:
        while not asyncio.run(fetch_progress(serving.port)):
            time.sleep(0.01)
        serving.stop(signal.SIGKILL)

    with Serving(tmp_path, corpus) as serving:
        steps: list[dict] = []
        page = asyncio.run(follow_progress(serving.port, steps))
        assert "window.gradio_config" in page
        encoded = [step["encoding"][0] for step in steps if "encoding" in step]
        assert len(set(encoded)) > 2, "the progress moved"
        assert encoded == sorted(encoded)
        assert steps[-1]["encoding"][0] == steps[-1]["encoding"][1]
        assert steps[-1]["reading"] == [300, 300]
        assert unexpected_lines(serving) == []


def test_a_server_killed_while_it_answers_keeps_its_stored_answers(home):
    async def store_answer(readers: Readers) -> str:
        """Ask, and return the path of the stored answer once it can be opened."""
        reader = await readers.reader()
        assert (await reader.join("How is a PM different from a PO?")).status == 200
        path = re.search(r'href="(/a/[a-z2-7]{16})"', await reader.conversation())[1]
        assert (await fetch(readers.port, path)).status == 200
        return path

    async def kill_server() -> str:
        async with Readers(serving.port) as readers:
            path = await store_answer(readers)
            asking = [await readers.reader() for _ in range(12)]
            await asyncio.gather(*(reader.join("What is a product owner?") for reader in asking))
            serving.process.kill()
            return path

    async def ask_again() -> str:
        async with Readers(serving.port) as readers:
            # A tab of the killed server is unknown to the new one.
            listened = await fetch(readers.port, "/gradio_api/queue/data?session_hash=before")
            assert listened.status == 404
            assert (await fetch(readers.port, path)).status == 200
            return await store_answer(readers)

    with Serving(home) as serving:
        serving.ready()
        path = asyncio.run(kill_server())

    with Serving(home) as serving:
        serving.ready()
        assert asyncio.run(ask_again()) == path
        assert unexpected_lines(serving) == []
