"""The page about load tools: a pure function of what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from tests.peers.load.clients import AIPERF, GUIDELLM, OURS
from tests.peers.load.judging import TOLERANCES_MS, as_seen, as_served, beyond
from tests.peers.load.limited import A_MINUTE, Limited
from tests.peers.load.server import Timings
from tests.peers.load.stop import REPLY_LENGTH, Stop
from tests.peers.load.turns import Turn

Numbers = NDArray[np.float64]

COMMAND = "nox -s peers -- load --write docs/load-peers.md"
NONE = "none"
SLOW_S = 0.5
"""A call of the stopped server that took longer is a slow one."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Everything that was measured.

    Attributes:
        taken: When.
        machine: In words.
        busy: Load average before each turn.
        versions: Of what was installed.
        timings: Of the server.
        rate: Calls a second.
        turns: Of each client, in the order of the tables.
        stops: Of an open loop, each client's.
        closed: Of a closed loop, ours.
        limits: Of a server with a limit.
        disagreements: What does not agree.
    """

    taken: date
    machine: str
    busy: Sequence[float]
    versions: Mapping[str, str]
    timings: Timings
    rate: float
    turns: Mapping[str, Sequence[Turn]]
    stops: Sequence[Stop]
    closed: Stop
    limits: Sequence[Limited]
    disagreements: Sequence[str]


def page(measured: Measured) -> str:
    """Write the page, in Markdown."""
    timings, several = measured.timings, len(measured.turns[OURS])
    calls = len(measured.turns[OURS][0].served)
    parts = [
        "# Beside load tools",
        f"Measured on {measured.taken.isoformat()} by `{COMMAND}`.",
        f"""\
[guidellm](https://github.com/vllm-project/guidellm), [aiperf](https://github.com/ai-dynamo/aiperf)
and `parrot-bench load` drive the same server, guidellm's mock of an OpenAI-compatible one, one
after the other and {several} times in turn: {measured.rate:g} calls a second, evenly, {calls} calls
a turn, the same prompts. It answers with {timings.tokens} tokens, the first after
{timings.ttft:g} ± {timings.ttft_std:g} ms and one every {timings.itl:g} ± {timings.itl_std:g} ms,
and writes down when it was asked and when it wrote each chunk, by a clock that all processes of the
machine share. What a client reports is read call by call from its raw export.""",
        "## What each says",
        _said(measured),
        """\
Milliseconds, of all turns together; in brackets what the server wrote of the same calls. *TTFC*
is the time to the first chunk with content, *gap* that between the tokens of a reply, on average,
and *latency* that of the whole reply, all from when the request was made. Tokens are those of
the reply's usage.""",
        _verdict(measured.disagreements),
        "## Beyond the server's log",
        _past(measured),
        f"""\
Milliseconds, the median over the calls of one turn after the other: what the client says of a
call, less what the server wrote of it. It is the request's way there, the reply's way back and up
through the client, and whatever else the machine did meanwhile. That only ever adds, so the
smallest of the turns is judged: it may be at most {_tolerances()},
and ours no further than that from each of the others'.""",
        "## What each takes",
        _taken(measured),
        f"""\
CPU time of the client with all its processes, between a tenth of its calls and the last one made:
starting and adding up are left out, and stand in the last two columns. *Calls a second of a core*
is what that comes to if nothing else limits it. The bare clients are one event loop each and keep
only times: the HTTP client with each line's JSON read, OpenAI's client on top of it, LangChain's
chat model on top of that. What is left to ours is following every chunk, the engine, and the
process that listens to it and saves what it has heard, which costs the same at any rate.
{_layers(measured)}""",
        "## A server that is stopped",
        _stopped(measured),
        f"""\
In the middle of such a load, with replies of {REPLY_LENGTH} tokens, a signal stops the server's
process for two seconds. Of the calls that are due meanwhile each waits for what is left of the
stop, then for its own reply, and for those who are answered at the same moment: that takes a client
as long as it needs for so many calls, and is part of the longest latency. *Slow* are calls over
{SLOW_S:g} s. The closed loop has {_slow(measured.closed.told_s).size} of them: who waits makes no
others. It is checked that as many calls came during the stop as were due, that none of them says
that it ended before the stop did, and that (in one of up to three tries) they end no later than the
server's log and the client's own work account for. `tests/parrot_bench/test_load_stopped.py` stops
a server of the suite in the same way.""",
        "## A server that has had enough",
        _limited(measured.limits),
        f"""\
LiteLLM's proxy with a limit of {A_MINUTE} requests a minute, two of which are the warm-up; in
brackets what its access log has. Trying again is the model's own matter, and part of the call's
latency: OpenAI's client waits 0.4 to 0.5 s, then 0.75 to 1 s.""",
        "## Where definitions differ",
        DEFINITIONS,
        "## What was installed",
        _installed(measured),
    ]
    return "\n\n".join(parts) + "\n"


DEFINITIONS = """\
- **First chunk.** guidellm's *TTFT* and aiperf's *time to first token* are to the first chunk with
  content from when the request is made, as our `ttfc` in a closed loop. In an open loop ours
  counts from when the call *should* have been made; the column here does not. This server sends no
  chunk without content before it, as others do, so who would be misled by one isn't seen here.
- **Gap.** guidellm's *ITL* and aiperf's *inter token latency* are from the first token to the last
  by the tokens between, as ours. guidellm's *TPOT* has the first token in it as well.
- **Latency.** aiperf's ends with the last chunk that has content; guidellm's and ours with the end
  of the reply, two chunks later (why it stopped, and its usage). In an open loop ours counts from
  when a call should have been made; guidellm's export has that as `request_scheduled_latency`, its
  tables don't; of aiperf it is counted here from when its timing process gave the call out.
- **Calls a second.** guidellm and aiperf divide by the time until the last reply, ours counts what
  was answered while the load was kept up; neither is compared here.
- **Warm-up.** Ours makes two calls that are not counted; the others none unless they are asked to,
  and their first calls open connections.
- **Tokens.** All three believe the reply's usage. guidellm asks for it in every chunk, too, which
  this server ignores."""


def _said(measured: Measured) -> str:
    head = (
        "client", "calls", "failed", "tokens", "TTFC p50", "TTFC p95", "gap p50", "gap p95",
        "latency p50", "latency p95",
    )  # fmt: skip
    rows = []
    for client, turns in measured.turns.items():
        seen = [as_seen(turn.seen) for turn in turns]
        served = [as_served(turn.served) for turn in turns]
        cells = [
            f"{sum(turn.seen.made.size for turn in turns):,}",
            f"{sum(turn.seen.failed for turn in turns):,}",
            _tokens(turns),
        ]
        for name in TOLERANCES_MS:
            said, written = (
                np.concatenate([dict(times.named()).get(name, _NONE) for times in sides])
                for sides in (seen, served)
            )
            cells += [_pair(said, written, rank) for rank in (0.5, 0.95)]
        rows.append((client, *cells))
    return _table(head, rows)


def _tokens(turns: Sequence[Turn]) -> str:
    told = sum(int(np.nansum(turn.seen.tokens)) for turn in turns)
    written = sum(each.tokens for turn in turns for each in turn.served)
    return f"{told:,} ({written:,})"


_NONE: Numbers = np.empty(0)


def _pair(said: Numbers, written: Numbers, rank: float) -> str:
    if not said.size:
        return NONE
    return f"{np.nanquantile(said, rank):.1f} ({np.nanquantile(written, rank):.1f})"


def _past(measured: Measured) -> str:
    rows = []
    for client, turns in measured.turns.items():
        past = [dict(times.named()) for turn in turns if (times := beyond(turn))]
        cells = [
            ", ".join(f"{np.nanmedian(each[name]):.{digits}f}" for each in past if name in each)
            or NONE
            for name, digits in (("TTFC", 1), ("gap", 2), ("latency", 1))
        ]
        rows.append((client, *cells))
    return _table(("client", "TTFC", "gap", "latency"), rows)


def _taken(measured: Measured) -> str:
    head = (
        "client",
        "CPU ms a call",
        "calls a second of a core",
        "starts in",
        "whole session, CPU",
    )
    rows = []
    for client, turns in measured.turns.items():
        cpu = np.array([turn.cpu_s for turn in turns])
        rows.append(
            (
                client,
                _scatter(cpu * 1e3, 1),
                f"{1 / np.median(cpu):.0f}",
                f"{np.median([turn.starts_in_s for turn in turns]):.0f} s",
                f"{np.median([turn.followed.cpu_s for turn in turns]):.0f} s",
            )
        )
    return _table(head, rows)


def _layers(measured: Measured) -> str:
    """What each layer adds to a chunk."""
    cpu = {
        name: float(np.median([turn.cpu_s for turn in measured.turns[client]])) * 1e6
        for name, client in (("httpx", "bare httpx"), ("OpenAI's client", "bare openai"),
                             ("LangChain", "bare langchain"), ("ours", OURS))
    }  # fmt: skip
    chunks = measured.timings.tokens
    first = f"Divided by the {chunks} chunks: httpx {cpu['httpx'] / chunks:.0f} µs"
    added = [
        f"{name} {(cpu[name] - below) / chunks:+.0f} µs"
        for (name, below) in zip(list(cpu)[1:], list(cpu.values())[:-1], strict=True)
    ]
    return f"{', '.join([first, *added])}."


def _scatter(values: Numbers, digits: int) -> str:
    low, middle, high = np.min(values), np.median(values), np.max(values)
    return f"{middle:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _stopped(measured: Measured) -> str:
    head = (
        "client", "calls", "due in the stop", "slow", "p50", "p95", "p99", "longest",
        "longest, from when it was made",
    )  # fmt: skip
    rows = [
        (stop.turn.client, *_stop_cells(stop, str(int(stop.met.sum())), stop.scheduled_s))
        for stop in measured.stops
    ]
    closed = measured.closed
    rows.append((f"{OURS}, closed loop", *_stop_cells(closed, NONE, closed.told_s)))
    return _table(head, rows)


def _stop_cells(stop: Stop, due: str, latency: Numbers) -> list[str]:
    ranks = [f"{np.quantile(latency, rank):.2f} s" for rank in (0.5, 0.95, 0.99, 1.0)]
    slow = str(len(_slow(latency)))
    return [f"{latency.size}", due, slow, *ranks, f"{stop.told_s.max():.2f} s"]


def _limited(limits: Sequence[Limited]) -> str:
    head = ("`max_retries`", "calls", "answered", "429", "requests", "shortest latency of a 429")
    rows = [
        (
            str(each.retries),
            str(each.calls),
            f"{each.completed} ({each.answered})",
            str(each.rate_limited),
            f"({each.answered + each.refused})",
            f"{each.shortest_s:.2f} s",
        )
        for each in limits
    ]
    return _table(head, rows)


def _slow(latency: Numbers) -> Numbers:
    return latency[latency > SLOW_S]


def _verdict(disagreements: Sequence[str]) -> str:
    if not disagreements:
        return "They agree: with the server's log, and with each other."
    return "\n".join(
        [
            "They do not agree (at the end of the page stands how busy the machine was):",
            "",
            *(f"- {said}" for said in disagreements),
        ]
    )


def _tolerances() -> str:
    return ", ".join(f"{limit:g} ms ({name})" for name, limit in TOLERANCES_MS.items())


def _installed(measured: Measured) -> str:
    said = ", ".join(f"{name} {version}" for name, version in measured.versions.items())
    low, high = min(measured.busy), max(measured.busy)
    return (
        f"{said}. On {measured.machine}. Before the turns the load average was {low:.1f} to "
        f"{high:.1f}: on a machine that does nothing else, times beyond the log are shorter.\n\n"
        f"{GUIDELLM} and {AIPERF} run with their defaults, ten and several processes. Neither "
        "needs anything from a hub: prompts are from a file, guidellm counts no tokens itself, and "
        "aiperf gets a tokenizer that splits at spaces. The server's log is written around "
        "guidellm's handler (`tests/peers/load/serving.py`); nothing else of it is ours."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
