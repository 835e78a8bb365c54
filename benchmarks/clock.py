"""Measure both sides the same way: one call at a time, many at once, and peak memory.

Uses only the standard library, so that it runs in the peers' environment too.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WARM = 20
"""How many of the first queries are not timed."""

THREADS = 8


def each(call: Callable[[str], object], texts: Sequence[str]) -> dict[str, float]:
    """Time calls one after another: the median and the 95th percentile in milliseconds."""
    return _spread([_milliseconds(call, text) for text in texts])


def together(call: Callable[[str], object], texts: Sequence[str]) -> dict[str, float]:
    """Time calls from 8 threads at once; also how many calls per second returned."""
    with ThreadPoolExecutor(THREADS) as pool:
        started = time.perf_counter()
        spent = list(pool.map(lambda text: _milliseconds(call, text), texts))
        seconds = time.perf_counter() - started
    return {"per_second": len(texts) / seconds, **_spread(spent)}


def at_once(call: Callable[[Sequence[str]], object], texts: Sequence[str]) -> dict[str, float]:
    """Time one call with all texts; also how many texts per second that is."""
    started = time.perf_counter()
    call(texts)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "per_second": len(texts) / seconds}


def peak_megabytes(process: int | str = "self") -> float:
    """Read the peak resident memory of a process, mapped files included."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


def texts(path: Path) -> list[str]:
    """Read the texts of a file of JSON lines, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def say(figures: dict[str, Any]) -> None:
    """Print figures as one line of JSON, which the parent process reads."""
    print(json.dumps(figures))


def _milliseconds(call: Callable[[str], object], text: str) -> float:
    started = time.perf_counter()
    call(text)
    return (time.perf_counter() - started) * 1000


def _spread(spent: Sequence[float]) -> dict[str, float]:
    return {"p50": median(spent), "p95": quantiles(spent, n=20, method="inclusive")[-1]}
