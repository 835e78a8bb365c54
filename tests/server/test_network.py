"""Test that nothing leaves the machine: use everything in a network that records all packets.

It runs as root on Linux. Elsewhere it is skipped, and where NAMESPACES=required, as in `.ci/run`,
it fails instead.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.documents import docx, drawn, paragraph, pdf
from tests.isolation import EVERY_NAME_IS_AT, ROOT, Isolated, require, skip
from tests.sizes import size

IDLE = size(20, 60)
"""Idle seconds: onnxruntime would look up its maker's host after 15."""

PATIENCE = 1200.0
"""Seconds after which a program counts as hung; alone on the machine it takes 100."""
QUOTE = "A Product Owner is a role from the Scrum framework"
TELLTALE = f"""
import pathlib, socket
pathlib.Path.home().joinpath("left").write_text("here")
for name in ("one.example", {EVERY_NAME_IS_AT[1]!r}):
    try:
        socket.create_connection((name, 443), 5)
    except OSError:
        pass
"""
FIRST_SESSION = """
import os, sys, time
if sys.argv[1] == "assistant":
    import assistant
elif sys.argv[1] == "late":
    import onnxruntime
    import assistant
import onnx, onnxruntime
from onnx import TensorProto, helper
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "graph", ends[:1], ends[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
session = onnxruntime.InferenceSession(model.SerializeToString())
time.sleep(30)
"""

WHERE_IT_MAY_WRITE = (
    "/home/reader/.cache/guide-assistant/",
    "/srv/guide/index/",
    "/srv/guide/eval/",  # named with --work
)
OF_THE_TEST = ("/srv/guide/corpus/", "/srv/guide/questions/")
OF_THE_BROWSER = ("/browser/", "/var/cache/fontconfig/", "/dev/shm/.org.chromium.")


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    """Return what each program did. All run at once, so that they are idle at the same time."""
    require()
    if find_spec("playwright") is None or shutil.which("chromium") is None:
        skip("chromium and playwright are not installed")
    folder = tmp_path_factory.mktemp("isolated")
    pages = folder / "pages"
    pages.mkdir()
    (pages / "tea.md").write_text("# Tea\n\nGreen tea is brewed at 80 degrees.\n")
    if find_spec("markitdown"):  # which looks at a page with onnxruntime too
        (pages / "coffee.docx").write_bytes(docx(paragraph("Coffee is brewed at 95 degrees.")))
        (pages / "water.pdf").write_bytes(pdf(drawn("Water boils at 100 degrees.")))
    programs = {
        "everything": (ROOT / "tests" / "isolated_use.py", IDLE, pages),
        "telltale": ("-c", TELLTALE),
        "unswitched": ("-c", FIRST_SESSION, "alone"),
        "switched": ("-c", FIRST_SESSION, "assistant"),
        "late": ("-c", FIRST_SESSION, "late"),
    }
    running = {
        name: Isolated(folder / name, sys.executable, *words) for name, words in programs.items()
    }
    try:
        yield {name: program.traces(PATIENCE) for name, program in running.items()}
    finally:
        for program in running.values():
            program.end()


def test_a_program_that_uses_the_network_and_leaves_a_file_is_detected(traces):
    observed = traces["telltale"]
    assert observed.names == ("one.example",)
    assert set(observed.addresses) >= set(EVERY_NAME_IS_AT)
    assert observed.paths == ("/home/reader/left",)


def test_onnxruntime_by_itself_is_detected_sending_and_leaving_files(traces):
    observed = traces["unswitched"]
    assert observed.code == 0, observed.errors
    assert observed.names
    assert observed.addresses
    assert any(path.endswith("/deviceid") for path in observed.paths)


def test_onnxruntime_imported_after_this_package_sends_nothing(traces):
    observed = traces["switched"]
    assert observed.code == 0, observed.errors
    assert (observed.names, observed.addresses, observed.paths) == ((), (), ())


def test_onnxruntime_imported_before_this_package_causes_a_warning(traces):
    observed = traces["late"]
    assert "RuntimeWarning: onnxruntime was imported before assistant" in observed.errors
    assert observed.names  # once it can be stopped, remove the warning


def test_every_interface_answers_without_a_network(traces):
    used = traces["everything"]
    assert used.code == 0, used.errors
    report = json.loads(used.output)
    interfaces = "mcp python rest completions chat client".split()
    interfaces += ["mcp over http", "command line"]
    assert set(report["answers"]) == set(interfaces)
    for interface, answer in report["answers"].items():
        assert QUOTE in answer, interface
    assert set(report["codes"].values()) == {0}


def test_no_name_is_looked_up_and_no_packet_leaves_the_loopback(traces):
    used = traces["everything"]
    assert used.names == ()
    assert used.addresses == ()


def test_the_chat_sends_the_browser_nowhere_else(traces):
    requests = json.loads(traces["everything"].output)["requests"]
    assert len(requests) > 10
    urls = {urlsplit(url) for url in requests}
    assert {url.netloc for url in urls if url.scheme not in {"data", "blob"}} == {"127.0.0.1:7860"}


def test_nothing_is_written_but_the_index_and_the_cache(traces):
    # Gradio writes a seed for the names of files beside its own code, once an installation.
    seed = str(Path(find_spec("gradio").origin).resolve().parent / "hash_seed.txt")
    left = [
        path
        for path in traces["everything"].paths
        if not path.startswith(WHERE_IT_MAY_WRITE + OF_THE_TEST + OF_THE_BROWSER) and path != seed
    ]
    assert left == []
    for place in WHERE_IT_MAY_WRITE:
        assert any(path.startswith(place) for path in traces["everything"].paths)


@pytest.mark.parametrize(("required", "outcome"), [("", "skipped"), ("required", "failed")])
def test_without_namespaces_the_test_is_skipped_and_fails_where_they_are_required(
    required, outcome
):
    code = """
import pytest
from tests.isolation import require
try:
    require()
except pytest.skip.Exception:
    print("skipped")
except pytest.fail.Exception:
    print("failed")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/nowhere", "PYTHONPATH": str(ROOT), "NAMESPACES": required},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == outcome


def test_ci_requires_namespaces():
    assert "export NAMESPACES=required\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
