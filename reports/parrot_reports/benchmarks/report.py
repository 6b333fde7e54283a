"""What a file of pytest-benchmark says: groups in the order of cost, and doubts. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from parrot_reports import units
from parrot_reports.benchmarks.reading import Benchmark, BenchmarkFile
from parrot_reports.parts import Key, Name, Sentence

UNRESOLVED = 1.15
"""Ratios under this are none. Tests run one after the other, and medians of the same code measured
at separate times differ by 8 to 10 %; `parrot-bench compare` takes the same for single runs."""

_FEW_ROUNDS = 10
"""Under so many rounds, the machine may have been slow for all of them."""

_WIDE = 0.25
"""An interquartile range of this share of the median: something else was at work."""

_NAMED = 3
"""Benchmarks named in a doubt."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Benchmarks that are compared with each other, the fastest first.

    Attributes:
        name: Of the group; empty for those that have none.
        benchmarks: By median.
    """

    name: str
    benchmarks: tuple[Benchmark, ...]

    @property
    def fastest(self) -> Benchmark:
        """What the others are compared with."""
        return self.benchmarks[0]

    def ratio(self, benchmark: Benchmark) -> float | None:
        """Median over that of the fastest; None where a clock was too coarse to tell."""
        least = median_ns(self.fastest)
        return median_ns(benchmark) / least if least > 0 else None


def median_ns(benchmark: Benchmark) -> float:
    """Median time of a call, nanoseconds."""
    return benchmark.ns(benchmark.stats.median)


def groups(file: BenchmarkFile) -> tuple[Group, ...]:
    """Return the groups by name, each in the order of cost."""
    found: defaultdict[str, list[Benchmark]] = defaultdict(list)
    for benchmark in file.benchmarks:
        found[benchmark.group or ""].append(benchmark)
    return tuple(
        Group(name=name, benchmarks=tuple(sorted(own, key=lambda b: (median_ns(b), b.name))))
        for name, own in sorted(found.items())
    )


def label(benchmark: Benchmark, group: Group) -> str:
    """What a benchmark is called in its group: the part that the names don't share."""
    head, bracket, parameters = benchmark.name.partition("[")
    shared = {each.name.partition("[")[0] for each in group.benchmarks} == {head}
    return parameters.removesuffix("]") if bracket and shared else benchmark.name


def ratio_text(ratio: float | None) -> str:
    """A ratio with the digits that it deserves."""
    if ratio is None:
        return units.NONE
    return f"{units.significant(ratio, 2)}{units.TIMES}" if ratio != 1 else "1"


def headline(found: Sequence[Group]) -> Sentence:
    """The widest difference of all groups, in one sentence."""
    number = sum(len(group.benchmarks) for group in found)
    tests = f"{number} benchmark{'s' if number > 1 else ''}"
    ratios = [(group.ratio(group.benchmarks[-1]) or 1.0, group) for group in found]
    most, group = max(ratios, key=lambda pair: pair[0])
    if most < UNRESOLVED:
        (only,) = found[0].benchmarks if number == 1 else (None,)
        if only is not None:
            return (Name(only.name), " takes ", Key(units.duration(median_ns(only))))
        return (tests, ", of which none takes notably longer than another of its group")
    slowest = group.benchmarks[-1]
    return (
        Name(label(slowest, group)),
        " takes ",
        Key(ratio_text(most)),
        " as long as ",
        Name(label(group.fastest, group)),
        f"; {tests} in {len(found)} group{'s' if len(found) > 1 else ''}",
    )


def finding(group: Group) -> Sentence:
    """What a group shows: from the fastest to the slowest, and which are not told apart."""
    fastest, slowest = group.fastest, group.benchmarks[-1]
    median = units.duration(median_ns(fastest))
    if fastest is slowest:
        return (Name(label(fastest, group)), " takes ", Key(median), ".")
    near = [b for b in group.benchmarks[1:] if (group.ratio(b) or 1.0) < UNRESOLVED]
    said: Sentence = (Name(label(fastest, group)), " is the fastest, ", median)
    if len(near) == len(group.benchmarks) - 1:
        return (*said, "; no other is notably slower.")
    longest = ratio_text(group.ratio(slowest))
    said = (*said, "; ", Name(label(slowest, group)), " takes ", Key(longest), " as long")
    if not near:
        return (*said, ".")
    rest = [part for b in near for part in (", ", Name(label(b, group)))][1:]
    return (*said, ". Not told apart from the fastest: ", *rest, ".")


def doubts(file: BenchmarkFile) -> Iterator[str]:
    """Reasons to read the file with care, a sentence each."""
    few = [b.name for b in file.benchmarks if b.stats.rounds < _FEW_ROUNDS]
    if few:
        yield f"Fewer than {_FEW_ROUNDS} rounds: {_some(few)}."
    wide = [
        b.name
        for b in file.benchmarks
        if b.stats.median > 0 and (b.stats.q3 - b.stats.q1) / b.stats.median > _WIDE
    ]
    if wide:
        yield f"The middle half of the rounds spreads over more than 25 %: {_some(wide)}."
    if any(not b.stats.median for b in file.benchmarks):
        yield "A median is 0: the clock is too coarse for what was timed."
    if file.commit_info.get("dirty"):
        yield "Files differed from the commit that is named."


def reading(file: BenchmarkFile) -> tuple[Literal["green", "amber"], str]:
    """How far to trust it, as a colour and a line."""
    found = tuple(doubts(file))
    if not found:
        return "green", "Enough rounds, little scatter"
    return "amber", "Read with care: " + " ".join(found)


def conditions(file: BenchmarkFile) -> list[tuple[str, str]]:
    """Where and how it was measured, as far as the file says it."""
    machine, commit = file.machine_info, file.commit_info
    cpu = machine.get("cpu")
    brand = cpu.get("brand_raw", "") if isinstance(cpu, dict) else ""
    timers = {_called(b.options["timer"]) for b in file.benchmarks if b.options.get("timer")}
    collecting = {
        bool(b.options["disable_gc"]) for b in file.benchmarks if "disable_gc" in b.options
    }
    garbage = {frozenset({True}): "off", frozenset({False}): "on"}.get(frozenset(collecting), "")
    rows = [
        ("written", file.datetime[:19].replace("T", " ")),
        (
            "Python",
            f"{machine.get('python_implementation', '')} {machine.get('python_version', '')}",
        ),
        ("system", f"{machine.get('system', '')} {machine.get('machine', '')}"),
        ("processor", str(brand or machine.get("processor") or "")),
        ("commit", f"{commit.get('id') or ''}{' (dirty)' if commit.get('dirty') else ''}"),
        ("timer", ", ".join(sorted(timers))),
        ("garbage collection", garbage),
        ("pytest-benchmark", file.version),
    ]
    return [(what, said.strip()) for what, said in rows if said.strip()]


def _called(timer: object) -> str:
    """Name of a timer; one that is an object is written as Python prints it."""
    return str(timer).partition(" object at ")[0].rpartition(".")[2]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
