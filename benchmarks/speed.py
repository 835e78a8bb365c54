"""Measure our speed and that of the peers in one run, as ratios, each with its goal.

    python benchmarks/speed.py [--only NAME] [--rounds N] [--eval FOLDER] [--peers PYTHON]

Each round runs every side, and begins with another one, so that a machine that is busy for a while
slows all of them; a figure is the median of its rounds. Writes `build/bench/speed.json`
and the table of README, `build/bench/speed.md`; with `--only`, the files of that name.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench import INTRODUCTION, PUBLIC, ROOT, TV, Bench
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from table import OURS, Goal, Row, markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Figures = dict[str, float]
    Side = Callable[[], Figures]

STARTS = 7
"""How many times Python is started in each round: a start is quick, and its time varies."""

BUSY = 0.05
"""The share of the processors that other processes may use before the figures count as rough."""

PLAIN = "plain"
NAMES = {
    "txtai": "txtai",
    "txtai-hybrid": "txtai",
    "langchain": "LangChain",
    "llamaindex": "LlamaIndex",
    PLAIN: "sentence-transformers + FAISS",
}
"""The name of each peer; of the two ways to use txtai the faster is shown."""

VERSIONS = """
    faiss-cpu gradio langchain-community langchain-core langchain-huggingface
    llama-index-core numpy onnxruntime sentence-transformers tokenizers torch transformers txtai
    """.split()


@dataclass
class Rounds:
    """Runs the sides of a measure in turn, and keeps every figure."""

    count: int
    progress: Progress
    runs: dict[str, dict[str, list[Figures]]] = field(default_factory=dict)
    seconds: float = 0.0
    others: float = 0.0
    """The seconds of all measures, and the processor seconds that others used in that time."""

    @property
    def others_share(self) -> float:
        """The share of the processors that others used while we measured."""
        return self.others / (self.seconds * cores())

    def prepare(self, steps: Mapping[str, Callable[[], object]]) -> None:
        """Do what has to be done before anything is timed, one step per side."""
        task = self.progress.add_task("indexing", total=len(steps), side="")
        for side, step in steps.items():
            self.progress.update(task, side=side)
            step()
            self.progress.advance(task)
        self.progress.update(task, side="")

    def __call__(self, name: str, sides: Mapping[str, Side], *, times: int = 1) -> Medians:
        """Run every side, and return the medians of its figures."""
        total = self.count * times
        task = self.progress.add_task(name, total=total * len(sides), side="")
        by_side: dict[str, list[Figures]] = {side: [] for side in sides}
        order = list(sides)
        for number in range(total):
            first = number % len(order)
            for side in order[first:] + order[:first]:
                self.progress.update(task, side=side)
                started, before = time.perf_counter(), used_by_others()
                by_side[side].append(sides[side]())
                self.seconds += time.perf_counter() - started
                self.others += used_by_others() - before
                self.progress.advance(task)
        self.progress.update(task, side="")
        self.runs[name] = by_side
        return Medians(by_side)


@dataclass(frozen=True, slots=True)
class Medians:
    """The figures of a measure's sides."""

    by_side: Mapping[str, list[Figures]]

    def ours(self, figure: str) -> float:
        """Return our figure."""
        return self.of(OURS, figure)

    def of(self, side: str, figure: str) -> float:
        """Return a side's figure: the median of its rounds."""
        return median(figures[figure] for figures in self.by_side[side])

    def peers(self, figure: str, *, more_is_better: bool = False) -> dict[str, float]:
        """Return the figure of each peer by its name; the better of two ways to use one."""
        better = max if more_is_better else min
        named: dict[str, float] = {}
        for side in filter(NAMES.__contains__, self.by_side):
            value = self.of(side, figure)
            named[NAMES[side]] = better(value, named.get(NAMES[side], value))
        return named


def indexed(bench: Bench, rounds: Rounds, peers: Iterable[str]) -> None:
    """Index the TV's manual on both sides."""
    steps: dict[str, Callable[[], object]] = {OURS: lambda: bench.index(TV)}
    rounds.prepare(steps | {peer: lambda peer=peer: bench.peer_index(peer) for peer in peers})


def answer(bench: Bench, rounds: Rounds) -> list[Row]:
    """Measure a full answer, and the bare retrieval of the peers."""
    indexed(bench, rounds, NAMES)
    sides: dict[str, Side] = {OURS: lambda: bench.asked("answer")}
    sides |= {peer: lambda peer=peer: bench.peer_asked(peer, "retrieve") for peer in NAMES}
    medians = rounds("answer", sides)
    measure = "a full answer (peers: the ten passages alone), median"
    return [Row("answer", measure, "ms", medians.ours("p50"), Goal(4), medians.peers("p50"))]


def encode_one(bench: Bench, rounds: Rounds) -> list[Row]:
    """Measure the encoding of one question."""
    medians = rounds(
        "encode-one",
        {
            OURS: lambda: bench.ours("encode-one", queries=bench.queries),
            PLAIN: lambda: bench.peer(PLAIN, "encode-one", queries=bench.queries),
        },
    )
    measure = "one question encoded, median"
    return [Row("encode-one", measure, "ms", medians.ours("p50"), Goal(5), medians.peers("p50"))]


def encode_many(bench: Bench, rounds: Rounds) -> list[Row]:
    """Measure the encoding of passages of mixed length."""
    medians = rounds(
        "encode-many",
        {
            OURS: lambda: bench.ours("encode-many", passages=bench.mixed),
            PLAIN: lambda: bench.peer(PLAIN, "encode-many", passages=bench.mixed),
        },
    )
    theirs = medians.peers("per_second", more_is_better=True)
    ours = medians.ours("per_second")
    measure = "passages of mixed length encoded"
    return [Row("encode-many", measure, "/s", ours, Goal(2.5), theirs, more_is_better=True)]


def first(bench: Bench, rounds: Rounds) -> list[Row]:
    """Measure a new process up to its first answer."""
    indexed(bench, rounds, NAMES)
    sides: dict[str, Side] = {OURS: bench.ask}
    sides |= {peer: lambda peer=peer: bench.peer_first(peer) for peer in NAMES}
    medians = rounds("first", sides)
    ours, theirs = medians.ours("seconds"), medians.peers("seconds")
    measure = "new process to its first answer printed"
    return [
        Row("first", measure, "s", ours, Goal(6), theirs),
        Row("first, absolute", "the same", "s", ours, Goal(1.2, "s"), theirs),
    ]


def imported(bench: Bench, rounds: Rounds) -> list[Row]:
    """Measure `import assistant` above a bare start of Python; the shortest of many, for both."""
    sides: dict[str, Side] = {
        "bare": lambda: bench.start("pass"),
        OURS: lambda: bench.start("import assistant"),
    }
    by_side = rounds("import", sides, times=STARTS).by_side
    least = {side: min(figures["seconds"] for figures in by_side[side]) for side in sides}
    over = (least[OURS] - least["bare"]) * 1000
    return [Row("import", "`import assistant` over bare Python", "ms", over, Goal(50, "ms"))]


def build(bench: Bench, rounds: Rounds) -> list[Row]:
    """Measure a build from nothing, and txtai's indexing of the same passages."""
    medians = rounds(
        "build",
        {OURS: bench.fresh_build, "txtai": lambda: bench.peer_build("txtai")},
    )
    count = len(bench.passages(PUBLIC).read_text(encoding="utf-8").splitlines())
    measure = f"whole build of `{PUBLIC}`, {count:,} passages, process and all"
    return [Row("build", measure, "s", medians.ours("seconds"), Goal(4), medians.peers("seconds"))]


def memory(bench: Bench, rounds: Rounds) -> list[Row]:
    """Measure the peak memory of the processes that answer from the introduction."""
    index, queries = bench.index(INTRODUCTION), bench.about_introduction
    medians = rounds(
        "memory",
        {
            "serve": bench.serve,
            OURS: lambda: bench.ours("memory", index=index, queries=queries),
        },
    )
    with_gradio = medians.of("serve", "megabytes")
    alone = medians.ours("megabytes")
    return [
        Row("memory", "peak memory, `assistant serve`", "MB", with_gradio, Goal(350, "MB")),
        Row("memory, Python", "peak memory, answers from Python", "MB", alone, Goal(200, "MB")),
    ]


def threads(bench: Bench, rounds: Rounds) -> list[Row]:
    """Measure answers to 8 threads at once."""
    indexed(bench, rounds, [PLAIN])
    medians = rounds(
        "threads",
        {
            OURS: lambda: bench.asked("threads"),
            PLAIN: lambda: bench.peer_asked(PLAIN, "threads"),
        },
    )
    theirs = medians.peers("per_second", more_is_better=True)
    ours = medians.ours("per_second")
    waits = medians.ours("p95") / medians.ours("alone")
    theirs_wait = {NAMES[PLAIN]: medians.of(PLAIN, "p95") / medians.of(PLAIN, "alone")}
    measure = "8 threads: answers (peer: the ten passages alone)"
    longer = "8 threads: 95th percentile, in medians of one thread"
    return [
        Row("threads", measure, "/s", ours, Goal(3), theirs, more_is_better=True),
        Row("threads, p95", longer, "×", waits, Goal(5, "×"), theirs_wait),
    ]


MEASURES: dict[str, Callable[[Bench, Rounds], list[Row]]] = {
    "answer": answer,
    "encode-one": encode_one,
    "first": first,
    "import": imported,
    "encode-many": encode_many,
    "build": build,
    "memory": memory,
    "threads": threads,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=MEASURES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--eval", type=Path, default=ROOT.parent / "shared" / "eval")
    parser.add_argument("--peers", type=Path, default=ROOT / "build" / "peers" / "bin" / "python")
    arguments = parser.parse_args()

    bench = Bench(arguments.eval.resolve(), ROOT / "build" / "bench", arguments.peers.absolute())
    if missing := bench.missing():
        print(missing, file=sys.stderr)
        return
    with bars() as progress:
        rounds = Rounds(arguments.rounds, progress)
        chosen = [arguments.only] if arguments.only else list(MEASURES)
        rows = [row for name in chosen for row in MEASURES[name](bench, rounds)]
    report = {
        "commit": commit(),
        "machine": machine(),
        "versions": {OURS: versions(Path(sys.executable)), "peers": versions(bench.theirs)},
        "rounds": arguments.rounds,
        "seconds": rounds.seconds,
        "share of the processors used by others": rounds.others_share,
        "rows": [row.to_dict() for row in rows],
        "runs": rounds.runs,
    }
    written = bench.folder / f"{arguments.only or 'speed'}.json"
    written.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    written.with_suffix(".md").write_text(markdown(rows), encoding="utf-8")
    print(markdown(rows))
    if rounds.others_share > BUSY:
        share = f"{rounds.others_share:.0%} of the processors were used by others"
        print(f"The figures are rough: {share}. Run it again on an idle machine.", file=sys.stderr)


def bars() -> Progress:
    return Progress(
        TextColumn("{task.description:>11}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[side]}"),
        console=Console(stderr=True),
    )


def machine() -> dict[str, Any]:
    """Describe the machine."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": next(iter(names), platform.machine()),
        "cores": cores(),
        "memory, GB": round(pages / 1e9, 1),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def cores() -> int:
    """Count the processors of the machine."""
    return os.cpu_count() or 1


def used_by_others() -> float:
    """Return the processor seconds that other processes have used: not this one or its children."""
    # user, nice, system, then idle and iowait, then irq, softirq and steal (proc(5))
    ticks = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    busy = sum(int(ticks[place]) for place in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")
    used = os.times()
    return busy - (used.user + used.system + used.children_user + used.children_system)


def versions(python: Path) -> dict[str, str]:
    """Return the versions of the packages that decide the speed of an environment."""
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    installed = {row["name"].lower(): row["version"] for row in json.loads(listed.stdout)}
    return {name: installed[name] for name in VERSIONS if name in installed}


def commit() -> str:
    """Return the commit that was measured, marked if files have changed since."""
    named = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return named.stdout.strip()


if __name__ == "__main__":
    main()
