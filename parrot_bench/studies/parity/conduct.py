"""How modes behave: failures, callbacks, arguments, streaming, async. Pure functions."""

from collections.abc import Iterator

from parrot_bench.studies.parity.evidence import UPDATES, Evidence, Found
from parrot_bench.studies.parity.seen import Arrived, Heard, ReplySeen, UnitSeen

SHORT_CHARACTERS = 12
SHORT_WORDS = 3
"""A reply of fewer words or characters may well be one chunk."""

FEW_CHUNKS = 10
"""Of fewer chunks it is not said that they arrive at once."""

WAITED_NS = 50_000_000
"""A first chunk that comes sooner was not waited for."""

AT_ONCE_SHARE = 0.9
"""Share of the call after which the first chunk comes, of a reply that arrives at once."""

AT_ONCE_GAP_NS = 500_000
"""Between two chunks of such a reply, on average: LangChain takes 0.03 to 0.2 ms a chunk, and
a model that makes them takes longer than half a millisecond."""

BLOCKED_SHARE = 0.5
"""Share of an async call in which the loop was blocked, of a method that blocks it."""


def works(seen: Evidence) -> Iterator[Found]:
    """Calls that raise, hang, kill the process or give nothing."""
    for unit in _failed(seen, "plain", "again", "prompts"):
        kind = {"hung": "mode-hangs", "killed": "mode-kills-process"}.get(unit.ended, "mode-raises")
        yield Found(identifier=kind, mode=unit.mode, seen=unit.error)
    for unit in seen.units:
        if not unit.replies and not unit.error:
            yield Found(identifier="reply-missing", mode=unit.mode, seen="no reply")
    for check in ("stop", "max_tokens"):
        if raises_everywhere(seen, check):
            continue
        for unit in _failed(seen, check):
            yield Found(
                identifier="argument-raises", mode=unit.mode, seen=f"with {check}: {unit.error}"
            )


def raises_everywhere(seen: Evidence, check: str) -> str:
    """What an argument raises that raises in every mode; empty if it works in one."""
    units = [unit for unit in seen.units if unit.asked == check]
    errors = [unit.error for unit in units if unit.error]
    return errors[0] if errors and len(errors) == len(units) else ""


def _failed(seen: Evidence, *asked: str) -> Iterator[UnitSeen]:
    told: set[str] = set()
    for unit in seen.units:
        if unit.asked in asked and unit.error and unit.mode not in told:
            told.add(unit.mode)
            yield unit


def callbacks(seen: Evidence) -> Iterator[Found]:
    """Starts, ends and tokens of one call."""
    for mode in seen.answering:
        unit = seen.of(mode, "plain", "again")[0]  # the first that gave a reply
        if unit.heard is None:
            continue
        yield from _runs(unit, unit.heard, chat=seen.model.chat)
        if seen.model.chat and unit.arrived is not None and unit.arrived.chunks > 1:
            yield from _tokens_heard(unit.mode, unit.heard, unit.arrived)


def _runs(unit: UnitSeen, heard: Heard, *, chat: bool) -> Iterator[Found]:
    # What a chain calls may be a run beside it, as of fallbacks.
    counts = (heard.starts, heard.ends)
    calls = "1 call" if unit.calls == 1 else f"{unit.calls} calls"
    said = f"{heard.starts} starts and {heard.ends} ends of {calls}"
    if min(counts) < unit.calls:
        yield Found(identifier="callbacks-missing", mode=unit.mode, seen=said)
    elif max(counts) > unit.calls and chat:
        yield Found(identifier="callbacks-twice", mode=unit.mode, seen=said)
    elif heard.unmatched:
        said = f"{heard.unmatched} ends of runs that never started"
        yield Found(identifier="callbacks-missing", mode=unit.mode, seen=said)


def _tokens_heard(mode: str, heard: Heard, arrived: Arrived) -> Iterator[Found]:
    said = f"{heard.tokens} tokens of {arrived.chunks} chunks"
    if heard.events and heard.tokens:
        said = f"{heard.tokens} tokens beside {heard.events} events"
        yield Found(identifier="tokens-beside-events", mode=mode, seen=said)
    elif not heard.events and heard.tokens < arrived.chunks:
        yield Found(identifier="tokens-missing", mode=mode, seen=said)
    elif not heard.events and heard.tokens > arrived.chunks:
        yield Found(identifier="tokens-twice", mode=mode, seen=said)


def arguments(seen: Evidence) -> Iterator[Found]:
    """``stop`` and ``max_tokens`` of a call."""
    for mode in seen.answering:
        for unit in seen.of(mode, "stop"):
            if unit.beyond:
                yield Found(
                    identifier="stop-ignored",
                    mode=mode,
                    seen="the reply goes on after a stop sequence of the call",
                )
        for unit in seen.of(mode, "max_tokens"):
            reply, whole = unit.replies[0], seen.replies(mode)[0]
            longest = _tokens(reply)
            # Tokens may be counted wrongly, which is another finding.
            shorter = seen.alike and reply.characters < whole.characters
            if unit.limit is not None and longest > unit.limit and not shorter:
                counted = "output tokens" if reply.usage else "words"
                yield Found(
                    identifier="max-tokens-ignored",
                    mode=mode,
                    seen=f"{longest} {counted} with max_tokens={unit.limit}",
                )


def _tokens(reply: ReplySeen) -> int:
    # A word is a token at least, so that more words than tokens are more tokens, too.
    return reply.usage[1] if reply.usage else reply.words


def streaming(seen: Evidence) -> Iterator[Found]:
    """Whether chunks arrive as they are made."""
    for mode in seen.answering:
        described = seen.modes[mode]
        if not described.streams:
            continue
        own = {"_stream"} | ({"_astream"} if described.kind == "async" else set())
        if seen.model.disabled and described.status in {"stable", "deprecated"}:
            yield Found(identifier="streaming-disabled", mode=mode, seen="disable_streaming is set")
        elif not own & seen.model.own:
            missing = "_stream" if "_astream" in seen.model.own else "_stream and _astream"
            yield Found(
                identifier="streaming-absent",
                mode=mode,
                seen=f"{seen.model.name} does not implement _stream",
                adds=missing,
            )
        else:
            yield from _arrivals(seen, mode)


def _arrivals(seen: Evidence, mode: str) -> Iterator[Found]:
    units = seen.of(mode, "plain", "again")
    if seen.model.kind == "graph" and mode in UPDATES:
        return  # an update brings whole messages
    if all(_in_one_piece(unit) for unit in units):
        yield Found(
            identifier="stream-in-one-piece" if seen.model.chat else "nothing-streams",
            mode=mode,
            seen=f"one chunk of {units[0].replies[0].characters} characters",
        )
    elif all(_at_once(unit) for unit in units):
        chunks = units[0].arrived.chunks if units[0].arrived else 0
        yield Found(
            identifier="stream-in-one-piece" if seen.model.chat else "nothing-streams",
            mode=mode,
            seen=f"{chunks} chunks, all of them at the end of the call",
        )


def _in_one_piece(unit: UnitSeen) -> bool:
    reply = unit.replies[0]
    long = reply.characters >= SHORT_CHARACTERS and reply.words >= SHORT_WORDS
    return unit.arrived is not None and unit.arrived.chunks <= 1 and long


def _at_once(unit: UnitSeen) -> bool:
    arrived = unit.arrived
    if arrived is None or arrived.first_ns is None or arrived.last_ns is None:
        return False
    gap = (arrived.last_ns - arrived.first_ns) / max(arrived.chunks - 1, 1)
    return (
        arrived.chunks >= FEW_CHUNKS
        and arrived.first_ns >= max(WAITED_NS, AT_ONCE_SHARE * unit.wall_ns)
        and gap <= AT_ONCE_GAP_NS
    )


def asynchronous(seen: Evidence) -> Iterator[Found]:
    """Whether async is the model's own, and whether it lets the event loop turn."""
    model = seen.model
    streams = bool(model.own & {"_stream", "_astream"})
    needed = {
        mode: "_astream"
        if seen.modes[mode].streams and streams and not model.disabled
        else "_agenerate"
        for mode in seen.answering
        if seen.modes[mode].kind == "async"
    }
    missing = sorted({method for method in needed.values() if method not in model.own})
    for mode, method in needed.items():
        if method in missing:
            yield Found(
                identifier="async-fallback",
                mode=mode,
                seen=f"{model.name} does not implement {' or '.join(missing)}",
                adds=" and ".join(missing),
            )
            # Its calls run in another thread, so that none of them can stand in the loop's way;
            # on a crowded machine one that is put aside with the interpreter's lock seems to.
            continue
        units = seen.of(mode, "plain", "again")
        if all(_blocked(unit) for unit in units):
            where = next((u.turned.where for u in units if u.turned and u.turned.where), "")
            yield Found(
                identifier="async-blocks",
                mode=mode,
                seen="the event loop stood still for most of the call"
                + (f", at {where}" if where else ""),
            )


def _blocked(unit: UnitSeen) -> bool:
    turned = unit.turned
    return turned is not None and turned.blocked_ns > BLOCKED_SHARE * turned.wall_ns
