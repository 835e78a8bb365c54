"""Test the results and hints of `assistant doctor`."""

from __future__ import annotations

import shutil

import pytest

from assistant.cli.doctor import run_checks
from assistant.settings import Settings
from tests.conftest import CORPUS


@pytest.fixture
def settings(corpus_index) -> Settings:
    return Settings(corpus=CORPUS, index=corpus_index)


def run_by_name(settings: Settings) -> dict[str, object]:
    return {check.name: check for check in run_checks(settings)}


def test_without_problems_no_check_has_a_hint(settings):
    results = run_by_name(settings)
    assert [check.hint for check in results.values()] == [""] * len(results)
    assert set(results) >= {
        "packages",
        "guide",
        "index",
        "encoder",
        "model of the index",
        "threshold",
    }
    assert "onnxruntime" in results["encoder"].result


def test_a_missing_guide_and_index_are_named_with_hints(tmp_path):
    nowhere = tmp_path / "nowhere"
    results = run_by_name(Settings(corpus=nowhere, index=nowhere))
    assert str(nowhere) in results["guide"].result
    assert "--corpus" in results["guide"].hint
    assert "assistant build" in results["index"].hint
    assert "model of the index" not in results


def test_a_flipped_bit_of_the_index_is_detected(tmp_path, corpus_index):
    shutil.copytree(corpus_index, tmp_path, dirs_exist_ok=True)
    generation = (tmp_path / "CURRENT").read_text().split()[0]
    file = tmp_path / generation / "sentence_vectors.bin"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    check = run_by_name(Settings(corpus=CORPUS, index=tmp_path))["index"]
    assert "sentence_vectors.bin" in check.result
    assert "assistant build" in check.hint


def test_a_model_that_is_not_exported_is_reported_with_a_hint(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    check = run_by_name(settings)["encoder"]
    assert "slow" in check.result
    assert "assistant build" in check.hint


def test_a_missing_model_does_not_stop_the_other_checks(settings):
    results = run_by_name(settings.model_copy(update={"model": "nobody/no-such-model"}))
    assert "nobody/no-such-model" in results["encoder"].result
    assert "no-such-model" in results["model of the index"].result
    assert results["threshold"].hint == ""
