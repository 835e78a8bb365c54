"""The export: made once, in a process of its own, and whole or refused."""

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
from tests.conftest import CORPUS, ROOT

FIRST_BUILD = """
import re, sys
from pathlib import Path
from assistant.encoders import select as encoders
from assistant.index import builder as building
encoder, notice = encoders.building(progress=lambda *told: print(*told))
building.build(Path(sys.argv[1]), Path(sys.argv[2]), encoder)
status = Path("/proc/self/status")
peak = re.search(r"VmHWM:\\s*(\\d+) kB", status.read_text())[1] if status.exists() else 0
print(notice or "fast", "torch" in sys.modules, int(peak) // 1024)
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


def started(*command: str, cache: Path, **options) -> subprocess.Popen[str]:
    """Python with a cache of its own, and this package wherever it stands."""
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
    home, elsewhere = tmp_path_factory.mktemp("script"), tmp_path_factory.mktemp("elsewhere")
    (home / "first.py").write_text(FIRST_BUILD)
    (elsewhere / "torch.py").write_text("raise SystemExit('another torch')")
    script, index = str(home / "first.py"), str(home / "index")
    process = started(script, str(CORPUS), index, cache=home / "cache", cwd=elsewhere)
    said, wrong = process.communicate(timeout=300)
    assert process.returncode == 0, wrong
    return home / "cache", said.splitlines()


def test_the_first_build_leaves_torch_and_its_memory_to_another_process(first_build):
    *progress, last = first_build[1]
    assert progress == ["0 1", "1 1"]
    notice, torch, peak = last.split()
    assert (notice, torch) == ("fast", "False")
    assert int(peak) < 300  # 146 measured; to import the reference alone takes 455, an export 1,466


def test_a_second_export_makes_the_same_bytes(first_build, encoder):
    (kept,) = (first_build[0] / "guide-assistant" / "models").iterdir()
    assert ExportRecord.read(kept) == encoder.record


def test_the_default_model_is_exported_and_asked_without_torch(encoder):
    assert isinstance(encoder, OnnxEncoder)
    code = (
        "import sys; from assistant.encoders import select as encoders\n"
        "found, notice = encoders.serving();"
        "found.encode(['a text']); print(notice, 'torch' in sys.modules, type(found).__name__)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "OnnxEncoder"]


def test_nothing_is_exported_twice(encoder):
    before = (export.export_folder(Weights().identity) / GRAPH_FILE).stat()
    assert export.export_model(Weights()) == encoder.record
    assert (export.export_folder(Weights().identity) / GRAPH_FILE).stat() == before


@pytest.mark.parametrize("name", [GRAPH_FILE, "tokenizer.json"])
def test_an_altered_file_is_noticed(encoder, tmp_path, name):
    copy = tmp_path / "export"
    shutil.copytree(export.export_folder(Weights().identity), copy)
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(ModelError) as raised:
        OnnxEncoder(copy)
    assert str(copy) in raised.value.what
    assert "assistant build" in raised.value.mend


@pytest.mark.parametrize("record", ["", "{}", "[]", '{"files": 3}'])
def test_a_broken_record_is_no_export(tmp_path, record):
    (tmp_path / RECORD_FILE).write_text(record)
    with pytest.raises(ModelError):
        OnnxEncoder(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="a terminal ends a group of processes there")
@pytest.mark.parametrize("send", [os.killpg, os.kill])
def test_ctrl_c_ends_both_processes_and_leaves_nothing(tmp_path, send):
    code = "from assistant.encoders import select as encoders; encoders.building()"
    # Where the tests themselves run in the background, Ctrl-C is ignored by all they start.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = started("-c", code, cache=tmp_path, start_new_session=True, preexec_fn=heard)
    models = tmp_path / "guide-assistant" / "models"
    while not (models.is_dir() and any(models.iterdir())):
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(1)  # until the other one imports
    send(process.pid, signal.SIGINT)
    _, wrong = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert wrong.count("Traceback") == 1
    assert list(models.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


class TestWithoutAnExport:
    """The reference goes on and says so; what is wrong with the model itself is an error."""

    @pytest.fixture(autouse=True)
    def cache(self, tmp_path, monkeypatch) -> Path:
        """An empty one."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        return tmp_path / "cache"

    @pytest.fixture
    def other(self, tmp_path, monkeypatch) -> Path:
        """The source of another sentence_transformers, found before the real one."""
        (tmp_path / "other").mkdir()
        monkeypatch.syspath_prepend(tmp_path / "other")
        return tmp_path / "other" / "sentence_transformers.py"

    def test_asking_names_the_command_that_makes_it(self):
        found, notice = encoder_selection.select_query_encoder()
        assert isinstance(found, SentenceTransformerEncoder)
        assert "assistant build" in notice

    def test_another_device_is_the_reference_s(self, cache):
        assert isinstance(
            encoder_selection.select_build_encoder(device="cuda")[0], SentenceTransformerEncoder
        )
        assert not cache.exists()

    def test_a_model_that_cannot_be_exported_is_said_once_and_for_all(self, other, tmp_path):
        other.write_text(LOADED)
        shutil.copytree(Weights().folder, tmp_path / "model")
        (tmp_path / "model" / "tokenizer.json").unlink()
        model = str(tmp_path / "model")
        with ThreadPoolExecutor(2) as pool:
            built = list(pool.map(encoder_selection.select_build_encoder, [model, model]))
        for found, notice in (*built, encoder_selection.select_query_encoder(model)):
            assert isinstance(found, SentenceTransformerEncoder)
            assert "tokenizer.json" in notice
        (kept,) = export.export_folder(Weights(model).identity).parent.iterdir()
        assert ExportRecord.read(kept).precision == ""

    def test_where_it_cannot_be_kept_is_said(self, cache):
        cache.touch()
        found, notice = encoder_selection.select_build_encoder()
        assert isinstance(found, SentenceTransformerEncoder)
        assert str(cache) in notice

    @pytest.mark.parametrize(
        ("source", "why"),
        [
            ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "Killed"),
            ("raise ValueError('of no use')", "ValueError: of no use"),
            ("import os; os._exit(4)", "exit code 4"),
        ],
    )
    def test_what_ends_the_other_process_is_said_with_its_mend(self, other, cache, source, why):
        other.write_text(source)
        found, notice = encoder_selection.select_build_encoder()
        assert isinstance(found, SentenceTransformerEncoder)
        assert why in notice
        assert "assistant build" in notice
        assert list((cache / "guide-assistant" / "models").iterdir()) == []

    def test_what_is_wrong_with_the_model_is_an_error_of_this_process(self, other):
        other.write_text("raise ImportError('not for this machine')")
        with pytest.raises(ModelError) as raised:
            encoder_selection.select_build_encoder()
        assert "not for this machine" in raised.value.what
        assert "pip install" in raised.value.mend
