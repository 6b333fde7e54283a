"""What the streaming study says: sentences, and the rows of its tables. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from parrot_bench.record import (
    Arrivals,
    ChunkCost,
    Estimate,
    ModeArrivals,
    Percentile,
    RunRecord,
    SegmentCost,
)
from parrot_reports import colours, units
from parrot_reports.parts import Key, Name, Sentence
from parrot_reports.sentences import floors
from parrot_reports.text import visible

Cell = tuple[str, str]
"""A number, and its interval or nothing."""

_EMPTY: Cell = (units.NONE, "")

_CONFIDENCE = 0.95


# -- sentences ------------------------------------------------------------------------------


def conclusions(record: RunRecord) -> tuple[tuple[str, Sentence], ...]:
    """One sentence a mode: when its first chunk comes and what each further one costs.

    Returns:
        The mode and its sentence, floors left out.
    """
    found = as_it_is(record)
    if found is None:
        return ()
    skipped = floors(record)
    return tuple(
        (mode.mode, _conclusion(mode, record)) for mode in found.modes if mode.mode not in skipped
    )


def shortest(record: RunRecord) -> Sentence:
    """The study in one sentence: the mode whose chunks cost most; nothing without one."""
    found = as_it_is(record)
    if found is None:
        return ()
    skipped = floors(record)
    modes = [mode for mode in found.modes if mode.mode not in skipped and mode.calls]
    if not modes:
        return ()
    costs = {name: cost.cpu.value for name, cost in chunk_costs(record).items()}

    def each(mode: ModeArrivals) -> float:
        own = mode.each_chunk
        return costs.get(mode.mode, own.value if own is not None and not costs else 0.0)

    return _conclusion(max(modes, key=each), record)


def _conclusion(mode: ModeArrivals, record: RunRecord) -> Sentence:
    name = Name(mode.mode)
    if mode.first_chunk is None:
        return (name, " hands over no chunk with content.")
    first = units.duration(mode.first_chunk.value, 2)
    if mode.arriving == "in one piece" and mode.tokens != 1:
        return (name, f" does not stream: the reply comes in one piece, after {first}.")
    if mode.arriving == "in one burst":
        arrives: Sentence = (name, f" delivers all chunks in one burst, after {first}")
    else:
        arrives = (name, f" delivers the first chunk after {first}")
    cost = chunk_costs(record).get(mode.mode)
    if cost is None:
        return (*arrives, *_at_own_length(mode))
    return (*arrives, ", and each further chunk costs ", *_cost(cost, record), ".")


def _cost(cost: ChunkCost, record: RunRecord) -> Sentence:
    value, unit, interval = _interval(cost.cpu)
    said: Sentence = (Key(f"{value} {unit} CPU"), f" {interval}")
    ratio, beside = cost.beside_ratio, cost.beside
    if ratio is None and cost.floor_ratio is not None:
        ratio, beside = cost.floor_ratio, _floor(cost.mode, record)
    if ratio is None:
        return said
    return (*said, f", {units.ratio(ratio)[0]}{units.TIMES} ", Name(beside))


def _at_own_length(mode: ModeArrivals) -> Sentence:
    # The chunks of a burst have been waiting: how fast they are taken says nothing of their cost.
    if mode.each_chunk is None or mode.arriving == "in one burst":
        return (".",)
    value, unit, interval = _interval(mode.each_chunk)
    return (
        ", and each further chunk takes ",
        Key(f"{value} {unit}"),
        f" {interval} in its reply of {units.count(mode.chunks)} chunks.",
    )


def findings(record: RunRecord) -> tuple[Sentence, ...]:
    """What a reader should know of the model's streams, and which modes were left out."""
    if record.streaming is None:
        return ()
    return tuple(
        (*_names(finding.modes), f": {visible(finding.sentence)}.")
        for finding in record.streaming.findings
    )


def left_out(record: RunRecord) -> tuple[tuple[str, str], ...]:
    """Modes that stream and were not measured, or not at every length, and why."""
    missing = {m.name: m.unavailable for m in record.modes if m.streams and m.unavailable}
    lengths = record.streaming.costs_left_out if record.streaming else {}
    return tuple({**lengths, **missing}.items())


def first_chunks(found: Arrivals, record: RunRecord) -> Sentence:
    """The figure of arrivals in a sentence: from which to which time, in which mode."""
    skipped = floors(record)
    timed = [
        (mode.first_chunk.value, mode)
        for mode in found.modes
        if mode.mode not in skipped and mode.first_chunk is not None
    ]
    if not timed:
        return ("No mode handed over a chunk with content.",)
    (low, first), (high, last) = (
        min(timed, key=lambda pair: pair[0]),
        max(timed, key=lambda pair: pair[0]),
    )
    when = _when(found)
    if first is last:
        return (f"{when} the first chunk comes after {units.duration(low)} in ", _name(first), ".")
    return (
        f"{when} the first chunk comes after {units.duration(low)} (",
        _name(first),
        f") to {units.duration(high)} (",
        _name(last),
        ").",
    )


def dearest_chunks(record: RunRecord) -> Sentence:
    """The figure of costs in a sentence."""
    skipped = floors(record)
    costs = [cost for name, cost in chunk_costs(record).items() if name not in skipped]
    if not costs:
        return ("Only floors were given every length.",)
    low = min(costs, key=lambda cost: cost.cpu.value)
    high = max(costs, key=lambda cost: cost.cpu.value)
    bent = [cost.mode for cost in costs if cost.linear is False]
    said: Sentence = (
        f"Each further chunk costs {units.duration(low.cpu.value)} CPU (",
        Name(low.mode),
        f") to {units.duration(high.cpu.value)} (",
        Name(high.mode),
        ")",
    )
    if low is high:
        said = (f"Each further chunk costs {units.duration(low.cpu.value)} CPU in ", Name(low.mode))
    if not bent:
        return (*said, ".")
    return (*said, "; not by a straight line in ", *_names(bent), ".")


def _when(found: Arrivals) -> str:
    if found.latency is None:
        return "With the model as it is,"
    first = units.duration(found.latency.first_chunk_s * 1e9)
    each = units.duration(found.latency.each_chunk_s * 1e9)
    return f"With {first} of simulated latency, and {each} a chunk,"


def _name(mode: ModeArrivals) -> Name:
    return Name(mode.mode)


def _names(modes: Iterable[str]) -> Sentence:
    """Names with commas between them."""
    parts = [part for mode in modes for part in (", ", Name(mode))]
    return tuple(parts[1:])


# -- what the sentences and figures are about -----------------------------------------------


def as_it_is(record: RunRecord) -> Arrivals | None:
    """When chunks came from the model as it is."""
    return record.streaming.arrivals[0] if record.streaming else None


def chunk_costs(record: RunRecord) -> dict[str, ChunkCost]:
    """What each chunk costs, by mode, in the record's order."""
    return {cost.mode: cost for cost in record.streaming.costs} if record.streaming else {}


def _floor(mode: str, record: RunRecord) -> str:
    return next((each.floor for each in record.modes if each.name == mode), "")


# -- rows of tables -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ArrivalRow:
    """One mode in a table of arrivals; times are text in the table's units.

    Attributes:
        mode, look: The mode.
        first: Time to the first chunk.
        floor: That over the floor's.
        gap, gap_p95: Between chunks, all calls together.
        mean_gap: Of one call.
        token: Inter-token latency; the second says why there is none, where that is not plain.
        total: To the end of the reply.
        each: (total - first chunk) / (chunks - 1).
        chunks: With content.
        arriving: In words, where it is not one by one.
    """

    mode: str
    look: colours.Look
    first: Cell
    floor: Cell
    gap: str
    gap_p95: str
    mean_gap: str
    token: Cell
    total: str
    each: str
    chunks: str
    arriving: str


@dataclass(frozen=True, kw_only=True)
class ArrivalTable:
    """A table of arrivals.

    Attributes:
        title: Which latency the model had.
        rows: One a mode, floors last.
        unit: Of the times of whole calls.
        gap_unit: Of the times between chunks.
        calls: The fewest calls behind a row.
    """

    title: str
    rows: tuple[ArrivalRow, ...]
    unit: str
    gap_unit: str
    calls: int


def arrival_tables(record: RunRecord) -> tuple[ArrivalTable, ...]:
    """Make the tables of arrivals, one a latency of the model."""
    if record.streaming is None:
        return ()
    return tuple(_arrival_table(found, record) for found in record.streaming.arrivals)


def _arrival_table(found: Arrivals, record: RunRecord) -> ArrivalTable:
    modes = in_order(found, record)
    scale, unit = units.shared_unit([e.value for m in modes if (e := m.first_chunk)])
    # A burst's gaps are those of a queue that is emptied: they choose no unit.
    spaced = [e.value for m in modes if (e := m.mean_gap) and m.arriving == "one by one"]
    gap_scale, gap_unit = units.shared_unit(spaced)
    kinds = {mode.name: mode.kind for mode in record.modes}
    return ArrivalTable(
        title="The model as it is" if found.latency is None else _when(found).rstrip(","),
        rows=tuple(
            ArrivalRow(
                mode=mode.mode,
                look=colours.look(mode.mode, kinds.get(mode.mode, "")),
                first=_cell(mode.first_chunk, scale),
                floor=units.ratio(r) if (r := mode.first_chunk_floor_ratio) else _EMPTY,
                gap=_percentile(mode.gaps, 0.5, gap_scale),
                gap_p95=_percentile(mode.gaps, 0.95, gap_scale),
                mean_gap=_cell(mode.mean_gap, gap_scale)[0],
                token=(
                    _cell(mode.token_latency, gap_scale)[0],
                    "" if mode.arriving == "in one piece" else mode.token_latency_reason,
                ),
                total=_cell(mode.total, scale)[0],
                each=_cell(mode.each_chunk, gap_scale)[0],
                chunks=units.count(mode.chunks),
                arriving=_arriving(mode),
            )
            for mode in modes
        ),
        unit=unit,
        gap_unit=gap_unit,
        calls=min((mode.calls for mode in modes), default=0),
    )


def in_order(found: Arrivals, record: RunRecord) -> list[ModeArrivals]:
    """The modes in the record's order, floors last."""
    skipped = floors(record)
    return sorted(found.modes, key=lambda mode: mode.mode in skipped)


def _arriving(mode: ModeArrivals) -> str:
    whole = "one chunk" if mode.tokens == 1 else "not streaming: in one piece"
    said = {"one by one": "", "in one piece": whole}
    words = [said.get(mode.arriving, mode.arriving)]
    words += [f"{units.count(n)} raised {kind}" for kind, n in sorted(mode.errors.items())]
    return ", ".join(word for word in words if word)


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """One mode in the table of costs per chunk.

    Attributes:
        mode, look: The mode.
        cpu, wall: Per further chunk.
        fixed: A reply of one chunk.
        segments: Per further chunk between neighbouring lengths, CPU.
        beside, beside_name: CPU per chunk over that of the mode without events.
        floor: The same over the floor's.
        note: In words.
    """

    mode: str
    look: colours.Look
    cpu: Cell
    wall: str
    fixed: str
    segments: tuple[str, ...]
    beside: Cell
    beside_name: str
    floor: Cell
    note: str


@dataclass(frozen=True, kw_only=True)
class CostTable:
    """The table of costs per chunk.

    Attributes:
        rows: One a mode, floors last.
        unit: Of the costs.
        heads: The segments.
    """

    rows: tuple[CostRow, ...]
    unit: str
    heads: tuple[str, ...]


def cost_table(record: RunRecord) -> CostTable | None:
    """Make the table of costs per chunk; None where no length was chosen."""
    skipped = floors(record)
    costs = sorted(chunk_costs(record).values(), key=lambda cost: cost.mode in skipped)
    if not costs:
        return None
    scale, unit = units.shared_unit([cost.cpu.value for cost in costs])
    kinds = {mode.name: mode.kind for mode in record.modes}
    spans = sorted({(s.shorter, s.longer) for cost in costs for s in cost.segments})
    return CostTable(
        rows=tuple(
            CostRow(
                mode=cost.mode,
                look=colours.look(cost.mode, kinds.get(cost.mode, "")),
                cpu=_cell(cost.cpu, scale),
                wall=_cell(cost.wall, scale)[0],
                fixed=_cell(cost.fixed_cpu, scale)[0],
                segments=tuple(_segment(cost.segments, span, scale) for span in spans),
                beside=units.ratio(cost.beside_ratio) if cost.beside_ratio else _EMPTY,
                beside_name=cost.beside,
                floor=units.ratio(cost.floor_ratio) if cost.floor_ratio else _EMPTY,
                note=_cost_note(cost, record),
            )
            for cost in costs
        ),
        unit=unit,
        heads=tuple(f"{units.count(a)} \N{RIGHTWARDS ARROW} {units.count(b)}" for a, b in spans),
    )


def _cost_note(cost: ChunkCost, record: RunRecord) -> str:
    reason = record.streaming.costs_left_out.get(cost.mode, "") if record.streaming else ""
    bent = "" if cost.linear is not False else "not a straight line"
    return "; ".join(word for word in (bent, reason) if word)


def _segment(segments: tuple[SegmentCost, ...], span: tuple[int, int], scale: float) -> str:
    found = [s for s in segments if (s.shorter, s.longer) == span]
    return _cell(found[0].cpu, scale)[0] if found else units.NONE


def _cell(estimate: Estimate | None, scale: float) -> Cell:
    if estimate is None:
        return _EMPTY
    value, low, high = (x / scale for x in (estimate.value, estimate.low, estimate.high))
    return units.significant(value), f"[{units.significant(low)}, {units.significant(high)}]"


def _interval(estimate: Estimate) -> tuple[str, str, str]:
    """A time, its unit and its interval in the same unit, with as many digits as it carries."""
    scale, unit = units.shared_unit([estimate.value])
    low, value, high = (x / scale for x in (estimate.low, estimate.value, estimate.high))
    places = units.decimals(low, value, high)
    interval = f"[{low:.{places}f}, {high:.{places}f}]"
    if estimate.confidence < _CONFIDENCE:
        # From the smallest to the largest of a few, which is no interval to rely on.
        rounds = "1 round" if estimate.count == 1 else f"{estimate.count} rounds"
        interval = f"{interval} (only {rounds})"
    return f"{value:.{places}f}", unit, interval


def _percentile(found: tuple[Percentile, ...], rank: float, scale: float) -> str:
    values = [p.value for p in found if p.rank == rank and p.value is not None]
    return units.significant(values[0] / scale) if values else units.NONE
