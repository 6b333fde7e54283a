"""What the kernel's files and clocks say of a machine is read, whatever stands in them."""

from collections import namedtuple
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate, pairwise
from random import Random

import psutil
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from parrot_bench import environment, fitness
from parrot_bench.fitness import Fact
from parrot_bench.record import Environment

QUOTA, CPUINFO = "/sys/fs/cgroup/cpu.max", "/proc/cpuinfo"
LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12)
KEYS = st.sampled_from(["processor", "vendor_id", "model name", "flags", "bugs", "model"])


@contextmanager
def files(there: Mapping[str, str]) -> Iterator[None]:
    """The kernel's files, and no others."""

    def read(path: str) -> str:
        return there.get(path, "")

    with pytest.MonkeyPatch.context() as patch:
        for module in (environment, fitness):
            patch.setattr(module, "read_if_there", read)
        yield


def machine(cpus: int, governor: str) -> Environment:
    return Environment(
        python="CPython 3", platform="p", cpu="c", logical_cpus=cpus, memory_bytes=1,
        governor=governor, packages={}, commit="", dirty=None, hash_seed="0", event_loop="",
    )  # fmt: skip


def processors(where: Environment) -> dict[str, Fact]:
    return {fact.name: fact for fact in fitness._processors(where)}


@given(
    st.lists(st.tuples(KEYS, st.sampled_from([":", "\t: ", "\t\t: "]), LINE), max_size=6),
    st.booleans(),
)
def test_the_first_name_of_a_processor_is_the_processors(
    lines: list[tuple[str, str, str]], guest: bool
) -> None:
    if guest:
        lines = [*lines, ("flags", "\t\t: ", "fpu hypervisor lahf_lm")]
    text = "\n".join("".join(line) for line in lines)
    names = [value.strip() for key, _, value in lines if key == "model name" and value.strip()]
    words = {word for key, _, value in lines if key == "flags" for word in value.split()}
    with files({CPUINFO: text}):
        found = environment._cpu_name()
        facts = processors(machine(4, "performance"))
    assert found
    if names:
        assert found == names[0]
    assert "\n" not in found
    assert ("virtual machine" in facts) == ("hypervisor" in words)


@given(
    st.integers(1, 10**6) | st.just("max") | LINE, st.integers(1, 10**6) | LINE,
    st.integers(1, 256), st.sampled_from(["", "performance", "powersave", "ondemand"]),
)  # fmt: skip
def test_a_quota_is_a_share_of_processors_or_none(
    limit: int | str, period: int | str, cpus: int, governor: str
) -> None:
    with files({QUOTA: f"{limit} {period}".strip()}):
        quota = fitness._quota()
        facts = processors(machine(cpus, governor))
    if isinstance(limit, int) and isinstance(period, int):
        assert quota == limit / period
        assert ("CPU quota" in facts) == (limit < cpus * period)
    elif limit == "max":
        assert quota is None
    assert ("governor" in facts) == (governor in {"powersave", "ondemand"})
    assert (facts["processors"].level == "note") == (cpus == 1)
    assert all(fact.advice for fact in facts.values() if fact.level != "fine")


@given(st.lists(st.integers(-2, 2_000), min_size=1, max_size=20))
def test_a_clock_is_judged_by_its_steps(steps: list[int]) -> None:
    readings = list(accumulate([steps[n % len(steps)] for n in range(2 * fitness._READINGS)]))
    rest = iter(readings)
    fact = fitness._clock("odd", lambda: next(rest))
    seen = [after - before for before, after in pairwise(readings[: fitness._READINGS])]
    assert (fact.level == "defect") == (min(seen) < 0)
    smallest = min((step for step in seen if step > 0), default=0)
    assert f"the smallest step seen is {smallest} ns" in fact.said


@given(st.lists(st.integers(1, 10**9), min_size=2, max_size=60), st.randoms(), st.integers(2, 9))
def test_steadiness_is_about_ratios_and_not_about_order(
    taken: list[int], order: Random, faster: int
) -> None:
    fact = fitness._spread(taken)
    if max(taken) / min(taken) <= 1.1:
        assert fact.level == "fine"
    assert fitness._spread([each * faster for each in taken]).level == fact.level
    order.shuffle(taken)
    assert fitness._spread(taken) == fact


COUNTERS = ("user", "system", "idle", "iowait", "steal")
SECONDS = st.floats(0, 1e6)
times = namedtuple("times", COUNTERS)._make  # noqa: PYI024  # as psutil has it


@settings(max_examples=60)
@given(
    st.lists(SECONDS, min_size=5, max_size=5), st.lists(SECONDS, min_size=5, max_size=5),
    SECONDS, SECONDS,
)  # fmt: skip
def test_shares_of_the_machine_are_shares(
    before: list[float], more: list[float], own: float, own_more: float
) -> None:
    after = [one + two for one, two in zip(before, more, strict=True)]
    mine = own + own_more
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psutil, "cpu_times", lambda: times(before))
        patch.setattr(environment.NoiseWatch, "_own_cpu", lambda _: own)
        watch = environment.NoiseWatch(1)
        patch.setattr(psutil, "cpu_times", lambda: times(after))
        patch.setattr(environment.NoiseWatch, "_own_cpu", lambda _: mine)
        noise = watch.so_far()
    total = sum(after) - sum(before)
    assert (noise.other_cpu_share is None) == (noise.steal_share is None) == (total <= 0)
    assume(total > 1)
    gone = dict(zip(COUNTERS, more, strict=True))
    busy = gone["user"] + gone["system"] + gone["steal"] - own_more
    assert noise.other_cpu_share == pytest.approx(min(1, max(0, busy / total)), abs=1e-6)
    assert noise.steal_share == pytest.approx(gone["steal"] / total, abs=1e-6)
