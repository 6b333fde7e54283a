"""Replies of timed calls, kept until the clock has stopped: their tokens are counted then.

A timed block throws its replies away, at the least cost. Where tokens have a bound, each has to be
looked at; it is so between two blocks, and inside of one there is one more function around a call
(44 ns, 166 ns of an async mode), and a stream's chunks are put into a list.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from parrot_bench.studies.bench import Budget

NO_TOKENS = "its replies tell no tokens, so that --max-tokens cannot be kept"


class KeptReplies:
    """Keeps what calls return, and pays for it.

    Args:
        budget: What is paid from.
        messages: Reads the replies in what one of them returned.
    """

    def __init__(self, budget: Budget, messages: Callable[[Any], Sequence[Any]]) -> None:
        self._budget = budget
        self._messages = messages
        self._raws: list[Any] = []

    def around(self, call: Callable[[Any], Any], kind: Literal["sync", "async"]) -> Any:
        """A callable with what is to be kept of it; bound with :data:`~.execution.collect`."""
        keep = self._raws.append

        def called(item: Any) -> None:
            keep(call(item))

        async def awaited(item: Any) -> None:
            keep(await call(item))

        return called if kind == "sync" else awaited

    def __len__(self) -> int:
        return len(self._raws)

    def pay(self, calls: int) -> bool:
        """Pay for so many calls; those that kept nothing count as the largest so far.

        Returns:
            Whether every reply told its tokens.
        """
        replies = [reply for raw in self._raws for reply in self._messages(raw)]
        self._raws.clear()
        self._budget.pay_for(calls, replies)
        return all(getattr(reply, "usage_metadata", None) for reply in replies)
