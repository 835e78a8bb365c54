"""Run commands as other users, on read-only mounts, on small disks and under low limits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

OTHER_USER = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
"""The command prefix that runs a command as nobody."""


def _may_mount() -> bool:
    if not (hasattr(os, "geteuid") and os.geteuid() == 0):
        return False
    tools = all(shutil.which(name) for name in ("setpriv", "unshare", "mount"))
    if not tools or subprocess.call(["unshare", "-m", "true"]):
        return False
    # An interpreter in root's own home may be closed to others.
    return subprocess.call([*OTHER_USER, sys.executable, "-c", "import sqlite3, ssl"]) == 0


needs_root = pytest.mark.skipif(
    not _may_mount(),
    reason="only root may become another user, who can run Python, and mount for itself alone",
)


def mounted(script: str, *arguments: object) -> tuple[str, ...]:
    """Return the prefix of a command with private mounts; `$1`, `$2`… are the arguments."""
    shifted = f'set -e; {script}; shift {len(arguments)}; exec "$@"'
    return ("unshare", "-m", "sh", "-c", shifted, "sh", *map(str, arguments))


def read_only(*folders: object) -> tuple[str, ...]:
    """Return the prefix of a command that has some folders mounted read-only."""
    numbers = range(1, len(folders) + 1)
    script = "; ".join(
        f'mount --bind "${n}" "${n}"; mount -o remount,ro,bind "${n}"' for n in numbers
    )
    return mounted(script, *folders)


def few_watches(most: int) -> tuple[str, ...]:
    """Return the prefix of a command whose processes may watch at most `most` folders."""
    script = f'set -e; echo {most} > /proc/sys/user/max_inotify_watches; exec "$@"'
    return ("unshare", "-Ur", "sh", "-c", script, "sh")
