"""The exported encoder: near to the reference, each text by itself, whole or refused."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from assistant import encoders, export, guide
from assistant.encoder import GRAPH, RECORD, OnnxEncoder
from assistant.errors import ModelError
from assistant.reference import SentenceTransformerEncoder
from assistant.weights import Weights
from tests.conftest import CORPUS


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Texts of every length up to past the window, most of them short, as a guide's are."""
    chance = random.Random(5)
    said = "the cat sat on a mat while owners of products planned their next release".split()
    lengths = [*range(1, 24), 40, 41, 90, 91, 150, 254, 255, 300]
    return [" ".join(chance.choices(said, k=length)) for length in lengths]


@pytest.fixture(scope="module")
def reference() -> SentenceTransformerEncoder:
    return SentenceTransformerEncoder()


def test_the_default_model_is_exported_and_asked_without_torch(encoder):
    assert isinstance(encoder, OnnxEncoder)
    code = (
        "import sys; from assistant import encoders; found, notice = encoders.serving();"
        "found.encode(['a text']); print(notice, 'torch' in sys.modules, type(found).__name__)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "OnnxEncoder"]


def test_its_vectors_of_a_guide_are_near_to_the_reference_s(encoder, reference):
    passages = guide.read(CORPUS).passages
    written = [p.search_text for p in passages] + [p.heading for p in passages]
    cosines = np.sum(encoder.encode(written) * reference.encode(written), axis=1)
    assert cosines.mean() >= export.COSINE
    assert cosines.min() >= 0.95


def test_what_it_says_of_the_model_is_what_the_reference_says(encoder, reference):
    assert encoder.identity == reference.identity
    assert (encoder.name, encoder.window) == (reference.name, reference.window)
    assert encoder.dimension == reference.dimension
    assert encoder.arithmetic != reference.arithmetic
    for word in ("bread", "prodcut"):
        assert encoder.knows(word) == reference.knows(word)


def test_vectors_have_length_one_and_one_row_a_text(encoder):
    vectors = encoder.encode(["one text", "another, rather longer text about something else"])
    assert vectors.shape == (2, encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_no_text_gives_no_row(encoder):
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_a_text_s_vector_does_not_depend_on_its_neighbours_by_a_bit(encoder, texts):
    chance = random.Random(7)
    alone = {text: encoder.encode([text])[0] for text in texts}
    for size in (2, 7, 2 * len(texts)):
        given = chance.choices(texts, k=size)
        for text, vector in zip(given, encoder.encode(given), strict=True):
            assert vector.tobytes() == alone[text].tobytes()


def test_threads_get_the_vectors_each_would_get_alone(encoder, texts):
    alone = [encoder.encode([text]).tobytes() for text in texts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: encoder.encode([text]).tobytes(), texts))
    assert together == alone


def test_what_lies_past_the_window_is_not_read(encoder):
    long = "word " * 400
    assert encoder.encode([long]).tobytes() == encoder.encode([long + "cat dog"]).tobytes()


@pytest.mark.parametrize("count", [1, 2, 70])
def test_progress_is_told_up_to_the_end(encoder, count):
    told = []
    encoder.encode(["text"] * count, lambda done, total: told.append((done, total)))
    assert told[-1] == (count, count)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


class TestExport:
    """Made once, proven whole, and never half."""

    def test_a_second_export_makes_the_same_bytes(self, encoder, reference, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert export.export(Weights(), reference) == encoder.record

    def test_nothing_is_exported_twice(self, encoder, reference):
        before = (export.folder(Weights().identity) / GRAPH).stat()
        assert export.export(Weights(), reference) == encoder.record
        assert (export.folder(Weights().identity) / GRAPH).stat() == before

    @pytest.mark.parametrize("name", [GRAPH, "tokenizer.json"])
    def test_an_altered_file_is_noticed(self, encoder, tmp_path, name):
        copy = tmp_path / "export"
        shutil.copytree(export.folder(Weights().identity), copy)
        data = bytearray((copy / name).read_bytes())
        data[len(data) // 2] ^= 1
        (copy / name).write_bytes(data)
        with pytest.raises(ModelError) as raised:
            OnnxEncoder(copy)
        assert str(copy) in raised.value.what
        assert "assistant build" in raised.value.mend

    @pytest.mark.parametrize("record", ["", "{}", "[]", '{"files": 3}'])
    def test_a_broken_record_is_no_export(self, tmp_path, record):
        (tmp_path / RECORD).write_text(record)
        with pytest.raises(ModelError):
            OnnxEncoder(tmp_path)

    def test_without_an_export_the_reference_answers_and_says_so(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        found, notice = encoders.serving()
        assert isinstance(found, SentenceTransformerEncoder)
        assert "assistant build" in notice

    def test_a_model_that_cannot_be_exported_is_answered_by_the_reference(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        model = tmp_path / "model"
        shutil.copytree(Weights().folder, model)
        settings = json.loads((model / "tokenizer_config.json").read_text())
        (model / "tokenizer_config.json").write_text(json.dumps(settings))
        (model / "tokenizer.json").unlink()
        assert isinstance(encoders.building(str(model))[0], SentenceTransformerEncoder)
        found, notice = encoders.serving(str(model))
        assert isinstance(found, SentenceTransformerEncoder)
        assert "tokenizer.json" in notice

    def test_another_device_is_the_reference_s(self):
        assert isinstance(encoders.building(device="cuda")[0], SentenceTransformerEncoder)

    def test_where_the_export_cannot_be_kept_the_reference_goes_on_and_says_so(
        self, tmp_path, monkeypatch
    ):
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
        found, notice = encoders.building()
        assert isinstance(found, SentenceTransformerEncoder)
        assert str(tmp_path) in notice
