"""Serve an installation as a user nobody knows, from files nobody may change: run by `isolation`.

    isolated_serve.py PREFIX PACKAGES {state | read-only | no-temporary-folder}

PREFIX is what `deploy/install` made, PACKAGES where its packages lie. The index is in a folder
that this user owns, as a container's volume is; with `read-only` it is the one of PREFIX.
Prints, as JSON, what came of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
USER = 54_321
"""A user without a name, a home or a group, as some platforms choose for each container."""

STATE = Path("/srv/state")
ORIGIN = "http://127.0.0.1:7860"
QUESTION = "how is a PM different from a PO?"
PATIENCE = 300.0


def mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


def make_readable(path: Path) -> None:
    """Let everybody pass the folders above a path; this changes only the layer we are in."""
    for folder in [path, *path.parents]:
        folder.chmod(folder.stat().st_mode | 0o555)


def make_read_only(needed: list[Path], *, temporary: bool) -> None:
    """Make the whole root read-only, and `/tmp` an empty one in memory if it is wanted."""
    (saved := Path("/srv/saved")).mkdir(parents=True)
    inside = [path for path in needed if path.is_relative_to("/tmp")]
    for number, path in enumerate(inside):
        (saved / str(number)).mkdir()
        mount("--bind", path, saved / str(number))
    mount("-t", "tmpfs", "-o", f"uid={USER},mode=0700", "state", STATE)
    if temporary:
        mount("-t", "tmpfs", "-o", "mode=1777", "temporary", "/tmp")
        for number, path in enumerate(inside):
            path.mkdir(parents=True, exist_ok=True)
            mount("--bind", "-o", "ro", saved / str(number), path)
    mount("-o", "remount,ro", "/")


def answer() -> str:
    sent = json.dumps({"question": QUESTION}).encode()
    request = urllib.request.Request(
        f"{ORIGIN}/api/ask", sent, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return json.loads(response.read())["text"]


def is_ready() -> bool:
    try:
        with urllib.request.urlopen(f"{ORIGIN}/readyz", timeout=PATIENCE):
            return True
    except OSError:
        return False


def main(prefix: Path, packages: Path, way: str) -> None:
    """Serve, ask, look whether it lives as a container does, and stop."""
    needed = [prefix, packages, Path(sys.base_prefix), ROOT]
    for path in needed:
        make_readable(path)
    STATE.mkdir(parents=True)
    make_read_only(needed, temporary=way != "no-temporary-folder")
    index = prefix / "index" if way == "read-only" else STATE / "index"
    settings = {"CORPUS": ROOT / "corpus", "INDEX": index}
    environment = {f"ASSISTANT_{name}": str(value) for name, value in settings.items()}
    environment["PATH"] = "/usr/bin:/bin"
    user = {"user": USER, "group": USER, "extra_groups": (), "env": environment, "cwd": "/"}
    server = subprocess.Popen(
        [prefix / "bin" / "assistant", "serve"], stderr=subprocess.PIPE, text=True, **user
    )
    ends = time.monotonic() + PATIENCE
    while not (ready := is_ready()) and server.poll() is None and time.monotonic() < ends:
        time.sleep(0.1)
    result: dict[str, object] = {"ready": ready}
    if ready:
        python = prefix / "venv" / "bin" / "python"
        health = subprocess.run([python, ROOT / "deploy" / "health.py"], check=False, **user)
        result |= {"answer": answer(), "health": health.returncode}
    server.terminate()
    _, text = server.communicate(timeout=PATIENCE)
    removed = subprocess.run(
        [sys.executable, ROOT / "deploy" / "health.py"], capture_output=True, text=True, check=False
    )
    result |= {"code": server.returncode, "said": text, "health when gone": removed.stderr}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
