"""Performing cells, one at a time, and judging them."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context, ContextVar
from dataclasses import dataclass, field, replace
from typing import Final

from opentelemetry.context import Context as OtelContext
from opentelemetry.context import get_current
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

from parrot_callbacks.conformance.cells import Cell
from parrot_callbacks.conformance.expectations import Verdict
from parrot_callbacks.conformance.judging import judge
from parrot_callbacks.conformance.logs import ExceptionLogs
from parrot_callbacks.conformance.needs import need_of
from parrot_callbacks.conformance.noise import heard
from parrot_callbacks.conformance.scene import NotAvailableError, Scene
from parrot_callbacks.conformance.target import Factory, Target, attached

_SCENE: Final[ContextVar[Scene | None]] = ContextVar("conformance-scene", default=None)


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """What came out of a cell.

    Attributes:
        cell: The cell.
        verdicts: One a check that applies.
        unavailable: Why it wasn't performed; empty if it was.
    """

    cell: Cell
    verdicts: tuple[Verdict, ...] = ()
    unavailable: str = ""

    @property
    def failures(self) -> tuple[Verdict, ...]:
        """The checks that failed."""
        return tuple(verdict for verdict in self.verdicts if verdict.status == "fail")

    @property
    def needs(self) -> tuple[Verdict, ...]:
        """The checks that failed as they may without the instrumentor."""
        return tuple(one for one in self.verdicts if one.status == "needs the instrumentor")


class _Registrar(SpanProcessor):
    """Tells every span to the scene that it was started in.

    A span that is started late, by what a former cell has left behind, is none of the cell
    that is performed now.
    """

    def __init__(self) -> None:
        self.scene: Scene | None = None

    def on_start(self, span: Span, parent_context: OtelContext | None = None) -> None:
        scene = self._here()
        if scene is not None:
            # No context means the current one.
            scene.started(span, get_current() if parent_context is None else parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        scene = self._here()
        if scene is not None:
            scene.ended(span)

    def on_exception(self, span_id: int) -> None:
        """Take note of an exception that was recorded as a log event."""
        scene = self._here()
        if scene is not None:
            scene.exceptions.append(span_id)

    def _here(self) -> Scene | None:
        # Threads of the user's own don't inherit the context.
        return _SCENE.get() or self.scene


@dataclass
class Stage:
    """Where cells are performed: a tracer provider with the handler that is judged.

    Attributes:
        provider: Makes all spans.
        target: What is judged.
        strict: Excuse nothing.
    """

    provider: TracerProvider
    target: Target
    strict: bool = False
    _registrar: _Registrar = field(default_factory=_Registrar)

    def perform(self, cell: Cell) -> CellResult:
        """Perform a cell and judge it.

        Whatever the handler does, this returns: a cell that raises or hangs has failed.
        """
        if cell.unavailable:
            return CellResult(cell=cell, unavailable=cell.unavailable)
        scene = Scene(
            provider=self.provider,
            callbacks=self.target.callbacks,
            make_callbacks=self.target.again if self.target.can_be_repeated else None,
        )
        self._registrar.scene = scene
        crash: list[str] = []

        def body() -> None:
            _SCENE.set(scene)
            try:
                cell.body(scene)
            except NotAvailableError as reason:
                scene.unavailable = str(reason)
            except BaseException as error:  # noqa: BLE001 - the run goes on, whatever it is
                crash.append(_on_one_line(error))

        # A thread of its own has a context of its own, and can be left behind when it hangs.
        thread = threading.Thread(target=Context().run, args=(body,), daemon=True)
        with heard(*self.target.loggers()) as noise:
            thread.start()
            thread.join(cell.limit_s)
            if thread.is_alive():
                crash.append(f"no end within {cell.limit_s:g} s")
        self._registrar.scene = None
        if scene.unavailable:
            return CellResult(cell=cell, unavailable=scene.unavailable)
        unexpected = [line for line in noise if not any(map(line.__contains__, scene.tolerated))]
        verdicts = judge(scene, crash="".join(crash[:1]), noise=unexpected)
        if self.strict or not self.target.is_our_handler_alone:
            return CellResult(cell=cell, verdicts=verdicts)
        return CellResult(cell=cell, verdicts=tuple(_excused(cell, one) for one in verdicts))


@contextmanager
def open_stage(
    factories: Sequence[Factory], exporter: SpanExporter | None = None, *, strict: bool = False
) -> Iterator[Stage]:
    """Make a tracer provider and the handler that is judged; take it off again afterwards.

    Args:
        factories: Make what is judged.
        exporter: Is given every span of the run.
        strict: Excuse nothing.

    Raises:
        HandlerError: A factory makes nothing that can be judged.
    """
    resource = Resource.create({"service.name": "parrot-bench-conformance"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    registrar = _Registrar()
    provider.add_span_processor(registrar)
    if exporter is not None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    with attached(factories, provider, ExceptionLogs(registrar.on_exception)) as target:
        yield Stage(provider, target, strict, registrar)
    provider.shutdown()


def _excused(cell: Cell, verdict: Verdict) -> Verdict:
    if verdict.status != "fail" or need_of(cell, verdict.check) is None:
        return verdict
    return replace(verdict, status="needs the instrumentor")


def _on_one_line(error: BaseException) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
