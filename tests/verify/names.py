"""Who times what: the rows of the table about the harness's own bias."""

NO_OP = "no-op"
WORK = "20 µs"

BOUNDED_FUNCTIONS = {NO_OP: 0.02, WORK: 0.001}
"""How far the interval of our loop over `timeit` may reach from 1."""

OURS = "parrot-bench"
OURS_CPU = "parrot-bench, CPU time"
OURS_ASYNC = "parrot-bench, async"
AGAIN = "timeit, again"
PYPERF = "pyperf"
PYTEST = "pytest-benchmark"

REFERENCES = {
    OURS: "timeit",
    OURS_CPU: "timeit, CPU time",
    OURS_ASYNC: "timeit, awaiting",
    AGAIN: "timeit",
    PYPERF: "timeit",
    PYTEST: "timeit",
}
"""Who is divided by whom."""

BOUNDED = (OURS, OURS_ASYNC)
"""Whom the bounds are promised of."""
