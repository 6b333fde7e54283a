"""What the samples of the streaming study mean. Pure functions of what was told."""

from collections import defaultdict

from parrot_bench.events import Call
from parrot_bench.record import Arrivals, ChunkCost, Latency, StreamingResult
from parrot_bench.samples import Samples
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.streaming.arrivals import mode_arrivals
from parrot_bench.studies.streaming.costs import chunk_costs
from parrot_bench.studies.streaming.findings import findings
from parrot_bench.studies.streaming.following import Shape
from parrot_bench.studies.streaming.plan import Lengths

Observes = Shape | Lengths | Latency
"""What the study tells beside its samples."""


def conclude(gathered: Gathered) -> StreamingResult | None:
    """Estimate from the rounds so far; None before the first."""
    plan, samples = gathered.plan, gathered.samples
    if plan is None or not samples:
        return None
    lengths = next((each for each in gathered.observed if isinstance(each, Lengths)), Lengths(""))
    latencies = [each for each in gathered.observed if isinstance(each, Latency)]
    found = (
        _arrivals(gathered, None, waits=plan.waits),
        *(_arrivals(gathered, latency, waits=True) for latency in latencies),
    )
    costs = chunk_costs(samples, gathered.described.modes)
    return StreamingResult(
        arrivals=found,
        costs=costs,
        costs_reason=lengths.reason,
        costs_left_out=dict(lengths.left_out),
        cost_rounds=samples.rounds,
        findings=findings(found[0], gathered.described.modes),
        stopped_by=gathered.stopped_by,
        duration_s=gathered.elapsed_s,
        calls=sum(mode.calls for each in found for mode in each.modes) + _calls(samples, costs),
    )


def _arrivals(gathered: Gathered, latency: Latency | None, *, waits: bool) -> Arrivals:
    """When chunks came in every mode that was followed."""
    case = latency.case if latency else ""
    shapes = {s.mode: s for s in gathered.observed if isinstance(s, Shape) and s.case == case}
    calls: dict[str, list[tuple[int, Call]]] = defaultdict(list)
    for number, call in gathered.samples.followed:
        if call.case == case:
            calls[call.mode].append((number, call))
    return Arrivals(
        latency=latency,
        waits=waits,
        modes=tuple(
            mode_arrivals(
                mode.name,
                calls.get(mode.name, []),
                shapes.get(mode.name),
                calls.get(mode.floor, []),
                seed=gathered.request.seed or 0,
            )
            for mode in gathered.described.modes
            if calls[mode.name]
        ),
        rounds=len({number for each in calls.values() for number, _ in each}),
    )


def _calls(samples: Samples, costs: tuple[ChunkCost, ...]) -> int:
    return sum(
        sum(samples.of(cost.mode, case=str(each.length)).calls)
        for cost in costs
        for each in cost.lengths
    )
