"""The two texts of an error, under their names and under the old ones."""

from __future__ import annotations

import pytest

from assistant.errors import QuestionError


def test_the_old_names_of_an_error_s_texts_still_work_and_warn():
    error = QuestionError("The question is empty.", "Ask in words.")
    with pytest.warns(DeprecationWarning, match="what is now called message"):
        assert error.what == error.message
    with pytest.warns(DeprecationWarning, match="mend is now called hint"):
        assert error.mend == error.hint
    with pytest.raises(AttributeError):
        _ = error.other
