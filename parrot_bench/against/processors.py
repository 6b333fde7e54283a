"""Which processor a timed process runs on.

Two processes of one comparison that run on different processors measure the processors: where
something else kept one of two busy, whole pairs of identical code were 6 to 20 % apart in CPU
time. See ``docs/decisions/comparing-pairs.md``.
"""

import os
from contextlib import suppress
from pathlib import Path


def usable_processors() -> list[int]:
    """The processors that this process may use; none where that cannot be chosen."""
    if not hasattr(os, "sched_setaffinity"):
        return []
    return sorted(os.sched_getaffinity(0))


def move(pid: int, processor: int) -> None:
    """Let all threads of a process run on one processor. A process that has ended stays so."""
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {processor})
