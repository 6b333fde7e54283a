"""What a program or its environment adds to every call of LangChain's: kept out of the run."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

from langchain_core import globals as settings

from parrot_callbacks.errors import TracingError

_TRACING: Final = re.compile(r"LANGSMITH_|LANGCHAIN_TRACING")
_OTEL_OFF: Final = "OTEL_SDK_DISABLED"


@contextmanager
def undisturbed() -> Iterator[None]:
    """Switch LangSmith's tracing, a global cache and debug printing off for some time.

    LangSmith would send the suite's calls to its server, and a cache would answer them.

    Raises:
        TracingError: OpenTelemetry itself is switched off.
    """
    if os.environ.get(_OTEL_OFF, "").strip().lower() == "true":
        raise TracingError(f"{_OTEL_OFF} is set, so that no handler can make a span; unset it")
    others = {name: value for name, value in os.environ.items() if not _TRACING.match(name)}
    cache, debug = settings.get_llm_cache(), settings.get_debug()
    verbose = settings.get_verbose()
    with patch.dict(os.environ, others, clear=True):
        _forget_langsmith_settings()
        settings.set_llm_cache(None)
        settings.set_debug(False)
        settings.set_verbose(False)
        try:
            yield
        finally:
            settings.set_llm_cache(cache)
            settings.set_debug(debug)
            settings.set_verbose(verbose)
    _forget_langsmith_settings()


def _forget_langsmith_settings() -> None:
    # It remembers the environment that it first saw.
    utils = sys.modules.get("langsmith.utils")
    forget = getattr(getattr(utils, "get_env_var", None), "cache_clear", None)
    if forget is not None:
        forget()
