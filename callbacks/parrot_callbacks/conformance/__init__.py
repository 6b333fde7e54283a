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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parrot_callbacks.conformance.expectations import CHECKS, Call, Verdict
    from parrot_callbacks.conformance.needs import NEEDS_INSTRUMENTOR, need_of, needs_as_markdown
    from parrot_callbacks.conformance.results import Results, run
    from parrot_callbacks.conformance.stage import CellResult
    from parrot_callbacks.conformance.suite import all_cells, cells_named
    from parrot_callbacks.conformance.target import HandlerError, load_factory

_HOME = {
    "CHECKS": "expectations",
    "Call": "expectations",
    "CellResult": "stage",
    "HandlerError": "target",
    "NEEDS_INSTRUMENTOR": "needs",
    "Results": "results",
    "Verdict": "expectations",
    "all_cells": "suite",
    "cells_named": "suite",
    "load_factory": "target",
    "need_of": "needs",
    "needs_as_markdown": "needs",
    "run": "results",
}

__all__ = [
    "CHECKS",
    "NEEDS_INSTRUMENTOR",
    "Call",
    "CellResult",
    "HandlerError",
    "Results",
    "Verdict",
    "all_cells",
    "cells_named",
    "load_factory",
    "need_of",
    "needs_as_markdown",
    "run",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__]
