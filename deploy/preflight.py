"""Check what would stop an installation or a server, before either takes minutes.

    python3 deploy/preflight.py [--folder FOLDER] [--serve [PORT]]

`--folder` is the folder of the virtual environment. `--serve` tries the address that the chat will
listen on. It uses only the standard library, because nothing is installed yet. A failed check exits
with code 2 and writes two lines to standard error: what is wrong and how to fix it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Problem = tuple[str, str]

DISK = 2_800_000_000
"""Bytes of an installation with PyTorch's CPU build: 2.0 GB stay, the rest are downloads."""

MINUTES = 5
"""Time of an installation on two cores: 75 s for PyTorch, 270 s for the rest."""

ADDRESS = "127.0.0.1", "7860"
"""Default host and port of the chat, as in `assistant.settings`."""


def check_python() -> Problem | None:
    """Return what is wrong with this Python and how to fix it, or None."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this runs before anything is installed
        version = ".".join(map(str, sys.version_info[:3]))
        return (
            f"Python 3.11 or newer is needed, and {sys.executable} is {version}.",
            "Install it, or name another: make run PYTHON=/path/to/python3.11",
        )
    if find_spec("venv") is None or find_spec("ensurepip") is None:
        return (
            f"{sys.executable} cannot make virtual environments.",
            "Install its module venv; on Debian and Ubuntu: apt install python3.11-venv",
        )
    return None


def check_disk(folder: Path) -> Problem | None:
    """Return that the disk of a folder is too small and how to fix it, or None."""
    if (folder / "bin").exists():  # an update takes only what changed
        return None
    existing = folder.resolve()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(str(existing)).free
    if free < DISK:
        return (
            f"{DISK / 1e9:.1f} GB are needed in {folder}, and {free / 1e9:.1f} GB are free.",
            "Make room there.",
        )
    return None


def check_address(port: str) -> Problem | None:
    """Return that the chat cannot listen at its address and how to fix it, or None."""
    host, set_port = _set_address()
    number = port or set_port
    try:
        family = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, int(number)), family=family).close()
    except (OSError, ValueError, OverflowError) as error:
        reason = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
        return (
            f"The chat cannot listen on {host}, port {number}: {reason}.",
            "Stop what listens there, or choose another port: make run PORT=8000",
        )
    return None


def _set_address() -> tuple[str, str]:
    """Return host and port from the settings; the command itself reports a file it cannot read."""
    import tomllib

    host, port = ADDRESS
    path, values = Path("assistant.toml"), {}
    try:
        if path.is_file():  # reading a pipe would block
            values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        values = {}
    host = os.environ.get("ASSISTANT_HOST") or values.get("host", host)
    port = os.environ.get("ASSISTANT_PORT") or values.get("port", port)
    return str(host), str(port)


def main() -> None:
    """Run the checks of the arguments; exit at the first that fails."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--serve", nargs="?", const="")
    arguments = parser.parse_args()
    problem = check_python()
    if not problem and arguments.serve is not None:
        problem = check_address(arguments.serve)
    if not problem and arguments.folder:
        problem = check_disk(arguments.folder)
    if problem:
        sys.stderr.write("\n".join(problem) + "\n")
        sys.exit(2)
    if arguments.folder:
        sys.stderr.write(
            f"Installing into {arguments.folder}: about {MINUTES} minutes and {DISK / 1e9:.1f} GB, "
            "once. Where pip brings PyTorch with CUDA, several GB more.\n"
        )


if __name__ == "__main__":
    main()
