"""Files of pytest-benchmark, from ``--benchmark-json`` or ``--benchmark-save``, as a report."""
