"""Who is local behind real proxies: nginx, HAProxy and TCP forwards, with and without settings.

Every reader here sits on this machine, as one behind a proxy on the server's own machine seems to.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from assistant.server.reload import LiveAssistant
from assistant.server.security.api_keys import ApiKeys
from assistant.settings import Settings
from tests.conftest import ROOT
from tests.served import serving
from tests.serving import PATIENCE

NGINX, HAPROXY = shutil.which("nginx"), shutil.which("haproxy")
if NGINX is None or HAPROXY is None:
    pytest.skip("nginx and haproxy are not both installed", allow_module_level=True)

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

NAME = "help.example.com"
READ, RATE, ADMIN = "/api/guide", "/api/feedback", "/metrics"
OPINION = b'{"answer": "aaaaaaaaaaaaaaaa", "helpful": true}'

# What `may` finds: nobody has counters without a key.
READER, NOBODY = (200, 404, 401), (401, 401, 401)

# A server on the loopback, published by a proxy of the same machine, by how it is set.
SETTINGS = {
    "nothing": {},
    "hosts": {"hosts": NAME},
    "untrusted": {"trust_loopback": "false"},
    "listed": {"trusted_proxies": "127.0.0.1"},
    "published": {"trusted_proxies": "127.0.0.1", "hosts": NAME},
    "anonymous": {"trusted_proxies": "127.0.0.1", "hosts": NAME, "anonymous": "true"},
}

# Which ways add a header that tells a proxy, so that nobody who comes by them is local. The others
# look like a program on this machine, which is why `hosts` and `trust_loopback` end its trust.
TELLING = ("nginx", "tunnel, nginx", "haproxy", "tunnel, haproxy", "tunnel with Via, nginx bare")
SILENT = ("nginx bare", "haproxy bare", "tcp")
WAYS = (*TELLING, *SILENT)


def free(count: int) -> list[int]:
    """Ports nobody listens on; all are held until all are known."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Forward:
    """A forward of TCP to a port here; `inserted` is written into the head of each request."""

    def __init__(self, to: int, inserted: bytes = b"") -> None:
        self._to, self._inserted = to, inserted
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                reader, _ = self._listener.accept()
                onward = socket.create_connection(("127.0.0.1", self._to))
                for pair in ((reader, onward, self._inserted), (onward, reader, b"")):
                    threading.Thread(target=self._copy, args=pair, daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket, inserted: bytes) -> None:
        with contextlib.suppress(OSError), source, target:
            while piece := source.recv(65536):
                target.sendall(piece.replace(b"\r\n\r\n", b"\r\n" + inserted + b"\r\n", 1))

    def close(self) -> None:
        self._listener.close()


def nginx_of(folder: Path, servers: str) -> list[str | Path]:
    """The command that runs servers of nginx in the foreground, from one folder."""
    folder.mkdir()
    paths = "".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/log; events {{ }}"
        f"http {{ access_log off; {paths} {servers} }}",
        encoding="utf-8",
    )
    return [NGINX, "-e", folder / "log", "-p", folder, "-c", folder / "nginx.conf"]


def haproxy_of(path: Path, text: str) -> list[str | Path]:
    path.write_text(text, encoding="utf-8")
    return [HAPROXY, "-db", "-f", path]


def bare(text: str) -> str:
    """A recipe without the lines that tell of the proxy."""
    telling = r"^ *(proxy_set_header X-Forwarded|option forwardfor|http-request set-header X-).*\n"
    return re.sub(telling, "", text, flags=re.MULTILINE)


@pytest.fixture(scope="module", params=SETTINGS)
def site(request, tmp_path_factory, corpus_index, corpus_assistant):
    """A server with one of the settings, and the port and the path of each way to it."""
    home = tmp_path_factory.mktemp("served")
    shutil.copytree(corpus_index, home / "index")
    recipe = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    other = (ROOT / "deploy" / "haproxy.cfg").read_text(encoding="utf-8")
    notice, silent, told_too, silent_too = free(4)
    with contextlib.ExitStack() as stack:
        settings = Settings(index=home / "index", root="/help", **SETTINGS[request.param])
        origin = stack.enter_context(serving(LiveAssistant(corpus_assistant), settings))
        port_served = urlsplit(origin).port

        def nginx(text: str, port: int) -> str:
            return text.replace("8080", f"127.0.0.1:{port}").replace(":7860", f":{port_served}")

        def haproxy(text: str, port: int) -> str:
            text = text.replace(":8081", f"127.0.0.1:{port}").replace(":7860", f":{port_served}")
            return text.replace("/readyz", "/help/readyz")

        commands = [
            nginx_of(home / "nginx", nginx(recipe, notice) + nginx(bare(recipe), silent)),
            haproxy_of(home / "told.cfg", haproxy(other, told_too)),
            haproxy_of(home / "silent.cfg", haproxy(bare(other), silent_too)),
        ]
        for command in commands:
            process = subprocess.Popen(command, stderr=subprocess.PIPE)
            stack.callback(process.stderr.close)
            stack.callback(process.wait, PATIENCE)
            stack.callback(process.terminate)
        forwards = {
            "tcp": Forward(port_served),
            "tunnel, nginx": Forward(notice),
            "tunnel, haproxy": Forward(told_too),
            "tunnel with Via, nginx bare": Forward(silent, b"Via: 1.1 tunnel\r\n"),
        }
        for forward in forwards.values():
            stack.callback(forward.close)
        ports = {way: forward.port for way, forward in forwards.items()}
        ports |= {"nginx": notice, "nginx bare": silent}
        ports |= {"haproxy": told_too, "haproxy bare": silent_too}
        for port in (notice, silent, told_too, silent_too):
            reachable(port)
        yield request.param, ports, ApiKeys(home / "index" / "keys.json")


def reachable(port: int) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if status(port, "GET", "/readyz") == 200:
                return
        time.sleep(0.05)
    pytest.fail(f"no proxy answers at {port}")


def status(
    port: int, method: str, path: str, body: bytes = b"", *, key: str = "", host: str = "localhost"
) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {"Host": host, "Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    try:
        connection.request(method, f"/help{path}", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def may(port: int, setting: str, key: str = "") -> tuple[int, ...]:
    """What is answered to reading, to rating an answer that is not kept, and to counters."""
    host = NAME if "hosts" in SETTINGS[setting] else "localhost"
    rows = [("GET", READ, b""), ("POST", RATE, OPINION), ("GET", ADMIN, b"")]
    return tuple(status(port, *row, key=key, host=host) for row in rows)


@pytest.mark.parametrize("way", WAYS)
def test_who_comes_by_a_proxy_of_this_machine_is_local_only_where_nothing_tells(site, way):
    setting, ports, _ = site
    anyone = setting == "anonymous" or (setting == "nothing" and way in SILENT)
    assert may(ports[way], setting) == (READER if anyone else NOBODY)


@pytest.mark.parametrize("way", WAYS)
def test_a_key_gets_by_every_way_what_it_allows(site, way):
    setting, ports, keys = site
    try:
        assert may(ports[way], setting, keys.add("reader")) == (200, 403, 403)
        assert may(ports[way], setting, keys.add("monitor", ["admin"])) == (200, 404, 200)
    finally:
        for key in keys.list_keys():
            keys.revoke(key.name)


@pytest.mark.parametrize("way", WAYS)
def test_a_name_that_no_setting_lists_is_not_served_on_the_loopback(site, way):
    setting, ports, _ = site
    listed = "hosts" in SETTINGS[setting]
    assert status(ports[way], "GET", READ, host="other.example" if listed else NAME) == 421
