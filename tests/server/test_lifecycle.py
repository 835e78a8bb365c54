"""Test that a server starts and keeps running where files cannot be read or written."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.index import builder as builder_module
from assistant.index import generations
from assistant.server.answer_log import AnswerLog
from assistant.server.security.api_keys import ApiKeys
from tests.conftest import ROOT
from tests.lifecycle import OTHER_USER, few_watches, mounted, needs_root, read_only
from tests.serving import PATIENCE, Connection, Readers, Response, Serving, fetch
from tests.small_guides import copy_introduction

if TYPE_CHECKING:
    from collections.abc import Callable

QUESTION = "What is a product manager?"


@dataclass(frozen=True, slots=True)
class Place:
    """A guide and its index, created by root in a folder that everybody can read."""

    folder: Path
    guide: Path
    index: Path
    cache: Path
    admin: str  # an API key

    @property
    def environment(self) -> tuple[str, ...]:
        """The command prefix that sets the exported model's cache and no home folder."""
        return ("env", "HOME=/nonexistent", f"XDG_CACHE_HOME={self.cache}")

    def serve(self, *under: str, flags: tuple[str, ...] = (), **settings: object) -> Serving:
        keys = self.folder / "keys.json"
        chosen = {"corpus": self.guide, "index": self.index, "keys": keys, **settings}
        return Serving(self.folder, under=(*self.environment, *under), flags=flags, **chosen)


@pytest.fixture(scope="module")
def built(tmp_path_factory, encoder) -> Path:
    """A folder with a guide and its index, of which each test has a copy."""
    folder = tmp_path_factory.mktemp("built")
    copy_introduction(folder / "guide")
    (folder / "guide" / "cat.md").write_text("# Cat\n\nA cat sleeps on the road.\n")
    builder_module.build_index(folder / "guide", folder / "index", encoder)
    return folder


@pytest.fixture
def place(shared_folder, built) -> Place:
    guide, index, cache = (shared_folder / name for name in ("guide", "index", "cache"))
    shutil.copytree(built / "guide", guide)
    shutil.copytree(built / "index", index)
    shutil.copytree(os.environ["XDG_CACHE_HOME"], cache)
    cache.chmod(0o755)  # pytest's own is closed to others
    keys = shared_folder / "keys.json"
    admin = ApiKeys(keys).add("monitor", ["admin"])
    keys.chmod(0o644)  # for the other users here
    return Place(shared_folder, guide, index, cache, admin)


def fetch_health(serving: Serving, place: Place) -> dict[str, str]:
    """Fetch a server's health as an admin."""

    async def ask() -> Response:
        async with Readers(serving.port) as readers:
            headers = {"authorization": f"Bearer {place.admin}"}
            return await readers.connection().request("GET", "/healthz", headers=headers)

    return asyncio.run(asyncio.wait_for(ask(), PATIENCE)).json()


def ask_server(serving: Serving) -> dict[str, object]:
    """Ask a server over HTTP and return the answer."""

    async def ask() -> dict[str, object]:
        connection = Connection(serving.port)
        body = json.dumps({"question": QUESTION}).encode()
        response = await connection.request("POST", "/api/ask", body)
        await connection.close()
        assert response.status == 200, response
        return response.json()

    return asyncio.run(asyncio.wait_for(ask(), PATIENCE))


def wait_until(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.2)


def start_command(place: Place, name: str) -> tuple[str, ...]:
    """Return the command prefix that makes the index unwritable in one of two ways."""
    small = 'mount -t tmpfs -o size="$3"k tmpfs "$2"; cp -a "$1"/. "$2"'
    small += '; dd if=/dev/zero of="$2"/rest bs=1k 2>/dev/null || true'
    size = sum(path.stat().st_size // 1024 + 8 for path in place.index.rglob("*")) + 64
    aside = place.folder / "aside"
    shutil.copytree(place.index, aside)
    return {
        "a read-only mount": read_only(place.index, place.guide),
        "a full disk": mounted(small, aside, place.index, size),
    }[name]


# Another user's index is the subject of the next tests.
WAYS = ["a read-only mount", "a full disk"]


@needs_root
@pytest.mark.parametrize("way", WAYS)
def test_an_index_that_is_current_is_served_where_it_cannot_be_written(place, way):
    if "mount" in way:  # an answer log exists and cannot be written either
        AnswerLog.open(f"sqlite:///{place.index / 'journal.sqlite'}", days=90).close()
    with place.serve(*start_command(place, way)) as serving:
        serving.ready()
        assert fetch_health(serving, place)["status"] == "ok"
        answer = ask_server(serving)
        assert answer["found"]
        assert answer["degraded"] == []
        assert answer["id"] == "", "no answer log"
        assert "The index is served as it is: The index cannot be written" in serving.log
        assert "Answers are not kept. The answer log" in serving.log


@needs_root
def test_a_stale_index_that_cannot_be_written_is_served_with_a_notice(place):
    (place.guide / "cat.md").unlink()
    with place.serve(*OTHER_USER, flags=("--watch",)) as serving:
        serving.ready()
        notice = "1 page changed since this index was built (1 deleted)."
        assert fetch_health(serving, place)["status"] == "stale"
        assert fetch_health(serving, place)["trouble"].startswith(notice)
        assert ask_server(serving)["degraded"][0].startswith(notice)
        (place.guide / "more.md").write_text("# More\n\nMore of it.\n")
        wait_until(lambda: "2 pages changed" in fetch_health(serving, place)["trouble"])
        assert str(place.folder) not in fetch_health(serving, place)["trouble"]


def test_an_index_without_its_guide_is_served(place):
    shutil.rmtree(place.guide)
    with place.serve() as serving:
        serving.ready()
        assert ask_server(serving)["found"]
        assert "The index is served as it is: There is no guide at" in serving.log
        assert "The guide cannot be read" in fetch_health(serving, place)["trouble"], (
            "the guide was configured"
        )


def test_a_missing_guide_stops_a_server_that_has_no_index(place):
    shutil.rmtree(place.index)
    with place.serve(corpus=place.folder / "nowhere") as serving:
        serving.ended(time.monotonic())
        assert serving.process.returncode == 3
        assert "There is no guide at" in serving.log


@needs_root
@pytest.mark.parametrize(
    ("command", "field"), [("ask --json", "citations"), ("search --json", "hits")]
)
def test_the_command_line_answers_from_an_index_it_may_not_write(place, command, field):
    words = [sys.executable, "-m", "assistant", *command.split(), "--index", place.index, QUESTION]
    under = (*place.environment, *read_only(place.folder), *OTHER_USER)
    done = subprocess.run(
        [*under, *map(str, words)],
        capture_output=True,
        check=False,
        cwd=place.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert b"Answers are slow" not in done.stderr
    assert b"Traceback" not in done.stderr
    assert json.loads(done.stdout)[field]


@needs_root
def test_the_command_line_answers_where_it_may_not_reach_the_guide(place, encoder):
    closed = place.folder / "closed"
    shutil.copytree(place.guide, closed / "guide")
    builder_module.build_index(closed / "guide", place.index, encoder)
    closed.chmod(0o700)
    words = [sys.executable, "-m", "assistant", "ask", "--json", "--index", place.index, QUESTION]
    done = subprocess.run(
        [*place.environment, *OTHER_USER, *map(str, words)],
        capture_output=True,
        check=False,
        cwd=place.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["citations"]


# -- two at once ------------------------------------------------------------------------------


def fetch_progress(serving: Serving) -> dict[str, object]:
    return asyncio.run(fetch(serving.port, "/progress")).json()["steps"]


def test_a_server_waits_for_another_process_that_builds_its_index_and_says_so(place):
    with generations.lock_for_writing(place.index), place.serve() as serving:
        wait_until(lambda: "waiting" in fetch_progress(serving))
        page = asyncio.run(fetch(serving.port, "/"))
        assert page.status == 503
        assert "waiting for another process to build this index" in page.body.decode()
        assert "Another process is building the index" in serving.log
        serving.stop()
        assert serving.process.returncode == 0
    with place.serve() as serving:
        with generations.lock_for_writing(place.index):
            wait_until(lambda: serving.port and fetch_progress(serving) is not None)
            time.sleep(1.0)
        serving.ready()
        assert ask_server(serving)["found"]


def test_two_servers_started_at_once_both_serve_the_index_that_one_builds(place):
    shutil.rmtree(place.index)
    with place.serve(flags=("--watch",)) as one, place.serve(flags=("--watch",)) as other:
        one.ready()
        other.ready()
        generation = fetch_health(one, place)["generation"]
        assert fetch_health(other, place) == {"status": "ok", "generation": generation}
        (place.guide / "cat.md").write_text("# Cat\n\nA cat sleeps in the house.\n")
        wait_until(lambda: fetch_health(one, place)["generation"] != generation)
        wait_until(lambda: fetch_health(other, place) == fetch_health(one, place))
        assert fetch_health(one, place)["status"] == "ok"


@needs_root
def test_a_guide_that_becomes_unreadable_after_the_start_is_reported(place, encoder):
    (place.guide / "part").mkdir()
    (place.guide / "part" / "dog.md").write_text("# Dog\n\nA dog sits in the house.\n")
    builder_module.build_index(place.guide, place.index, encoder)
    with place.serve(*OTHER_USER, flags=("--watch",)) as serving:
        serving.ready()
        assert ask_server(serving)["degraded"] == []
        for closed in (place.guide, place.guide / "part"):
            closed.chmod(0o700)
            wait_until(lambda: "cannot be read" in fetch_health(serving, place).get("trouble", ""))
            assert "cannot be read" in ask_server(serving)["degraded"][0]
            closed.chmod(0o755)
            wait_until(lambda: "trouble" not in fetch_health(serving, place))


# -- unreadable or unwatched folders -----------------------------------------------------------


@needs_root
@pytest.mark.parametrize("way", ["a folder that may not be read", "few watches"])
def test_a_server_follows_edits_although_it_cannot_watch_everything(place, way):
    (place.guide / "closed").mkdir(mode=0o700)
    (place.guide / "closed" / "page.md").write_text("# Closed\n\nNobody reads it.\n")
    under = few_watches(2)
    if "folder" in way:
        under = OTHER_USER
        for path in (place.index, *place.index.rglob("*")):
            shutil.chown(path, 65534, 65534)
    with place.serve(*under, flags=("--watch",)) as serving:
        serving.ready()
        generation = fetch_health(serving, place)["generation"]
        (place.guide / "cat.md").write_text("# Cat\n\nA cat sleeps in the house.\n")
        wait_until(lambda: fetch_health(serving, place)["generation"] != generation)
        assert fetch_health(serving, place)["status"] == "ok"
        assert "Traceback" not in serving.log
        reason = "closed cannot be read" if "folder" in way else "The guide cannot be watched"
        wait_until(lambda: reason in serving.log)
