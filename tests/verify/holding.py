"""A model that holds its event loop: one process is the limit, and needs no processor for it."""

import time
from typing import Any

from langchain_core.outputs import ChatResult

from parrot_bench import AsyncChatParrotLink

HELD_S = 0.005
"""For which every call holds the loop."""


class Holding(AsyncChatParrotLink):
    """Answers like the parrot, after it has blocked everybody else."""

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        time.sleep(HELD_S)  # noqa: ASYNC251  # that is the point
        return await super()._agenerate(*args, **kwargs)


def make() -> Holding:
    """Make one."""
    return Holding(parrot_buffer_length=20)
