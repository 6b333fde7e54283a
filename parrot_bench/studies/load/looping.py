"""An event loop in a thread of its own, one for a whole study.

Clients keep connections open that belong to the loop in which they were made, so that warm-up and
every level have to share one.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from importlib import import_module
from typing import Any, Self

STOP_S = 2.0
"""How long a loop may take to stop."""


class LoopThread:
    """An event loop in a thread; use it as a context.

    Args:
        package: What makes the loop, such as ``asyncio``.
    """

    def __init__(self, package: str) -> None:
        self._loop: asyncio.AbstractEventLoop = import_module(package).new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="parrot-load-loop", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> "Future[Any]":
        """Run a coroutine there."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_S)
        if not self._thread.is_alive():  # else it is blocked, and the process ends without it
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
