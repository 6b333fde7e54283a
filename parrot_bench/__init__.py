"""parrot-bench: what does each way of calling a LangChain chat model cost?

The public names are loaded on first use (PEP 562), so that reading a saved record
never imports LangChain.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "AsyncChatParrotLink": "parrot_bench.parrot",
    "ChatParrotLink": "parrot_bench.parrot",
    "ExecutionMode": "parrot_bench.execution",
    "ParrotBenchError": "parrot_bench.errors",
    "RunRecord": "parrot_bench.record",
    "run": "parrot_bench.running",
}

__all__ = sorted(_HOME)  # noqa: PLE0605  # a sorted view of the table above, not a second list


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__]
