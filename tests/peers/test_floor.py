"""The floor has to do what ours does, or dividing by it says nothing."""

from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from parrot_bench.errors import MeasurementError
from tests.peers.contenders import (
    LESSER_FLOORS,
    MINIMAL_CALLS,
    MINIMAL_SPANS,
    OURS,
    our_handler,
    ours,
)
from tests.peers.floor import minimal_handler
from tests.peers.footprint import Footprint, footprint
from tests.peers.paths import PATHS, Path
from tests.peers.rounds import timers


def left_behind(factory: Any, path: Path) -> Footprint:
    with timers() as clocks:
        return footprint("a handler", factory, path, clocks)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
@pytest.mark.parametrize("level", ours())
def test_the_floor_makes_the_histogram_records_that_ours_makes(level: str, path: Path) -> None:
    found, wanted = left_behind(minimal_handler, path), left_behind(ours()[level], path)
    assert found.records == wanted.records
    # A record of which a sample is kept costs a fifth more.
    assert found.exemplars == wanted.exemplars
    assert found.record_count == 3 + path.chunks


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_the_floor_makes_one_span_of_eight_attributes(path: Path) -> None:
    found = left_behind(minimal_handler, path)
    assert (found.spans, len(found.attributes)) == (1, 8)
    # Ours makes the same, and then some.
    assert set(found.attributes) < set(left_behind(our_handler, path).attributes)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_lesser_floors_make_the_same_span_and_fewer_records(path: Path) -> None:
    whole = left_behind(minimal_handler, path)
    records = {}
    for name, factory in LESSER_FLOORS.items():
        found = left_behind(factory, path)
        assert (found.spans, found.attributes) == (1, whole.attributes)
        assert found.records.items() <= whole.records.items()
        records[name] = found.record_count
    assert records == {MINIMAL_CALLS: 3, MINIMAL_SPANS: 0}


def test_a_handler_that_records_content_is_not_measured() -> None:
    class Nosy(BaseCallbackHandler):
        def __init__(self, tracer_provider: Any) -> None:
            self._tracer = tracer_provider.get_tracer("nosy")

        def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
            self._tracer.start_span("chat", attributes={"said": str(messages)}).end()

    with pytest.raises(MeasurementError, match="a handler recorded the prompt"):
        left_behind(lambda tracer_provider, meter_provider=None: Nosy(tracer_provider), PATHS[0])


def test_ours_is_measured() -> None:
    assert OURS in ours()
