"""The reference encoder: the files it accepts, and its vectors."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from assistant.encoders.sentence_transformer import SentenceTransformerEncoder
from assistant.encoders.weights import BUNDLED_SHA256, Weights
from assistant.errors import ModelError


def test_our_padding_does_not_change_a_vector(reference):
    texts = ["cat " * length for length in (1, 15, 16, 17, 90, 254, 300)]
    plain = reference.pipeline.encode(texts, batch_size=1, normalize_embeddings=True)
    np.testing.assert_allclose(reference.encode(texts), plain, atol=1e-6)


def test_the_window_is_known_without_loading_the_model_and_is_the_model_s_own(reference):
    assert SentenceTransformerEncoder().window == reference.pipeline.max_seq_length


def test_a_missing_device_is_an_error_and_not_a_traceback():
    with pytest.raises(ModelError) as raised:
        SentenceTransformerEncoder(device="cuda:99").encode(["text"])
    assert "cuda:99" in raised.value.message
    assert "--device" in raised.value.hint


def test_a_copy_of_the_model_in_a_folder_has_the_same_identity(reference, tmp_path):
    copy = tmp_path / "model"
    shutil.copytree(Weights().folder, copy)
    assert Weights(str(copy)).identity == reference.identity


def test_another_tokenizer_makes_another_identity(reference, tmp_path):
    copy = tmp_path / "model"
    shutil.copytree(Weights().folder, copy)
    with (copy / "tokenizer.json").open("a") as file:
        file.write("\n")
    assert Weights(str(copy)).identity != reference.identity


def test_a_name_that_is_not_in_the_local_cache_is_an_error_with_the_command_that_fetches_it():
    with pytest.raises(ModelError) as raised:
        Weights("nobody/no-such-model")
    assert "nobody/no-such-model" in raised.value.message
    assert "download" in raised.value.hint


def test_a_folder_that_holds_no_model_is_an_error_and_not_a_traceback(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError) as raised:
        SentenceTransformerEncoder(Weights(str(tmp_path))).encode(["text"])
    assert str(tmp_path) in raised.value.message


def test_the_default_weights_are_the_ones_the_code_names():
    import hashlib

    with (Weights().folder / "model.safetensors").open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == BUNDLED_SHA256
