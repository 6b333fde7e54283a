"""A conformance suite for LangChain's OpenTelemetry handlers: any handler, one table.

    from parrot_callbacks.conformance import run

    results = run(my_factory).finish()
    print(results.count("structure"), results.count("attributes"))

The same on the command line, and inside pytest:

    parrot-bench conformance my_package:my_factory
    pytest --pyargs parrot_callbacks.conformance --handler my_package:my_factory

The public names are loaded at their first use (PEP 562): pytest imports this package at its
start to see whether it is meant, and that must not load LangChain.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "CHECKS": "expectations",
    "Call": "expectations",
    "CellResult": "stage",
    "HandlerError": "target",
    "NEEDS_INSTRUMENTOR": "needs",
    "Results": "results",
    "all_cells": "suite",
    "load_factory": "target",
    "run": "results",
}

__all__ = sorted(_HOME)  # noqa: PLE0605  # a sorted view of the table above, not a second list


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__]
