"""A process of its own in which a page is read, within limits of memory and of time.

The readers of packed pages and of reStructuredText are other people's code, and a small file can
make them take all memory. One process reads page after page, so that a guide pays for one start.
It writes no file, opens no connection, and ends by itself when nobody needs it or its parent is
gone.
"""

from __future__ import annotations

import atexit
import json
import multiprocessing.spawn
import os
import queue
import resource
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

ReaderName = Literal["office", "rst"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one page may take, beyond the limits on sizes and counts that its reader has.

    These are the last resort, since they depend on the machine: `memory` in bytes above what the
    process takes at its start, held on Linux (macOS has no such limit), `seconds` of CPU time,
    and `wall`, seconds until an answer.
    """

    # Of what office programs write, by far the largest pages: a Word document of 600 full pages
    # takes 1.1 GB and 40 s; a PDF of 300 full pages 170 MB and, on a busy machine, 110 s. 5,000
    # small boxes on a page of a PDF take 130 MB, 49,000 too much.
    memory: int = 1_500_000_000
    cpu_seconds: int = 900
    wall_seconds: int = 3_600


_RST_LIMITS = Limits(memory=1_000_000_000, cpu_seconds=60)
"""Of reStructuredText, whose largest pages take 3 s, and made to harm 200 MB and 50 s."""

ReaderResult = tuple[str, list[tuple[int, str]]]
"""The text of a page, and what was odd in it by line."""

_CHILD_SCRIPT = """
import sys
_, kind, memory, seconds, *sys.path = sys.argv
from assistant.readers import sandbox
sandbox.run_child(kind, int(memory), int(seconds))
"""
_IDLE_SECONDS = 30  # seconds without a page, after which the process ends
_START_SECONDS = 300  # seconds; 2 on an idle machine
_MAX_RESPONSE_BYTES = 100_000_000  # bytes; what a page is read to is shorter than the limits on it


class _ProcessEnded(Exception):
    """The process ended, or was ended, before it answered."""


class Sandbox:
    """Reads pages in a child process, one at a time; from any thread.

    Whether a page passes does not depend on the pages before it: what fails in a process that has
    read others is tried once more in a new one.
    """

    def __init__(self, kind: ReaderName, limits: Limits | None = None) -> None:
        self._reader = kind
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def read(self, suffix: str, raw: bytes) -> ReaderResult:
        """Read a page that has this suffix.

        Raises ValueError, with the reason, where it cannot be read, and ModuleNotFoundError where
        a package that reads it is not installed.
        """
        if self._reader == "office" and not find_spec(
            "markitdown"
        ):  # known without starting a process
            raise ModuleNotFoundError("markitdown")
        with self._lock:
            if self._child:
                with suppress(_ProcessEnded):
                    return self._request_page(suffix, raw)
            try:
                self._start()
                return self._request_page(suffix, raw)
            except _ProcessEnded as error:
                raise ValueError(str(error)) from error

    def close(self) -> None:
        """End the process, if one runs."""
        with self._lock:
            self._stop()

    def detach(self) -> None:
        """In a process that was forked: leave the child to the parent, whose it is."""
        if self._socket:
            self._socket.close()
        if self._child:
            self._child.returncode = 0  # it is no child of this process, and is not waited for
        self._child, self._socket, self._lock = None, None, threading.Lock()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(_START_SECONDS)
        # Not `-m`, which would take packages from the folder one stands in; and not a fork, which
        # would copy the locks that other threads hold.
        limits = [str(self._limits.memory), str(self._limits.cpu_seconds)]
        command = [_find_python(), "-c", _CHILD_SCRIPT, self._reader, *limits, *sys.path]
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "ORT_DISABLE_TELEMETRY": "1",
        }
        with theirs:
            try:
                self._child = subprocess.Popen(  # noqa: S603 - our own code, found where ours was
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=environment,
                )
            except OSError as error:
                ours.close()
                raise _ProcessEnded(
                    f"{command[0]}, which would read it, does not start: {error}"
                ) from None
        self._socket = ours
        self._request()
        ours.settimeout(self._limits.wall_seconds)

    def _request_page(self, suffix: str, raw: bytes) -> ReaderResult:
        answer = self._request(suffix.encode(), raw)
        if "memory" in answer:
            self._stop()
            most = self._limits.memory // 1_000_000
            raise _ProcessEnded(f"reading it takes more than {most:,} MB of memory; split it")
        if "missing" in answer:
            raise ModuleNotFoundError(answer["missing"])
        if "wrong" in answer:
            raise ValueError(answer["wrong"])
        return answer["text"], [(line, what) for line, what in answer["odd"]]

    def _request(self, *parts: bytes) -> dict[str, Any]:
        """Send a request and take the answer to it; without one, the word that it is ready."""
        if not (self._socket and self._child):
            raise _ProcessEnded("the process that would read it was ended")
        try:
            for part in parts:
                _send(self._socket, part)
            answer: dict[str, Any] = json.loads(_receive(self._socket, _MAX_RESPONSE_BYTES))
        except TimeoutError:
            waited = self._socket.gettimeout() or 0
            self._stop()
            raise _ProcessEnded(f"reading it takes more than {waited:,.0f} s; split it") from None
        except (EOFError, OSError) as error:
            child = self._child
            self._stop()
            raise _ProcessEnded(self._exit_reason(child.returncode)) from error
        except BaseException:  # interrupted within an answer: what comes next is not to be trusted
            self._stop()
            raise
        return answer

    def _exit_reason(self, code: int) -> str:
        if code == -signal.SIGXCPU:
            return (
                f"reading it takes more than {self._limits.cpu_seconds:,} s of CPU time; split it"
            )
        if code < 0:
            return f"the process that reads it was ended by {signal.Signals(-code).name}"
        return f"the process that reads it ended with exit code {code}"

    def _stop(self) -> None:
        line, child = self._socket, self._child
        self._socket = self._child = None
        if line:
            line.close()
        if child:
            with suppress(subprocess.TimeoutExpired):  # one that ends by itself says why
                child.wait(1 if child.poll() is None else 0)
            child.kill()
            child.wait()


_sandboxes = {"office": Sandbox("office"), "rst": Sandbox("rst", _RST_LIMITS)}


def read_in_sandbox(kind: ReaderName, suffix: str, raw: bytes) -> ReaderResult:
    """Read a page in the process that all of this one's pages of its kind are read in."""
    return _sandboxes[kind].read(suffix, raw)


def close_sandboxes() -> None:
    """End those processes; the next page starts a new one."""
    for process in _sandboxes.values():
        process.close()


def _detach_sandboxes() -> None:
    for process in _sandboxes.values():
        process.detach()


atexit.register(close_sandboxes)
os.register_at_fork(after_in_child=_detach_sandboxes)


def _find_python() -> str:
    """The Python to start: this one, also where another program has it built in."""
    given = os.fsdecode(multiprocessing.spawn.get_executable() or "")
    if "py" in Path(given).name.lower():
        return given
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return str(Path(sys.exec_prefix) / "bin" / version)


def _send(line: socket.socket, part: bytes) -> None:
    line.sendall(len(part).to_bytes(8, "big"))
    line.sendall(part)


def _receive(line: socket.socket, most: int = 1 << 62) -> bytes:
    size = int.from_bytes(_receive_exactly(line, 8), "big")
    if size > most:
        raise EOFError
    return _receive_exactly(line, size)


def _receive_exactly(line: socket.socket, size: int) -> bytes:
    taken = bytearray(size)
    rest = memoryview(taken)
    while rest:
        count = line.recv_into(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return bytes(taken)


# In the child.


def run_child(kind: ReaderName, memory: int, cpu_seconds: int) -> None:
    """Read the pages that come over standard input, until nobody sends any."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its parent decides when it ends
    line = socket.socket(fileno=os.dup(0))
    pages: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
    missing = ""
    try:
        reader = _load_rst_reader() if kind == "rst" else _load_office_reader()
    except ModuleNotFoundError as error:
        missing = str(error)
    _confine(memory)
    threading.Thread(target=_listen, args=(line, pages), daemon=True).start()
    _send(line, b"{}")
    while True:
        try:
            suffix, raw = pages.get(timeout=_IDLE_SECONDS)
        except queue.Empty:
            return
        used = resource.getrusage(resource.RUSAGE_SELF)
        most = int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
        answer = {"missing": missing} if missing else _read_page(reader, suffix, raw)
        _send(line, json.dumps(answer).encode())


def _load_office_reader() -> Callable[[str, bytes], ReaderResult]:
    from assistant.readers import office

    return lambda suffix, raw: (
        (office.convert_docx if suffix == ".docx" else office.convert_pdf)(raw),
        [],
    )


def _load_rst_reader() -> Callable[[str, bytes], ReaderResult]:
    from assistant.readers import rst

    return lambda _, raw: rst.convert_rst(raw.decode("utf-8", "surrogatepass"))


def _read_page(
    reader: Callable[[str, bytes], ReaderResult], suffix: str, raw: bytes
) -> dict[str, Any]:
    try:
        text, odd = reader(suffix, raw)
    except MemoryError:
        return {"memory": True}
    except ValueError as error:
        return {"wrong": str(error)}
    return {"text": text, "odd": odd}


def _listen(line: socket.socket, pages: queue.SimpleQueue[tuple[str, bytes]]) -> None:
    """Take pages as they come, and end the process when its parent is gone, also within a page."""
    try:
        while True:
            pages.put((_receive(line).decode(), _receive(line)))
    finally:
        os._exit(1)


def _confine(memory: int) -> None:
    """Take from this process what reading a page does not need."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # macOS
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    sys.dont_write_bytecode = True
    sys.addaudithook(_forbid)


_FORBIDDEN_EVENTS = tuple(
    """
    ctypes.dlopen os.exec os.fork os.posix_spawn os.system pty. socket.bind socket.connect
    socket.getaddrinfo subprocess.
    """.split()
)


def _forbid(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN_EVENTS):
        raise PermissionError(f"A page's reader may not do this: {event}")
