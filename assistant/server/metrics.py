"""Count questions, searches and seconds by step for Prometheus; never who asked, or what."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assistant.models.answers import Answer

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_INTERFACE_LABELS = ("interface", "door")
"""The interface of a question, under its name and under that of version 0.1."""


class Metrics:
    """The counters of one server, from its start; safe to share between threads."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        self._questions = Counter(
            "assistant_questions",
            "Questions by interface and outcome: found, refused or error.",
            (*_INTERFACE_LABELS, "outcome"),
            registry=self._registry,
        )
        self._searches = Counter(
            "assistant_searches",
            "Searches by interface.",
            _INTERFACE_LABELS,
            registry=self._registry,
        )
        self._answer = Histogram(
            "assistant_answer_seconds",
            "Seconds from a question to its answer.",
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._steps = Histogram(
            "assistant_step_seconds",
            "Seconds of each step of an answer.",
            ("step",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._waiting = Gauge(
            "assistant_waiting", "Questions that wait in the queue.", registry=self._registry
        )
        self._generation = Gauge(
            "assistant_generation_info",
            "1 for the generation of the index in use.",
            ("generation",),
            registry=self._registry,
        )
        self._passages = Gauge(
            "assistant_passages", "Passages in the index.", registry=self._registry
        )
        self._stale = Gauge(
            "assistant_stale",
            "1 while answers come from an older version of the guide than they should.",
            registry=self._registry,
        )

    def count_answer(self, interface: str, answer: Answer, steps: Mapping[str, float]) -> None:
        """Count an answer, and the seconds of its steps."""
        self._questions.labels(interface, interface, "found" if answer.found else "refused").inc()
        self._answer.observe(answer.seconds)
        self._observe_steps(steps)

    def count_failure(self, interface: str) -> None:
        """Count a question that ended in an error."""
        self._questions.labels(interface, interface, "error").inc()

    def count_search(self, interface: str, steps: Mapping[str, float]) -> None:
        """Count a search, and the seconds of its steps."""
        self._searches.labels(interface, interface).inc()
        self._observe_steps(steps)

    def render(self, *, generation: str, passages: int, waiting: int, stale: bool) -> bytes:
        """Render all metrics as text, with the current values of the gauges."""
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
