"""What round trips say of another clock."""

from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.workers.clocks import Trip, offset

DELAYS = st.integers(0, 10**9)


@given(
    true=st.integers(-(10**15), 10**15),
    trips=st.lists(st.tuples(st.integers(0, 10**15), DELAYS, DELAYS), min_size=1, max_size=12),
)
def test_the_true_offset_is_within_the_uncertainty(
    true: int, trips: list[tuple[int, int, int]]
) -> None:
    """However long the ways there and back are, and however unlike."""
    found = offset([Trip(at, at + there + true, at + there + back) for at, there, back in trips])
    assert abs(found.ns - true) <= found.uncertainty_ns
    assert found.uncertainty_ns == (min(there + back for _, there, back in trips) + 1) // 2


def test_the_shortest_trip_decides() -> None:
    trips = [Trip(0, 900, 1000), Trip(2000, 2155, 2010), Trip(3000, 3900, 4000)]
    found = offset(trips)
    assert (found.ns, found.uncertainty_ns) == (150, 5)
