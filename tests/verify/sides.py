"""The two sides of a trial: models whose work is known, as ``run --against`` loads them."""

from typing import Any

from parrot_bench import ChatParrotLink
from parrot_bench.request import DEFAULT_REPLY
from tests.verify.functions import work
from tests.verify.planted import planted_here

SLOWER = "plus_3"
"""What is planted in the slower side: 3 % of a 300 µs call."""


class Working(ChatParrotLink):
    """The parrot after some work."""

    turns: int = 0

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        work(self.turns)
        return super()._generate(*args, **kwargs)


def plain() -> Working:
    """Return the baseline."""
    return Working(parrot_buffer_length=DEFAULT_REPLY, turns=planted_here().base)


def equal() -> Working:
    """Return the same again."""
    return plain()


def slower() -> Working:
    """Return the model that is 3 % slower."""
    planted = planted_here()
    extra = planted.extra.get(SLOWER, 0)
    return Working(parrot_buffer_length=DEFAULT_REPLY, turns=planted.base + extra)
