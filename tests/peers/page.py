"""The page about other people's handlers: a pure function of what was saved."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from parrot_bench.record import Environment
from tests.peers.contenders import (
    BARE,
    LESSER_FLOORS,
    MINIMAL,
    NOBODY,
    OURS,
    OURS_INSTRUMENTOR,
)
from tests.peers.handlers import PEERS
from tests.peers.results import Judged, Measured, Rounds
from tests.peers.tables import (
    ADDED_CPU,
    QUESTIONS,
    WHOLE_CPU,
    Cells,
    cell,
    markdown,
    ratios,
    times,
)
from tests.peers.telemetry import SETTINGS, Setting

COMMAND = "nox -s peers -- --write docs/peers.md"
NOT_JUDGED = "not judged"

FACTORIES = {
    OURS: "parrot_callbacks.conformance.ours:handler",
    OURS_INSTRUMENTOR: "parrot_callbacks.conformance.ours:instrumentor",
    **{peer.title: f"tests.peers.handlers:{name}" for name, peer in PEERS.items()},
}
"""Who is judged under which name."""

FAILS = """\
The suite that anybody can run on any handler (`parrot-bench conformance module:factory`) calls
models in every execution mode and place, and in trouble. A cell fails by *structure* (one span a
call, in the right place, ended, nothing left behind) or by *attributes* (what a span says): the
table at the top has them as *structure + attributes of all*. How many cells fail each check:
"""

LIKE_FOR_LIKE = (
    "CPU time that tracing adds to the call, over what the minimal handler adds that makes about "
    "as many records"
)

METHOD = """\
## How

The model is this project's parrot: it answers at once, so that the price of tracing is at its most
visible. `invoke`, `ainvoke` and the batch have replies of one character, the streams of 100 chunks.
Every handler reports to a tracer provider of its own, with an SDK span processor that does nothing
or with the SDK's batch processor and an exporter that drops; what is waiting is exported between
blocks. With metrics, it reports to a real meter provider as well. Message content is recorded by
nobody: each handler's own switch is off, and a call with a known text is searched for it. Otherwise
every handler has its defaults.

In each environment (one a peer) all contenders run in the same process, one block each per round,
in an order that changes from round to round. Instrumentors are switched on before their block and
off after it, and spans are counted: a block in which anybody else made a span fails the
measurement. The first calls of a block aren't timed; garbage is collected between rounds. Ratios
are taken round by round; in brackets, their 95 % interval. Blocks, clocks and intervals are those
of [a run](measuring.md).

The *minimal handler* is what a handler can't do without: it runs inline, starts a span, sets eight
attributes and ends it. With metrics it also makes the histogram records that ours makes, one a
chunk of a stream among them, so a handler that makes fewer can be below 1: a table has each over
the minimal handler that makes about as many as it does. A *bare span* is the same span, and the
same records, without LangChain. Our rows are of all environments together.

CPU time counts all threads: LangChain sends the events of a handler that isn't inline through a
thread pool in async code, one hop a chunk. What such a hop costs is the machine's own.
"""


def page(costs: Sequence[Measured], judged: Mapping[str, Judged]) -> str:
    """Write the page.

    Args:
        costs: Every measurement.
        judged: Name of a factory to what the conformance suite says of its handler.

    Returns:
        Markdown.
    """
    rounds = Rounds(costs)
    paths = list(dict.fromkeys(series.path for one in costs for series in one.series))
    traced = _traced(costs)
    taken = sorted({one.taken.date().isoformat() for one in costs})
    first, *others = SETTINGS
    parts = [
        "# Beside other handlers",
        f"Measured on {' and '.join(taken)} by `{COMMAND}`.",
        _summary(costs, judged, rounds, paths, traced),
        f"{WHOLE_CPU.title}; {first.name}.",
        METHOD.strip(),
        *(["## What fails", FAILS.strip(), _checks(judged, traced)] if judged else []),
        "## What was installed",
        _versions(costs),
        "## What is recorded",
        _recorded(costs, traced),
        "## In full",
    ]
    for setting in (first, *others):
        parts.append(f"### {setting.name[0].upper()}{setting.name[1:]}")
        for question in QUESTIONS:
            cells = ratios(rounds, question, setting.name, paths, [NOBODY, *traced])
            if NOBODY in question.beside:
                cells.pop(NOBODY, None)
            parts += [f"{question.title}:", markdown(["", *paths], cells)]
        if setting.metrics:
            cells = _like_for_like(costs, rounds, setting, paths, traced)
            parts += [f"{LIKE_FOR_LIKE}:", markdown(["", *paths], cells)]
        cells = times(rounds, setting.name, paths, [NOBODY, BARE, MINIMAL, *traced])
        parts += ["Microseconds of CPU time, median of the blocks:", markdown(["", *paths], cells)]
    return "\n\n".join(parts) + "\n"


def _like_for_like(
    costs: Sequence[Measured],
    rounds: Rounds,
    setting: Setting,
    paths: Sequence[str],
    traced: Sequence[str],
) -> Cells:
    records = {(item.contender, item.path): item.records for one in costs for item in one.recorded}

    def ratio(name: str, path: str) -> str:
        made = records[name, path]
        floors = [floor for floor in (MINIMAL, *LESSER_FLOORS) if (floor, path) in records]
        nearest = min(floors, key=lambda floor: abs(records[floor, path] - made))
        question = replace(ADDED_CPU, beside=(nearest, NOBODY))
        return cell(rounds, question, setting.name, path, name)

    return {name: [ratio(name, path) for path in paths] for name in traced}


def _traced(costs: Sequence[Measured]) -> list[str]:
    """Return ours, then the peers, in the order of their measurement."""
    found = {one.peer: None for one in costs}
    measured = {series.contender for one in costs for series in one.series}
    return [name for name in (OURS, OURS_INSTRUMENTOR) if name in measured] + list(found)


def _summary(
    costs: Sequence[Measured],
    judged: Mapping[str, Judged],
    rounds: Rounds,
    paths: Sequence[str],
    traced: Sequence[str],
) -> str:
    versions = {one.peer: one.version for one in costs}
    own = costs[-1].environment.packages.get("parrot-bench", "")
    cells = ratios(rounds, WHOLE_CPU, SETTINGS[0].name, paths, traced)
    groups = list(dict.fromkeys(group for one in judged.values() for group in one.performed))
    table = {
        name: [
            versions.get(name, own),
            *(_failed(judged.get(FACTORIES[name]), group) for group in groups),
            *cells[name],
        ]
        for name in traced
    }
    heads = [f"{group}: cells failed" for group in groups]
    return markdown(["handler", "version", *heads, *paths], table)


def _failed(judged: Judged | None, group: str) -> str:
    if judged is None:
        return NOT_JUDGED
    by = (judged.failed[group, kind] for kind in ("structure", "attributes"))
    return f"{' + '.join(map(str, by))} of {judged.performed[group]}"


def _checks(judged: Mapping[str, Judged], traced: Sequence[str]) -> str:
    names = [name for name in traced if FACTORIES[name] in judged]
    found = [judged[FACTORIES[name]] for name in names]
    rows: Cells = {
        question: [str(one.checks[question]) for one in found] for question in found[0].checks
    }
    rows["of so many cells"] = [str(one.performed.total()) for one in found]
    rows["and cells that need the instrumentor"] = [str(one.excused) for one in found]
    return markdown(["what has to hold", *names], rows)


def _versions(costs: Sequence[Measured]) -> str:
    rows: Cells = {}
    for one in costs:
        rows[one.peer] = [
            _commits(costs, one.peer),
            f"{one.distribution} {one.version}",
            one.environment.python,
            one.environment.packages.get("langchain-core", ""),
            one.environment.packages.get("opentelemetry-sdk", ""),
            f"{one.taken:%Y-%m-%d}",
        ]
    head = [
        "environment of",
        "our commit",
        "distribution",
        "Python",
        "langchain-core",
        "SDK",
        "measured",
    ]
    machines = sorted({_machine(one.environment) for one in costs})
    return (
        f"{markdown(head, rows)}\n\nOn {'; '.join(machines)}. "
        "A commit with a + had uncommitted changes; this page, once written, is one."
    )


def _commits(costs: Sequence[Measured], peer: str) -> str:
    """Name the states of the source that were measured beside a peer."""
    states = [
        (one.environment.commit[:7] or "no checkout") + ("+" if one.environment.dirty else "")
        for one in costs
        if one.peer == peer
    ]
    return ", ".join(dict.fromkeys(states))


def _machine(environment: Environment) -> str:
    return f"{environment.cpu}, {environment.logical_cpus} processors, {environment.platform}"


def _recorded(costs: Sequence[Measured], traced: Sequence[str]) -> str:
    rows: Cells = {}
    for name in (MINIMAL, *LESSER_FLOORS, *traced):
        found = {
            item.path: item for one in costs for item in one.recorded if item.contender == name
        }
        if found:
            rows[name] = [
                f"{item.spans} span, {item.attributes} attributes, {item.records} records"
                for item in found.values()
            ]
    paths = list(dict.fromkeys(item.path for one in costs for item in one.recorded))
    return "Of one call, metrics on (a batch of one):\n\n" + markdown(["", *paths], rows)
