"""Read pages in a child process with limits on memory and time.

The libraries that read office documents and reStructuredText can take all memory for a small file.
One process reads all pages of a guide, so that it is started only once. It writes no file, opens no
connection, and ends when it is idle or its parent has ended.
"""

from __future__ import annotations

import atexit
import json
import math
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

ReaderName = Literal["office", "package", "rst"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The memory and time for one page; its reader also limits sizes and counts.

    These limits are the last resort, because their effect depends on the machine. `memory` is in
    bytes, in addition to what the process takes at its start, and is enforced on Linux only.
    `cpu_seconds` is CPU time, `wall_seconds` the time until a response.
    """

    # A Word document of 600 full pages takes 1.1 GB and 40 s; a PDF of 300 full pages takes 170 MB
    # and 110 s on a busy machine. 5,000 small boxes on a page of a PDF take 130 MB; 49,000 exceed
    # the limit.
    memory: int = 1_500_000_000
    cpu_seconds: int = 900
    wall_seconds: int = 3_600


_RST_LIMITS = Limits(memory=1_000_000_000, cpu_seconds=60)
"""The largest pages of reStructuredText take 3 s, hostile ones 200 MB and 50 s."""

ReaderResult = tuple[str, list[tuple[int, str]]]
"""The text of a page, and warnings as (line, message)."""

_CHILD_SCRIPT = """
import sys
_, reader, memory, cpu_seconds, *sys.path = sys.argv
from assistant.readers.sandbox import run_child
run_child(reader, int(memory), int(cpu_seconds))
"""
_IDLE_SECONDS = 30  # after this time without a page the process ends
_START_SECONDS = 300  # a start takes 2 s on an idle machine
_MAX_RESPONSE_BYTES = 100_000_000  # more than the text of any page within the limits


# Out of memory, Python aborts where it cannot even raise MemoryError (1 page in 50), and so do C++
# and Rust; C libraries that do not check an allocation crash.
_OUT_OF_MEMORY = (-signal.SIGABRT, -signal.SIGSEGV)


class _ProcessEnded(Exception):
    """The process ended, or was stopped, before it responded."""


class Sandbox:
    """Reads pages in a child process, one at a time; safe to call from any thread.

    Whether a page can be read does not depend on the pages before it: a page that fails in a
    process that has read others is tried once more in a new process.
    """

    def __init__(self, reader: ReaderName, limits: Limits | None = None) -> None:
        self._reader = reader
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def read(self, suffix: str, raw: bytes) -> ReaderResult:
        """Read a page with this suffix.

        Raises ValueError, with the reason, where it cannot be read, and ModuleNotFoundError where
        the package that reads it is not installed.
        """
        # Check this first, without starting a process.
        if self._reader == "office" and not find_spec("markitdown"):
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
        """Stop the process, if one runs."""
        with self._lock:
            self._stop()

    def detach(self) -> None:
        """Leave the child process to the parent; called in a process that was forked."""
        if self._socket:
            self._socket.close()
        if self._child:
            self._child.returncode = 0  # it is not this process's child, and is not waited for
        self._child, self._socket, self._lock = None, None, threading.Lock()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(_START_SECONDS)
        # Not `-m`, which would import packages from the current folder; and not a fork, which would
        # copy the locks that other threads hold.
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
                self._child = subprocess.Popen(  # noqa: S603 - runs this package alone
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=environment,
                )
            except OSError as error:
                ours.close()
                message = f"{command[0]}, which would read it, does not start: {error}"
                raise _ProcessEnded(message) from None
        self._socket = ours
        self._request()
        ours.settimeout(self._limits.wall_seconds)

    def _request_page(self, suffix: str, raw: bytes) -> ReaderResult:
        response = self._request(suffix.encode(), raw)
        if "memory" in response:
            self._stop()
            raise _ProcessEnded(f"reading it takes {self._too_much_memory()}")
        if "missing" in response:
            raise ModuleNotFoundError(response["missing"])
        if "error" in response:
            raise ValueError(response["error"])
        return response["text"], [(line, message) for line, message in response["warnings"]]

    def _request(self, *parts: bytes) -> dict[str, Any]:
        """Send a request and return the response; without parts, wait until the child is ready."""
        if not (self._socket and self._child):
            raise _ProcessEnded("the process that would read it was stopped")
        try:
            for part in parts:
                _send(self._socket, part)
            response: dict[str, Any] = json.loads(_receive(self._socket, _MAX_RESPONSE_BYTES))
        except TimeoutError:
            waited = self._socket.gettimeout() or 0
            self._stop()
            raise _ProcessEnded(f"reading it takes more than {waited:,.0f} s; split it") from None
        except (EOFError, OSError) as error:
            child = self._child
            self._stop()
            raise _ProcessEnded(self._exit_reason(child.returncode)) from error
        except BaseException:  # after an interrupt, the rest of the response would be read next
            self._stop()
            raise
        return response

    def _exit_reason(self, code: int) -> str:
        if code == -signal.SIGXCPU:
            return (
                f"reading it takes more than {self._limits.cpu_seconds:,} s of CPU time; split it"
            )
        if code < 0:
            reason = f"the process that reads it was stopped by {signal.Signals(-code).name}"
            if code in _OUT_OF_MEMORY:
                reason += f", most likely because it takes {self._too_much_memory()}"
            return reason
        return f"the process that reads it ended with exit code {code}"

    def _too_much_memory(self) -> str:
        return f"more than {self._limits.memory // 1_000_000:,} MB of memory; split it"

    def _stop(self) -> None:
        connection, child = self._socket, self._child
        self._socket = self._child = None
        if connection:
            connection.close()
        if child:
            # A process that is about to end needs time to report its exit code.
            with suppress(subprocess.TimeoutExpired):
                child.wait(1 if child.poll() is None else 0)
            child.kill()
            child.wait()


_sandboxes = {
    "office": Sandbox("office"),
    "package": Sandbox("package"),
    "rst": Sandbox("rst", _RST_LIMITS),
}


def read_in_sandbox(reader: ReaderName, suffix: str, raw: bytes) -> ReaderResult:
    """Read a page in the sandbox that this process shares for all pages of a reader."""
    return _sandboxes[reader].read(suffix, raw)


def close_sandboxes() -> None:
    """Stop the shared sandboxes; the next page starts a new one."""
    for sandbox in _sandboxes.values():
        sandbox.close()


def _detach_sandboxes() -> None:
    for sandbox in _sandboxes.values():
        sandbox.detach()


atexit.register(close_sandboxes)
os.register_at_fork(after_in_child=_detach_sandboxes)


def _find_python() -> str:
    """Return the path of this Python interpreter, also where another program embeds it."""
    executable = os.fsdecode(multiprocessing.spawn.get_executable() or "")
    if "py" in Path(executable).name.lower():
        return executable
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return str(Path(sys.exec_prefix) / "bin" / version)


def _send(connection: socket.socket, part: bytes) -> None:
    connection.sendall(len(part).to_bytes(8, "big"))
    connection.sendall(part)


def _receive(connection: socket.socket, max_bytes: int = 1 << 62) -> bytes:
    size = int.from_bytes(_receive_exactly(connection, 8), "big")
    if size > max_bytes:
        raise EOFError
    return _receive_exactly(connection, size)


def _receive_exactly(connection: socket.socket, size: int) -> bytes:
    received = bytearray(size)
    rest = memoryview(received)
    while rest:
        count = connection.recv_into(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return bytes(received)


# -- in the child -----------------------------------------------------------------------------


def run_child(name: ReaderName, memory: int, cpu_seconds: int) -> None:
    """Read the pages that arrive on standard input, until it is idle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when this process ends
    connection = socket.socket(fileno=os.dup(0))
    pages: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
    missing = ""
    try:
        reader = _LOADERS[name]()
    except ModuleNotFoundError as error:
        missing = str(error)
    _confine(memory)
    threading.Thread(target=_listen, args=(connection, pages), daemon=True).start()
    _send(connection, b"{}")
    while True:
        try:
            suffix, raw = pages.get(timeout=_IDLE_SECONDS)
        except queue.Empty:
            return
        used = resource.getrusage(resource.RUSAGE_SELF)
        most = math.ceil(used.ru_utime + used.ru_stime) + cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
        response = {"missing": missing} if missing else _read_page(reader, suffix, raw)
        _send(connection, json.dumps(response).encode())


def _load_office_reader() -> Callable[[str, bytes], ReaderResult]:
    from assistant.readers.office import convert_docx, convert_pdf

    return lambda suffix, raw: ((convert_docx if suffix == ".docx" else convert_pdf)(raw), [])


def _load_rst_reader() -> Callable[[str, bytes], ReaderResult]:
    from assistant.readers.rst import convert_rst

    return lambda _, raw: convert_rst(raw.decode("utf-8", "surrogatepass"))


def _load_package_reader() -> Callable[[str, bytes], ReaderResult]:
    from assistant.readers.confluence import convert_space
    from assistant.readers.epub import convert_book
    from assistant.readers.ods import convert_ods
    from assistant.readers.odt import convert_odt
    from assistant.readers.slides import convert_slides
    from assistant.readers.spreadsheet import convert_spreadsheet
    from assistant.readers.wiki_dump import convert_dump

    converters = {
        "confluence": convert_space,
        "mediawiki": convert_dump,
        ".epub": convert_book,
        ".ods": convert_ods,
        ".odt": convert_odt,
        ".pptx": convert_slides,
        ".xlsx": convert_spreadsheet,
    }

    def read(suffix: str, raw: bytes) -> ReaderResult:
        try:
            return converters[suffix](raw), []
        except (MemoryError, ValueError):
            raise
        except Exception as error:  # zipfile and expat raise many kinds for a damaged file
            raise ValueError("it is damaged") from error

    return read


_LOADERS: dict[ReaderName, Callable[[], Callable[[str, bytes], ReaderResult]]] = {
    "office": _load_office_reader,
    "package": _load_package_reader,
    "rst": _load_rst_reader,
}


def _read_page(
    reader: Callable[[str, bytes], ReaderResult], suffix: str, raw: bytes
) -> dict[str, Any]:
    try:
        text, warnings = reader(suffix, raw)
    except MemoryError:
        return {"memory": True}
    except ValueError as error:
        return {"error": str(error)}
    return {"text": text, "warnings": warnings}


def _listen(connection: socket.socket, pages: queue.SimpleQueue[tuple[str, bytes]]) -> None:
    """Queue pages as they arrive; end the process, even during a page, when its parent ends."""
    try:
        while True:
            pages.put((_receive(connection).decode(), _receive(connection)))
    finally:
        os._exit(1)


def _confine(memory: int) -> None:
    """Remove the rights that reading a page does not need, and limit the memory."""
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
