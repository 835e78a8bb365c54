"""Run writers in their own processes, forked from one that has imported everything.

A forked writer lives for about thirty milliseconds, all of them building: a kill or a fault at a
random moment hits the work and not an import.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from assistant.errors import AssistantError
from tests.durability import jobs, scene

ROOT = Path(__file__).parent.parent.parent
KILL = 9

PATIENCE = 300.0
"""Seconds after which a writer counts as hung and is killed, so that the test fails."""

FAILED = 1
"""The exit status of a writer that ended with a traceback, which is its output."""

REFUSED = 3
"""The exit status of a writer that ended with one of our errors, which is its output."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a writer ended: its exit status (negative: the signal) and its output."""

    status: int
    output: Any


class Writers:
    """The process that forks writers, one after another."""

    def __init__(self, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.durability.writers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **environment},
            text=True,
        )
        assert self._read_line() == "ready\n"

    def run(self, *job: str | int | Path, kill_after: float = PATIENCE) -> Ended:
        """Run a writer's job to its end, or kill it after some seconds."""
        self._tell(json.dumps([str(word) if isinstance(word, Path) else word for word in job]))
        output, status = None, None
        while status is None:
            what, _, words = self._read_line().partition(" ")
            if what == "said":
                output = json.loads(words)
            elif what == "ended":
                status = int(words)
            else:
                timer = threading.Timer(kill_after, os.kill, (int(words), KILL))
                timer.start()
        timer.cancel()
        timer.join()
        self._tell("reap")  # from here on another process may get this process id
        return Ended(status, output)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def _tell(self, line: str) -> None:
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read_line(self) -> str:
        received = self._process.stdout.readline()
        assert received, "the process that forks writers has died"
        return received


def _fork() -> None:
    """Read jobs from standard input and fork a writer for each."""
    # tqdm shares a lock with forked processes: a killed one would keep it for ever.
    tqdm.set_lock(threading.RLock())
    tqdm.monitor_interval = 0  # no monitor thread, which may hold another lock during a fork
    with (
        tempfile.TemporaryDirectory() as folder
    ):  # a build imports some modules late: import them now
        guide = scene.write_guide(Path(folder, "guide"), 1)
        jobs.build(guide, Path(folder, "index"))
        scene.edition_in(Path(folder, "index"))
    _say("ready")
    for line in iter(sys.stdin.readline, ""):
        writer = os.fork()
        if not writer:
            os._exit(_status(*json.loads(line)))
        _say(f"started {writer}")
        ended = os.waitid(os.P_PID, writer, os.WEXITED | os.WNOWAIT)
        killed = ended.si_code in {os.CLD_KILLED, os.CLD_DUMPED}
        _say(f"ended {-ended.si_status if killed else ended.si_status}")
        sys.stdin.readline()
        os.waitpid(writer, 0)


def _status(job: str, *words: str | int) -> int:
    try:
        output, status = getattr(jobs, job)(*words), 0
    except AssistantError as error:
        output, status = str(error), REFUSED
    except Exception:  # noqa: BLE001 the outermost line of a process
        output, status = traceback.format_exc(), FAILED
    _say(f"said {json.dumps(output)}")
    return status


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _fork()
