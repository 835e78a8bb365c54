"""Measure how fast a folder of pages is read: in one process, and on all cores.

    python benchmarks/reading.py FOLDER [--json FILE] [--times N]

Wall time is what a user waits. Processor time, of this process and its workers, does not depend on
how busy the machine is. Each figure is the best of N readings.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.guide.folder import read_guide
from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from assistant.guide.walk import detect_publisher, list_files

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Speed:
    """The best of a few readings: wall and processor seconds, and MB per second."""

    seconds: float
    processor_seconds: float
    megabytes_per_second: float
    megabytes_per_processor_second: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--times", type=int, default=3)
    arguments = parser.parse_args()

    folder: Path = arguments.folder
    reading = ReadingOptions(publisher=detect_publisher(folder))
    paths = list(list_files(folder).paths)
    size = sum((folder / path).stat().st_size for path in paths) / 1e6
    cores = len(os.sched_getaffinity(0))

    def one_by_one() -> None:
        for path in paths:
            read_page(folder, path, reading_options=reading)

    def together() -> None:
        read_guide(folder, reading_options=reading)

    print(f"{len(paths):,} pages, {size:.1f} MB, {cores} cores")
    figures = {
        "one process": speed(one_by_one, size, times=arguments.times),
        "all cores": speed(together, size, times=arguments.times),
    }
    for name, figure in figures.items():
        clock = f"{figure.megabytes_per_second:5.2f} MB/s on the clock ({figure.seconds:.1f} s)"
        cost = f"{figure.megabytes_per_processor_second:5.2f} MB per second of a processor"
        print(f"{name:>12}: {clock}, {cost}")
    if arguments.json:
        report = {
            "commit": commit(),
            "python": platform.python_version(),
            "cores": cores,
            "folder": folder.name,
            "pages": len(paths),
            "megabytes": size,
            "speed": {name: asdict(figure) for name, figure in figures.items()},
        }
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def speed(read: Callable[[], None], size: float, *, times: int) -> Speed:
    """Return the speed of the fastest reading of `size` megabytes."""
    clock = processor = float("inf")
    for _ in range(times):
        before, started = processor_time(), time.perf_counter()
        read()
        clock = min(clock, time.perf_counter() - started)
        processor = min(processor, processor_time() - before)
    return Speed(clock, processor, size / clock, size / processor)


def processor_time() -> float:
    """Return the user and system seconds of this process and of its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def commit() -> str:
    """Return the commit that was measured, marked if files have changed since."""
    named = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return named.stdout.strip()


if __name__ == "__main__":
    main()
