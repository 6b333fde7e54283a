"""One worker as its coordinator sees it: a thread that asks, and what came of it."""

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from time import monotonic, perf_counter_ns

from parrot_bench.events import Event, Reply
from parrot_bench.measuring import Job
from parrot_bench.studies.load.orders import Done, Order
from parrot_bench.worker import read, written
from parrot_bench.workers import posts
from parrot_bench.workers.clocks import Offset, Trip, offset
from parrot_bench.workers.cluster import Cluster

WAIT_S = 1.0
"""How long a worker is waited for before it is asked again; so often its life is looked at, too."""

GONE = "its connection was lost"

TRIPS = 10
"""Round trips for its clock, before each level."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker is gone.

    Attributes:
        reason: What is known of it.
    """

    reason: str


Heard = Sequence[Event] | Done | Lost | None
"""What a worker told: events; that an order was carried out; that it is gone; None at its end."""


@dataclass(eq=False)
class Wire:
    """One worker.

    Attributes:
        cluster: What it belongs to.
        address: Dask's.
        name: Ours.
        inbox: Where what it tells is put, with itself.
        greeting: Who it is.
        offset: How far its clock is off ours.
        alive: It takes orders.
        ended: Its load is over, and it waits to be let go.
        heard: ``monotonic`` when it was last heard of.
    """

    cluster: Cluster
    address: str
    name: str
    inbox: "queue.Queue[tuple[Wire, Heard]]"
    greeting: posts.Greeting
    offset: Offset = field(default_factory=Offset)
    alive: bool = True
    ended: bool = False
    done: Done | None = None
    heard: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self._post = f"{self.name}-{token_hex(8)}"
        self._answers: queue.Queue[bytes] = queue.Queue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.greeting.host}, process {self.greeting.pid})"

    def begin(self, job: Job, log: Path | None) -> None:
        """Start its timed process, and listen to it.

        Raises:
            Exception: It cannot be reached.
        """
        self.cluster.ask(self.address, posts.begin, self._post, job, str(log or ""))
        self._thread = threading.Thread(target=self._listen, name=self.name, daemon=True)
        self._thread.start()

    def answer(self, answer: Reply | Order | None) -> None:
        """Answer what it told last: events with a reply, and *done* with the next order."""
        self._answers.put(written(answer))

    def set_clock(self, limit_s: float) -> None:
        """Find out how far its clock is off ours.

        Args:
            limit_s: How long that may take, seconds.

        Raises:
            ConnectionError: It cannot be reached.
            TimeoutError: It does not answer.
        """
        trips: list[Trip] = []
        failed: list[Exception] = []

        def ask() -> None:
            try:
                for _ in range(TRIPS):
                    asked = perf_counter_ns()
                    theirs = self.cluster.ask(self.address, posts.clock_ns)
                    trips.append(Trip(asked, theirs, perf_counter_ns()))
            except Exception as error:  # noqa: BLE001  # whatever it was, the worker is gone
                failed.append(error)

        # A remote call has no time limit of its own.
        asking = threading.Thread(target=ask, name=f"{self.name}-clock", daemon=True)
        asking.start()
        asking.join(limit_s)
        if failed:
            raise ConnectionError(GONE) from failed[0]
        if not trips:
            raise TimeoutError(f"its clock could not be read within {limit_s:g} s")
        self.offset = offset(list(trips))

    def close(self) -> None:
        """End its timed process; :meth:`closed` waits for it."""
        self._closing.set()
        self.answer(Reply.GO)

    def closed(self, limit_s: float) -> None:
        """Wait until it has been told to end."""
        if self._thread is not None:
            self._thread.join(limit_s)

    # -- in a thread of its own ----------------------------------------------------------

    def _listen(self) -> None:
        try:
            self._exchange()
        except Exception as error:  # noqa: BLE001  # whatever it was, the worker is gone
            said = " ".join(str(error).split())
            # Dask's own words name addresses and streams; only ours are sentences.
            known = said if isinstance(error, LookupError) else GONE
            self.inbox.put((self, Lost(known)))
        else:
            try:
                self.cluster.ask(self.address, posts.end, self._post)
            except Exception:  # noqa: BLE001  # it is gone, and that is what was wanted
                return

    def _exchange(self) -> None:
        owed = False
        while not self._closing.is_set():
            answer = None
            if owed:
                try:
                    answer = self._answers.get(timeout=WAIT_S)
                except queue.Empty:
                    pass
                else:
                    owed = False
            message = self.cluster.ask(
                self.address, posts.exchange, self._post, answer, 0.0 if owed else WAIT_S
            )
            self.heard = monotonic()
            if message is not None:
                told = read(message)
                owed = True
                self.inbox.put((self, told))
                if told is None:
                    return
