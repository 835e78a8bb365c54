"""Questions are asked of both product management guides as a reader would.

The phrasings are examples of kinds. Nothing in the package knows them.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.assistant import Assistant, validate_question
from assistant.errors import IndexMissing, ModelError, QuestionError, VerifyError
from assistant.index import builder
from assistant.index import index as indexes
from assistant.models.answers import Turn
from assistant.verify import verify_saved_answer
from tests.conftest import CORPUS


def cited_text(answer) -> str:
    """The quotes and headings of an answer, in lower case."""
    cited = [f"{' > '.join(c.headings)}\n{c.quote}" for c in answer.citations]
    return "\n".join(cited).casefold()


def titles(answer) -> str:
    return "\n".join(resource.title for resource in answer.resources)


OWNER = "Product Manager vs. Product Owner"
PROJECT = "Product Manager vs. Project Manager"
MARKETING = "Product Manager vs. Product Marketing Manager"


@pytest.mark.parametrize(
    ("question", "section", "sides"),
    [
        ("how is a PM different from a PO?", OWNER, ("product manager", "product owner")),
        ("PM vs PO", OWNER, ("product manager", "product owner")),
        ("po vs pm", OWNER, ("product manager", "product owner")),
        ("PMs vs. POs?", OWNER, ("product manager", "product owner")),
        ("What's the difference between a P.M. and a P.O.?", OWNER, ("product manager", "owner")),
        ("Is a PO the same thing as a PM?", OWNER, ("product manager", "product owner")),
        ("what distinguishes product owners from product managers", OWNER, ("manager", "owner")),
        ("difference between a PM and a PMM", MARKETING, ("product manager", "product marketing")),
        ("How do PMs and PMMs differ?", MARKETING, ("product manager", "product marketing")),
        ("compare a product manager with a project manager", PROJECT, ("product", "project")),
    ],
)
def test_a_comparison_cites_the_section_on_both_and_names_both_sides(
    product_assistant, question, section, sides
):
    answer = product_assistant.ask(question)
    assert answer.citations[0].headings[-1] == section
    assert all(side in answer.text.casefold() for side in sides)


@pytest.mark.parametrize(
    ("question", "sections"),
    [
        (
            "B2B vs B2C",
            ["Business to Business Product Manager", "Business to Consumer Product Manager"],
        ),
        (
            "what is the difference between B2B and B2C product managers?",
            ["Business to Business Product Manager", "Business to Consumer Product Manager"],
        ),
        (
            "internal PM or B2C PM?",
            ["Internal Product Manager", "Business to Consumer Product Manager"],
        ),
    ],
)
def test_a_comparison_without_a_shared_section_quotes_each_sides_own(
    product_assistant, question, sections
):
    answer = product_assistant.ask(question)
    assert [citation.headings[-1] for citation in answer.citations] == sections


def test_a_misspelt_question_is_corrected_to_the_guides_words(product_assistant):
    answer = product_assistant.ask("diference betwen a prodcut manager and a product ownr")
    assert answer.understood_as == "difference between a product manager and a product owner"
    assert answer.citations[0].headings[-1] == OWNER


@pytest.mark.parametrize(
    "question",
    [
        "what types of product managers are there?",
        "which kinds of PMs exist?",
        "how many types of product manager are there?",
        "list the types of product managers",
    ],
)
def test_a_list_names_every_item(product_assistant, question):
    text = product_assistant.ask(question).text.casefold()
    assert "internal" in text
    assert "business to business" in text
    assert "business to consumer" in text


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("what does KPI stand for?", "key performance indicators (kpis)"),
        ("What are KPIs?", "key performance indicators (kpis)"),
        ("what does ROI mean?", "return on investment (roi)"),
        ("what is a product owner?", "scrum"),
        ("what is a PMM?", "product marketing manager"),
        ("what is a stakeholder?", "product"),
    ],
)
def test_a_definition_quotes_the_sentence_that_defines(product_assistant, question, expected):
    assert expected in cited_text(product_assistant.ask(question))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("who decides pricing and messaging?", "product marketing manager"),
        ("who is responsible for positioning?", "product marketing manager"),
        ("which kind of product manager is the hardest job?", "business to consumer"),
        ("what is the most challenging type of PM?", "business to consumer"),
        ("who represents the customer in the development team?", "product owner"),
    ],
)
def test_a_question_of_who_or_which_is_answered_by_name(product_assistant, question, expected):
    assert expected in cited_text(product_assistant.ask(question))


@pytest.mark.parametrize("question", ["do PMs manage people?", "Does a PM have authority?"])
def test_a_yes_or_no_question_gets_the_sentence_that_settles_it(product_assistant, question):
    answer = product_assistant.ask(question)
    assert "What is a Product Manager?" in {c.headings[-1] for c in answer.citations}
    assert "authority" in cited_text(answer) or "people" in cited_text(answer)


@pytest.mark.parametrize(
    "question", ["recommend a book", "Which books should a PM read?", "any good books?"]
)
def test_a_request_for_books_returns_the_guides_books_with_links(product_assistant, question):
    answer = product_assistant.ask(question)
    assert answer.found
    assert {resource.kind for resource in answer.resources} == {"book"}
    assert all(resource.url.startswith("https://") for resource in answer.resources)
    assert any("Inspired" in resource.title for resource in answer.resources)


@pytest.mark.parametrize(
    ("question", "author"),
    [
        ("what should I read about product owners?", "Melissa Perri"),
        ("any article on the DNA of product people?", "Jase Clamp"),
        ("is there an article by Martin Eriksson?", "Martin Eriksson"),
        ("something to read for a junior product manager?", "Lilly M. Dobreva"),
    ],
)
def test_a_reading_request_returns_the_right_article(product_assistant, question, author):
    assert author in titles(product_assistant.ask(question))


@pytest.mark.parametrize("question", ["how is a PM different from a PO?", "what is a PO?"])
def test_an_answer_includes_the_article_on_its_subject(product_assistant, question):
    assert "Melissa Perri" in titles(product_assistant.ask(question))


@pytest.mark.parametrize(
    "question",
    [
        "how to bake bread",
        "how much do product owners earn?",
        "recommend a hotel",
        "what should I read about kubernetes?",
    ],
)
def test_a_question_the_guide_does_not_answer_is_refused(product_assistant, question):
    check_refused(product_assistant.ask(question))


@pytest.mark.parametrize(
    ("question", "section"),
    [
        ("what is the average salary of a product manager?", "Product Manager salary"),
        ("what is RICE prioritization?", "What is RICE?"),
        ("who invented Scrum?", "What is Scrum?"),
        ("what is Kanban?", "What is Kanban?"),
    ],
)
def test_a_question_is_answered_by_the_guide_that_has_a_section_on_it_alone(
    corpus_assistant, source_assistant, question, section
):
    assert corpus_assistant.ask(question).citations[0].headings[-1] == section
    check_refused(source_assistant.ask(question))


@pytest.mark.parametrize(
    "question", ["recommend a restaurant", "what certification does a PM need?"]
)
def test_a_guide_of_one_page_refuses_what_only_sounds_like_it(source_assistant, question):
    check_refused(source_assistant.ask(question))


def check_refused(answer) -> None:
    """Check that an answer is a refusal, and nothing more."""
    assert not answer.found
    assert answer.citations == ()
    assert answer.resources == ()


def test_a_refusal_names_sections_only_where_they_are_near(corpus_assistant):
    near = corpus_assistant.ask("which exam must a product owner pass?")
    check_refused(near)
    assert near.related
    far = corpus_assistant.ask("how do I bake bread?")
    check_refused(far)
    assert far.related == ()


@pytest.mark.parametrize("missing", ["a truck driver", "a kubernetes operator"])
def test_a_side_of_a_comparison_the_guide_does_not_mention_is_reported(product_assistant, missing):
    answer = product_assistant.ask(f"difference between a PM and {missing}")
    assert answer.missing == (missing.removeprefix("a "),)
    assert all("product manager" in c.quote.lower() for c in answer.citations)
    assert product_assistant.ask("difference between a PM and a PO").missing == ()


def test_suggested_questions_are_answered_and_new(product_assistant):
    turns: list[Turn] = []
    previous: set[str] = set()
    question = "what is a PM?"
    for _ in range(4):
        answer = product_assistant.ask(question, turns)
        assert answer.found
        assert len(answer.next_questions) <= 3
        assert not previous & set(answer.next_questions)
        previous |= {question}
        turns += [Turn("user", question), Turn("agent", answer.text)]
        question = next((q for q in answer.next_questions if q not in previous), "what is a PO?")
    assert len(previous) > 1


def test_other_readings_of_an_acronym_are_offered(product_assistant):
    answer = product_assistant.ask("what does a PM do?")
    assert answer.understood_as == "what does a product manager do?"
    assert "what does a project manager do?" in answer.other_readings
    for reading in answer.other_readings:
        assert product_assistant.ask(reading).found


@pytest.mark.parametrize("question", ["what does a PO do?", "what does a product manager do?"])
def test_a_single_reading_has_no_alternatives(product_assistant, question):
    assert product_assistant.ask(question).other_readings == ()


def test_acronyms_are_read_on_both_sides_of_a_slash_and_before_a_full_stop(product_assistant):
    previous = product_assistant.ask("PM/PO difference").understood_as
    assert previous == "product manager/product owner difference"
    assert product_assistant.ask("what is a P.O.?").understood_as == "what is a product owner?"


def test_small_letters_after_a_number_are_no_acronym(product_assistant):
    assert product_assistant.search("is it open at 5 pm?").understood_as == "is it open at 5 pm?"


def test_an_answer_shows_how_it_read_the_acronyms(product_assistant):
    answer = product_assistant.ask("how is a PM different from a PO?")
    assert "product manager" in answer.understood_as
    assert "product owner" in answer.understood_as
    assert answer.question == "how is a PM different from a PO?"


def test_every_quote_is_literally_in_its_passage_and_on_its_lines(corpus_assistant):
    for question in (
        "what is a PM?",
        "PM vs PO",
        "what types of PM are there?",
        "recommend a book",
    ):
        answer = corpus_assistant.ask(question)
        passages = {hit.passage.id: hit.passage for hit in answer.hits}
        for citation in answer.citations:
            start, end = citation.span
            assert passages[citation.passage].text[start:end] == citation.quote
            first, last = citation.lines
            lines = (CORPUS / citation.path).read_text().splitlines()
            place = " ".join(lines[first - 1 : last])
            assert re.search(r"\w+", citation.quote)[0] in place


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=300))
def test_any_text_at_all_gets_an_answer_a_refusal_or_a_question_error(corpus_assistant, text):
    try:
        answer = corpus_assistant.ask(text)
    except QuestionError:
        return
    assert answer.found == bool(answer.citations)
    passages = {hit.passage.id: hit.passage for hit in answer.hits}
    for citation in answer.citations:
        start, end = citation.span
        assert passages[citation.passage].text[start:end] == citation.quote
    json.dumps(answer.to_dict())


def test_asking_twice_gives_the_same_but_for_the_seconds(corpus_assistant):
    def without_seconds(answer):
        return json.dumps({**answer.to_dict(), "seconds": 0})

    for question in ("PM vs PO", "how to bake bread", "recommend a book"):
        first, second = corpus_assistant.ask(question), corpus_assistant.ask(question)
        assert without_seconds(first) == without_seconds(second)


def test_threads_asking_at_once_get_what_each_would_get_alone(corpus_assistant):
    questions = ["PM vs PO", "what is a KPI?", "recommend a book", "how to bake bread"] * 5
    alone = [corpus_assistant.ask(question).text for question in questions]
    with ThreadPoolExecutor(8) as pool:
        together = [answer.text for answer in pool.map(corpus_assistant.ask, questions)]
    assert together == alone


def test_the_example_questions_can_all_be_answered(corpus_assistant):
    examples = corpus_assistant.examples()
    assert len(examples) == 4
    assert all(corpus_assistant.ask(example).found for example in examples)


def test_a_search_gives_passages_best_first(corpus_assistant):
    search = corpus_assistant.search("who plays the product owner?", k=3)
    assert [hit.rank for hit in search.hits] == [1, 2, 3]
    probabilities = [hit.probability for hit in search.hits]
    assert probabilities == sorted(probabilities, reverse=True)
    assert search.hits[0].passage.heading == OWNER


@pytest.mark.parametrize("question", ["", "   ", "\u200b\u200b", "\n\t"])
def test_a_question_without_words_is_an_error_with_a_hint(corpus_assistant, question):
    with pytest.raises(QuestionError, match="empty"):
        corpus_assistant.ask(question)


def test_a_question_may_have_2000_characters_and_no_more(corpus_assistant):
    assert validate_question("a" * 2000)
    with pytest.raises(QuestionError, match="2,001"):
        corpus_assistant.ask("a" * 2001)


def test_opening_without_an_index_says_what_to_run(tmp_path):
    with pytest.raises(IndexMissing, match="assistant build"):
        Assistant.open(tmp_path)


def test_an_index_cannot_be_asked_with_another_model(tmp_path, word_encoder):
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "page.md").write_text("# Cats\n\nA cat sleeps.\n")
    builder.build_index(tmp_path / "guide", tmp_path / "index", word_encoder)
    with pytest.raises(ModelError, match="twelve words"):
        Assistant.open(tmp_path / "index")


class TestVerify:
    """A saved answer is verified against the guide's own files."""

    def test_a_true_answer_is_verified(self, corpus_assistant, corpus_index):
        for question in ("PM vs PO", "what types of PM are there?", "recommend a book"):
            data = corpus_assistant.ask(question).to_dict()
            assert verify_saved_answer(data, CORPUS, corpus_index) == len(data["citations"])

    def test_a_refusal_has_no_quote_to_verify(self, corpus_assistant, corpus_index):
        assert (
            verify_saved_answer(corpus_assistant.ask("bread?").to_dict(), CORPUS, corpus_index) == 0
        )

    @pytest.mark.parametrize(
        "tamper",
        [
            lambda d: d["citations"][0].update(quote="It said so."),
            lambda d: d["citations"][0].update(span=[0, 5]),
            lambda d: d["citations"][0].update(passage="introduction.md#nowhere/1"),
            lambda d: d["citations"][0].update(path="../../etc/passwd"),
            lambda d: d["citations"][0].update(sha256="0" * 64),
            lambda d: d.update(text=d["text"] + "\n\nAnd more that nobody wrote."),
            lambda d: d.update(text="Only this."),
            lambda d: d.update(citations=[]),
            lambda d: d.pop("citations"),
            lambda d: d["citations"][0].pop("span"),
            lambda d: d.update(found=False),
        ],
    )
    def test_a_changed_answer_fails(self, corpus_assistant, corpus_index, tamper):
        data = json.loads(json.dumps(corpus_assistant.ask("PM vs PO").to_dict()))
        tamper(data)
        with pytest.raises(VerifyError):
            verify_saved_answer(data, CORPUS, corpus_index)

    def test_a_page_that_changed_since_is_detected(self, corpus_assistant, corpus_index, tmp_path):
        data = corpus_assistant.ask("PM vs PO").to_dict()
        page = (CORPUS / "introduction.md").read_text()
        (tmp_path / "introduction.md").write_text(page + "\nOne more line.\n")
        with pytest.raises(VerifyError, match="changed"):
            verify_saved_answer(data, tmp_path, corpus_index)

    @pytest.mark.parametrize("page", ["introduction.md", "other.md"])
    def test_an_answer_from_another_guide_or_index_is_reported(
        self, corpus_index, tmp_path, word_encoder, page
    ):
        """With a page of the same name and one of another; each guide has its own index."""
        (tmp_path / "guide").mkdir()
        (tmp_path / "guide" / page).write_text(
            "# Cats\n\n## What is a cat?\n\nA cat drinks milk.\n"
        )
        builder.build_index(tmp_path / "guide", tmp_path / "index", word_encoder)
        index = indexes.open_index(tmp_path / "index")
        data = Assistant(index, word_encoder).ask("What is a cat?").to_dict()
        assert verify_saved_answer(data, tmp_path / "guide", tmp_path / "index") == 1
        with pytest.raises(VerifyError) as raised:
            verify_saved_answer(data, CORPUS, corpus_index)
        ours = indexes.open_index(corpus_index).generation
        message = raised.value.message
        assert "The answer is from another guide, or from another version of this one" in message
        assert all(name in message for name in (index.generation, ours, page))
        assert raised.value.hint.endswith("--corpus FOLDER --index FOLDER.")

    def test_a_forged_answer_is_not_mistaken_for_one_from_another_guide(
        self, corpus_assistant, corpus_index
    ):
        data = {**corpus_assistant.ask("PM vs PO").to_dict(), "generation": "0" * 16}
        assert verify_saved_answer(data, CORPUS, corpus_index) == 1
        for forged in ({**data, "text": "Only this."}, [], {"generation": "0" * 16}):
            with pytest.raises(VerifyError) as raised:
                verify_saved_answer(forged, CORPUS, corpus_index)
            assert "another guide" not in raised.value.message


def test_half_a_character_in_a_question_is_replaced(corpus_assistant):
    whole = corpus_assistant.ask("what is a product owner?")
    halved = corpus_assistant.ask("what is a \ud800product owner?\udfff")
    assert halved.citations == whole.citations
    assert halved.question == "what is a ?product owner??"
