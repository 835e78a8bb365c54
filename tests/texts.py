"""Texts to try the text modules with."""

from __future__ import annotations

from hypothesis import strategies as st

# Rich in the characters that the text modules decide about.
TEXTS = st.text(
    st.one_of(
        st.sampled_from(list(" \n.!?…。()[]\"'”’1Aai-+#&/\u200b\u00adé産ह\u094d")),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=80,
)
