"""A comparison of two sides: in words, as a page, in files."""
