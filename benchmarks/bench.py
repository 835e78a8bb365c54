"""Where both sides are measured: the folders, files and processes of one run.

Every figure comes from a process of its own, so that neither side has another's threads or memory
beside it. Knows how each side is started and what it is given. Must not know what is compared.
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
"""How many texts are encoded for texts a second: half a minute for the slower side."""


@dataclass
class Bench:
    """One run: the sets it asks from, the folder it writes to, and the peers' Python."""

    sets: Path
    folder: Path
    theirs: Path
    _passages: dict[str, Path] = field(default_factory=dict)
    _indexes: dict[str, Path] = field(default_factory=dict)

    def missing(self) -> str:
        """What is not there that has to be, and its mend; empty where all of it is."""
        if not all((self.sets / name / "docs").is_dir() for name in (TV, PUBLIC)):
            return (
                f"Nothing is measured: {TV} and {PUBLIC} are not in the folder of sets.\n"
                "Name it with --eval, or: make bench EVAL=FOLDER"
            )
        if not self.theirs.is_file():
            return "Nothing is measured: the peers are not installed.\nRun: make bench"
        return ""

    # -- what both sides are given ------------------------------------------------------------

    @cached_property
    def queries(self) -> Path:
        """Questions to the TV's manual that differ from each other; the first ones warm up."""
        (given,) = datasets.read_datasets(self.sets / TV, self.folder)
        alone = dict.fromkeys(asked.text for asked in given.questions if not asked.history)
        return self._lines("queries", _spread(list(alone), QUERIES + clock.WARM))

    def passages(self, guide_name: str) -> Path:
        """The passages of a guide as we search them."""
        if guide_name not in self._passages:
            docs = self.docs(guide_name)
            tool, window = detect_publisher(docs), ours.encoder().window
            found = read_guide(
                docs, reading_options=ReadingOptions(publisher=tool, max_tokens=window)
            )
            texts = [passage.search_text for passage in found.passages]
            self._passages[guide_name] = self._lines(guide_name, texts)
        return self._passages[guide_name]

    @cached_property
    def mixed(self) -> Path:
        """Passages of mixed length."""
        return self._lines("mixed", _spread(clock.texts(self.passages(PUBLIC)), PASSAGES))

    def docs(self, guide_name: str) -> Path:
        """The folder of a guide."""
        if guide_name == INTRODUCTION:
            return ROOT / "corpus"
        return self.sets / guide_name / "docs"

    def index(self, guide_name: str) -> Path:
        """Our index over a guide, brought up to date once a run."""
        if guide_name not in self._indexes:
            self._indexes[guide_name] = self.folder / "ours" / guide_name
            self.build(guide_name, self._indexes[guide_name])
        return self._indexes[guide_name]

    def peer_index(self, peer: str) -> Path:
        """A peer's index over the passages of the TV's manual, kept until they or it change."""
        index, passages = self.folder / peer / TV, self.passages(TV)
        proof = index.with_suffix(".sha256")
        made_from = hashlib.sha256(REQUIREMENTS.read_bytes() + passages.read_bytes()).hexdigest()
        if not proof.is_file() or proof.read_text(encoding="ascii") != made_from:
            self.peer(peer, "index", passages=passages, index=_emptied(index))
            proof.write_text(made_from, encoding="ascii")
        return index

    def _lines(self, name: str, texts: list[str]) -> Path:
        path = self.folder / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts), encoding="utf-8")
        return path

    # -- the processes ------------------------------------------------------------------------

    def build(self, guide_name: str, index: Path) -> Figures:
        """`assistant build` of a guide, timed from outside."""
        command = ["build", "--corpus", self.docs(guide_name), "--index", index]
        _, seconds = _timed([sys.executable, "-m", "assistant", *command])
        return {"seconds": seconds}

    def fresh_build(self) -> Figures:
        """`assistant build` of the public-service guide where nothing was kept."""
        return self.build(PUBLIC, _emptied(self.folder / "fresh"))

    def peer_build(self, peer: str) -> Figures:
        """A peer's indexing of the same passages, its imports included as ours are."""
        index = _emptied(self.folder / peer / PUBLIC)
        found = self.peer(peer, "index", passages=self.passages(PUBLIC), index=index)
        return {"seconds": found["process"], "indexing": found["seconds"]}

    def ask(self) -> Figures:
        """`assistant ask` in a new process, to the first query."""
        question = clock.texts(self.queries)[0]
        command = [sys.executable, "-m", "assistant", "ask", question]
        said, seconds = _timed([*command, "--index", self.index(TV)])
        if not said.strip():
            raise SystemExit(f"assistant ask printed nothing to: {question}")
        return {"seconds": seconds}

    def peer_first(self, peer: str) -> Figures:
        """A peer's script in a new process, printing its best passage for the first query."""
        given = ["--index", self.peer_index(peer), "--queries", self.queries]
        said, seconds = _timed([*self._script(peer, "first"), *given])
        if not said.strip():
            raise SystemExit(f"{peer} printed nothing.")
        return {"seconds": seconds}

    def asked(self, task: str) -> Figures:
        """A task of `ours.py` that asks the queries of the TV's manual."""
        return self.ours(task, index=self.index(TV), queries=self.queries)

    def peer_asked(self, peer: str, task: str) -> Figures:
        """The same of `peers.py`."""
        return self.peer(peer, task, index=self.peer_index(peer), queries=self.queries)

    def ours(self, task: str, **files: Path) -> Figures:
        """A task of `ours.py`."""
        return _figures([sys.executable, HERE / "ours.py", task], files)

    def peer(self, peer: str, task: str, **files: Path) -> Figures:
        """A task of `peers.py`."""
        return _figures(self._script(peer, task), files)

    def _script(self, peer: str, task: str) -> list[Any]:
        model = Weights().folder
        return [self.theirs, HERE / "peers.py", peer, task, "--model", model]

    def start(self, statement: str) -> Figures:
        """Our Python, running one statement."""
        _, seconds = _timed([sys.executable, "-c", statement])
        return {"seconds": seconds}

    def serve(self) -> Figures:
        """The most memory of `assistant serve` over the introduction, asked through its page."""
        command = ["serve", "--corpus", self.docs(INTRODUCTION), "--port", "0"]
        command += ["--index", self.index(INTRODUCTION)]
        with subprocess.Popen(
            list(map(str, [sys.executable, "-m", "assistant", *command])),
            cwd=ROOT, env=_environment(), stderr=subprocess.PIPE, text=True,
        ) as server:  # fmt: skip
            try:
                address = _address(server)
                for question in clock.texts(self.about_introduction)[:5]:
                    _ask_the_page(address, question)
                return {"megabytes": clock.peak_megabytes(server.pid)}
            finally:
                server.send_signal(signal.SIGINT)

    @cached_property
    def about_introduction(self) -> Path:
        """Questions to the introduction: its own headings."""
        docs = self.docs(INTRODUCTION)
        sections = read_guide(docs, reading_options=ReadingOptions()).sections
        return self._lines(INTRODUCTION, list(dict.fromkeys(s.headings[-1] for s in sections)))


def _spread(texts: list[str], limit: int) -> list[str]:
    """So many of the texts at most, evenly over them all."""
    step = max(1.0, len(texts) / limit)
    return [texts[int(number * step)] for number in range(min(limit, len(texts)))]


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder


def _environment() -> dict[str, str]:
    """The environment without what would change our settings or let a peer ask the network."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSISTANT_")}
    return {**kept, "HF_HUB_OFFLINE": "1"}


def _timed(command: list[Any]) -> tuple[str, float]:
    """What a process prints, and the seconds from its start to its end."""
    started = time.perf_counter()
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    if done.returncode:
        shown = " ".join(Path(part).name for part in map(str, command[:4]))
        raise SystemExit(f"{shown} … failed:\n{done.stderr[-2000:]}")
    return done.stdout, seconds


def _figures(command: list[Any], files: Mapping[str, Path]) -> Figures:
    named_files = [word for name, path in files.items() for word in (f"--{name}", path)]
    said, seconds = _timed([*command, *named_files])
    return {**json.loads(said.splitlines()[-1]), "process": seconds}


# -- the chat's page, spoken to as a browser does --------------------------------------------


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stderr
    for line in server.stderr:
        if found := re.search(r"http://\S+/", line):
            _wait(found[0])
            return found[0]
    raise SystemExit("assistant serve ended before it served.")


def _wait(address: str) -> None:
    """Until the page is there; the socket listens before it is."""
    with urllib.request.urlopen(f"{address}healthz", timeout=120) as answer:
        answer.read()


def _ask_the_page(address: str, question: str) -> None:
    """Send a question through the queue of the chat, and wait for the end of its answer."""
    with urllib.request.urlopen(f"{address}config", timeout=60) as found:
        config = json.load(found)
    kinds = {component["id"]: component["type"] for component in config["components"]}
    event = next(
        event
        for event in config["dependencies"]
        if [kinds[number] for number in event["inputs"]] == ["textbox", "state"]
    )
    body = {"data": [question, None], "fn_index": event["id"], "session_hash": "bench"}
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
