"""Readers go on while a writer publishes, each on the generation it opened."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from assistant.assistant import Assistant
from assistant.index import index
from tests.conftest import WordEncoder
from tests.durability import scene
from tests.durability.readers import TimedAnswer
from tests.durability.writers import Writers
from tests.sizes import LONG, size


@pytest.fixture(scope="module")
def readers():
    """A second process that forks, so that one reads while another writes."""
    started = Writers()
    yield started
    started.close()


def read_while(readers: Writers, world: Path, work) -> list[TimedAnswer]:
    """Return the answers of readers during some work; raise Bad if a reader failed."""
    stop = world / "stop"
    stop.unlink(missing_ok=True)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(readers.run, "read", stop, world / "index")
        try:
            work()
        finally:
            stop.touch()
        ended = reading.result()
    if ended.status:
        raise scene.Bad(f"readers ended with {ended.status}: {ended.output}")
    return [TimedAnswer(*answer) for answer in ended.output]


def find_wrong_answers(answers: list[TimedAnswer], published: dict[str, int]) -> list[str]:
    """List the answers that quote another edition than that of their generation."""
    errors = []
    for answer in answers:
        editions = {int(n) for n in re.findall(r"edition(\d+)", " ".join(answer.quotes))}
        if editions != {published.get(answer.generation)}:
            errors.append(f"{editions} quoted from generation {answer.generation}")
    return errors


def publish_all(writers: Writers, world: Path, job: str, editions: range) -> dict[str, int]:
    """Publish editions one after another and return the edition of each generation."""
    published = {}
    for edition in editions:
        ended = writers.run(job, scene.write_guide(world / "guide", edition), world / "index")
        assert ended.status == 0, ended.output
        published[(world / "index" / "CURRENT").read_text().split()[0]] = edition
        time.sleep(0.05)
    return published


def test_sixteen_readers_go_on_while_twenty_updates_publish(writers, readers, tmp_path):
    published = publish_all(writers, tmp_path, "build", range(1, 2))

    def publish() -> None:
        published.update(publish_all(writers, tmp_path, "build", range(2, 22)))

    idle = read_while(readers, tmp_path, lambda: time.sleep(size(1, 10)))
    busy = read_while(readers, tmp_path, publish)
    before, during = (np.percentile([a.seconds for a in part], 95) for part in (idle, busy))
    served = {answer.generation for answer in busy}
    scene.figures.info(
        "%d answers from %d generations, p95 %.0f ms idle, %.0f ms busy",
        *(len(busy), len(served), 1000 * before, 1000 * during),
    )
    assert find_wrong_answers(idle + busy, published) == []
    assert len(served) > 5
    assert during <= 3 * before or not LONG


def test_a_writer_that_works_in_place_is_caught_by_its_readers(writers, readers, tmp_path):
    """Some readers fail, some get a warning, and one that has mapped a file is killed."""
    published = publish_all(writers, tmp_path, "build", range(1, 2))

    def publish() -> None:
        published.update(publish_all(writers, tmp_path, "in_place", range(2, 22)))

    try:
        caught = find_wrong_answers(read_while(readers, tmp_path, publish), published)
    except scene.Bad as bad:
        caught = [str(bad)]
    assert caught


def test_an_opened_index_answers_after_its_files_are_gone_from_disk(writers, tmp_path):
    publish_all(writers, tmp_path, "build", range(1, 2))
    opened = index.open_index(tmp_path / "index")
    publish_all(writers, tmp_path, "build", range(2, 4))
    assert not (tmp_path / "index" / opened.generation).exists()
    assert scene.edition_of(Assistant(opened, WordEncoder())) == 1
    opened.store.close()
