"""Write an answer from the passages, in the guide's own words."""
