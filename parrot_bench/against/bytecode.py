"""Compiled code for the processes of a comparison, where Python is told to keep none.

``PYTHONDONTWRITEBYTECODE`` is usual in containers. There, each of the up to eighty processes would
compile LangChain anew, which takes as long as all the rest of its start.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress


@contextmanager
def kept_bytecode() -> Iterator[dict[str, str | None]]:
    """Yield the environment variables of processes that share what one of them has compiled.

    It is kept in a temporary folder, and none of it is left; where none can be made, or where
    Python keeps compiled code by itself, there is nothing to set.
    """
    with ExitStack() as stack:
        variables: dict[str, str | None] = {}
        if sys.dont_write_bytecode:
            with suppress(OSError):
                temporary = tempfile.TemporaryDirectory(
                    prefix="parrot-bench-", ignore_cleanup_errors=True
                )
                folder = stack.enter_context(temporary)
                variables = {"PYTHONDONTWRITEBYTECODE": None, "PYTHONPYCACHEPREFIX": folder}
        yield variables
