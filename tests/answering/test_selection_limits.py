"""On any page, a selection keeps its limits and has all that it needs."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from assistant.answering.selection import make_quotes, score_sections, select_sentences
from assistant.query.question_type import parse_question
from tests.answering.candidates import make_candidates, read_page


def lines(count: int, line: str) -> str:
    return "\n".join(line.format(n) for n in range(1, count + 1))


counts = st.integers(1, 9)
blocks = st.one_of(
    counts.map(lambda count: lines(count, "It is cat number {0}.")),
    counts.map(lambda count: f"These are the {count} cats:"),
    counts.map(lambda count: lines(count, "{0}. Feed a cat. Then wash it {0} times.")),
    counts.map(lambda count: "| cat | age |\n| --- | --- |\n" + lines(count, "| a cat | {0} |")),
    counts.map(lambda count: f"```\n{'cat tail ' * 6 * count}\n```"),
    st.just("Why is that?"),
    st.just("## Cats"),
)
probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=40)  # over again on a long page
question_texts = st.sampled_from(["how do I feed a cat?", "why cats?"])
headings = st.sampled_from(["# A", "# How to feed a cat"])
pages = st.builds(
    lambda heading, parts: "\n\n".join([heading, *parts]),
    headings,
    st.lists(blocks, min_size=1, max_size=8),
)
TABLE_AFTER_A_QUESTION = (
    "# A\n\n1. Feed a cat. Then wash it.\n\nWhy is that?\n\n"
    "| cat | age |\n| --- | --- |\n| a cat | 1 |\n| a cat | 2 |"
)


def score_all(passages, values, text):
    """Score the sections with probabilities that add up to 1."""
    candidates = make_candidates(passages)
    ends = np.cumsum([len(section.sentences) for section in candidates])
    own = np.resize(values, ends[-1])
    parts = np.split(own / (own.sum() or 1.0), ends[:-1])
    return score_sections([(candidates, parts)], [parse_question(text)])


@example(TABLE_AFTER_A_QUESTION, [0.0, 1.0], "how do I feed a cat?", 18, 1)
@given(pages, probabilities, question_texts, st.integers(5, 98), st.integers(1, 4))
def test_a_selection_keeps_its_limits_and_has_all_it_needs(
    tmp_path_factory, page, values, text, max_words, max_runs
):
    passages = read_page(tmp_path_factory.mktemp("page"), f"{page}\n\nThe end.\n")
    sections = score_all(passages, values, text)
    chosen = select_sentences(sections, max_words=max_words, max_runs=max_runs)
    quotes = make_quotes(sections, chosen)
    texts = [quote.text for quote in quotes]
    picked = [sections[s].sentences[n] for s, numbers in chosen.items() for n in numbers]
    likeliest = max(
        ((p, -s, -n) for s, one in enumerate(sections) for n, p in enumerate(one.probabilities))
    )
    words = sum(len(text.replace("|", " ").split()) for text in texts)
    if words > max_words:  # nothing fits: the likeliest, whatever it needs
        assert -likeliest[2] in chosen[-likeliest[1]]
        assert len(chosen) == 1
    quoted_texts = {one.text.casefold() for one in picked}
    for s, numbers in chosen.items():
        for need in {need for n in numbers for need in sections[s].needs[n]} - numbers:
            assert sections[s].sentences[need].text.casefold() in quoted_texts
    assert quotes
    quoted = [(q.passage.id, n) for q in quotes for n in range(q.first, q.last + 1)]
    assert sorted(quoted) == sorted((one.passage.id, one.number) for one in picked)
    assert all(q.passage.text[q.span[0] : q.span[1]] == q.text for q in quotes)
    spans = sorted((q.passage.id, *q.span) for q in quotes)
    for (one, _, end), (other, start, _) in itertools.pairwise(spans):
        assert one != other or end <= start


@given(pages, probabilities, question_texts)
def test_a_whole_list_or_none_of_it_is_quoted_where_it_is_short(
    tmp_path_factory, page, values, text
):
    passages = read_page(tmp_path_factory.mktemp("page"), f"{page}\n\nThe end.\n")
    sections = score_all(passages, values, text)
    chosen = select_sentences(sections)
    if sum(map(len, chosen.values())) == 1:
        return
    for s, section in enumerate(sections):
        kinds = [sentence.kind for sentence in section.sentences]
        is_listed = [kind in {"item", "code"} for kind in kinds]  # code between items is in a list
        for listed, group in itertools.groupby(range(len(kinds)), key=is_listed.__getitem__):
            items = [n for n in group if listed and kinds[n] == "item"]
            own = set(range(items[0], items[-1] + 1)) if items else set()
            words = sum(len(section.sentences[n].text.split()) + 1 for n in own)
            if words <= 60 and own & chosen.get(s, set()):
                assert own <= chosen[s]
