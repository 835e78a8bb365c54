"""Both encoders keep the protocol: the exported model, and sentence-transformers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random

import numpy as np
import pytest

from assistant.encoders import export
from assistant.guide.folder import read_guide
from tests.conftest import CORPUS
from tests.sizes import size


@pytest.fixture(scope="module", params=["encoder", "reference"])
def each(request):
    """Each of the two in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Texts of lengths up to past the window, most of them short, as a guide's are.

    They end on both sides of what lengths are rounded to.
    """
    random = Random(5)
    words = "the cat sat on a mat while owners of products planned their next release".split()
    lengths = size([1, 2, 3, 7, 13, 14, 15, 16, 17, 23, 41, 91, 254, 255, 300], [*range(1, 301)])
    return [" ".join(random.choices(words, k=length)) for length in lengths]


@pytest.fixture(scope="module")
def alone(each, texts) -> dict[str, bytes]:
    """The bytes of each text's vector, encoded by itself."""
    return {text: each.encode([text]).tobytes() for text in texts}


def test_vectors_have_length_one_and_one_row_a_text(each):
    vectors = each.encode(["one text", "another, rather longer text about something else"])
    assert vectors.shape == (2, each.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_no_text_gives_no_row(each):
    assert each.encode([]).shape == (0, each.dimension)


def test_similar_meanings_are_nearer_than_others(each):
    cat, kitten, tax = each.encode(["a cat sleeps", "a kitten is asleep", "file a tax return"])
    assert cat @ kitten > cat @ tax + 0.3


def test_a_text_s_vector_depends_neither_on_its_neighbours_nor_on_its_place(each, texts, alone):
    random = Random(7)
    for count in (2, 7, 2 * len(texts)):
        sample = random.choices(texts, k=count)
        for text, vector in zip(sample, each.encode(sample), strict=True):
            assert vector.tobytes() == alone[text]


def test_threads_get_the_vectors_each_would_get_alone(each, texts, alone):
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: each.encode([text]).tobytes(), texts))
    assert together == list(alone.values())


def test_text_beyond_the_window_is_not_read(each):
    full = "word " * (each.window - 2)  # a token a word, and two special ones
    assert each.encode([full]).tobytes() == each.encode([full + "cat dog"]).tobytes()
    assert each.encode([full]).tobytes() != each.encode([full[5:] + "cat"]).tobytes()


@pytest.mark.parametrize("count", [1, 2, 70])
def test_progress_is_reported_up_to_the_end(each, count):
    steps = []
    each.encode(["text"] * count, lambda done, total: steps.append((done, total)))
    assert steps[-1] == (count, count)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_common_words_have_a_token_and_misspelt_ones_have_none(each):
    assert each.token_rank("the") < each.token_rank("bread")
    assert each.token_rank("prodcut") is None


def test_both_are_the_same_model_and_compute_it_in_their_own_way(encoder, reference):
    models = [(e.identity, e.name, e.window, e.dimension) for e in (encoder, reference)]
    assert models[0] == models[1]
    assert encoder.backend != reference.backend


def test_their_vectors_of_a_guide_are_close_to_each_other(encoder, reference):
    passages = read_guide(CORPUS).passages
    texts = [p.search_text for p in passages] + [p.heading for p in passages]
    cosines = np.sum(encoder.encode(texts) * reference.encode(texts), axis=1)
    assert cosines.mean() >= export.MIN_MEAN_COSINE
    assert cosines.min() >= 0.95
