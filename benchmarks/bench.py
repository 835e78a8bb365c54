"""Run both sides of the speed comparison: the folders, files and processes of one run.

Every figure comes from a process of its own, so that no side has the threads or the memory of
another. This module starts the sides; it does not know what is compared.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import clock
import ours

from assistant.encoders.weights import Weights
from assistant.evaluation import datasets
from assistant.guide.folder import read_guide
from assistant.guide.publishers import ReadingOptions
from assistant.guide.walk import detect_publisher

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Figures = dict[str, float]

HERE = Path(__file__).parent
ROOT = HERE.parent
REQUIREMENTS = HERE / "requirements-peers.txt"

TV, PUBLIC = "emanual_tv", "doc2dial"
INTRODUCTION = "introduction"

QUERIES = 200
PASSAGES = 400
"""How many texts are encoded to measure texts per second; the slower side takes half a minute."""


@dataclass
class Bench:
    """One run: the folder of the sets, the folder that it writes to, and the peers' Python."""

    sets: Path
    folder: Path
    theirs: Path
    _passages: dict[str, Path] = field(default_factory=dict)
    _indexes: dict[str, Path] = field(default_factory=dict)

    def missing(self) -> str:
        """Describe what is missing for the run, with a hint; empty where nothing is."""
        if not all((self.sets / name / "docs").is_dir() for name in (TV, PUBLIC)):
            return (
                f"Nothing is measured: {TV} and {PUBLIC} are not in the folder of sets.\n"
                "Name it with --eval, or: make bench EVAL=FOLDER"
            )
        if not self.theirs.is_file():
            return "Nothing is measured: the peers are not installed.\nRun: make bench"
        return ""

    # -- the inputs of both sides -------------------------------------------------------------

    @cached_property
    def queries(self) -> Path:
        """Distinct questions to the TV's manual; the first ones are not timed."""
        (question_set,) = datasets.read_datasets(self.sets / TV, self.folder)
        first_turns = dict.fromkeys(q.text for q in question_set.questions if not q.history)
        return self._write_lines("queries", _sample(list(first_turns), QUERIES + clock.WARM))

    def passages(self, guide_name: str) -> Path:
        """Write the passages of a guide, as we search them, to a file; return its path."""
        if guide_name not in self._passages:
            docs = self.docs(guide_name)
            publisher, window = detect_publisher(docs), ours.encoder().window
            options = ReadingOptions(publisher=publisher, max_tokens=window)
            guide = read_guide(docs, reading_options=options)
            texts = [passage.search_text for passage in guide.passages]
            self._passages[guide_name] = self._write_lines(guide_name, texts)
        return self._passages[guide_name]

    @cached_property
    def mixed(self) -> Path:
        """A file of passages of mixed length."""
        return self._write_lines("mixed", _sample(clock.texts(self.passages(PUBLIC)), PASSAGES))

    def docs(self, guide_name: str) -> Path:
        """Return the folder of a guide."""
        if guide_name == INTRODUCTION:
            return ROOT / "corpus"
        return self.sets / guide_name / "docs"

    def index(self, guide_name: str) -> Path:
        """Return our index of a guide, updated once per run."""
        if guide_name not in self._indexes:
            self._indexes[guide_name] = self.folder / "ours" / guide_name
            self.build(guide_name, self._indexes[guide_name])
        return self._indexes[guide_name]

    def peer_index(self, peer: str) -> Path:
        """Return a peer's index of the TV's manual, kept until the peer or the passages change."""
        index, passages = self.folder / peer / TV, self.passages(TV)
        proof = index.with_suffix(".sha256")
        digest = hashlib.sha256(REQUIREMENTS.read_bytes() + passages.read_bytes()).hexdigest()
        if not proof.is_file() or proof.read_text(encoding="ascii") != digest:
            self.peer(peer, "index", passages=passages, index=_make_empty(index))
            proof.write_text(digest, encoding="ascii")
        return index

    def _write_lines(self, name: str, texts: list[str]) -> Path:
        path = self.folder / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts), encoding="utf-8")
        return path

    # -- the processes ------------------------------------------------------------------------

    def build(self, guide_name: str, index: Path) -> Figures:
        """Time `assistant build` of a guide as a process."""
        command = ["build", "--corpus", self.docs(guide_name), "--index", index]
        _, seconds = _time_process([sys.executable, "-m", "assistant", *command])
        return {"seconds": seconds}

    def fresh_build(self) -> Figures:
        """Time `assistant build` of the public-service guide from nothing."""
        return self.build(PUBLIC, _make_empty(self.folder / "fresh"))

    def peer_build(self, peer: str) -> Figures:
        """Time a peer's indexing of the same passages; both sides include imports."""
        index = _make_empty(self.folder / peer / PUBLIC)
        figures = self.peer(peer, "index", passages=self.passages(PUBLIC), index=index)
        return {"seconds": figures["process"], "indexing": figures["seconds"]}

    def ask(self) -> Figures:
        """Time `assistant ask` in a new process, with the first query."""
        question = clock.texts(self.queries)[0]
        command = [sys.executable, "-m", "assistant", "ask", question]
        printed, seconds = _time_process([*command, "--index", self.index(TV)])
        if not printed.strip():
            raise SystemExit(f"assistant ask printed nothing to: {question}")
        return {"seconds": seconds}

    def peer_first(self, peer: str) -> Figures:
        """Time a peer's script in a new process, which prints the best passage for one query."""
        options = ["--index", self.peer_index(peer), "--queries", self.queries]
        printed, seconds = _time_process([*self._script(peer, "first"), *options])
        if not printed.strip():
            raise SystemExit(f"{peer} printed nothing.")
        return {"seconds": seconds}

    def asked(self, task: str) -> Figures:
        """Run a task of `ours.py` with the queries of the TV's manual."""
        return self.ours(task, index=self.index(TV), queries=self.queries)

    def peer_asked(self, peer: str, task: str) -> Figures:
        """Run a task of `peers.py` with the queries of the TV's manual."""
        return self.peer(peer, task, index=self.peer_index(peer), queries=self.queries)

    def ours(self, task: str, **files: Path) -> Figures:
        """Run a task of `ours.py`."""
        return _figures([sys.executable, HERE / "ours.py", task], files)

    def peer(self, peer: str, task: str, **files: Path) -> Figures:
        """Run a task of `peers.py`."""
        return _figures(self._script(peer, task), files)

    def _script(self, peer: str, task: str) -> list[Any]:
        model = Weights().folder
        return [self.theirs, HERE / "peers.py", peer, task, "--model", model]

    def start(self, statement: str) -> Figures:
        """Time our Python as it runs one statement."""
        _, seconds = _time_process([sys.executable, "-c", statement])
        return {"seconds": seconds}

    def serve(self) -> Figures:
        """Measure the peak memory of `assistant serve` after questions to its chat."""
        command = ["serve", "--corpus", self.docs(INTRODUCTION), "--port", "0"]
        command += ["--index", self.index(INTRODUCTION)]
        with subprocess.Popen(
            list(map(str, [sys.executable, "-m", "assistant", *command])),
            cwd=ROOT, env=_clean_environment(), stderr=subprocess.PIPE, text=True,
        ) as server:  # fmt: skip
            try:
                address = _wait_for_address(server)
                for question in clock.texts(self.about_introduction)[:5]:
                    _ask_the_page(address, question)
                return {"megabytes": clock.peak_megabytes(server.pid)}
            finally:
                server.send_signal(signal.SIGINT)

    @cached_property
    def about_introduction(self) -> Path:
        """A file of questions to the introduction: its own headings."""
        docs = self.docs(INTRODUCTION)
        sections = read_guide(docs, reading_options=ReadingOptions()).sections
        return self._write_lines(
            INTRODUCTION, list(dict.fromkeys(s.headings[-1] for s in sections))
        )


def _sample(texts: list[str], limit: int) -> list[str]:
    """Choose at most `limit` texts, spread evenly over them all."""
    step = max(1.0, len(texts) / limit)
    return [texts[int(number * step)] for number in range(min(limit, len(texts)))]


def _make_empty(folder: Path) -> Path:
    """Remove a folder, and make its parent."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder


def _clean_environment() -> dict[str, str]:
    """Return the environment without our settings, and with the network off for the peers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSISTANT_")}
    return {**kept, "HF_HUB_OFFLINE": "1"}


def _time_process(command: list[Any]) -> tuple[str, float]:
    """Run a process; return what it prints, and the seconds from its start to its end."""
    started = time.perf_counter()
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT, env=_clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    if done.returncode:
        shown = " ".join(Path(part).name for part in map(str, command[:4]))
        raise SystemExit(f"{shown} … failed:\n{done.stderr[-2000:]}")
    return done.stdout, seconds


def _figures(command: list[Any], files: Mapping[str, Path]) -> Figures:
    named_files = [word for name, path in files.items() for word in (f"--{name}", path)]
    printed, seconds = _time_process([*command, *named_files])
    return {**json.loads(printed.splitlines()[-1]), "process": seconds}


# -- the chat, used as a browser does ----------------------------------------------------------


def _wait_for_address(server: subprocess.Popen[str]) -> str:
    """Read the address that a server prints, and wait until it answers."""
    assert server.stderr
    for line in server.stderr:
        if match := re.search(r"http://\S+/", line):
            _wait(match[0])
            return match[0]
    raise SystemExit("assistant serve ended before it served.")


def _wait(address: str) -> None:
    """Wait until the server answers; its socket listens before that."""
    with urllib.request.urlopen(f"{address}healthz", timeout=120) as answer:
        answer.read()


def _ask_the_page(address: str, question: str) -> None:
    """Send a question through the queue of the chat, and wait for the end of its answer."""
    with urllib.request.urlopen(f"{address}config", timeout=60) as response:
        config = json.load(response)
    kinds = {component["id"]: component["type"] for component in config["components"]}
    event = next(
        event
        for event in config["dependencies"]
        if [kinds[number] for number in event["inputs"]] == ["textbox", "state"]
    )
    body = {"data": [question], "fn_index": event["id"], "session_hash": "bench"}
    request = urllib.request.Request(
        f"{address}gradio_api/queue/join",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as joined:
        joined.read()
    stream = f"{address}gradio_api/queue/data?session_hash=bench"
    with urllib.request.urlopen(stream, timeout=60) as events:
        for message in _messages(events):
            if message["msg"] == "process_completed":
                if not message["success"]:
                    raise SystemExit(f"The chat failed: {message}")
                return
    raise SystemExit("The chat's queue ended before its answer did.")


def _messages(events: Any) -> Iterator[dict[str, Any]]:
    for line in events:
        if line.startswith(b"data:"):
            yield json.loads(line[5:])
