"""One case of one mode in the tracing study: what is called, and what listens."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from langchain_core.callbacks import BaseCallbackHandler

from parrot_bench.execution import ExecutionMode
from parrot_bench.record.tracing import MODEL
from parrot_bench.studies.bench import Bench, Calls
from parrot_bench.studies.caller import Caller
from parrot_bench.studies.tracing.listeners import Listener
from parrot_bench.timing import Reading


class Seat:
    """One case of one mode: what is called, and what listens.

    Args:
        bench: What every study is given.
        mode: The mode.
        called: The mode that is called: itself, or its floor.
        listener: What listens.
    """

    def __init__(
        self, bench: Bench, mode: ExecutionMode, called: ExecutionMode, listener: Listener
    ) -> None:
        self.mode = mode
        self.case = MODEL if called is not mode else listener.case
        self.listener = listener
        self.failures = 0
        self.spans = 0
        self.calls = 0
        self._bench = bench
        self._called = called
        with listener.attach() as callbacks:
            self.caller = self._bound(callbacks)

    def _bound(self, callbacks: Sequence[BaseCallbackHandler]) -> Caller:
        bench = self._bench
        config = {"callbacks": list(callbacks)} if callbacks else None
        calls = Calls(**{**vars(bench.calls), "config": config})
        clock = bench.clocks[self._called.kind]
        return Caller(self._called, bench.model, calls, clock, bench.budget)

    def warm_up(self, units: int) -> None:
        """Make the first calls."""
        with self._attached() as caller:
            caller.observe()
            caller.warm_up(units)
            caller.shape()

    def block(self) -> Reading:
        """Time one block; what listens is put on and taken off around it."""
        with self._attached() as caller:
            reading = caller.block(stamped=False)
            self.calls += caller.calls_per_block
        return reading

    @contextmanager
    def _attached(self) -> Iterator[Caller]:
        counter = self.listener.counter
        before = counter.ended if counter is not None else 0
        with self.listener.attach() as callbacks:
            if self.listener.patches:
                # A bound method found before LangChain was changed would not be the changed one.
                fresh = self._bound(callbacks)
                fresh.units, fresh.primed = self.caller.units, self.caller.primed
                self.caller = fresh
            try:
                yield self.caller
            finally:
                self.spans += counter.ended - before if counter is not None else 0
