"""Test the vocabulary of a guide: its acronyms and the frequency of its words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.index.acronyms import find_definitions, is_acronym_of
from assistant.index.vocabulary import Vocabulary, build_vocabulary
from assistant.models.documents import Passage, Sentence


def passage(text: str, *, headings: tuple[str, ...] = ("Guide",), n: int = 1) -> Passage:
    return Passage(
        id=f"p.md#a/{n}",
        path="p.md",
        headings=headings,
        anchor="a",
        url="p.md#a",
        text=text,
        sentences=(Sentence(0, len(text), "prose", (1, 1)),),
    )


def vocabulary(*texts: str, headings: tuple[str, ...] = ()) -> Vocabulary:
    """Build the vocabulary of texts, and of headings whose text names them."""
    own = [passage(f"About it: {h}.", headings=("Guide", h), n=n) for n, h in enumerate(headings)]
    return build_vocabulary([*own, *(passage(text, n=100 + n) for n, text in enumerate(texts))])


def pairs(text: str) -> list[tuple[str, str]]:
    return [(acronym, phrase) for acronym, phrase in find_definitions(text) if phrase]


def phrases(own: Vocabulary, token: str) -> list[str]:
    return [expansion.phrase for expansion in own.expansions(token)]


PRODUCTS = vocabulary(
    "A product manager decides. The product manager leads. Ask the product manager.",
    "Define Key Performance Indicators (KPIs) early.",
    "It is up to us. It is so. It works for us, or it fails.",
    "Internal tools are built inside. Business to business is another way to sell.",
    headings=(
        "Product Manager vs. Product Owner",
        "Product Manager vs. Project Manager",
        "Business to Business Product Manager",
        "Internal Tools",
    ),
)


# -- written out ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "acronym", "phrase"),
    [
        ("Define Key Performance Indicators (KPIs).", "KPI", "key performance indicators"),
        ("A KPI (key performance indicator) counts.", "KPI", "key performance indicator"),
        ("the return on investment (ROI) of it", "ROI", "return on investment"),
        ("Software as a Service (SaaS)", "SAAS", "software as a service"),
        ("Business to Business (B2B) sales", "B2B", "business to business"),
        ("business-to-business (B2B) sales", "B2B", "business-to-business"),
        ("Extensible Markup Language (XML)", "XML", "extensible markup language"),
        ("R&D (research and development)", "R&D", "research and development"),
        ("Quality Assurance (Q.A.) comes last", "QA", "quality assurance"),
        ("a service-level agreement (SLA, signed)", "SLA", "service-level agreement"),
        ("User Experience (UX)", "UX", "user experience"),
        ("train and test / deploy (TT/D)", "TT/D", "train and test / deploy"),
        ("GVT stands for garden volunteer team.", "GVT", "garden volunteer team"),
        ("**RHD** is short for red hen day", "RHD", "red hen day"),
        ("| GVT | garden volunteer team | Ann |", "GVT", "garden volunteer team"),
        ("- `NBX`: nest box exchange, in May", "NBX", "nest box exchange"),
        ("*[NBX]: nest box exchange", "NBX", "nest box exchange"),
        ("NBX — the nest box exchange", "NBX", "nest box exchange"),
    ],
)
def test_an_acronym_written_beside_its_words_is_found(text: str, acronym: str, phrase: str) -> None:
    assert pairs(text) == [(acronym, phrase)]


@pytest.mark.parametrize(
    "text",
    [
        "Go to the store (NASA) now",
        "See the appendix (A).",
        "The team (Ann)",
        "A PM (see below) decides",
        "(KPI)",
        "ends with of the (OT)",
        "| ID | Name of the bird |",
        "NBX: the box is new",
    ],
)
def test_a_bracket_that_spells_nothing_is_no_acronym(text: str) -> None:
    assert pairs(text) == []


@pytest.mark.timeout(60)
def test_many_small_words_do_not_take_exponential_time() -> None:
    assert not is_acronym_of("X" + "T" * 200 + "Q", ["x", *["to"] * 400, "z"])


@pytest.mark.parametrize("unit", ["a", "Ab ", "x (A) ", "AB (", "AB, (AB,", "1-"])
@pytest.mark.timeout(60)  # quadratic time would take hours
def test_bad_input_is_searched_in_linear_time(unit: str) -> None:
    list(find_definitions((unit * 300_000)[:300_000]))


# -- readings -------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["PM", "pm", "PMs", "P.M", "P.M.", "PM's", "PM’s"])
def test_an_acronym_formed_from_headings_is_read_in_any_spelling(token: str) -> None:
    assert phrases(PRODUCTS, token)[0] == "product manager"


@pytest.mark.parametrize(
    ("token", "phrase"),
    [
        ("PO", "product owner"),
        ("B2B", "business to business"),
        ("b2b", "business to business"),
        ("KPI", "key performance indicators"),
        ("kpi", "key performance indicators"),
        ("KPIs", "key performance indicators"),
    ],
)
def test_the_guide_defines_its_acronyms(token: str, phrase: str) -> None:
    assert phrases(PRODUCTS, token) == [phrase]


def test_the_meanings_of_an_ambiguous_acronym_are_ordered_by_frequency() -> None:
    expansions = phrases(PRODUCTS, "PM")
    assert expansions.index("product manager") < expansions.index("project manager")
    weights = [reading.weight for reading in PRODUCTS.expansions("PM")]
    assert weights == sorted(weights, reverse=True)


def test_a_lower_case_acronym_is_read_though_the_guide_writes_it_in_capitals() -> None:
    own = vocabulary("Sign a service level agreement (SLA). The SLA binds. The SLA ends.")
    for token in ("SLA", "sla", "SLAs", "slas", "S.L.A."):
        assert phrases(own, token) == ["service level agreement"]


def test_a_small_word_is_no_plural_of_an_acronym() -> None:
    own = vocabulary(headings=("Web Applications", "Heavy Artillery"))
    assert phrases(own, "WAs") == ["web applications"]
    assert phrases(own, "was") == phrases(own, "has") == []


def test_a_phrase_that_never_stands_alone_is_meant_only_where_no_other_can_be() -> None:
    headings = ("Product Manager", "Project Manager", "Product Marketing Manager")
    own = vocabulary(headings=headings)
    assert phrases(own, "PM") == ["product manager", "project manager"]
    assert phrases(vocabulary(headings=("Product Marketing Manager",)), "PM")


def test_a_phrase_that_only_stands_in_several_longer_ones_forms_no_acronym() -> None:
    own = vocabulary(
        "A wool market fair. A wool market fair. A wool market hall. A wool market hall.",
        "A wheel maker. A wheel maker. A wheel maker.",
        headings=("Wool market fair", "Wool market hall", "Wheel maker"),
    )
    assert phrases(own, "WM") == ["wheel maker"]


def test_an_acronym_that_the_guide_defines_is_not_formed_from_other_phrases() -> None:
    own = vocabulary(
        "The wheel maker (WM) works at night.",
        "A wool market. A wool market. A wool market. A wool market.",
        headings=("Wheel maker", "Wool market"),
    )
    assert phrases(own, "WM") == ["wheel maker"]


def test_an_acronym_with_a_slash_is_read_as_one() -> None:
    own = vocabulary("Use continuous integration / continuous delivery (CI/CD) here.")
    for token in ("CI/CD", "ci/cd"):
        assert phrases(own, token) == ["continuous integration continuous delivery"]


def test_a_plural_is_not_another_acronym() -> None:
    own = vocabulary(headings=("Product Manager", "Product Manager Skills", "Project Manager"))
    assert phrases(own, "PMs")[0] == "product manager"


@pytest.mark.parametrize(
    "word", "it us is or am an at so if as in IT US IS OR AM the do be we me my go no".split()
)
def test_an_ordinary_word_is_no_acronym(word: str) -> None:
    assert phrases(PRODUCTS, word) == []


def test_a_word_the_guide_uses_as_such_is_no_acronym() -> None:
    own = vocabulary("Go to the spa. A spa is good.", headings=("Single Page Apps",))
    assert phrases(own, "spa") == []


def test_it_is_an_acronym_where_the_guide_spells_it() -> None:
    own = vocabulary("Ask Information Technology (IT). It is theirs. It is not ours.")
    assert phrases(own, "IT") == ["information technology"]
    assert phrases(own, "it") == []


GARDEN = vocabulary(
    "The bird unit swap runs. A hen is no pet. Rake every bed. The nest box exchange opens.",
    "The garden day pass costs 3. Sign the open shed form (OSF). The OSF is short. An osf is due.",
    headings=("Bird Unit Swap", "Rake Every Bed", "Nest Box Exchange", "Garden Day Pass 1"),
)


@pytest.mark.parametrize("token", ["bus", "Bus", "reb", "P1", "p1", "DP1", "HIN", "hin"])
def test_a_word_or_a_code_with_the_initials_of_a_heading_is_no_acronym(token: str) -> None:
    assert phrases(GARDEN, token) == []


def test_the_initials_of_a_name_are_read_in_capitals_or_where_they_are_no_word() -> None:
    assert phrases(GARDEN, "BUS") == ["bird unit swap"]
    assert phrases(GARDEN, "NBX") == phrases(GARDEN, "nbx") == ["nest box exchange"]
    assert phrases(GARDEN, "NBE") == ["nest box exchange"]
    assert phrases(GARDEN, "nbe") == []
    assert phrases(GARDEN, "OSF") == phrases(GARDEN, "osf") == ["open shed form"]


def test_a_phrase_without_a_heading_forms_no_acronym() -> None:
    own = vocabulary("A road sign. A road sign. A road sign. A road sign.")
    assert phrases(own, "RS") == []


def test_an_abbreviation_with_one_meaning_everywhere_is_not_read_as_a_heading() -> None:
    own = vocabulary(headings=("Urgent Incidents",))
    assert phrases(own, "UI") == []


@pytest.mark.parametrize("token", ["XYZ", "NASA", "zz", "12", "A", "", ".", "'s"])
def test_letters_that_are_no_acronym_have_no_meaning(token: str) -> None:
    assert phrases(PRODUCTS, token) == []


def test_the_short_form_of_a_phrase_is_known_where_it_is_written() -> None:
    assert ("KPI", "key performance indicators") in list(PRODUCTS.defined_acronyms())
    assert "PM" not in dict(PRODUCTS.defined_acronyms())


# -- how common -----------------------------------------------------------------------------


def test_a_word_in_fewer_passages_has_a_higher_idf() -> None:
    own = vocabulary("cats and dogs", "cats and birds", "cats")
    assert own.idf("fish") > own.idf("dog") > own.idf("cat") > 0
    assert own.contains("Cat")
    assert own.contains("dogs")
    assert not own.contains("fish")


# -- keeping --------------------------------------------------------------------------------


def test_a_vocabulary_survives_json() -> None:
    assert Vocabulary.from_dict(json.loads(json.dumps(PRODUCTS.to_dict()))) == PRODUCTS


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("abcABC (),.KPI2-&\n"), max_size=40), max_size=5))
def test_mining_is_deterministic_and_never_fails(texts: list[str]) -> None:
    passages = [passage(text or "x", n=n) for n, text in enumerate(texts, 1)]
    first, second = build_vocabulary(passages), build_vocabulary(passages)
    assert first == second
    assert json.dumps(first.to_dict()) == json.dumps(second.to_dict())
    assert Vocabulary.from_dict(json.loads(json.dumps(first.to_dict()))) == first
    for acronym in first.acronyms:
        assert isinstance(first.expansions(acronym), tuple)
