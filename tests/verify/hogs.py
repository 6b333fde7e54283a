"""A machine made busy on purpose: a process on every core that does nothing but work."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

HOG = """
import os, sys
parent, core = int(sys.argv[1]), int(sys.argv[2])
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {core})
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


def cores() -> list[int]:
    """Return the numbers of the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@contextmanager
def hogs() -> Iterator[None]:
    """Keep every core busy; a hog also ends by itself when this process is gone."""
    started = [
        subprocess.Popen([sys.executable, "-c", HOG, str(os.getpid()), str(core)])
        for core in cores()
    ]
    try:
        yield
    finally:
        for hog in started:
            hog.kill()
        for hog in started:
            hog.wait()
