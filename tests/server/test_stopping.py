"""How a server starts, and how it ends: told to, or killed, with readers there."""

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

SIGNALS = pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"]
)
PROGRESS_BAR = re.compile(r" *[a-z]+ .*\d/\d+ ")
SYLLABLES = "ka to mi re su lon dar ven pil gro".split()


def write_guide(folder, pages: int, sections: int):
    """A guide of made-up words: so many pages of so many sections."""
    chance = random.Random(pages)

    def words(count: int) -> str:
        return " ".join("".join(chance.choices(SYLLABLES, k=3)) for _ in range(count))

    folder.mkdir()
    for number in range(pages):
        text = [f"# Page {number}\n"]
        text += [f"## {words(3)}\n\n{words(12)}.\n" for _ in range(sections)]
        (folder / f"page-{number:03}.md").write_text("\n".join(text), encoding="utf-8")
    return folder


@pytest.fixture
def home(tmp_path, corpus_index):
    """A folder with an index of its own over the repository's guide."""
    shutil.copytree(corpus_index, tmp_path / "index")
    return tmp_path


def unexpected(serving: Serving) -> list[str]:
    """What it has said beyond where the chat is and what became of the index."""
    ours = ("The chat is at ", "Up to date: ", "Built (")
    return [
        line
        for line in serving.text.splitlines()
        if line.strip() and not PROGRESS_BAR.match(line) and not line.startswith(ours)
    ]


async def progress(port: int) -> dict[str, list[int]]:
    """How far the guide is: of each step begun what is done, and of how much."""
    return (await fetch(port, "/progress")).json()["steps"]


async def left_open(readers: Readers, count: int) -> list[asyncio.Task]:
    """Tabs that are only open: connections that idle, and streams that tell when a tab is gone."""
    streams = []
    for number in range(count):
        await readers.connection().request("GET", "/healthz")
        stream = readers.connection()
        head = await stream.begin("GET", f"/gradio_api/heartbeat/tab{number}")
        streams.append(asyncio.create_task(is_whole(stream, head)))
    return streams


async def is_whole(stream: Connection, head: Response) -> bool:
    """Whether a stream comes to its end, and is not broken off."""
    try:
        async for _ in stream.chunks(head):
            pass
    except (asyncio.IncompleteReadError, ConnectionError):
        return False
    return True


async def give_up(readers: Readers) -> None:
    """Ask and leave, once before the answer is listened for, once while it is."""
    early, late = await readers.reader(), await readers.reader()
    for reader in (early, late):
        assert (await reader.join("What is a product owner?")).status == 200
    await late.connection.begin("GET", f"/gradio_api/queue/data?session_hash={late.name}")
    await asyncio.gather(early.connection.close(), late.connection.close())


async def refusals(readers: Readers) -> list[str]:
    """Ask on until there is no server any more; how each question was refused."""
    reply = []
    while True:
        reader = await readers.reader()
        try:
            text = await reader.join("What is a product manager?")
            waits = text.headers.get("retry-after", "").isdecimal()
            reply.append(f"{text.status} {'wait' if waits else ''}")
        except ConnectionRefusedError:
            return reply
        except (ConnectionError, asyncio.IncompleteReadError):
            reply.append("closed")
        await reader.connection.close()
        await asyncio.sleep(0.02)


# -- told to stop ---------------------------------------------------------------------------------


@SIGNALS
def test_a_server_told_to_stop_answers_what_it_took_and_takes_no_more(home, number):
    async def stop(readers: Readers) -> None:
        tabs = await left_open(readers, 6)
        await give_up(readers)
        asking = [await readers.reader() for _ in range(24)]
        new = questions()
        joined = await asyncio.gather(*(reader.join(next(new)) for reader in asking))
        assert {text.status for text in joined} == {200}
        # Half of them listen when the signal comes, the others only after it.
        received = [asyncio.create_task(reader.received()) for reader in asking[:12]]
        await asyncio.sleep(0.02)
        serving.process.send_signal(number)
        await asyncio.sleep(0.05)
        received += [asyncio.create_task(reader.received()) for reader in asking[12:]]
        refused = asyncio.create_task(refusals(readers))
        assert await asyncio.gather(*received) == [reader.question_asked for reader in asking]
        # Nobody waits for an answer any more: the tabs that are open hold nothing up.
        await asyncio.to_thread(serving.process.wait, PATIENCE)
        assert set(await refused) <= {"503 wait", "closed"}
        assert "503 wait" in await refused, "no question came too late"
        assert await asyncio.gather(*tabs) == [True] * 6

    async def run():
        async with Readers(serving.port) as readers:
            await stop(readers)

    with Serving(home) as serving:
        serving.ready()
        asyncio.run(run())
        assert serving.process.returncode == 0
        assert unexpected(serving) == []


def long_questions(count: int) -> list[bytes]:
    """Bodies of questions as long as one may be, each another."""
    text = "how does a product owner work with the team and what comes of it "
    return [
        json.dumps({"question": f"{number} {text * 30}"[:1990]}).encode() for number in range(count)
    ]


def test_a_probe_goes_first_and_a_server_told_to_stop_answers_programs_or_says_that_it_stops(home):
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
        assert waiting > 20  # more than threads could have answered before it, one after another

    async def run(serving: Serving) -> list[Response]:
        async with Readers(serving.port) as readers:
            await probe(readers)
            requests = [
                asyncio.create_task(readers.connection().request("POST", "/api/ask", body))
                for body in long_questions(20)
            ]
            # What is taken first is answered first, so by now all of it has arrived.
            await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
            serving.process.send_signal(signal.SIGTERM)
            return await asyncio.gather(*requests)

    with Serving(home) as serving:
        responses = asyncio.run(run(serving.ready()))
        serving.ended(time.monotonic())
        assert serving.process.returncode == 0
        assert responses[0].status == 200
        for one in responses:
            assert one.status in {200, 503}
            assert one.status == 200 or one.json()["detail"] == "The assistant is stopping."
        assert unexpected(serving) == []


@SIGNALS
@pytest.mark.usefixtures("encoder")
def test_a_server_told_to_stop_while_the_guide_is_made_ready_stops(tmp_path, number):
    corpus = write_guide(tmp_path / "guide", 300, 30)
    with Serving(tmp_path, corpus) as serving:
        port = serving.port
        until = time.monotonic() + PATIENCE
        while not asyncio.run(progress(port)).get("encoding", [0])[0]:
            assert time.monotonic() < until
            time.sleep(0.05)
        serving.stop(number)
        assert serving.process.returncode == 0
        assert unexpected(serving) == []


def test_a_server_told_to_stop_while_its_model_is_exported_stops(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with Serving(tmp_path) as serving:
        while "exporting" not in asyncio.run(progress(serving.port)):
            time.sleep(0.05)
        serving.stop()
        assert serving.process.returncode == 0
        assert unexpected(serving) == []


# -- killed ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("encoder")
def test_a_server_killed_at_its_first_start_begins_anew_and_shows_how_far_it_is(tmp_path):
    corpus = write_guide(tmp_path / "guide", 300, 1)

    async def look(port: int, steps: list):
        """How far it is, again and again, until it is the chat that is served."""
        while True:
            page = await fetch(port, "/")
            steps.append(await progress(port))
            if page.status == 200:
                return page.body.decode()
            assert page.status == 503
            assert page.headers["retry-after"].isdecimal()
            assert "Preparing the guide" in page.body.decode()
            assert (await fetch(port, "/healthz")).status == 200
            await asyncio.sleep(0.02)

    with Serving(tmp_path, corpus) as serving:
        while not asyncio.run(progress(serving.port)):
            time.sleep(0.01)
        serving.stop(signal.SIGKILL)

    with Serving(tmp_path, corpus) as serving:
        steps: list[dict] = []
        page = asyncio.run(look(serving.port, steps))
        assert "window.gradio_config" in page
        encoded = [step["encoding"][0] for step in steps if "encoding" in step]
        assert len(set(encoded)) > 2, "it was never seen to move"
        assert encoded == sorted(encoded)
        assert steps[-1]["encoding"][0] == steps[-1]["encoding"][1]
        assert steps[-1]["reading"] == [300, 300]
        assert unexpected(serving) == []


def test_a_server_killed_while_it_answers_starts_again_with_what_it_kept(home):
    async def stored(readers: Readers) -> str:
        """Where an answer is kept, once it can be opened there."""
        reader = await readers.reader()
        assert (await reader.join("How is a PM different from a PO?")).status == 200
        place = re.search(r'href="(/a/[a-z2-7]{16})"', await reader.conversation())[1]
        assert (await fetch(readers.port, place)).status == 200
        return place

    async def killed() -> str:
        async with Readers(serving.port) as readers:
            place = await stored(readers)
            asking = [await readers.reader() for _ in range(12)]
            await asyncio.gather(*(reader.join("What is a product owner?") for reader in asking))
            serving.process.kill()
            return place

    async def again() -> str:
        async with Readers(serving.port) as readers:
            # A tab from before listens on; nobody knows it any more.
            listened = await fetch(readers.port, "/gradio_api/queue/data?session_hash=before")
            assert listened.status == 404
            assert (await fetch(readers.port, place)).status == 200
            return await stored(readers)

    with Serving(home) as serving:
        serving.ready()
        place = asyncio.run(killed())

    with Serving(home) as serving:
        serving.ready()
        assert asyncio.run(again()) == place
        assert unexpected(serving) == []
