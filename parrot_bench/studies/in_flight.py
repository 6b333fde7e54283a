"""A counter of calls in flight, which knows nothing of who makes them."""

import threading
from time import perf_counter_ns


class InFlight:
    """How many are in flight: now, at most, and on average over time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Begin to count anew."""
        self.now = 0
        self.peak = 0
        self.threads = 0
        self._sum_ns = 0
        self._since = perf_counter_ns()

    def begin(self) -> None:
        """Begin to count anew, and with what is in flight."""
        with self._lock:
            self._advance(0)
            self._sum_ns, self.peak = 0, self.now

    def enter(self) -> None:
        """One more."""
        with self._lock:
            self._advance(1)
            if self.now > self.peak:
                self.peak = self.now
                # Threads are started for calls, so their peak is where the calls' is.
                self.threads = max(self.threads, threading.active_count())

    def leave(self) -> None:
        """One less."""
        with self._lock:
            self._advance(-1)

    def look(self) -> None:
        """Count what is in flight up to now."""
        with self._lock:
            self._advance(0)

    def _advance(self, by: int) -> None:
        now = perf_counter_ns()
        self._sum_ns += self.now * (now - self._since)
        self._since = now
        self.now += by

    def average(self, wall_ns: int) -> float:
        """The average over a window that all of them lie in."""
        return self._sum_ns / max(wall_ns, 1)
