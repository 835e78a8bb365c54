"""Look for what would stop an installation or a server, before either takes its minutes.

    python3 deploy/preflight.py [--folder FOLDER] [--serve [PORT]]

`--folder` is where the virtual environment will stand. `--serve` tries the address the chat will
listen on. Uses only what every Python 3 has, because nothing is installed yet. Exit code 2 and two
lines on standard error, what is wrong and how to fix it.
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
    Wrong = tuple[str, str]

DISK = 2_800_000_000
"""Bytes an installation takes with PyTorch's CPU build: 2.0 GB stay, the rest are downloads."""

MINUTES = 5
"""What it takes on two cores: 75 s for PyTorch, 270 s for the rest."""

ADDRESS = "127.0.0.1", "7860"
"""Where the chat listens unless a setting says otherwise, as in `assistant.settings`."""


def python() -> Wrong | None:
    """Say what is wrong with this Python, and how to fix it; nothing where it will do."""
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


def disk(folder: Path) -> Wrong | None:
    """Say that the disk of a folder is too small; nothing where it is not."""
    if (folder / "bin").exists():  # it is brought up to date, which takes what changed
        return None
    standing = folder.resolve()
    while not standing.exists():
        standing = standing.parent
    free = shutil.disk_usage(str(standing)).free
    if free < DISK:
        return (
            f"{DISK / 1e9:.1f} GB are needed in {folder}, and {free / 1e9:.1f} GB are free.",
            "Make room there.",
        )
    return None


def address(port: str) -> Wrong | None:
    """Say that the chat cannot listen where it is set to; nothing where it can."""
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
    """The address of the settings; what cannot be read there, the command itself will say."""
    import tomllib

    host, port = ADDRESS
    place, said = Path("assistant.toml"), {}
    try:
        if place.is_file():  # a pipe would be waited for
            said = tomllib.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        said = {}
    host = os.environ.get("ASSISTANT_HOST") or said.get("host", host)
    port = os.environ.get("ASSISTANT_PORT") or said.get("port", port)
    return str(host), str(port)


def main() -> None:
    """Look at all that is asked for; the first thing that is wrong ends it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--serve", nargs="?", const="")
    asked = parser.parse_args()
    wrong = python()
    if not wrong and asked.serve is not None:
        wrong = address(asked.serve)
    if not wrong and asked.folder:
        wrong = disk(asked.folder)
    if wrong:
        sys.stderr.write("\n".join(wrong) + "\n")
        sys.exit(2)
    if asked.folder:
        sys.stderr.write(
            f"Installing into {asked.folder}: about {MINUTES} minutes and {DISK / 1e9:.1f} GB, "
            "once. Where pip brings PyTorch with CUDA, several GB more.\n"
        )


if __name__ == "__main__":
    main()
