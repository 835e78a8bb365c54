"""What both encoders promise: the one that is exported, and the reference it was made from."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from assistant import export, guide
from tests.conftest import CORPUS


@pytest.fixture(scope="module", params=["encoder", "reference"])
def each(request):
    """Each of the two in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Texts of every length up to past the window, most of them short, as a guide's are."""
    chance = random.Random(5)
    said = "the cat sat on a mat while owners of products planned their next release".split()
    lengths = [*range(1, 24), 40, 41, 90, 91, 150, 254, 255, 300]
    return [" ".join(chance.choices(said, k=length)) for length in lengths]


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


def test_like_meanings_are_nearer_than_unlike_ones(each):
    cat, kitten, tax = each.encode(["a cat sleeps", "a kitten is asleep", "file a tax return"])
    assert cat @ kitten > cat @ tax + 0.3


def test_a_text_s_vector_depends_neither_on_its_neighbours_nor_on_its_place(each, texts, alone):
    chance = random.Random(7)
    for size in (2, 7, 2 * len(texts)):
        given = chance.choices(texts, k=size)
        for text, vector in zip(given, each.encode(given), strict=True):
            assert vector.tobytes() == alone[text]


def test_threads_get_the_vectors_each_would_get_alone(each, texts, alone):
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: each.encode([text]).tobytes(), texts))
    assert together == list(alone.values())


def test_what_lies_past_the_window_is_not_read(each):
    full = "word " * (each.window - 2)  # a token a word, and two special ones
    assert each.encode([full]).tobytes() == each.encode([full + "cat dog"]).tobytes()
    assert each.encode([full]).tobytes() != each.encode([full[5:] + "cat"]).tobytes()


# -- parts of a text -------------------------------------------------------------------------

TEXT = "Cats > Habits\nMost cats sleep all day. They purr where they are stroked. Nobody knows why."
HEADING = (7, 13)
PARTS = [(HEADING,), *((HEADING, (TEXT.index(s), TEXT.index(s) + 9)) for s in ("Most", "They"))]


def test_a_part_s_vector_is_the_mean_of_its_tokens_as_they_stand_in_the_text(each, reference):
    tokens = reference.pipeline.encode([TEXT], output_value="token_embeddings")[0].cpu().numpy()
    places = reference.pipeline.tokenizer([TEXT])
    (_, (found,)) = each.encode_parts([TEXT], [PARTS])
    assert found.dtype == np.float32
    for vector, part in zip(found, PARTS, strict=True):
        inside = {places.char_to_token(0, at) for start, end in part for at in range(start, end)}
        expected = tokens[sorted(inside - {None})].mean(axis=0)
        near = 1e-5 if each is reference else 0.02  # the export's numbers are eight bits
        assert vector @ expected / np.linalg.norm(expected) == pytest.approx(1.0, abs=near)


def test_a_text_s_own_vector_is_the_same_with_its_parts(each, texts, alone):
    whole, parts = each.encode_parts(texts, [[((0, len(text)),)] for text in texts])
    assert [vector.tobytes() for vector in whole] == list(alone.values())
    assert {own.shape for own in parts} == {(1, each.dimension)}
    np.testing.assert_allclose(np.linalg.norm(np.vstack(parts), axis=1), 1.0, atol=1e-5)


def test_the_vectors_of_parts_depend_on_their_own_text_alone(each, texts):
    asked = [[((0, 3),), ((0, 2), (2, len(text)))] for text in texts]
    _, together = each.encode_parts(texts, asked)
    for text, parts, found in list(zip(texts, asked, together, strict=True))[::5]:
        assert each.encode_parts([text], [parts])[1][0].tobytes() == found.tobytes()


def test_what_they_means_is_near_to_what_it_stands_for(each):
    question = each.encode(["why do cats purr?"])[0]
    _, (parts,) = each.encode_parts([TEXT], [[PARTS[2][1:]]])
    assert parts[0] @ question > each.encode(["They purr"])[0] @ question


def test_a_part_past_the_window_is_encoded_by_itself(each):
    full = "word " * each.window
    text = full + "a cat sleeps"
    _, (found,) = each.encode_parts([text], [[((0, 4), (len(full), len(text)))]])
    _, (past,) = each.encode_parts([text], [[((len(full), len(text)),)]])
    np.testing.assert_allclose(past[0], each.encode(["a cat sleeps"])[0], atol=1e-6)
    assert found[0] @ each.encode(["word"])[0] > past[0] @ each.encode(["word"])[0]


def test_no_text_has_no_parts_and_a_text_may_have_none(each):
    whole, parts = each.encode_parts([], [])
    assert (whole.shape, parts) == ((0, each.dimension), [])
    _, (none,) = each.encode_parts(["a text"], [[]])
    assert none.shape == (0, each.dimension)


@pytest.mark.parametrize("count", [1, 2, 70])
def test_progress_is_told_up_to_the_end(each, count):
    told = []
    each.encode(["text"] * count, lambda done, total: told.append((done, total)))
    assert told[-1] == (count, count)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_common_words_are_known_whole_and_misspelt_ones_not(each):
    assert each.knows("bread")
    assert not each.knows("prodcut")


def test_both_are_the_same_model_and_compute_it_in_their_own_way(encoder, reference):
    said = [(e.identity, e.name, e.window, e.dimension) for e in (encoder, reference)]
    assert said[0] == said[1]
    assert encoder.arithmetic != reference.arithmetic


def test_their_vectors_of_a_guide_are_near_to_each_other(encoder, reference):
    passages = guide.read(CORPUS).passages
    written = [p.search_text for p in passages] + [p.heading for p in passages]
    cosines = np.sum(encoder.encode(written) * reference.encode(written), axis=1)
    assert cosines.mean() >= export.COSINE
    assert cosines.min() >= 0.95
