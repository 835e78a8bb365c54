"""What is counted of the questions asked, in the words Prometheus reads.

Knows the names of the counters and how fine they are. Must not know who asked, nor what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assistant.models.answers import Answer

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Counters of one server, from its start; safe to share by threads."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        self._questions = Counter(
            "assistant_questions",
            "Questions asked, by door and by what came of them: found, refused or an error.",
            ("door", "outcome"),
            registry=self._registry,
        )
        self._searches = Counter(
            "assistant_searches", "Searches, by door.", ("door",), registry=self._registry
        )
        self._answer = Histogram(
            "assistant_answer_seconds",
            "From a question to its answer.",
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._steps = Histogram(
            "assistant_step_seconds",
            "Each step of an answer.",
            ("step",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._waiting = Gauge(
            "assistant_waiting", "Questions that wait for their turn.", registry=self._registry
        )
        self._generation = Gauge(
            "assistant_generation_info",
            "1 for the generation of the index that is asked.",
            ("generation",),
            registry=self._registry,
        )
        self._passages = Gauge(
            "assistant_passages", "Passages of the index.", registry=self._registry
        )
        self._stale = Gauge(
            "assistant_stale",
            "1 while answers come from an older state of the guide than they should.",
            registry=self._registry,
        )

    def count_answer(self, interface: str, answer: Answer, steps: Mapping[str, float]) -> None:
        """Count an answer, and the seconds of its steps."""
        self._questions.labels(interface, "found" if answer.found else "refused").inc()
        self._answer.observe(answer.seconds)
        self._observe_steps(steps)

    def count_failure(self, interface: str) -> None:
        """Count a question that could not be answered for an error."""
        self._questions.labels(interface, "error").inc()

    def count_search(self, interface: str, steps: Mapping[str, float]) -> None:
        """Count a search, and the seconds of its steps."""
        self._searches.labels(interface).inc()
        self._observe_steps(steps)

    def render(self, *, generation: str, passages: int, waiting: int, stale: bool) -> bytes:
        """All of it as text, with what holds at this moment."""
        from prometheus_client import generate_latest

        self._generation.clear()
        self._generation.labels(generation).set(1)
        self._passages.set(passages)
        self._waiting.set(waiting)
        self._stale.set(stale)
        return generate_latest(self._registry)

    def _observe_steps(self, steps: Mapping[str, float]) -> None:
        for name, seconds in steps.items():
            self._steps.labels(name).observe(seconds)
