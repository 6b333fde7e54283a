"""What a reader should know of a model's streams: faults and oddities, each named. Pure."""

from collections.abc import Iterable, Sequence

from parrot_bench.record import Arrivals, ModeArrivals, ModeRecord, StreamFinding

UNEVEN_SHARE = 0.3
"""Gaps are uneven when half of the time passes in a smaller share of them; it is 0.5 when they
are all equal, 0.19 when chunks come at random (exponential gaps)."""

UNEVEN_GAP_NS = 1_000_000
"""Mean gap from which gaps are judged: shorter ones are LangChain's and the host's, which takes
the processor away for milliseconds."""

Seen = tuple[str, str]
"""Short name and sentence of a finding in one mode."""


def findings(found: Arrivals, modes: Sequence[ModeRecord]) -> tuple[StreamFinding, ...]:
    """Say what was found, modes of which the same is said together.

    Args:
        found: When chunks came from the model as it is.
        modes: The table of modes.
    """
    records = {mode.name: mode for mode in modes}
    together: dict[Seen, list[str]] = {}
    # A model's pauses are in most modes; what is in one alone came from the machine.
    judged = [mode for mode in found.modes if mode.even_share is not None]
    uneven = 2 * sum(map(_uneven, judged)) > len(judged)
    for mode in found.modes:
        for seen in _seen(mode, records[mode.mode], waits=found.waits, uneven=uneven):
            together.setdefault(seen, []).append(mode.mode)
    return tuple(
        StreamFinding(what=what, modes=tuple(names), sentence=sentence)
        for (what, sentence), names in together.items()
    )


def _seen(mode: ModeArrivals, record: ModeRecord, *, waits: bool, uneven: bool) -> Iterable[Seen]:
    if mode.arriving == "in one piece" and mode.tokens != 1:
        yield "in one piece", f"not streaming: {_why_whole(record)}"
    if mode.arriving == "nothing" and mode.calls:
        yield "no content", "no chunk had content, so there is no time to a first one"
    if mode.arriving == "in one burst" and waits:
        yield "in one burst", "not streaming in effect: the chunks come all together at the end"
    if mode.empty_before and mode.arriving != "nothing":
        one = mode.empty_before == 1
        chunks = "an empty chunk comes" if one else f"{mode.empty_before} empty chunks come"
        yield "empty first chunk", f"{chunks} before the first with content, and do not count"
    if uneven and _uneven(mode):
        yield "uneven gaps", "the gaps are uneven: half of the time passes in few of them"
    if mode.tokens is None and mode.calls:
        yield "no usage", "the reply has no usage, so there is no inter-token latency"
    for error, count in mode.errors.items():
        calls = "1 call" if count == 1 else f"{count} calls"
        yield "raised", f"{calls} raised {error}"


def _uneven(mode: ModeArrivals) -> bool:
    mean = mode.mean_gap.value if mode.mean_gap else 0.0
    return mean >= UNEVEN_GAP_NS and (mode.even_share or 0.5) < UNEVEN_SHARE


def _why_whole(record: ModeRecord) -> str:
    """Why a reply arrives whole, where the table of modes knew it before any call."""
    known = [part for part in record.note.split("; ") if part.startswith("the reply arrives in")]
    return known[0] if known else "the model hands over its whole reply as one chunk"
