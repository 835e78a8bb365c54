"""Turn the pages of a guide into sections, passages, links and resources."""
