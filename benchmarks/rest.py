"""Measure how many questions per second REST answers, and a minimal endpoint, in one run.

    python benchmarks/rest.py [--rounds N] [--seconds N]

Both serve the guide in `corpus/` from one process on all cores. Each client asks a new question as
soon as it has an answer. A rate counts where 95 of 100 answers came within 50 ms. Each round runs
both sides. Writes `build/bench/rest.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from assistant.index import index as indexes  # noqa: E402
from tests.serving import Connection, Serving, fetch, questions  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_P95_MS = 50.0
"""The 95th percentile of a rate that counts."""

CLIENTS = (1, 2, 3, 4, 6, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        build = ["-m", "assistant", "build", "--corpus", "corpus", "--index", home / "index"]
        subprocess.run([sys.executable, *build], cwd=ROOT, check=True)
        sides = {"ours": ours, "endpoint": endpoint}
        figures = {side: {clients: [] for clients in CLIENTS} for side in sides}
        for number in range(arguments.rounds):
            for side in list(sides)[:: 1 if number % 2 else -1]:
                with sides[side](home) as port:
                    asyncio.run(asking(port, 2, 2))  # warm
                    for clients in CLIENTS:
                        figures[side][clients].append(
                            asyncio.run(asking(port, clients, arguments.seconds))
                        )
    report(figures)


@contextmanager
def ours(home: Path) -> Iterator[int]:
    """Start our server with its defaults, the answer log included."""
    with Serving(home) as serving:
        yield serving.ready().port


@contextmanager
def endpoint(home: Path) -> Iterator[int]:
    """Start the minimal endpoint with the same passages."""
    passages = [passage.text for passage in indexes.open_index(home / "index").store.all_passages()]
    texts = home / "passages.json"
    texts.write_text(json.dumps(passages), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    serve = ["-m", "uvicorn", "endpoint:app", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(
        [sys.executable, *serve],
        cwd=Path(__file__).parent,
        env={**os.environ, "ENDPOINT_PASSAGES": str(texts)},
    )
    try:
        while not answers(port):
            assert process.poll() is None, "the endpoint does not start"
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    """Whether a server answers on the port."""
    try:
        return asyncio.run(fetch(port, "/readyz")).status == 200
    except OSError:
        return False


async def asking(port: int, clients: int, seconds: float) -> dict[str, float]:
    """Ask for some seconds; return answers per second, and the median and 95th percentile in ms."""
    asked, spent = questions(), []
    ends = time.monotonic() + seconds

    async def keep_asking() -> None:
        connection = Connection(port)
        while time.monotonic() < ends:
            body = json.dumps({"question": next(asked)}).encode()
            began = time.perf_counter()
            answered = await connection.request("POST", "/api/ask", body)
            spent.append(1000 * (time.perf_counter() - began))
            assert answered.status == 200, answered
        await connection.close()

    await asyncio.gather(*(keep_asking() for _ in range(clients)))
    cuts = quantiles(spent, n=20)
    return {"per_second": len(spent) / seconds, "p50": median(spent), "p95": cuts[-1]}


def report(figures: dict[str, dict[int, list[dict[str, float]]]]) -> None:
    """Print each side's figures, the best rate within the limit, and their ratio."""
    best = {}
    for side, by_clients in figures.items():
        rates = []
        for clients, runs in by_clients.items():
            medians = {name: median(run[name] for run in runs) for name in runs[0]}
            print(
                f"{side:9} {clients} clients: "
                + ", ".join(f"{name} {value:.1f}" for name, value in medians.items())
            )
            if medians["p95"] <= MAX_P95_MS:
                rates.append(medians["per_second"])
        best[side] = max(rates, default=0.0)
    ratio = best["ours"] / best["endpoint"] if best["endpoint"] else float("inf")
    rates = f"{best['ours']:.0f} to {best['endpoint']:.0f} a second"
    print(f"within {MAX_P95_MS:.0f} ms: {rates}, {ratio:.2f} times")
    out = ROOT / "build" / "bench" / "rest.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    result = {"best": best, "ratio": ratio, "runs": figures}
    out.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
