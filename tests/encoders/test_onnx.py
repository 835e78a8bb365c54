"""The export: made once, in a process of its own, and refused if it is damaged."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from assistant.encoders import export
from assistant.encoders import select as encoder_selection
from assistant.encoders.onnx import GRAPH_FILE, RECORD_FILE, ExportRecord, OnnxEncoder
from assistant.encoders.sentence_transformer import SentenceTransformerEncoder
from assistant.encoders.weights import Weights
from assistant.errors import ModelError
from tests.conftest import ROOT
from tests.small_guides import copy_introduction

FIRST_BUILD = """
import re, sys
from pathlib import Path
from assistant.encoders.select import select_build_encoder
from assistant.index.builder import build_index
encoder, warning = select_build_encoder(progress=print)
build_index(Path(sys.argv[1]), Path(sys.argv[2]), encoder)
status = Path("/proc/self/status")
peak = re.search(r"VmHWM:\\s*(\\d+) kB", status.read_text())[1] if status.exists() else 0
print(warning or "fast", "torch" in sys.modules, int(peak) // 1024)
"""

# A model that takes no time to load, where only its files matter.
LOADED = """
class SentenceTransformer:
    prompts, default_prompt_name, max_seq_length = {}, None, 256
    def __init__(self, *_, **__): ...
    def eval(self): return self
    def __iter__(self): return iter(())
    def get_embedding_dimension(self): return 384
"""


def start_python(*command: str, cache: Path, **options) -> subprocess.Popen[str]:
    """Start Python with a cache of its own, and this package on its path."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, *command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture(scope="module")
def first_build(tmp_path_factory) -> tuple[Path, list[str]]:
    """The cache of a first build, and the lines it printed.

    It is a script with no `if __name__ == "__main__"`, started beside a file that is no torch.
    """
    folder, elsewhere = tmp_path_factory.mktemp("script"), tmp_path_factory.mktemp("elsewhere")
    (folder / "first.py").write_text(FIRST_BUILD)
    (elsewhere / "torch.py").write_text("raise SystemExit('another torch')")
    script, index = str(folder / "first.py"), str(folder / "index")
    guide = str(copy_introduction(folder / "guide"))
    process = start_python(script, guide, index, cache=folder / "cache", cwd=elsewhere)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return folder / "cache", output.splitlines()


def test_the_first_build_leaves_torch_and_its_memory_to_another_process(first_build):
    *progress, last = first_build[1]
    assert progress == ["0 1", "1 1"]
    warning, torch, peak = last.split()
    assert (warning, torch) == ("fast", "False")
    assert int(peak) < 300  # 146 measured; to import the reference alone takes 455, an export 1,466


def test_a_second_export_makes_the_same_bytes(first_build, encoder):
    (folder,) = (first_build[0] / "guide-assistant" / "models").iterdir()
    assert ExportRecord.read(folder) == encoder.record


def test_the_default_model_is_exported_and_asked_without_torch(encoder):
    assert isinstance(encoder, OnnxEncoder)
    code = (
        "import sys; from assistant.encoders.select import select_query_encoder\n"
        "encoder, warning = select_query_encoder(); encoder.encode(['a text']);"
        "print(warning, 'torch' in sys.modules, type(encoder).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "OnnxEncoder"]


def test_nothing_is_exported_twice(encoder):
    before = (export.export_folder(Weights().identity) / GRAPH_FILE).stat()
    assert export.export_model(Weights()) == encoder.record
    assert (export.export_folder(Weights().identity) / GRAPH_FILE).stat() == before


@pytest.mark.parametrize("name", [GRAPH_FILE, "tokenizer.json"])
def test_an_altered_file_is_detected(encoder, tmp_path, name):
    copy = tmp_path / "export"
    shutil.copytree(export.export_folder(Weights().identity), copy)
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(ModelError) as raised:
        OnnxEncoder(copy)
    assert str(copy) in raised.value.message
    assert "assistant build" in raised.value.hint


@pytest.mark.parametrize("record", ["", "{}", "[]", '{"files": 3}'])
def test_a_broken_record_is_no_export(tmp_path, record):
    (tmp_path / RECORD_FILE).write_text(record)
    with pytest.raises(ModelError):
        OnnxEncoder(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="a terminal ends a group of processes there")
@pytest.mark.parametrize("send", [os.killpg, os.kill])
def test_ctrl_c_ends_both_processes_and_leaves_nothing(tmp_path, send):
    code = "from assistant.encoders.select import select_build_encoder; select_build_encoder()"
    # If the tests themselves run in the background, Ctrl-C is ignored by all they start.
    on_sigint = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = start_python("-c", code, cache=tmp_path, start_new_session=True, preexec_fn=on_sigint)
    models = tmp_path / "guide-assistant" / "models"
    while not (models.is_dir() and any(models.iterdir())):
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(1)  # until the other one imports
    send(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGINT
    assert errors.count("Traceback") == 1
    assert list(models.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


class TestWithoutAnExport:
    """The reference is used, with a warning; only a fault of the model itself is an error."""

    @pytest.fixture(autouse=True)
    def cache(self, tmp_path, monkeypatch) -> Path:
        """An empty cache folder."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        return tmp_path / "cache"

    @pytest.fixture
    def other(self, tmp_path, monkeypatch) -> Path:
        """The source of another sentence_transformers, found before the real one."""
        (tmp_path / "other").mkdir()
        monkeypatch.syspath_prepend(tmp_path / "other")
        return tmp_path / "other" / "sentence_transformers.py"

    def test_the_warning_names_the_command_that_makes_it(self):
        encoder, warning = encoder_selection.select_query_encoder()
        assert isinstance(encoder, SentenceTransformerEncoder)
        assert "assistant build" in warning

    def test_another_device_uses_the_reference(self, cache):
        assert isinstance(
            encoder_selection.select_build_encoder(device="cuda")[0], SentenceTransformerEncoder
        )
        assert not cache.exists()

    def test_a_model_that_cannot_be_exported_is_recorded_once(self, other, tmp_path):
        other.write_text(LOADED)
        shutil.copytree(Weights().folder, tmp_path / "model")
        (tmp_path / "model" / "tokenizer.json").unlink()
        model = str(tmp_path / "model")
        with ThreadPoolExecutor(2) as pool:
            selected = list(pool.map(encoder_selection.select_build_encoder, [model, model]))
        for encoder, warning in (*selected, encoder_selection.select_query_encoder(model)):
            assert isinstance(encoder, SentenceTransformerEncoder)
            assert "tokenizer.json" in warning
        (folder,) = export.export_folder(Weights(model).identity).parent.iterdir()
        assert ExportRecord.read(folder).precision == ""

    def test_a_cache_that_cannot_be_written_is_named(self, cache):
        cache.touch()
        encoder, warning = encoder_selection.select_build_encoder()
        assert isinstance(encoder, SentenceTransformerEncoder)
        assert str(cache) in warning

    @pytest.mark.parametrize(
        ("source", "reason"),
        [
            ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "Killed"),
            ("raise ValueError('of no use')", "ValueError: of no use"),
            ("import os; os._exit(4)", "exit code 4"),
        ],
    )
    def test_the_reason_of_a_child_s_failure_is_given(self, other, cache, source, reason):
        other.write_text(source)
        encoder, warning = encoder_selection.select_build_encoder()
        assert isinstance(encoder, SentenceTransformerEncoder)
        assert reason in warning
        assert "assistant build" in warning
        assert list((cache / "guide-assistant" / "models").iterdir()) == []

    def test_a_fault_of_the_model_is_an_error_of_this_process(self, other):
        other.write_text("raise ImportError('not for this machine')")
        with pytest.raises(ModelError) as raised:
            encoder_selection.select_build_encoder()
        assert "not for this machine" in raised.value.message
        assert "pip install" in raised.value.hint
