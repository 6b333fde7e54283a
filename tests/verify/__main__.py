"""What ``nox -s verify`` runs: ``python -m tests.verify``."""

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random
from time import monotonic
from typing import Annotated, Protocol, TypeVar, cast, get_args

import typer

from parrot_bench.errors import MeasurementError, ParrotBenchError, UsageError
from tests.verify.names import BOUNDED, BOUNDED_FUNCTIONS
from tests.verify.promises import (
    BIAS_PROCESSES,
    ENDS,
    PROCESSES,
    PROMISES,
    TRIALS,
    against_outcome,
    against_share,
    bias_outcome,
)
from tests.verify.results import (
    AGAINST,
    BIAS,
    SENSITIVITY,
    TRUTH,
    AgainstTrial,
    BiasProcess,
    Condition,
    SensitivityProcess,
    Truth,
    append,
    read,
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

BROKEN, INCONCLUSIVE = 1, 3

TRUTH_EVERY = 10
"""Quiet processes for each that measures the planted work with `timeit`."""

Results = Annotated[Path, typer.Option(help="The folder that processes' lines are added to.")]
Write = Annotated[Path | None, typer.Option(help="Write the page here; nothing is measured.")]


@app.command()
def bias(
    results: Results,
    processes: Annotated[int, typer.Option(min=1)] = BIAS_PROCESSES,
    groups: Annotated[int, typer.Option(min=2, help="Tests of ten rounds each.")] = 120,
) -> None:
    """Compare our timing loop with timeit's, and with two peers'; it goes on where it stopped."""
    file = results / BIAS
    have = {line.seed for line in read(file, BiasProcess)}
    for seed in range(processes):
        if seed not in have:
            _fresh("bias-process", str(file), str(seed), str(groups))
            typer.echo(f"bias: process {seed + 1} of {processes}")
    from tests.verify.page import page  # nothing of it in a measuring process

    lines = read(file, BiasProcess)
    typer.echo(page(lines, [], []))
    _leave(
        [bias_outcome(lines, function, who) for function in BOUNDED_FUNCTIONS for who in BOUNDED]
    )


@app.command(hidden=True)
def bias_process(file: Path, seed: int, groups: int) -> None:
    """Take the rounds of one process."""
    # Where code lies decides some per cent of a no-op, and would be the same in every process:
    # what is loaded from here on lies elsewhere in each.
    order = Random(seed)
    _neighbours = [bytes(order.randrange(4096)) for _ in range(order.randrange(2000))]
    from tests.verify.bias import measure

    append(file, measure(groups, seed))


@app.command()
def sensitivity(
    results: Results,
    processes: Annotated[int, typer.Option(min=1, help="Of each condition.")] = PROCESSES,
    conditions: Annotated[str, typer.Option(help="Separated by commas.")] = "quiet,busy",
    write: Write = None,
) -> None:
    """Let fresh processes look for planted differences; it goes on where it stopped."""
    if write is not None:
        _write(results, write)
        return
    from tests.verify.planted import VARIABLE, calibrate  # loads LangChain
    from tests.verify.sensitivity import measure, missing

    chosen = _conditions(conditions)
    done = read(results / SENSITIVITY, SensitivityProcess)
    truths = read(results / TRUTH, Truth)
    planted = done[0].planted if done else calibrate()
    begun = monotonic()
    left = list(missing(done, chosen, processes))
    for number, (condition, seed) in enumerate(left):
        if condition == "quiet" and seed // TRUTH_EVERY >= len(truths):
            _fresh(
                "truth",
                str(results / TRUTH),
                str(len(truths)),
                **{VARIABLE: planted.model_dump_json()},
            )
            truths = read(results / TRUTH, Truth)
        line = measure(condition, planted, seed)
        append(results / SENSITIVITY, line)
        said = ", ".join(f"{name} {found[-1].verdict}" for name, found in line.found.items())
        share = (number + 1) / len(left)
        minutes = (monotonic() - begun) / 60 * (1 / share - 1)
        typer.echo(f"{condition} {seed + 1} of {processes}: {said}; {minutes:.0f} min left")
    _judge(results)


@app.command()
def against(
    results: Results,
    trials: Annotated[int, typer.Option(min=1, help="Of each candidate.")] = TRIALS,
) -> None:
    """Let `run --against` judge an equal and a slower model; it goes on where it stopped."""
    from tests.verify.against import missing_trials, trial  # loads LangChain
    from tests.verify.planted import calibrate

    file = results / AGAINST
    done = read(file, AgainstTrial)
    planted = done[0].planted if done else calibrate()
    left = list(missing_trials(done, trials))
    for number, (candidate, seed) in enumerate(left, 1):
        line = trial(candidate, planted, seed)
        append(file, line)
        typer.echo(
            f"{candidate} {number} of {len(left)}: {line.gate}, {line.value - 1:+.1%} "
            f"[{line.low - 1:+.1%}, {line.high - 1:+.1%}], {line.pairs} pairs, "
            f"{line.seconds:.0f} s, ended by {line.stopped_by}"
        )
    done = read(file, AgainstTrial)
    outcomes = [against_outcome(done, candidate) for candidate in ENDS]
    for candidate, outcome in zip(ENDS, outcomes, strict=True):
        typer.echo(f"{candidate}: {ENDS[candidate]} in {against_share(done, candidate)}: {outcome}")
    _leave(outcomes)


class _IsNamed(Protocol):
    @property
    def name(self) -> str: ...


Named = TypeVar("Named", bound=_IsNamed)


def _named(every: Sequence[Named], part: str) -> list[Named]:
    """Those whose name has a part; to try none of them is no success."""
    found = [each for each in every if part in each.name]
    if not found:
        names = ", ".join(each.name for each in every)
        raise typer.BadParameter(f"no name has {part!r}; there are: {names}")
    return found


@app.command("fuzz")
def fuzz_readers(
    results: Results,
    records: Annotated[
        list[Path], typer.Option("--run", help="A run directory whose record is a seed.")
    ],
    inputs: Annotated[int, typer.Option(min=1, help="Of each reader.")] = 5_000,
    seed: int = 0,
    only: Annotated[str, typer.Option(help="Readers whose name has this.")] = "",
) -> None:
    """Feed every reader of files what is nearly right."""
    from parrot_bench.record import RunDirectory
    from tests.verify.fuzz import fuzz, targets

    runs = [RunDirectory(path) for path in records]
    spans = [run.spans.read_bytes() for run in runs if run.spans.exists()]
    recorded = Path(__file__).parents[1] / "parrot_reports" / "data"
    spans += [path.read_bytes() for path in sorted(recorded.glob("*.jsonl"))]
    found = 0
    chosen = _named(targets(runs, spans), only)
    for target in chosen:
        counted, defects = fuzz(target, inputs, seed)
        typer.echo(f"{target.name}: {dict(counted)}")
        for defect in defects:
            found += 1
            kept = results / f"fuzz-{found}.bin"
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(defect.data)
            typer.echo(f"{kept}: {defect.said.splitlines()[-1]}")
    if found:
        raise typer.Exit(BROKEN)


@app.command()
def endurance(
    results: Results,
    seconds: Annotated[float, typer.Option(min=10, help="How long the load is kept up.")] = 600.0,
) -> None:
    """Keep up the highest rate for ten minutes: memory stays flat, and no record is lost."""
    from tests.verify.endurance import endured

    found = endured(seconds)
    append(results / "endurance.jsonl", found)
    typer.echo(str(found))
    for problem in found.problems:
        typer.echo(f"  {problem}")
    if found.problems:
        raise typer.Exit(BROKEN)


@app.command()
def faults(
    results: Results,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Of each fault.", show_default="each its own")
    ] = None,
    only: Annotated[str, typer.Option(help="Faults whose name has this.")] = "",
    first: Annotated[int, typer.Option(min=0, help="Seed of the first trial.")] = 0,
) -> None:
    """Kill runs, fill disks, set clocks back, let collectors fail: nothing may be lost."""
    from tests.verify.faults.fault import tried
    from tests.verify.faults.table import FAULTS

    broken = False
    for fault in _named(FAULTS, only):
        if why := fault.lacking():
            typer.echo(f"{fault.name}: not tried: {why}")
            continue
        number, survived = trials or fault.trials, 0
        for seed in range(first, first + number):
            kept = results / f"fault-{fault.name.replace(' ', '-')}-{seed}"
            problems = tried(fault, seed, kept)
            survived += not problems
            for problem in problems:
                typer.echo(f"  {problem}; kept in {kept}")
        broken |= survived < number
        typer.echo(f"{fault.name}: {number} tried, {survived} survived: {fault.holds}")
    if broken:
        raise typer.Exit(BROKEN)


@app.command()
def scale(
    results: Results,
    *,
    workers: Annotated[str, typer.Option(help="Numbers of workers, 2 among them.")] = "1,2",
    trials: Annotated[int, typer.Option(min=1, help="Of each number.")] = 5,
    mode: Annotated[str, typer.Option(help="The execution mode.")] = "astream",
    seconds: Annotated[float, typer.Option(min=1)] = 8.0,
    held: Annotated[
        bool, typer.Option("--held", help="Of ainvoke of a model that holds its event loop.")
    ] = False,
) -> None:
    """Put the parrot under load with one process, with workers, and with two processes apart."""
    from tests.verify.scale import apart, loaded, outcome, table

    mode = "ainvoke" if held else mode
    kinds = [partial(loaded, number) for number in (0, *map(int, workers.split(",")))]
    loads = []
    for trial in range(trials):
        for made in (*kinds, apart):
            loads.append(made(mode, seconds, held=held))
            typer.echo(f"{trial + 1} of {trials}: {loads[-1]}", err=True)
    said = table(loads)
    results.mkdir(parents=True, exist_ok=True)
    (results / "scale.md").write_text(said + "\n", encoding="utf-8")
    typer.echo(f"{said}\ntwo workers: {(found := outcome(loads, held=held))}")
    _leave([found, "too few processes" if "busy" in found else None])


@app.command(hidden=True)
def truth(file: Path, seed: int) -> None:
    """Measure the planted work with timeit."""
    from tests.verify.sensitivity import truth as measured

    append(file, measured(seed))


def _conditions(given: str) -> list[Condition]:
    known = get_args(Condition)
    chosen = given.split(",")
    for name in chosen:
        if name not in known:
            raise UsageError(f"no condition is called {name!r}; the conditions: {', '.join(known)}")
    return [cast("Condition", name) for name in known if name in chosen]


def _write(results: Path, write: Path) -> None:
    from tests.verify.figure import figure
    from tests.verify.page import page

    lines = read(results / SENSITIVITY, SensitivityProcess)
    if not lines:
        raise UsageError(
            f"no process has measured anything in {results}; run nox -s verify -- sensitivity"
        )
    truths = read(results / TRUTH, Truth)
    drawn = write.with_suffix(".svg")
    drawn.write_bytes(figure(lines, truths))
    trials = read(results / AGAINST, AgainstTrial)
    text = page(read(results / BIAS, BiasProcess), lines, truths, drawn.name, trials)
    write.write_text(text, encoding="utf-8")
    typer.echo(text)
    _judge(results)


def _judge(results: Path) -> None:
    lines = read(results / SENSITIVITY, SensitivityProcess)
    outcomes = []
    for promise in PROMISES:
        outcome = promise.outcome(lines)
        outcomes.append(outcome)
        typer.echo(f"{promise.condition}, {promise.words}: {promise.share(lines)}: {outcome}")
    _leave(outcomes)


def _leave(outcomes: Sequence[str | None]) -> None:
    if "broken" in outcomes:
        raise typer.Exit(BROKEN)
    if "too few processes" in outcomes:
        raise typer.Exit(INCONCLUSIVE)


def _fresh(*arguments: str, **environment: str) -> None:
    """Run a command of this module in a process of its own."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.verify", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        last = (process.stderr or process.stdout).strip()
        raise MeasurementError(f"{arguments[0]} failed in its process:\n{last}")


def main() -> None:
    """Run a command; bad input is one line and exit status 2."""
    try:
        app()
    except ParrotBenchError as error:
        typer.echo(f"verify: {error}", err=True)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
