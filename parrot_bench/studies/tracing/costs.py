"""What the samples of the tracing study mean: ratios and differences to "nothing listens".

Pure functions of the samples. They are taken in :mod:`parrot_bench.studies.tracing.rounds`.
"""

from collections.abc import Sequence

import numpy as np

from parrot_bench.estimates import median_estimate, paired_ratio, relative_half_width
from parrot_bench.record import Estimate
from parrot_bench.record.tracing import (
    CALLBACKS,
    COLLECTOR,
    FILE,
    MODEL,
    NO_OP,
    NONE,
    OTLP,
    Layer,
    ModeTracing,
    SpanExport,
    TracingCase,
    TracingLayer,
    TracingResult,
)
from parrot_bench.samples import Clock, Samples
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.tracing.listeners import Flushed
from parrot_bench.studies.tracing.told import Arrived, Conditions, LeftOut, SpansMade

OURS = (MODEL, NONE, CALLBACKS, NO_OP, FILE, OTLP, COLLECTOR)
"""The cases that every run has, in the order of the result; the last only if it is asked for."""

LAYERS: tuple[tuple[Layer, str, str], ...] = (
    ("langchain", NONE, MODEL),
    ("callbacks", CALLBACKS, NONE),
    ("tracing", NO_OP, CALLBACKS),
)
"""Each layer, the case that has it and the case that has not."""


def added(samples: Samples, mode: str, case: str, below: str, clock: Clock) -> Estimate | None:
    """What a case adds to another one of the same rounds, nanoseconds per call.

    Returns:
        Median of the per-round differences, with the wider of the sign-test interval and that
        over super-blocks; None before their first common round.
    """
    one, other = samples.of(mode, case=case), samples.of(mode, case=below)
    first, second = samples.paired(one, other, clock)
    return median_estimate(first - second) if first.size else None


def ratio(samples: Samples, mode: str, case: str, clock: Clock) -> Estimate | None:
    """The paired ratio of a case to "nothing listens"; None before their first common round."""
    first, second = samples.paired(samples.of(mode, case=case), samples.of(mode, case=NONE), clock)
    return paired_ratio(first, second) if first.size else None


def enough(gathered: Gathered) -> bool:
    """Whether every mode's ratio of traced to untraced is as narrow as asked; widths only."""
    if gathered.plan is None:
        return False
    for planned in gathered.plan.modes:
        found = ratio(gathered.samples, planned.mode, NO_OP, "cpu")
        if found is None or relative_half_width(found) > np.log1p(gathered.request.target):
            return False
    return True


def conclude(gathered: Gathered) -> TracingResult | None:
    """Estimate from the rounds so far; None before the first."""
    if gathered.plan is None or not gathered.samples.rounds:
        return None
    told = gathered.observed
    conditions = next((one for one in told if isinstance(one, Conditions)), None)
    handlers = conditions.handlers if conditions else ()
    made = {(one.mode, one.case): one for one in told if isinstance(one, SpansMade)}
    cases = (*OURS, *(handler.name for handler in handlers))
    modes = [
        _mode(gathered.samples, planned.mode, cases, made)
        for planned in gathered.plan.modes
        if planned.mode not in gathered.dropped
    ]
    left_out = {one.what: one.reason for one in told if isinstance(one, LeftOut)}
    return TracingResult(
        modes=tuple(mode for mode in modes if mode.cases),
        exports=_exports(told),
        handlers=handlers,
        left_out=left_out | gathered.dropped,
        left_out_by=conditions.left_out_by if conditions else "",
        rounds=gathered.samples.rounds,
        stopped_by=gathered.stopped_by,
        duration_s=gathered.elapsed_s,
    )


def _mode(
    samples: Samples,
    mode: str,
    cases: Sequence[str],
    made: dict[tuple[str, str], SpansMade],
) -> ModeTracing:
    found = [
        _case(samples, mode, case, made.get((mode, case)))
        for case in cases
        if samples.of(mode, case=case).rounds
    ]
    return ModeTracing(
        mode=mode, cases=tuple(found), layers=_layers(samples, mode), errors=samples.errors(mode)
    )


def _case(samples: Samples, mode: str, case: str, made: SpansMade | None) -> TracingCase:
    own = samples.of(mode, case=case)
    compared = case != NONE
    return TracingCase(
        case=case,
        cpu=median_estimate(own.per_call("cpu")),
        wall=median_estimate(own.per_call("wall")),
        cpu_ratio=ratio(samples, mode, case, "cpu") if compared else None,
        wall_ratio=ratio(samples, mode, case, "wall") if compared else None,
        cpu_added=added(samples, mode, case, NONE, "cpu") if compared else None,
        wall_added=added(samples, mode, case, NONE, "wall") if compared else None,
        spans_per_call=made.spans / made.calls if made else None,
        calls=sum(own.calls),
        blocks=len(own.rounds),
    )


def _layers(samples: Samples, mode: str) -> tuple[TracingLayer, ...]:
    layers = []
    model = samples.of(mode, case=MODEL)
    if model.rounds:
        layers.append(
            TracingLayer(
                layer="model",
                cpu=median_estimate(model.per_call("cpu")),
                wall=median_estimate(model.per_call("wall")),
            )
        )
    for layer, case, below in LAYERS:
        cpu = added(samples, mode, case, below, "cpu")
        wall = added(samples, mode, case, below, "wall")
        if cpu is not None and wall is not None:
            layers.append(TracingLayer(layer=layer, cpu=cpu, wall=wall))
    return tuple(layers)


def _exports(told: Sequence[object]) -> tuple[SpanExport, ...]:
    exports = []
    for arrived in (one for one in told if isinstance(one, Arrived)):
        flushes = [one for one in told if isinstance(one, Flushed) and one.case == arrived.case]
        # The last flush takes what is left: a request half empty costs more for each span.
        full = [one for one in flushes if one.spans >= arrived.batch] or flushes
        exports.append(
            SpanExport(
                case=arrived.case,
                cpu=_per_span([one.cpu_ns / one.spans for one in full]),
                wall=_per_span([one.wall_ns / one.spans for one in full]),
                spans_per_request=min(arrived.batch, max((f.spans for f in full), default=0)),
                sent=arrived.sent,
                acknowledged=arrived.acknowledged,
                received=arrived.received,
                error=arrived.error,
            )
        )
    return tuple(exports)


def _per_span(values: list[float]) -> Estimate | None:
    return median_estimate(values) if values else None
