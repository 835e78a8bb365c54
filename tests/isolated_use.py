"""Use everything once, then leave it idle: a program that `isolation` runs.

    isolated_use.py SECONDS PAGES

Starts from nothing: an empty home, an empty cache, a guide that has no index. PAGES is a folder of
more pages for the guide. Prints, as JSON, what each interface answered and all addresses the
browser was sent to. Imports nothing of the package, whose switches would reach what it starts.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parent.parent
GUIDE = Path("/srv/guide")
HOME = os.environ["HOME"]
BROWSER = "/browser"
ORIGIN = "http://127.0.0.1:7860"
QUESTION = "how is a PM different from a PO?"
PATIENCE = 300.0
"""Seconds after which a step counts as hung."""

# These flags keep the browser from sending requests by itself.
FLAGS = """
--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync
--disable-background-networking --disable-component-update --disable-domain-reliability
--disable-client-side-phishing-detection --disable-default-apps
--disable-features=OptimizationHints,MediaRouter,DialMediaRouteProvider
""".split()
NO_NAMES = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"

PYTHON = f"""
import sys
from assistant import Assistant
print(Assistant.open().ask({QUESTION!r}).text, flush=True)
sys.stdin.read()
"""

MCP = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
ASK = {"name": "ask", "arguments": {"question": QUESTION}}


def assistant(*words: object) -> list[str]:
    return [sys.executable, "-m", "assistant", *map(str, words)]


def run(command: list[str], folder: Path = GUIDE) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def start(stack: ExitStack, command: list[str], folder: Path = GUIDE) -> subprocess.Popen:
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    stack.callback(process.wait, PATIENCE)
    stack.callback(process.stdin.close)
    return process


def fetch(path: str, sent: object = None, headers: dict[str, str] | None = None) -> bytes:
    body = None if sent is None else json.dumps(sent).encode()
    request = urllib.request.Request(
        ORIGIN + path, body, {"content-type": "application/json", **(headers or {})}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return response.read()


def wait_until_ready(server: subprocess.Popen) -> None:
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            fetch("/readyz")
        except OSError:
            assert server.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.1)
        else:
            return


def speak(agent: subprocess.Popen) -> str:
    """Ask over standard input and output."""
    about = {"clientInfo": {"name": "tests", "version": "1"}, "capabilities": {}}
    greeting = {"protocolVersion": "2025-11-25", **about}
    for number, (method, params) in enumerate([("initialize", greeting), ("tools/call", ASK)]):
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        agent.stdin.write(json.dumps(message) + "\n")
        agent.stdin.flush()
        reply = json.loads(agent.stdout.readline())
        if number == 0:
            agent.stdin.write('{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
    return reply["result"]["structuredContent"]["text"]


def over_http() -> dict[str, str]:
    """Ask over each interface that a server has for programs."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": ASK}
    agent = json.loads(fetch("/mcp", message, MCP))["result"]["structuredContent"]["text"]
    conversation = {"messages": [{"role": "user", "content": QUESTION}]}
    completed = json.loads(fetch("/v1/chat/completions", conversation))["choices"][0]["message"][
        "content"
    ]
    rest = json.loads(fetch("/api/ask", {"question": QUESTION}))["text"]
    return {"rest": rest, "mcp over http": agent, "completions": completed}


def evaluation() -> Path:
    """A set of one question with its answer."""
    folder = GUIDE / "questions"
    shutil.copytree(ROOT / "corpus", folder / "docs")
    rows = {
        "queries": {"id": "1", "text": QUESTION, "history": []},
        "answers": {"id": "1", "answers": ["a role from the Scrum framework"]},
        "gold_sections": {"id": "1", "gold": [{"doc": "introduction.md", "heading_path": []}]},
    }
    for name, row in rows.items():
        (folder / f"{name}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return folder


def main(idle: float, pages: Path) -> None:
    """Build, serve, ask by every interface, and wait; `idle` is in seconds."""
    shutil.copytree(ROOT / "corpus", GUIDE / "corpus")
    shutil.copytree(pages, GUIDE / "corpus" / "more")
    questions = evaluation()
    requests: list[str] = []
    run(assistant("build"))
    with ExitStack() as stack:
        server = start(stack, [sys.executable, str(ROOT / "app.py"), "--watch"])
        stack.callback(server.terminate)
        agent = start(stack, assistant("mcp"))
        program = start(stack, [sys.executable, "-c", PYTHON], Path(HOME))
        wait_until_ready(server)
        answers = {"mcp": speak(agent), "python": program.stdout.readline(), **over_http()}
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[*FLAGS, NO_NAMES],
            env={**os.environ, "HOME": BROWSER, "TMPDIR": BROWSER},
        )
        stack.callback(browser.close)
        context = browser.new_context()
        context.on("request", lambda request: requests.append(request.url))
        page = context.new_page()
        page.goto(ORIGIN)
        page.get_by_label("Your question").fill(QUESTION)
        page.get_by_label("Your question").press("Enter")
        quote = page.locator("#talk .exchange blockquote").first
        expect(quote).to_be_visible(timeout=PATIENCE * 1000)
        answers["chat"] = quote.inner_text()
        context.new_page().goto(f"{ORIGIN}/embed")
        answers["client"] = run(assistant("client", ORIGIN, QUESTION))
        quiet_until = time.monotonic() + idle  # the following commands do not use the server
        answers["command line"] = run(assistant("ask", QUESTION))
        run(assistant("doctor"))
        run(assistant("eval", questions, "--work", GUIDE / "eval"))
        page.wait_for_timeout(max(0.0, quiet_until - time.monotonic()) * 1000)
    codes = {"server": server.returncode, "agent": agent.returncode, "python": program.returncode}
    json.dump({"answers": answers, "requests": requests, "codes": codes}, sys.stdout)


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]))
