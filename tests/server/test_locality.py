"""Test which callers are local behind nginx, HAProxy and TCP forwards, with and without settings.

Every reader here is on this machine, as a reader behind a proxy on the same machine seems to be.
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

# What `request_all` returns: nobody reads the metrics without a key.
READER, NOBODY = (200, 404, 401), (401, 401, 401)

# The settings of a server on the loopback, published by a proxy on the same machine.
SETTINGS = {
    "nothing": {},
    "hosts": {"hosts": NAME},
    "untrusted": {"trust_loopback": "false"},
    "listed": {"trusted_proxies": "127.0.0.1"},
    "published": {"trusted_proxies": "127.0.0.1", "hosts": NAME},
    "anonymous": {"trusted_proxies": "127.0.0.1", "hosts": NAME, "anonymous": "true"},
}

# The first ways add a header that reveals a proxy, so nobody who uses them is local. The others
# look like a program on this machine; therefore `hosts` and `trust_loopback` end its trust.
TELLING = ("nginx", "tunnel, nginx", "haproxy", "tunnel, haproxy", "tunnel with Via, nginx bare")
SILENT = ("nginx bare", "haproxy bare", "tcp")
WAYS = (*TELLING, *SILENT)


def find_free_ports(count: int) -> list[int]:
    """Return free ports; all are held until all are known."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


class Forward:
    """A TCP forward to a local port that writes `inserted` into the head of each request."""

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


def write_nginx(folder: Path, servers: str) -> list[str | Path]:
    """Write a configuration of nginx and return the command that runs it in the foreground."""
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


def write_haproxy(path: Path, text: str) -> list[str | Path]:
    path.write_text(text, encoding="utf-8")
    return [HAPROXY, "-db", "-f", path]


def remove_headers(text: str) -> str:
    """Return a recipe without the lines that reveal the proxy."""
    telling = r"^ *(proxy_set_header X-Forwarded|option forwardfor|http-request set-header X-).*\n"
    return re.sub(telling, "", text, flags=re.MULTILINE)


@pytest.fixture(scope="module", params=SETTINGS)
def site(request, tmp_path_factory, corpus_index, corpus_assistant):
    """Run a server with one of the settings, and return the port of each way to it."""
    home = tmp_path_factory.mktemp("served")
    shutil.copytree(corpus_index, home / "index")
    recipe = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    other = (ROOT / "deploy" / "haproxy.cfg").read_text(encoding="utf-8")
    nginx_port, bare_nginx_port, haproxy_port, bare_haproxy_port = find_free_ports(4)
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
            write_nginx(
                home / "nginx",
                nginx(recipe, nginx_port) + nginx(remove_headers(recipe), bare_nginx_port),
            ),
            write_haproxy(home / "told.cfg", haproxy(other, haproxy_port)),
            write_haproxy(home / "silent.cfg", haproxy(remove_headers(other), bare_haproxy_port)),
        ]
        for command in commands:
            process = subprocess.Popen(command, stderr=subprocess.PIPE)
            stack.callback(process.stderr.close)
            stack.callback(process.wait, PATIENCE)
            stack.callback(process.terminate)
        forwards = {
            "tcp": Forward(port_served),
            "tunnel, nginx": Forward(nginx_port),
            "tunnel, haproxy": Forward(haproxy_port),
            "tunnel with Via, nginx bare": Forward(bare_nginx_port, b"Via: 1.1 tunnel\r\n"),
        }
        for forward in forwards.values():
            stack.callback(forward.close)
        ports = {way: forward.port for way, forward in forwards.items()}
        ports |= {"nginx": nginx_port, "nginx bare": bare_nginx_port}
        ports |= {"haproxy": haproxy_port, "haproxy bare": bare_haproxy_port}
        for port in (nginx_port, bare_nginx_port, haproxy_port, bare_haproxy_port):
            wait_for_proxy(port)
        yield request.param, ports, ApiKeys(home / "index" / "keys.json")


def wait_for_proxy(port: int) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if fetch_status(port, "GET", "/readyz") == 200:
                return
        time.sleep(0.05)
    pytest.fail(f"no proxy answers at {port}")


def fetch_status(
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


def request_all(port: int, setting: str, key: str = "") -> tuple[int, ...]:
    """Return the statuses of reading, of rating an unknown answer, and of the metrics."""
    host = NAME if "hosts" in SETTINGS[setting] else "localhost"
    rows = [("GET", READ, b""), ("POST", RATE, OPINION), ("GET", ADMIN, b"")]
    return tuple(fetch_status(port, *row, key=key, host=host) for row in rows)


@pytest.mark.parametrize("way", WAYS)
def test_a_caller_behind_a_local_proxy_is_local_only_if_no_header_reveals_it(site, way):
    setting, ports, _ = site
    anyone = setting == "anonymous" or (setting == "nothing" and way in SILENT)
    assert request_all(ports[way], setting) == (READER if anyone else NOBODY)


@pytest.mark.parametrize("way", WAYS)
def test_a_key_has_its_scopes_by_every_way(site, way):
    setting, ports, keys = site
    try:
        assert request_all(ports[way], setting, keys.add("reader")) == (200, 403, 403)
        assert request_all(ports[way], setting, keys.add("monitor", ["admin"])) == (200, 404, 200)
    finally:
        for key in keys.list_keys():
            keys.revoke(key.name)


@pytest.mark.parametrize("way", WAYS)
def test_a_name_that_no_setting_lists_is_not_served_on_the_loopback(site, way):
    setting, ports, _ = site
    listed = "hosts" in SETTINGS[setting]
    assert fetch_status(ports[way], "GET", READ, host="other.example" if listed else NAME) == 421
