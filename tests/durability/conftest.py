"""The process that forks writers is started once."""

from __future__ import annotations

import pytest

from tests.durability.writers import Writers


@pytest.fixture(scope="session")
def writers():
    started = Writers()
    yield started
    started.close()
