"""The reference encoder: which files it takes, and that its vectors are what the model says."""

from __future__ import annotations

import random
import shutil

import numpy as np
import pytest

from assistant.errors import ModelError
from assistant.reference import SentenceTransformerEncoder
from assistant.weights import BUNDLED_SHA256, Weights


@pytest.fixture(scope="module")
def reference() -> SentenceTransformerEncoder:
    return SentenceTransformerEncoder()


def test_vectors_have_length_one_and_one_row_a_text(reference):
    vectors = reference.encode(["one text", "another, rather longer text about something else"])
    assert vectors.shape == (2, reference.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_no_text_gives_no_row(reference):
    assert reference.encode([]).shape == (0, reference.dimension)


def test_like_meanings_are_nearer_than_unlike_ones(reference):
    cat, kitten, tax = reference.encode(["a cat sleeps", "a kitten is asleep", "file a tax return"])
    assert cat @ kitten > cat @ tax + 0.3


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Texts of every length up to past the window, most of them short, as a guide's are."""
    chance = random.Random(5)
    said = "the cat sat on a mat while owners of products planned their next release".split()
    lengths = [*range(1, 24), 40, 41, 90, 91, 150, 254, 255, 300]
    return [" ".join(chance.choices(said, k=length)) for length in lengths]


def test_a_text_s_vector_does_not_depend_on_its_neighbours_by_a_bit(reference, texts):
    chance = random.Random(7)
    alone = {text: reference.encode([text])[0] for text in texts}
    for size in (2, 7, 2 * len(texts)):
        given = chance.choices(texts, k=size)
        for text, vector in zip(given, reference.encode(given), strict=True):
            assert vector.tobytes() == alone[text].tobytes()


def test_a_vector_is_what_the_model_says_without_our_padding(reference, texts):
    plain = reference.pipeline.encode(texts, batch_size=1, normalize_embeddings=True)
    np.testing.assert_allclose(reference.encode(texts), plain, atol=1e-6)


def test_progress_is_told_up_to_the_end(reference):
    told = []
    reference.encode(["text"] * 70, lambda done, total: told.append((done, total)))
    assert told[-1] == (70, 70)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_the_model_knows_common_words_whole_and_misspelt_ones_not(reference):
    assert reference.knows("bread")
    assert not reference.knows("prodcut")


def test_the_window_is_known_without_loading_the_model_and_is_the_model_s_own(reference):
    assert SentenceTransformerEncoder().window == reference.pipeline.max_seq_length


def test_a_device_that_is_not_there_is_an_error_and_not_a_traceback():
    with pytest.raises(ModelError) as raised:
        SentenceTransformerEncoder(device="cuda:99").encode(["text"])
    assert "cuda:99" in raised.value.what
    assert "--device" in raised.value.mend


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
    assert "nobody/no-such-model" in raised.value.what
    assert "download" in raised.value.mend


def test_a_folder_that_holds_no_model_is_an_error_and_not_a_traceback(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError) as raised:
        SentenceTransformerEncoder(Weights(str(tmp_path))).encode(["text"])
    assert str(tmp_path) in raised.value.what


def test_the_default_weights_are_the_ones_the_code_names():
    import hashlib

    with (Weights().folder / "model.safetensors").open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == BUNDLED_SHA256
