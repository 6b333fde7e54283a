"""The server is stopped by a signal in the middle of a load: what each client says of that."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter_ns, sleep

import numpy as np
from numpy.typing import NDArray

from tests.peers.load.clients import Client, Plan
from tests.peers.load.server import Server
from tests.peers.load.turns import Turn, drive

STOPPED_S = 2.0
BEFORE_CALLS = 30
"""Calls that are answered before the stop, warm-up included."""

WITHIN_S = 120.0
REPLY_LENGTH = 4
"""Tokens of a reply: with long ones, who waited would keep the client busier than the server."""

TOLERANCE_S = 0.05
"""How much later than by the server's log calls may end, in the median, beyond what the client
needs to work through all that is answered at once."""


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A client's turn in which the server was stopped.

    Attributes:
        turn: The turn.
        begun_ns: It was stopped.
        ended_ns: It was told to go on.
    """

    turn: Turn
    begun_ns: int
    ended_ns: int

    @property
    def scheduled_s(self) -> NDArray[np.float64]:
        """Latency of each call from when it should have been made, seconds."""
        seen = self.turn.seen
        return (seen.ended - np.where(np.isnan(seen.due), seen.made, seen.due)) / 1e9

    @property
    def told_s(self) -> NDArray[np.float64]:
        """Latency of each call from when it was made, seconds."""
        return (self.turn.seen.ended - self.turn.seen.made) / 1e9

    @property
    def met(self) -> NDArray[np.bool_]:
        """Calls that were due while it was stopped."""
        due = self.turn.seen.due
        return (due > self.begun_ns) & (due < self.ended_ns)

    @property
    def left_s(self) -> NDArray[np.float64]:
        """What was left of the stop when each call was due, seconds."""
        return (self.ended_ns - self.turn.seen.due) / 1e9


def stopped(client: Client, server: Server, plan: Plan) -> Stop:
    """Let a client drive a server that is stopped meanwhile."""
    times: list[int] = []

    def stop() -> None:
        server.wait_for(BEFORE_CALLS, WITHIN_S)
        with server.stopped() as begun:
            sleep(STOPPED_S)
            times.extend((begun, perf_counter_ns()))

    name = client.name.replace(", ", "-").replace(" ", "-")
    kind = "closed" if plan.in_flight else "open"
    folder = plan.folder / f"stopped-{kind}-{name}"
    turn = drive(client, server, replace(plan, folder=folder), meanwhile=stop)
    return Stop(turn=turn, begun_ns=times[0], ended_ns=times[1])


def untrue(stop: Stop, rate: float) -> Iterator[str]:
    """What an open loop does not say of a stop as it was, a sentence each.

    Args:
        stop: What was seen.
        rate: Calls a second.
    """
    turn, met = stop.turn, stop.met
    expected = round((stop.ended_ns - stop.begun_ns) / 1e9 * rate)
    if abs(int(met.sum()) - expected) > 1:
        yield f"{met.sum()} calls were due in the stop; {expected} were expected"
    if turn.seen.made.size != len(turn.served):
        yield f"{turn.seen.made.size} calls were answered; the server answered {len(turn.served)}"
        return
    short = met & (stop.scheduled_s < stop.left_s)
    if short.any():
        yield f"{short.sum()} calls that were due in the stop say that they ended before it did"
    ended = np.array([each.ended_ns for each in turn.served], dtype=np.float64)
    off = float(np.median((turn.seen.ended - ended)[met])) / 1e9
    limit = TOLERANCE_S + float(met.sum()) * turn.cpu_s
    if not -TOLERANCE_S <= off <= limit:
        yield (
            f"calls that were due in the stop end {off:.3f} s after the server's log; "
            f"at most {limit:.3f} s were expected"
        )
    longest, whole = stop.scheduled_s.max(), (stop.ended_ns - stop.begun_ns) / 1e9
    if longest < whole - 1 / rate:
        yield f"the longest latency is {longest:.2f} s; the server was stopped for {whole:.2f} s"
