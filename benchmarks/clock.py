"""The clock both sides are measured by: a call at a time, many at once, and memory at its peak.

Knows only Python's own library, so that it runs in the peers' environment too.
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
"""How many of the first queries only warm up."""

THREADS = 8


def each(call: Callable[[str], object], texts: Sequence[str]) -> dict[str, float]:
    """Milliseconds a call takes, one after another: the median and the 95th percentile."""
    return _spread([_milliseconds(call, text) for text in texts])


def together(call: Callable[[str], object], texts: Sequence[str]) -> dict[str, float]:
    """The same with 8 threads calling at once, and how many calls a second came back."""
    with ThreadPoolExecutor(THREADS) as pool:
        started = time.perf_counter()
        spent = list(pool.map(lambda text: _milliseconds(call, text), texts))
        seconds = time.perf_counter() - started
    return {"per_second": len(texts) / seconds, **_spread(spent)}


def at_once(call: Callable[[Sequence[str]], object], texts: Sequence[str]) -> dict[str, float]:
    """How long one call over all texts takes, and how many texts a second that is."""
    started = time.perf_counter()
    call(texts)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "per_second": len(texts) / seconds}


def peak_megabytes(process: int | str = "self") -> float:
    """The most memory that a process has had resident, mapped files included."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


def texts(path: Path) -> list[str]:
    """The texts of a file of JSON lines, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def say(figures: dict[str, Any]) -> None:
    """Print figures as the one line of JSON that is read of a process."""
    print(json.dumps(figures))


def _milliseconds(call: Callable[[str], object], text: str) -> float:
    started = time.perf_counter()
    call(text)
    return (time.perf_counter() - started) * 1000


def _spread(spent: Sequence[float]) -> dict[str, float]:
    return {"p50": median(spent), "p95": quantiles(spent, n=20, method="inclusive")[-1]}
