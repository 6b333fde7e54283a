"""Clients that are right or wrong in one thing, against a server whose log is known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.peers.load.clients import AIPERF, GUIDELLM, OURS, OURS_WHOLE, Seen
from tests.peers.load.following import Followed
from tests.peers.load.judging import beyond, disagreements, least
from tests.peers.load.limited import Limited, miscounted
from tests.peers.load.server import Served
from tests.peers.load.stop import Stop, untrue
from tests.peers.load.turns import Turn

MS = 1_000_000
CALLS = 40
TOKENS = 32
RATE = 20.0
FOLLOWED = Followed(begun_ns=0, ended_ns=10**10, cpu_s=1.0, seen=((0, 0.0), (10**10, 1.0)))

Change = Callable[[dict[str, Any]], dict[str, Any]]


def served(number: int, late_ms: float = 0.0) -> Served:
    received = round((number * 50 + 2 + late_ms) * MS)
    chunks = tuple(received + (100 + 10 * k) * MS for k in range(TOKENS))
    return Served(
        received_ns=received,
        chunks_ns=chunks,
        ended_ns=chunks[-1] + MS,
        tokens=TOKENS,
        whole=True,
    )


def seen(each: Served, number: int, later_ms: float = 1.0) -> dict[str, Any]:
    first, last = each.chunks_ns[0] + later_ms * MS, each.chunks_ns[-1] + later_ms * MS
    return {
        "due": number * 50 * MS,
        "made": number * 50 * MS,
        "first": first,
        "ended": each.ended_ns + later_ms * MS,
        "gap": (last - first) / (TOKENS - 1),
        "tokens": TOKENS,
    }


def turn(
    client: str = OURS, change: Change = dict, later_ms: float = 1.0, late_ms: float = 0.0
) -> Turn:
    log = [served(number, late_ms) for number in range(CALLS)]
    rows = [change(seen(each, number, later_ms)) for number, each in enumerate(log)]
    return Turn(client=client, seen=Seen.of(rows), served=log, followed=FOLLOWED)


def everybody(**changed: Sequence[Turn]) -> Mapping[str, Sequence[Turn]]:
    right = {client: [turn(client)] for client in (OURS, OURS_WHOLE, GUIDELLM, AIPERF)}
    return right | {{"ours": OURS, "guidellm": GUIDELLM}[k]: v for k, v in changed.items()}


def test_what_is_beyond_the_log_is_the_way_there_and_back() -> None:
    past = beyond(turn())
    assert past is not None
    assert np.median(past.ttfc) == pytest.approx(3.0)
    assert np.median(past.latency) == pytest.approx(3.0)
    assert np.median(past.gap) == pytest.approx(0.0)


def test_those_who_say_what_was_agree() -> None:
    assert disagreements(everybody()) == []


def test_a_disturbance_is_in_one_turn_and_an_error_in_all() -> None:
    disturbed = turn(later_ms=50)
    assert disagreements(everybody(ours=[disturbed, turn()])) == []
    assert least([disturbed, turn()])["TTFC"] == pytest.approx(3.0)
    said = disagreements(everybody(ours=[disturbed, turn(later_ms=45)]))
    assert f"{OURS}: TTFC is +47.00 ms beyond the server's log; at most 10 ms were expected" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        # The first chunk is the one before, which has no content.
        (lambda row: {**row, "first": row["first"] - 100 * MS}, "TTFC is -97.00 ms beyond"),
        # The gap is divided by all tokens instead of those between.
        (lambda row: {**row, "gap": row["gap"] * 31 / 32}, "gap is -0.31 ms beyond"),
        # The end is that of the last chunk but ten.
        (lambda row: {**row, "ended": row["ended"] - 100 * MS}, "latency is -97.00 ms beyond"),
        (lambda row: {**row, "tokens": 33}, "1,320 tokens, the server wrote 1,280"),
        (lambda row: {**row, "tokens": None}, "0 tokens, the server wrote 1,280"),
    ],
)
def test_a_wrong_definition_does_not_agree(change: Change, said: str) -> None:
    assert any(said in line for line in disagreements(everybody(ours=[turn(change=change)])))
    theirs = disagreements(everybody(guidellm=[turn(GUIDELLM, change)]))
    assert any(line.startswith(f"{GUIDELLM}: ") and said in line for line in theirs)


def test_one_call_too_few_does_not_agree() -> None:
    whole = turn()
    short = replace(whole, served=whole.served[1:])
    assert beyond(short) is None
    (said,) = {line for line in disagreements(everybody(ours=[short, whole])) if "calls" in line}
    assert said == f"{OURS}: 40 calls and 0 failed, the server answered 39"


def stop(change: Change = dict, *, later_ms: float = 1.0) -> Stop:
    """Stopped from 0.5 s to 1 s: ten calls are due meanwhile, and received after it."""
    log, rows = [], []
    for number in range(CALLS):
        at_ms = number * 50
        late = 1000 - at_ms if 500 < at_ms + 2 < 1000 else 0
        log.append(served(number, late))
        rows.append(change(seen(log[-1], number, later_ms)))
    stopped = Turn(client=OURS, seen=Seen.of(rows), served=log, followed=FOLLOWED)
    return Stop(turn=stopped, begun_ns=495 * MS, ended_ns=1000 * MS)


def test_a_stop_that_is_seen_at_its_size() -> None:
    assert list(untrue(stop(), RATE)) == []
    assert stop().scheduled_s.max() > 0.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        # From when it was made, after the stop: nobody has waited.
        (
            lambda row: {**row, "due": 1001 * MS} if 500 * MS <= row["due"] < 1000 * MS else row,
            "0 calls were due in the stop; 10 were expected",
        ),
        (
            lambda row: {**row, "ended": row["made"] + 150 * MS},
            "say that they ended before it did",
        ),
        (lambda row: {**row, "ended": row["ended"] + 3000 * MS}, "after the server's log"),
    ],
)
def test_a_stop_that_is_hidden_is_found(change: Change, said: str) -> None:
    assert any(said in line for line in untrue(stop(change), RATE))


LIMITED = Limited(
    retries=2, calls=25, completed=8, rate_limited=17, shortest_s=1.4, answered=8, refused=51
)


def test_refusals_that_are_counted_right() -> None:
    assert list(miscounted(LIMITED)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rate_limited": 0, "refused": 0}, "no call was refused"),
        ({"answered": 9}, "8 answered, by the server's log 9"),
        ({"rate_limited": 16}, "of 25 calls 8 were answered and 16 refused"),
        ({"refused": 17}, "51 refusals, by the server's log 17"),
        ({"shortest_s": 0.03}, "took 0.03 s, without backing off"),
    ],
)
def test_refusals_that_are_miscounted(change: dict[str, Any], said: str) -> None:
    assert any(said in line for line in miscounted(replace(LIMITED, **change)))
