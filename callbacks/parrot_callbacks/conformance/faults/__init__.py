"""The faults: calls that fail, are stopped, nest, overlap, or meet a handler in trouble."""
