"""A real nginx before a server, for tests: started in a folder of its own, ended with the test."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.serving import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NGINX = shutil.which("nginx")

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/complaints warn;
events {{ }}
http {{
    access_log off;
    absolute_redirect off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    types {{ text/html html; text/css css; text/javascript js; image/png png; }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_buffering off;
    {servers}
}}
"""


def find_free_ports(count: int) -> list[int]:
    """Return free ports; all are held until all are known."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


@contextlib.contextmanager
def run_nginx(folder: Path, servers: str, port: int) -> Iterator[Path]:
    """Run nginx with these servers, one of which listens on `port`; return its error log."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    error_log, file = folder / "complaints", folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=folder, servers=servers), encoding="utf-8")
    nginx = subprocess.Popen([NGINX, "-e", error_log, "-p", folder, "-c", file])
    try:
        _wait(nginx, port, error_log)
        yield error_log
    finally:
        nginx.terminate()
        nginx.wait(PATIENCE)


def _wait(nginx: subprocess.Popen[bytes], port: int, error_log: Path) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        assert nginx.poll() is None, error_log.read_text(encoding="utf-8")
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    pytest.fail("nginx does not listen")
