"""parrot-bench: what does each way of calling a LangChain chat model cost?

The public names are loaded on first use (PEP 562), so that reading a saved record
never imports LangChain.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parrot_bench.errors import ParrotBenchError
    from parrot_bench.execution import ExecutionMode
    from parrot_bench.parrot import AsyncChatParrotLink, ChatParrotLink
    from parrot_bench.record import RunRecord
    from parrot_bench.replay import ReplayChatModel
    from parrot_bench.scripting import Run, compare, modes, run

_HOME = {
    "AsyncChatParrotLink": "parrot_bench.parrot",
    "ChatParrotLink": "parrot_bench.parrot",
    "ExecutionMode": "parrot_bench.execution",
    "ParrotBenchError": "parrot_bench.errors",
    "ReplayChatModel": "parrot_bench.replay",
    "Run": "parrot_bench.scripting",
    "RunRecord": "parrot_bench.record",
    "compare": "parrot_bench.scripting",
    "modes": "parrot_bench.scripting",
    "run": "parrot_bench.scripting",
}

__all__ = [
    "AsyncChatParrotLink",
    "ChatParrotLink",
    "ExecutionMode",
    "ParrotBenchError",
    "ReplayChatModel",
    "Run",
    "RunRecord",
    "compare",
    "modes",
    "run",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__]
