"""Contenders are timed one at a time, and each block by the spans of its own contender."""

from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackManager
from langchain_core.tracers import context

from parrot_bench.errors import MeasurementError
from tests.peers.contenders import BARE, MINIMAL, NOBODY, OURS, Tracing, contenders, our_handler
from tests.peers.paths import PATHS, Path
from tests.peers.rounds import take_rounds
from tests.peers.telemetry import SETTINGS, Setting, Telemetry

SETTING = Setting(batch=False, metrics=False)
SHORT = [replace(path, units=1, prompts=min(path.prompts, 2)) for path in PATHS]


class Everywhere:
    """An instrumentor of the usual kind; its ``uninstrument()`` leaves everything as it is."""

    def __init__(self, tracer_provider: Any, meter_provider: Any = None) -> None:
        before, handler = BaseCallbackManager.__init__, our_handler(tracer_provider)

        def wrapped(manager: Any, *args: Any, **kwargs: Any) -> None:
            before(manager, *args, **kwargs)
            manager.add_handler(handler, inherit=True)

        BaseCallbackManager.__init__ = wrapped  # type: ignore[method-assign, assignment]

    def uninstrument(self) -> None:
        pass


class Idle:
    """It traces nothing."""

    def __init__(self, tracer_provider: Any, meter_provider: Any = None) -> None:
        pass

    def uninstrument(self) -> None:
        pass


@pytest.fixture
def sticking(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An instrumentor that nothing takes away again."""
    monkeypatch.setattr(context, "_configure_hooks", [*context._configure_hooks])

    def factory(tracer_provider: Any, meter_provider: Any = None) -> Idle:
        hook: ContextVar[Any] = ContextVar("hook", default=None)
        hook.set(our_handler(tracer_provider))
        context.register_configure_hook(hook, inheritable=True)
        return Idle(tracer_provider)

    return factory


@pytest.mark.parametrize("path", SHORT, ids=lambda path: path.name)
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_contender_has_a_block_in_every_round(path: Path, setting: Setting) -> None:
    everybody = contenders(setting, {"somebody else": Everywhere})
    rounds = take_rounds(path, everybody, 3, seed=0)
    names = {NOBODY, BARE, MINIMAL, OURS, "somebody else"}
    assert len(rounds) == 3
    assert all(names <= found.keys() for found in rounds)
    assert all(cost.cpu_ns > 0 < cost.wall_ns for found in rounds for cost in found.values())
    for contender in everybody:
        contender.telemetry.close()


def test_spans_that_the_batch_processor_lost_are_found_out() -> None:
    telemetry = Telemetry(Setting(batch=True, metrics=False))
    tracer = telemetry.tracer_provider.get_tracer("test")
    for _ in range(10):
        tracer.start_span("kept").end()
    telemetry.flush()
    telemetry.tracer_provider.shutdown()
    tracer.start_span("too late").end()
    with pytest.raises(MeasurementError, match="10 of 11 spans were exported"):
        telemetry.close()


def test_the_order_changes_from_round_to_round() -> None:
    orders = {tuple(found) for found in take_rounds(SHORT[0], contenders(SETTING, {}), 10, seed=0)}
    assert len(orders) > 3


def test_an_instrumentor_that_stays_is_found_out(sticking: Any) -> None:
    everybody = contenders(SETTING, {"somebody else": sticking})
    with pytest.raises(MeasurementError, match=r"invoke: somebody else made \d+ spans in a block"):
        take_rounds(SHORT[0], everybody, 20, seed=0)


def test_a_handler_that_does_nothing_is_found_out() -> None:
    idle = Tracing("idle", Idle, SETTING)
    with pytest.raises(MeasurementError, match=r"idle made 0 spans in a block of idle; 3 were"):
        take_rounds(SHORT[0], [idle], 1, seed=0)
