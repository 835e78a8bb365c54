"""No code in a model's folder runs, whoever names it, and a project may not name one."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from assistant import settings
from assistant.cli.main import main
from assistant.encoders import select as encoder_selection
from assistant.encoders.sentence_transformer import SentenceTransformerEncoder
from assistant.encoders.weights import Weights
from assistant.errors import ModelError, SettingsError
from tests.conftest import ROOT
from tests.sizes import size

MODULES = "sentence_transformers.sentence_transformer.modules"
TRANSFORMER = {"idx": 0, "name": "0", "path": "", "type": f"{MODULES}.Transformer"}
POOLING = {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{MODULES}.Pooling"}
DENSE = {"idx": 2, "name": "2", "path": "2_Dense", "type": f"{MODULES}.Dense"}


class Pickled:
    """An object that runs code when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def write(folder: Path, name: str, data: object) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(data))


def own_module(folder: Path, mark: Path) -> None:
    write(folder, "modules.json", [{**TRANSFORMER, "type": "own.Own"}])


def own_architecture(folder: Path, mark: Path) -> None:
    write(folder, "modules.json", [TRANSFORMER])
    names = {"AutoConfig": "own.Own", "AutoModel": "own.Own", "AutoTokenizer": "own.Own"}
    write(folder, "config.json", {"model_type": "own", "auto_map": names})


def own_tokenizer(folder: Path, mark: Path) -> None:
    path = folder / "tokenizer_config.json"
    auto = {"AutoTokenizer": ["own.Own", "own.Own"]}
    write(folder, path.name, {"tokenizer_class": "Own", "auto_map": auto})
    (folder / "tokenizer.json").unlink()


def own_activation(folder: Path, mark: Path) -> None:
    write(folder, "modules.json", [TRANSFORMER, POOLING, DENSE])
    size = {"in_features": 384, "out_features": 384, "bias": True}
    write(folder, "2_Dense/config.json", {**size, "activation_function": "own.Own"})


def weights_that_run(folder: Path, mark: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Pickled(mark)))


KINDS = [own_module, own_architecture, own_tokenizer, own_activation, weights_that_run]


@pytest.fixture
def mark(tmp_path) -> Path:
    """A file that exists as soon as any code of the folder has run."""
    return tmp_path / "ran"


@pytest.fixture
def model(tmp_path, mark) -> Path:
    """A copy of the bundled model with a module of its own beside it."""
    folder = tmp_path / "model"
    shutil.copytree(Weights().folder, folder, copy_function=os.symlink)
    for path in folder.rglob("*.json"):
        text = path.read_bytes()
        path.unlink()  # a link to the package's own
        path.write_bytes(text)
    (folder / "own.py").write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n")
    return folder


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_a_model_folder_runs_no_code_when_it_is_loaded(model, mark, make, monkeypatch, tmp_path):
    make(model, mark)
    monkeypatch.chdir(model)
    with pytest.raises(ModelError) as raised:
        SentenceTransformerEncoder(Weights(str(model))).encode(["a text"])
    assert not mark.exists()
    assert "--model" in raised.value.hint


# An export takes a process that loads torch.
EXPORTED = size([weights_that_run], KINDS)


@pytest.mark.parametrize("make", EXPORTED, ids=lambda make: make.__name__)
def test_a_model_folder_runs_no_code_when_it_is_exported(model, mark, make, monkeypatch, tmp_path):
    make(model, mark)
    monkeypatch.chdir(model)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(ModelError):
        encoder_selection.select_build_encoder(str(model))
    assert not mark.exists()


ASK = """
import sys
from assistant.errors import ModelError
from assistant.encoders.sentence_transformer import SentenceTransformerEncoder
from assistant.encoders.weights import Weights
try:
    SentenceTransformerEncoder(Weights("who/ever")).encode(["a text"])
except ModelError as error:
    print(error.message)
"""


def test_a_model_of_the_hubs_cache_runs_no_code_either(tmp_path, model, mark):
    own_module(model, mark)
    home = tmp_path / "hub" / "models--who--ever"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("0" * 40)
    (home / "snapshots").mkdir()
    model.rename(home / "snapshots" / ("0" * 40))
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=ROOT, env={**os.environ, "HF_HUB_CACHE": str(tmp_path / "hub")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "cannot be loaded" in done.stdout
    assert not mark.exists()


def test_the_package_asks_for_a_version_that_runs_no_code_of_a_folder():
    """From 6.0 on a folder's own modules are loaded only where that is asked for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "sentence-transformers>=6.0" in project["dependencies"]


# -- who may name one -----------------------------------------------------------------------


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """The current folder, whose settings name a model folder beside it."""
    folder = tmp_path / "project"
    (folder / "weights").mkdir(parents=True)
    (folder / "assistant.toml").write_text('model = "weights"\n')
    monkeypatch.chdir(folder)
    return folder


def test_a_project_may_not_choose_a_model_folder(project):
    for arguments in ({"model": None}, {"model": None, "index": "i"}):
        with pytest.raises(SettingsError, match="may not choose") as raised:
            settings.load_settings(**arguments)
        assert "--model weights" in raised.value.hint
        assert "ASSISTANT_MODEL=weights" in raised.value.hint


def test_whoever_asks_may_choose_it_by_a_flag_or_in_their_environment(project, monkeypatch):
    assert settings.load_settings(model="weights").model == "weights"
    monkeypatch.setenv("ASSISTANT_MODEL", "weights")
    assert settings.load_settings(model=None).model == "weights"


@pytest.mark.parametrize("name", ["./weights", "../project/weights", "weights/"])
def test_a_model_folder_is_one_however_it_is_written(project, name):
    (project / "assistant.toml").write_text(f'model = "{name}"\n')
    with pytest.raises(SettingsError, match="may not choose"):
        settings.load_settings(model=None)


def test_a_model_folder_of_the_home_folder_is_one(project, monkeypatch):
    monkeypatch.setenv("HOME", str(project))
    (project / "assistant.toml").write_text('model = "~/weights"\n')
    with pytest.raises(SettingsError, match="may not choose"):
        settings.load_settings(model=None)


def test_a_project_may_choose_a_model_by_its_name(project):
    (project / "assistant.toml").write_text('model = "who/ever"\n')
    assert settings.load_settings(model=None).model == "who/ever"


def test_commands_that_need_no_model_go_on(project, capsys):
    assert settings.load_settings(index=None).model == "weights"
    with pytest.raises(SystemExit) as ended:
        main(["keys", "list"])
    assert ended.value.code in {0, None}


@pytest.mark.parametrize("command", ["build", "ask x", "search x", "chat", "serve", "doctor"])
def test_every_command_with_a_model_refuses_it_in_two_lines(project, command, capsys):
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 2
    assert "may not choose" in captured.err
