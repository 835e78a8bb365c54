"""Suggest next questions, made from the guide's own headings (English)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cachetools import LRUCache

from assistant.query.question_type import parse_question
from assistant.text.normalize import truncate
from assistant.text.tokenize import STOPWORDS, extract_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from assistant.models.documents import Passage

MAX_SUGGESTION_LENGTH = 90
"""Characters of a suggested question."""

_NUMBER = re.compile(r"^(?:(?:step|part|chapter)\s+)?(?:\d+(?:\.\d+)*[.):]*|[IVX]+[.)])\s+", re.I)
# No suggested question may contain these: markup, and words that refer back.
_NOT_ASKABLE = re.compile(
    r"[\[\]{}<>|`\\#*_=@/]|\.\.\.|…|\b(?:it|its|they|them|their|he|she|here|above|below)\b|\bthis\W*$",
    re.I,
)
_COMPARES = re.compile(r"\bvs\b|\bversus\b|\bdifferences?\s+between\b", re.I)
_INTERROGATIVE = re.compile(
    r"^(?:what|why|when|where|who|which|how)\s+"
    r"(?:is|are|do|does|can|should|must|will)\s+\S+\s+\S",
    re.I,
)
_HOW_TO = re.compile(r"^how\s+to\s+(?P<rest>\w.*)", re.I)
# What follows distinguishes a verb from a noun: "using the timer", but "billing address".
_VERB_PHRASE = re.compile(
    r"^(?P<verb>[a-z]{3,})(?P<rest>\s+(?:an?|the|your|this|these|all|any|up|to|with|from|on|off|in|into|for|"
    r"between|through|over|out)\b.*)",
    re.I,
)
_CLAUSE = re.compile(
    r"\b(?:is|are|was|were|has|have|can|will|must|should)\b|\b(?:and|or)\s+\w+ing\b", re.I
)
_PARTICLE = re.compile(r"^\s+(?:Up|Out|On|Off|In|To|With|From|For|The|An?|Your)\b")
_YOURS = re.compile(r"\byour\b", re.I)
# A sentence that starts with the name: the article before the name, and the verb after it.
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s|\n)(?P<article>(?:an?|the)\s)?$")
_VERB_AFTER = re.compile(
    r"\s+(?:\([^()]*\)\s+)?(?P<verb>is|are|was|were|has|have|does|do|means?|lets?|allows?|provides?|"
    r"describes?|consists?|works?|exists?)\b"
)
_SINGULAR = re.compile(r"^(?:is|was|has|does|\w+s)$", re.I)
_VOWELS = "aeiou"


class QuestionSuggester:
    """Suggests questions that the passages of one guide answer, for one thread at a time.

    `word_counts` is how often the guide writes each word. The questions of the `max_cached`
    passages used last stay in memory.
    """

    def __init__(self, word_counts: Mapping[str, int], *, max_cached: int = 4096) -> None:
        self._word_counts = word_counts
        self._cache: LRUCache[str, tuple[str, frozenset[str]]] = LRUCache(max_cached)

    def suggest(
        self, passages: Iterable[Passage], previous: Iterable[str], count: int
    ) -> list[str]:
        """Suggest up to `count` questions, in the passages' order, none of the `previous` ones."""
        known = {_topic_terms(text) for text in previous}
        questions: list[str] = []
        for passage in passages:
            question, topic = self._suggestion_for(passage)
            if question and topic not in known:
                known.add(topic)
                questions.append(question)
            if len(questions) == count:
                break
        return questions

    def _suggestion_for(self, passage: Passage) -> tuple[str, frozenset[str]]:
        """Return the question of a passage, and its terms."""
        cached = self._cache.get(passage.id)
        if cached is None:
            question = make_question(passage, self._word_counts)
            cached = question, _topic_terms(question)
            self._cache[passage.id] = cached
        return cached


def make_question(passage: Passage, word_counts: Mapping[str, int]) -> str:
    """Make the question that a passage's heading asks or answers; empty where it is not certain."""
    if not passage.body:
        return ""
    heading = _NUMBER.sub("", truncate(passage.heading)).rstrip(" .:")
    question = _question_from_heading(heading, passage.body, word_counts)
    balanced = question.count("(") == question.count(")")
    too_long = len(question) > MAX_SUGGESTION_LENGTH
    if not extract_terms(question) or not balanced or too_long or _NOT_ASKABLE.search(question):
        return ""
    return question[0].upper() + question[1:]


def _topic_terms(text: str) -> frozenset[str]:
    return frozenset(extract_terms(text))


def _question_from_heading(heading: str, text: str, word_counts: Mapping[str, int]) -> str:
    if heading.endswith("?"):
        return heading
    if _COMPARES.search(heading):
        sides = parse_question(heading).subjects
        return f"What is the difference between {' and '.join(sides)}?" if len(sides) == 2 else ""
    if how_to := _HOW_TO.match(heading):
        return _make_how_question(_lowercase_first(how_to["rest"], word_counts))
    if _INTERROGATIVE.match(heading):
        return f"{heading}?"
    if phrase := _VERB_PHRASE.match(heading):
        has_clause = _CLAUSE.search(heading)
        verb = "" if has_clause else _base_verb(phrase["verb"].lower(), word_counts)
        rest = _PARTICLE.sub(lambda match: match[0].lower(), phrase["rest"])
        return _make_how_question(f"{verb}{rest}") if verb else ""
    return _make_what_question(heading, text, word_counts)


def _make_how_question(rest: str) -> str:
    """Ask how to do what a heading tells the reader to do: "your plan" becomes "my plan"."""
    return f"How do I {_YOURS.sub('my', rest)}?"


def _make_what_question(name: str, text: str, word_counts: Mapping[str, int]) -> str:
    """Ask what a thing is, with the article and the number of the guide's own sentence."""
    if len(name) > MAX_SUGGESTION_LENGTH:  # the question would be too long
        return ""
    lower_text, lower_name = text.lower(), name.lower()
    start = lower_text.find(lower_name)
    while start >= 0:
        before = _SENTENCE_START.search(lower_text, max(0, start - 8), start)
        after = _VERB_AFTER.match(lower_text, start + len(name))
        if before and after:
            be = "is" if _SINGULAR.match(after["verb"]) else "are"
            return f"What {be} {before['article'] or ''}{_lowercase_first(name, word_counts)}?"
        start = lower_text.find(lower_name, start + 1)
    return ""


def _base_verb(word: str, word_counts: Mapping[str, int]) -> str:
    """Return the base form of a heading's first word: "install" for "install" or "installing".

    A word is a verb where the guide also writes its other form. Empty for any other word.
    """
    if not word.endswith("ing"):
        forms = (f"{word}ing", f"{word.rstrip('e')}ing", f"{word}{word[-1]}ing")
        is_verb = word not in STOPWORDS and any(form in word_counts for form in forms)
        return word if is_verb else ""
    root = word.removesuffix("ing")
    if len(root) < 2:
        return ""
    with_e = f"{root}e"
    if root[-1] == root[-2] and root[-1] not in "lsz" and root[:-1] in word_counts:
        return root[:-1]  # setting, running
    if _needs_silent_e(root) and with_e in word_counts:
        return with_e  # using, making: "us" and "mak" would have doubled their last letter
    known = [form for form in (root, with_e) if form in word_counts]
    return max(known, key=lambda form: word_counts[form], default="")


def _needs_silent_e(root: str) -> bool:
    """Whether a root of one syllable ends in one vowel and one consonant."""
    vowels = sum(letter in _VOWELS for letter in root)
    return vowels == 1 and root[-1] not in _VOWELS + "wxy" and root[-2] in _VOWELS


def _lowercase_first(name: str, word_counts: Mapping[str, int]) -> str:
    """Write a name as inside a sentence: in lower case unless its first word is a proper noun."""
    first, _, rest = name.partition(" ")
    titled = rest[:1].isupper() or not first.istitle()
    is_proper = titled or first.lower() not in word_counts
    return name if is_proper else first.lower() + name[len(first) :]
