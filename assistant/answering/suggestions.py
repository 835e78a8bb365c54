"""Next questions: what a reader may ask on, made from the guide's own headings (English).

Knows which headings ask something, and how others are asked after without bending their words.
Must not know how the sections were found, or whether they answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.query import question_type as questions
from assistant.text.text import STOPWORDS, extract_terms, truncate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from assistant.models.documents import Passage

MAX_SUGGESTION_LENGTH = 90
"""The characters of a question that is offered."""

_NUMBER = re.compile(r"^(?:(?:step|part|chapter)\s+)?(?:\d+(?:\.\d+)*[.):]*|[IVX]+[.)])\s+", re.I)
# What no question is asked with: marks of a tool, and words for what was said before.
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
# A verb is told from a noun by what follows: "using the timer", but "billing address".
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
# A sentence that opens with a thing, up to it and after it: its article, and its verb.
_SENTENCE_START = re.compile(r"(?:^|[.!?:]\s|\n)(?P<article>(?:an?|the)\s)?$")
_VERB_AFTER = re.compile(
    r"\s+(?:\([^()]*\)\s+)?(?P<verb>is|are|was|were|has|have|does|do|means?|lets?|allows?|provides?|"
    r"describes?|consists?|works?|exists?)\b"
)
_SINGULAR = re.compile(r"^(?:is|was|has|does|\w+s)$", re.I)
_VOWELS = "aeiou"


class QuestionSuggester:
    """The questions that the passages of one guide answer, each made once; safe to share.

    `counts` is how often the guide writes each word. The questions of `kept` passages are kept;
    then it begins anew.
    """

    def __init__(self, word_counts: Mapping[str, int], *, max_cached: int = 4096) -> None:
        self._word_counts = word_counts
        self._max_cached = max_cached
        self._cache: dict[str, tuple[str, frozenset[str]]] = {}

    def suggest(self, passages: Iterable[Passage], asked: Iterable[str], most: int) -> list[str]:
        """Up to `most` questions that passages answer, in their order; none that was `asked`."""
        known = {_topic_terms(text) for text in asked}
        found: list[str] = []
        for passage in passages:
            question, topic = self._suggestion_for(passage)
            if question and topic not in known:
                known.add(topic)
                found.append(question)
            if len(found) == most:
                break
        return found

    def _suggestion_for(self, passage: Passage) -> tuple[str, frozenset[str]]:
        """The question of a passage, and its terms."""
        known = self._cache.get(passage.id)
        if known is None:
            question = make_question(passage, self._word_counts)
            known = question, _topic_terms(question)
            if len(self._cache) >= self._max_cached:
                self._cache = {}
            self._cache[passage.id] = known
        return known


def make_question(passage: Passage, counts: Mapping[str, int]) -> str:
    """The question that a passage's heading asks, or is the answer to; empty where none is sure."""
    if not passage.body:
        return ""
    heading = _NUMBER.sub("", truncate(passage.heading)).rstrip(" .:")
    question = _question_from_heading(heading, passage.body, counts)
    even = question.count("(") == question.count(")")
    if (
        not extract_terms(question)
        or not even
        or len(question) > MAX_SUGGESTION_LENGTH
        or _NOT_ASKABLE.search(question)
    ):
        return ""
    return question[0].upper() + question[1:]


def _topic_terms(text: str) -> frozenset[str]:
    return frozenset(extract_terms(text))


def _question_from_heading(heading: str, text: str, counts: Mapping[str, int]) -> str:
    if heading.endswith("?"):
        return heading
    if _COMPARES.search(heading):
        sides = questions.parse_question(heading).subjects
        return f"What is the difference between {' and '.join(sides)}?" if len(sides) == 2 else ""
    if how_to := _HOW_TO.match(heading):
        return _make_how_question(_lowercase_first(how_to["rest"], counts))
    if _INTERROGATIVE.match(heading):
        return f"{heading}?"
    if doing := _VERB_PHRASE.match(heading):
        verb = "" if _CLAUSE.search(heading) else _base_verb(doing["verb"].lower(), counts)
        rest = _PARTICLE.sub(lambda match: match[0].lower(), doing["rest"])
        return _make_how_question(f"{verb}{rest}") if verb else ""
    return _make_what_question(heading, text, counts)


def _make_how_question(rest: str) -> str:
    """What the guide tells its reader to do, as the reader asks for it: your plan is my plan."""
    return f"How do I {_YOURS.sub('my', rest)}?"


def _make_what_question(name: str, text: str, counts: Mapping[str, int]) -> str:
    """What a thing is, with the article and the number that the guide's own sentence gives it."""
    if len(name) > MAX_SUGGESTION_LENGTH:  # nor is the question offered
        return ""
    lowered, sought = text.lower(), name.lower()
    start = lowered.find(sought)
    while start >= 0:
        begun = _SENTENCE_START.search(lowered, max(0, start - 8), start)
        told = _VERB_AFTER.match(lowered, start + len(name))
        if begun and told:
            be = "is" if _SINGULAR.match(told["verb"]) else "are"
            return f"What {be} {begun['article'] or ''}{_lowercase_first(name, counts)}?"
        start = lowered.find(sought, start + 1)
    return ""


def _base_verb(word: str, counts: Mapping[str, int]) -> str:
    """The plain verb of a heading's first word, "install" or "installing"; empty where unsure.

    A word is a verb where the guide also writes its other form.
    """
    if not word.endswith("ing"):
        forms = (f"{word}ing", f"{word.rstrip('e')}ing", f"{word}{word[-1]}ing")
        return word if word not in STOPWORDS and any(form in counts for form in forms) else ""
    root = word.removesuffix("ing")
    if len(root) < 2:
        return ""
    silent = f"{root}e"
    if root[-1] == root[-2] and root[-1] not in "lsz" and root[:-1] in counts:
        return root[:-1]  # setting, running
    if _needs_silent_e(root) and silent in counts:
        return silent  # using, making: "us" and "mak" would have doubled their last letter
    known = [form for form in (root, silent) if form in counts]
    return max(known, key=lambda form: counts[form], default="")


def _needs_silent_e(root: str) -> bool:
    """Whether a root of one syllable ends in one vowel and one consonant."""
    vowels = sum(letter in _VOWELS for letter in root)
    return vowels == 1 and root[-1] not in _VOWELS + "wxy" and root[-2] in _VOWELS


def _lowercase_first(name: str, counts: Mapping[str, int]) -> str:
    """A name inside a sentence: its first letter small unless its word is a name of its own."""
    first, _, rest = name.partition(" ")
    titled = rest[:1].isupper() or not first.istitle()
    return name if titled or first.lower() not in counts else first.lower() + name[len(first) :]
