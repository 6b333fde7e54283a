"""A run of the suite: its results as they come, and its record."""

import platform
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, Final, get_args

from opentelemetry.sdk.trace.export import SpanExporter

from parrot_callbacks.conformance.cells import Cell, Group
from parrot_callbacks.conformance.expectations import CHECKS, Kind
from parrot_callbacks.conformance.stage import CellResult, open_stage
from parrot_callbacks.conformance.suite import cells_named
from parrot_callbacks.conformance.target import NOT_MADE, Described, Factory

SCHEMA_VERSION: Final = 1
"""Of the JSON record."""
_VERSIONS_OF: Final = ("langchain-core", "langgraph", "opentelemetry-api", "opentelemetry-sdk")


class Results:
    """The results of one run; iterating over them makes the run, and keeps what came.

    Args:
        factories: Make what is judged.
        cells: What is performed.
        exporter: Is given every span of the run.
        strict: Count as failures what only our instrumentor can do, too.

    Attributes:
        cells: What is performed, in this order.
        done: The results so far.
        handler: What is judged; nothing is known of it before the run.
    """

    def __init__(
        self,
        factories: Sequence[Factory],
        cells: Sequence[Cell],
        *,
        exporter: SpanExporter | None = None,
        strict: bool = False,
    ) -> None:
        self.cells = tuple(cells)
        self.done: list[CellResult] = []
        self.handler: Described = NOT_MADE
        self._factories = tuple(factories)
        self._exporter = exporter
        self._strict = strict
        self._began = ""

    def __iter__(self) -> Iterator[CellResult]:
        """Yield what came, and perform the rest.

        Raises:
            HandlerError: A factory makes nothing that can be judged.
            TracingError: OpenTelemetry itself is switched off.
        """
        yield from tuple(self.done)
        if len(self.done) == len(self.cells):
            return
        with open_stage(self._factories, self._exporter, strict=self._strict) as stage:
            self.handler = stage.target.describe()
            self._began = self._began or datetime.now(UTC).isoformat(timespec="seconds")
            for cell in self.cells[len(self.done) :]:
                result = stage.perform(cell)
                self.done.append(result)
                yield result

    def finish(self) -> "Results":
        """Perform what has not been performed yet."""
        for _ in self:
            pass
        return self

    @property
    def passed(self) -> bool:
        """Whether every cell was performed, where it can be, and none failed."""
        return len(self.done) == len(self.cells) and not any(one.failures for one in self.done)

    def count(self, kind: Kind, group: Group | None = None) -> tuple[int, int]:
        """Count the cells that fail by a kind of check.

        Args:
            kind: About where spans stand, or about what they say.
            group: Of one table only; of both by default.

        Returns:
            How many fail, and how many were performed.
        """
        performed = [
            result
            for result in self.done
            if not result.unavailable and group in {None, result.cell.group}
        ]
        failed = [
            result
            for result in performed
            if any(CHECKS[verdict.check].kind == kind for verdict in result.failures)
        ]
        return len(failed), len(performed)

    def record(self) -> dict[str, Any]:
        """Return all that came out, to be written as JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "date": self._began,
            "handler": {
                "factory": self.handler.name,
                "classes": list(self.handler.classes),
                "distributions": self.handler.distributions,
            },
            "versions": {"python": platform.python_version(), **_versions()},
            "complete": len(self.done) == len(self.cells),
            "summary": {
                "not_available": sum(bool(result.unavailable) for result in self.done),
                **self._counts(),
                **{group: self._counts(group) for group in get_args(Group)},
            },
            "checks": {
                check.name: {"kind": check.kind, "question": check.question}
                for check in CHECKS.values()
            },
            "cells": [_as_json(result) for result in self.done],
        }

    def _counts(self, group: Group | None = None) -> dict[str, int]:
        counted = {kind: self.count(kind, group) for kind in get_args(Kind)}
        return {
            "performed": counted["structure"][1],
            **{f"failed_by_{kind}": failed for kind, (failed, _) in counted.items()},
        }


def run(
    *factories: Factory,
    only: Sequence[str] = (),
    exporter: SpanExporter | None = None,
    strict: bool = False,
) -> Results:
    """Judge a LangChain handler by the suite.

    ::

        for result in run(lambda provider: MyHandler(provider)):
            print(result.cell.id, *result.failures)

    Args:
        factories: Each takes a tracer provider and makes what is judged: a callback handler or
            a list of them, an object with ``uninstrument()``, or None. Several are attached
            together, and still have to give one span a call.
        only: Parts or patterns of the names of the cells to perform; all by default.
        exporter: Is given every span of the run.
        strict: Count as failures what only our instrumentor can do, too. Only our own handler
            is spared them otherwise.

    Returns:
        The results. Iterating over them makes the run.

    Raises:
        TracingError: A pattern matches no cell.
    """
    return Results(factories, cells_named(only), exporter=exporter, strict=strict)


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in _VERSIONS_OF:
        found[name] = None
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _as_json(result: CellResult) -> dict[str, Any]:
    return {
        "cell": result.cell.id,
        "group": result.cell.group,
        "row": result.cell.row,
        "column": result.cell.column,
        "not_available": result.unavailable or None,
        "checks": [
            {
                "check": verdict.check,
                "kind": CHECKS[verdict.check].kind,
                "verdict": verdict.status,
                "message": verdict.message or None,
            }
            for verdict in result.verdicts
        ],
    }
