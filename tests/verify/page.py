"""The page about the harness itself: a pure function of what was saved."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median, stdev

from scipy import stats

from parrot_bench.record import Environment
from tests.verify.names import BOUNDED_FUNCTIONS, REFERENCES
from tests.verify.planted import EQUAL, LEVELS
from tests.verify.promises import (
    ALARM,
    ENDS,
    FOUND,
    PROMISES,
    SAME,
    against_outcome,
    against_share,
    bias,
    bias_outcome,
    said,
    share,
)
from tests.verify.results import (
    AgainstTrial,
    BiasProcess,
    Candidate,
    Condition,
    ProcessLine,
    SensitivityProcess,
    Truth,
)
from tests.verify.shares import Z95, share_of, uniformity

CANDIDATES: dict[Candidate, str] = {"equal": "the same model", "slower": "3 % slower"}

COMMAND = "nox -s verify -- sensitivity --write docs/sensitivity.md"

TITLES: dict[Condition, str] = {
    "quiet": "a quiet machine, 30 s a run",
    "busy": "a hog on every core, 15 s a run",
}

METHOD = """\
## How

Each process is a run of the product, `parrot_bench.run(modes=...)` with a worker of its own (other
hash seed, other addresses), whose rounds take all of the time. Every mode is `invoke` of the parrot
after some work, a hash repeated in C, 300 µs together; what is planted is more of the same work.
Verdicts are those of the record: CPU time decides, Holm over the modes.

A process has the baseline, its second instance, an equal mode, the one of which something is
promised (1 % on a quiet machine, 3 % on a busy one), and one of the others in turn. Whoever
compares more modes at once shares the time among them: with all five planted modes in the same
30 s, 17 of 22 processes found 1 %. On the busy machine, one process a core does nothing but work,
pinned to it.

*Measured* is how much longer planted calls take by `timeit`, interleaved, in processes of their
own: the median of {truths}, in which the baseline's call took {call}. Shares have Wilson's 95 %
interval. Earlier moments are what the same functions say of the rounds until then.
"""


def page(
    biases: Sequence[BiasProcess],
    lines: Sequence[SensitivityProcess],
    truths: Sequence[Truth],
    figure: str = "",
    trials: Sequence[AgainstTrial] = (),
) -> str:
    """Return the page as Markdown.

    Args:
        biases: What processes said of the harness's own bias; none leaves that part out.
        lines: What runs said of planted differences; none leaves that part out.
        truths: What `timeit` said of the planted work.
        figure: Path of the figure, relative to the page; empty for none.
        trials: How comparisons of two sides ended; none leaves that part out.
    """
    parts = ["# What the harness can see\n"]
    if lines:
        parts += _sensitivity(lines, truths, figure)
    if trials:
        parts += _against(trials)
    if biases:
        parts += _bias(biases)
    parts += [_machine(line.environment) for line in (*lines, *biases, *trials)][:1]
    return "\n".join(parts)


def _sensitivity(
    lines: Sequence[SensitivityProcess], truths: Sequence[Truth], figure: str
) -> Iterable[str]:
    yield f"{_when(lines)} by `{COMMAND}`.\n"
    yield _table(
        ("condition", "promise", "asked", "found", "processes", ""),
        [
            (
                TITLES[promise.condition],
                promise.words,
                f"≥ {promise.least:.0%}" if promise.least else f"≤ {promise.most:.0%}",
                str(promise.share(lines) or "-"),
                str(found.of if (found := promise.share(lines)) else 0),
                promise.outcome(lines),
            )
            for promise in PROMISES
        ],
    )
    if figure:
        yield f"![Share of runs that found a planted difference]({figure})\n"
    for condition, title in TITLES.items():
        of = [line for line in lines if line.condition == condition]
        if of:
            yield f"## On {title}\n"
            yield _curve(of, truths)
            yield _equals(of)
            yield _sooner(of)
    call = f"{median(t.call_ns for t in truths) / 1000:.0f} µs" if truths else "-"
    yield METHOD.format(truths=len(truths), call=call)


def _when(lines: Sequence[ProcessLine]) -> str:
    dates = sorted({f"{line.taken:%Y-%m-%d}" for line in lines})
    commits = sorted(
        {line.environment.commit[:7] + "+" * bool(line.environment.dirty) for line in lines}
    )
    return f"Measured on {' and '.join(dates)}, commit {', '.join(commits)},"


def _machine(environment: Environment) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in environment.packages.items())
    return (
        f"On {environment.cpu}, {environment.logical_cpus} processors, {environment.platform}, "
        f"with {environment.python}; {versions}. A commit with a + had uncommitted changes.\n"
    )


def _curve(lines: Sequence[SensitivityProcess], truths: Sequence[Truth]) -> str:
    rows = []
    for name, planted in LEVELS.items():
        last = said(lines, name)
        if not last:  # it has not been its turn yet
            continue
        measured = [truth.ratios[name] for truth in truths]
        rows.append(
            (
                f"{planted:.2%}",
                f"{median(measured) - 1:+.2%}" if measured else "-",
                f"{median(found.value for found in last) - 1:+.2%}",
                f"{median(_half_width(found.low, found.high) for found in last):.2%}",
                str(share(last, FOUND)),
                str(share(last, frozenset({"faster"}))),
                str(share(last, SAME)),
                str(sum(not line.stable.get(name, True) for line in lines)),
            )
        )
    heads = ("planted", "measured", "ratio", "±", "slower", "faster", "same", "not stable")
    return _table(heads, rows)


def _half_width(low: float, high: float) -> float:
    return math.sqrt(high / low) - 1


def _equals(lines: Sequence[SensitivityProcess]) -> str:
    last = said(lines, EQUAL)
    p_values = [found.p for found in last]
    distance = uniformity(p_values)
    exact = stats.kstest(p_values, "uniform", alternative="greater").pvalue
    tenths = [sum(i <= 10 * p < i + 1 or (i, p) == (9, 1.0) for p in p_values) for i in range(10)]
    others = [line.other_cpu_share for line in lines if line.other_cpu_share is not None]
    noise = f" Other processes used {median(others):.1%} of the processors." if others else ""
    agreed = share_of(low <= 1 <= high for low, high in (line.aa for line in lines))
    # An interval is two arms of about two standard errors.
    own = median(math.log(found.high / found.low) / (2 * Z95) for found in last)
    scatter = stdev(math.log(found.value) for found in last) if len(last) > 1 else 0.0
    return (
        f"Of the equal mode's p-values, by tenths from 0 to 1: {', '.join(map(str, tenths))}. "
        f"Their distribution is above the uniform one by at most {distance.too_small:.2f} "
        f"(Kolmogorov-Smirnov, p = {exact:.2g}; above is where false alarms come from) and below "
        f"it by at most {distance.too_large:.2f} (each is the larger of two tests', so they are "
        f"cautious). Its ratios scatter between processes by {scatter:.2%} (standard deviation); "
        f"a process's own interval makes that {own:.2%}: what is over that, no single process can "
        f"know. The baseline's second instance was found equal (99 %) in {agreed}. "
        f"{median(found.rounds for found in last):.0f} rounds in the median process.{noise}\n"
    )


def _sooner(lines: Sequence[SensitivityProcess]) -> str:
    """Return the table of what was said at each moment, had the rounds ended there."""
    names = [name for name, planted in LEVELS.items() if planted and said(lines, name)]
    rows = []
    for moment, now in enumerate(lines[0].found[EQUAL]):
        equal = said(lines, EQUAL, moment)
        cells = [str(share(said(lines, name, moment), FOUND)) for name in names]
        same = str(share(equal, SAME))
        rows.append((f"{now.seconds:.0f} s", str(share(equal, ALARM)), *cells, same))
    found = [f"{LEVELS[name]:.2%} found" for name in names]
    return _table(("rounds until", "false alarms", *found, "equals the same"), rows)


def _against(trials: Sequence[AgainstTrial]) -> Iterable[str]:
    yield "## Two sides on a busy machine\n"
    yield (
        f"{_when(trials)} by `nox -s verify -- against`. Each trial is a command, "
        "`parrot-bench run CANDIDATE --against BASELINE --modes invoke --fail-on 1%`, with a hog "
        "on every core; the models' work is the one above.\n"
    )
    rows = []
    for candidate, words in CANDIDATES.items():
        of = [trial for trial in trials if trial.candidate == candidate]
        if not of:
            continue
        ends = Counter(trial.gate for trial in of)
        rows.append(
            (
                words,
                ENDS[candidate],
                str(against_share(trials, candidate)),
                ", ".join(f"{number} {end}" for end, number in ends.most_common()),
                f"{median(trial.value for trial in of) - 1:+.2%}",
                f"{median(_half_width(trial.low, trial.high) for trial in of):.2%}",
                f"{median(trial.pairs for trial in of):.0f}",
                f"{median(trial.seconds for trial in of):.0f} s",
                against_outcome(trials, candidate),
            )
        )
    heads = (
        "candidate", "has to end in", "did", "ends", "ratio", "±", "pairs", "time", "≥ 95%",
    )  # fmt: skip
    yield _table(heads, rows)


def _bias(lines: Sequence[BiasProcess]) -> Iterable[str]:
    rows = []
    for function in BOUNDED_FUNCTIONS:
        for who, reference in REFERENCES.items():
            found = bias(lines, function, who)
            outcome = bias_outcome(lines, function, who)
            rounds = sum(line.rounds[function][who] for line in lines)
            rows.append(
                (
                    function,
                    who,
                    reference,
                    f"{found.value - 1:+.2%}",
                    f"[{found.low - 1:+.2%}, {found.high - 1:+.2%}]",
                    str(rounds),
                    ""
                    if outcome is None
                    else f"within {BOUNDED_FUNCTIONS[function]:.1%}: {outcome}",
                )
            )
    yield "## The harness's own bias\n"
    yield (
        f"{_when(lines)} by `nox -s verify -- bias` in {len(lines)} fresh "
        "processes. All time the same function in the same rounds, in random order; a ratio is "
        "the median of its process's rounds, its interval the exact one over processes.\n"
    )
    yield _table(("function", "timed by", "over", "bias", "95 %", "rounds", "promised"), rows)
    yield (
        "The 20 µs are a hash repeated in C. Ours are the blocks of a run (`ExecutionMode`, "
        "`Caller`), with `timeit` of the same number of calls. pyperf's runner is told that the "
        "process is one of its workers; pytest-benchmark's fixture calibrates itself, for 20 ms "
        "each time. What those two have on top is how they call: pyperf a `partial`, "
        "pytest-benchmark with `*args, **kwargs`.\n"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
