"""Ten thousand messages that nobody should send, over both ways in."""

from __future__ import annotations

import pytest

from tests import test_mcp_fuzz as short
from tests.durability.scene import LONG

pytestmark = pytest.mark.skipif(not LONG, reason="the short size is in tests/test_mcp_fuzz.py")

test_over_the_standard_streams_nothing_breaks = short.test_over_the_standard_streams_nothing_breaks
test_over_http_nothing_breaks = short.test_over_http_nothing_breaks
