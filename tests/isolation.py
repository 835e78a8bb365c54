"""Run a program in a network and a root file system of its own, and list all it tried and left.

Every address is routed to the loopback, where each packet is recorded; a name server there records
each name it is asked for, and knows them all. So a program finds a network that works, and
nothing it sends leaves the namespace. Its root is the machine's own under an empty layer: what is
in the layer afterwards is what the program has written, wherever that is.

Needs Linux, root, and the tools `unshare`, `mount`, `chroot` and `ip`.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOOLS = ("unshare", "mount", "chroot", "ip")
NAME_SERVER = "127.0.0.53"
EVERY_NAME_IS_AT = "198.51.100.7", "2001:db8:5::7"
SETUP = """\
ip link set lo up
ip address add 192.0.2.1/32 dev lo
ip route add local 0.0.0.0/0 dev lo
ip route add multicast 224.0.0.0/4 dev lo
"""
SETUP_6 = """\
ip -6 address add 2001:db8::1/128 dev lo nodad
ip -6 route add local ::/0 dev lo
"""
NEW = "unshare --net --mount --pid --fork --kill-child --".split()
TRY = """
mount -t tmpfs layer /mnt && mkdir /mnt/root /mnt/upper /mnt/work &&
mount -t overlay layer -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root &&
ip link set lo up
"""
_TCP, _ALL_PROTOCOLS, _OUTGOING, _IPV4, _IPV6 = 6, 3, 4, 0x0800, 0x86DD


@dataclass(frozen=True)
class Traces:
    """What a program did: names looked up, addresses sent to, paths it left behind."""

    code: int
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    paths: tuple[str, ...]
    output: str
    errors: str


def require() -> None:
    """Skip a test where nothing can be isolated; with NAMESPACES=required, as in CI, fail it."""
    if why := missing():
        skip(why)


def skip(why: str) -> None:
    """Skip a test of what a program does, or fail it where none of them may be skipped."""
    import pytest

    if os.environ.get("NAMESPACES") == "required":
        pytest.fail(f"What a program does cannot be seen here: {why}", pytrace=False)
    pytest.skip(why)


def missing() -> str:
    """Why nothing can be isolated here, or nothing."""
    if sys.platform != "linux":
        return "namespaces are Linux's"
    if os.geteuid() != 0:
        return "only root may make namespaces"
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    tried = subprocess.run([*NEW, "sh", "-c", TRY], capture_output=True, text=True, check=False)
    return tried.stderr.strip() if tried.returncode else ""


class Isolated:
    """A program that runs isolated; `folder` is for what is written of it."""

    def __init__(self, folder: Path, *command: object, home: str = "/home/reader") -> None:
        self._folder = folder
        folder.mkdir()
        words = [sys.executable, __file__, folder, home, *command]
        with (folder / "errors").open("wb") as errors, (folder / "output").open("wb") as output:
            self.process = subprocess.Popen(
                [*NEW, *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )

    def traces(self, patience: float) -> Traces:
        """What it did, once it has ended; after `patience` seconds it is held to hang."""
        try:
            self.process.wait(patience)
        finally:
            self.end()
        errors = (self._folder / "errors").read_text(encoding="utf-8", errors="replace")
        output = (self._folder / "output").read_text(encoding="utf-8", errors="replace")
        written = self._folder / "traces.json"
        assert written.is_file(), errors
        result = json.loads(written.read_text(encoding="utf-8"))
        lists = {name: tuple(result[name]) for name in ("names", "addresses", "paths")}
        return Traces(code=result["code"], output=output, errors=errors, **lists)

    def end(self) -> None:
        """End it and all it has started."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


# -- inside the namespaces ------------------------------------------------------------------------


def _run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True)


def _network() -> None:
    lines = SETUP + (SETUP_6 if Path("/proc/sys/net/ipv6").exists() else "")
    for line in lines.splitlines():
        _run(*line.split())


def _layer(place: Path, *words: str) -> tuple[Path, Path]:
    """A root of our own, and the folder that holds whatever is written in it.

    Folders that a word of the command names are in it, wherever they are mounted.
    """
    _run("mount", "--make-rprivate", "/")
    _run("mount", "-t", "tmpfs", "layer", place)
    root, upper, work = (place / name for name in ("root", "upper", "work"))
    for folder in (root, upper, work):
        folder.mkdir()
    options = f"lowerdir=/,upperdir={upper},workdir={work}"
    _run("mount", "-t", "overlay", "layer", "-o", options, root)
    _run("mount", "-t", "proc", "proc", root / "proc")
    _run("mount", "--rbind", "/dev", root / "dev")
    _run("mount", "-t", "tmpfs", "shm", root / "dev" / "shm")
    named = [Path(word) for word in words if word.startswith("/")]
    needed = {ROOT, Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve(), *named}
    for folder in needed:
        elsewhere = folder.is_dir() and folder.stat().st_dev != Path("/").stat().st_dev
        if elsewhere:  # the layer is over one disk alone
            (root / folder.relative_to("/")).mkdir(parents=True, exist_ok=True)
            _run("mount", "--bind", "-o", "ro", folder, root / folder.relative_to("/"))
    resolver = place / "resolv.conf"
    resolver.write_text(f"nameserver {NAME_SERVER}\n")
    _run("mount", "--bind", resolver, root / "etc" / "resolv.conf")
    return root, upper


def _packets(addresses: set[str]) -> None:
    """Record where each packet goes that goes beyond this machine."""
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PROTOCOLS))
    started = threading.Event()

    def listen() -> None:
        started.set()
        while True:
            data, (_, protocol, kind, *_rest) = listener.recvfrom(65_535)
            if kind != _OUTGOING:  # the loopback hands each out twice
                continue
            if protocol == _IPV4:
                address = socket.inet_ntop(socket.AF_INET, data[16:20])
                if data[16] != 127 or (address == NAME_SERVER and data[9] == _TCP):
                    addresses.add(address)
            elif protocol == _IPV6:
                address = socket.inet_ntop(socket.AF_INET6, data[24:40])
                if address != "::1":
                    addresses.add(address)

    threading.Thread(target=listen, daemon=True).start()
    started.wait()


def _names(names: set[str]) -> None:
    """Answer every question for an address, and record the name."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((NAME_SERVER, 53))

    def answer(request: bytes) -> bytes:
        labels, at = [], 12
        while length := request[at]:
            labels.append(request[at + 1 : at + 1 + length].decode("ascii", "replace"))
            at += 1 + length
        names.add(".".join(labels))
        kind = int.from_bytes(request[at + 1 : at + 3])
        four, six = EVERY_NAME_IS_AT
        known = {
            1: socket.inet_pton(socket.AF_INET, four),
            28: socket.inet_pton(socket.AF_INET6, six),
        }.get(kind, b"")
        head = (
            request[:2] + b"\x81\x80" + request[4:6] + (b"\0\1" if known else b"\0\0") + b"\0" * 4
        )
        record = b"\xc0\x0c" + request[at + 1 : at + 5] + b"\0\0\0\x3c" + len(known).to_bytes(2)
        return head + request[12 : at + 5] + (record + known if known else b"")

    def serve() -> None:
        while True:
            request, caller = server.recvfrom(4096)
            try:
                server.sendto(answer(request), caller)
            except (IndexError, OSError):
                names.add(f"unreadable: {request.hex()}")

    threading.Thread(target=serve, daemon=True).start()


def _written(upper: Path) -> list[str]:
    """All that was written: files of any kind, and folders that are new and empty."""
    result = []
    for folder, folders, files in os.walk(upper):
        place = Path(folder).relative_to(upper)
        result += [f"/{place / name}" for name in files]
        result += [f"/{place / name}" for name in folders if (upper / place / name).is_symlink()]
        if not folders and not files and not (Path("/") / place).exists():
            result.append(f"/{place}/")
    return sorted(result)


def main(folder: Path, home: str, *command: str) -> None:
    """Run a command in a root of its own; all it did is written to the folder."""
    _network()
    layer = folder / "layer"
    layer.mkdir()
    root, upper = _layer(layer, *command)
    names: set[str] = set()
    addresses: set[str] = set()
    _names(names)
    _packets(addresses)
    (root / home.strip("/")).mkdir(parents=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(["chroot", str(root), *command], env=environment, cwd="/", check=False)
    shm = root / "dev" / "shm"
    paths = _written(upper) + [f"/dev/shm/{path.name}" for path in shm.iterdir()]
    result = {
        "code": done.returncode,
        "names": sorted(names),
        "addresses": sorted(addresses),
        "paths": [path for path in paths if path != f"{home}/"],
    }
    (folder / "traces.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
