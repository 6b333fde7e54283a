"""Which release changed the cost: the search is pure; the rest is real."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version
from typer.testing import CliRunner

from parrot_bench.bisect import carrying
from parrot_bench.bisect import releases as listing
from parrot_bench.bisect.releases import asked, releases
from parrot_bench.bisect.search import Conclusion, most_comparisons, search
from parrot_bench.cli import app
from parrot_bench.errors import UsageError
from parrot_bench.record import BisectionRecord, Estimate
from parrot_bench.request import Request
from parrot_reports.bisection import bisection_sentence
from parrot_reports.parts import plain
from tests.parrot_bench.conftest import environment

NARROW = 0.001


def carried_out(
    costs: list[float], threshold: float = 0.02, width: float = NARROW
) -> tuple[Conclusion, list[tuple[int, int]]]:
    """Search with measurements that are exact, each with an interval of this half-width."""
    asked: list[tuple[int, int]] = []
    looking = search(len(costs), threshold)
    try:
        pair = next(looking)
        while True:
            asked.append(pair)
            ratio = costs[pair[0]] / costs[pair[1]]
            estimate = Estimate(
                value=ratio, low=ratio * (1 - width), high=ratio * (1 + width), count=10,
                confidence=0.95, unit="ratio",
            )  # fmt: skip
            pair = looking.send(estimate)
    except StopIteration as stopped:
        return stopped.value, asked


@given(st.integers(2, 60), st.data(), st.floats(0.5, 2).filter(lambda r: abs(r - 1) > 0.05))
def test_one_step_is_found(count: int, data: st.DataObject, step: float) -> None:
    where = data.draw(st.integers(1, count - 1))
    found, measured = carried_out([1.0] * where + [step] * (count - where))
    assert found.verdict == "found"
    assert found.release == where
    assert found.step is not None
    assert found.step.value == pytest.approx(step)
    assert found.doubtful == ()
    assert measured[0] == (count - 1, 0)
    assert measured[-1] == (where, where - 1)
    assert len(measured) <= most_comparisons(count)
    assert len(set(measured)) == len(measured), "nothing is measured twice"


@given(st.lists(st.floats(1, 1.015), min_size=2, max_size=40))
def test_no_change(costs: list[float]) -> None:
    found, measured = carried_out(costs)
    assert found.verdict == "no change"
    assert said(told(found, len(costs))).startswith("No change: `invoke` costs the same in x 1.0")
    assert measured == [(len(costs) - 1, 0)]


def test_the_larger_of_two_steps_is_found_and_is_not_all() -> None:
    found, _ = carried_out([1, 1, 1.02, 1.02, 1.1, 1.1])
    assert found.release == 4
    record = told(found, 6)
    assert record.share == pytest.approx(0.79, abs=0.01)
    assert " over 4.0; from 1.0 to 6.0 it is +10.0 % [+9.9, +10.1]." in said(record)
    assert "other releases" not in said(record)


def test_many_small_steps_are_told() -> None:
    found, _ = carried_out([1.01**number for number in range(20)])
    record = told(found, 20)
    assert record.share == pytest.approx(1 / 19)
    assert said(record).endswith("That is 5.3 % of it: other releases have a part, too.")


def told(found: Conclusion, count: int) -> BisectionRecord:
    releases = tuple(f"{number}.0" for number in range(1, count + 1))
    return BisectionRecord(
        parrot_bench_version="0", distribution="x", mode="invoke", releases=releases,
        threshold=0.02, verdict=found.verdict, ends=found.ends, step=found.step, compared=(),
        release="" if found.release is None else releases[found.release],
        before="" if found.release is None else releases[found.release - 1],
        doubtful=tuple(releases[number] for number in found.doubtful),
    )  # fmt: skip


def said(record: BisectionRecord) -> str:
    return plain(bisection_sentence(record))


def test_wide_intervals_are_inconclusive() -> None:
    found, measured = carried_out([1, 1, 1.03, 1.03], width=0.05)
    assert (found.verdict, found.release) == ("inconclusive", None)
    assert len(measured) == 1
    assert said(told(found, 4)).startswith("Inconclusive: whether `invoke` differs between x 1.0")
    found, _ = carried_out([1.04**number for number in range(4)], width=0.05)
    assert (found.verdict, found.doubtful) == ("inconclusive", (1, 2))
    assert "half of it lies before 3.0" in said(told(found, 4))


@pytest.mark.parametrize("text", ["langchain-core", "not a name", "x @ https://example.org/x.whl"])
def test_what_has_no_bounds(text: str) -> None:
    with pytest.raises(UsageError, match="is not a requirement with bounds"):
        asked(text)


def test_not_by_another_of_itself() -> None:
    with pytest.raises(UsageError, match="another parrot-bench"):
        asked("parrot_bench>=0.1")


def test_releases_are_those_within_the_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [Version(text) for text in ("1.4.0", "1.5.0", "1.6.0rc1", "1.6.0", "1.10.0")]
    monkeypatch.setattr(listing, "_listed", lambda _: listed)
    assert releases(Requirement("x>=1.5")) == ["1.5.0", "1.6.0", "1.10.0"]
    with pytest.raises(UsageError, match=r"allows 1 of the releases .* \(1\.4\.0 to 1\.10\.0\)"):
        releases(Requirement("x>=1.7"))


def test_a_distribution_that_nobody_has() -> None:
    with pytest.raises(UsageError, match="no releases of parrot-nobody-has can be listed"):
        releases(Requirement("parrot-nobody-has>1"))


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    own = {**environment(), "PARROT_BENCH_CACHE": str(tmp_path / "cache")}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "parrot_bench", "bisect", *arguments],
            cwd=tmp_path, env=own, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


MODEL = """
from importlib.metadata import version
from time import process_time

from packaging.version import Version

from parrot_bench import ChatParrotLink


class Burning(ChatParrotLink):
    parrot_buffer_length: int = 5

    def _generate(self, *args, **kwargs):
        # A library that became slow in this release.
        if Version(version("colorama")) >= Version("0.4.5"):
            until = process_time() + 0.0005
            while process_time() < until:
                pass
        return super()._generate(*args, **kwargs)
"""


def test_the_release_that_changed_the_cost(
    tmp_path: Path, command: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    (tmp_path / "llm.py").write_text(MODEL, encoding="utf-8")
    done = command(
        "colorama>=0.4.3,<=0.4.6", "llm:Burning", "--pairs", "3", "--over", "20%", "--out", "found"
    )
    assert done.returncode == 0, done.stderr
    # Twice and more is told as a multiple.
    larger = "(\\+|[2-9][0-9.]*\N{MULTIPLICATION SIGN})"
    assert re.search(rf"colorama 0\.4\.5 changed the cost of `invoke`: {larger}", done.stdout)
    assert "4 releases of colorama from 0.4.3 to 0.4.6" in done.stderr
    text = (tmp_path / "found" / "bisect.json").read_text(encoding="utf-8")
    record = BisectionRecord.model_validate_json(text)
    assert (record.release, record.before) == ("0.4.5", "0.4.4")
    assert record.step is not None
    assert record.step.value > 1.3
    for compared in record.compared:
        assert (tmp_path / "found" / compared.run / "run.json").exists()


def test_bad_input_is_one_line(
    tmp_path: Path, command: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    for arguments, said in (
        (("langchain-core",), "is not a requirement with bounds"),
        (("langchain-core>=1.5", "--mode", "invok"), "did you mean invoke?"),
        (("langchain-core>=99",), "allows 0 of the releases"),
    ):
        done = command(*arguments)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_recorded_replies_are_what_both_releases_give_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Request] = []

    def carried_out(request: Request, *_: object, **__: object) -> BisectionRecord:
        given.append(request)
        raise UsageError("enough")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(carrying, "bisect", carried_out)
    monkeypatch.setattr(listing, "releases", lambda _: ("1.0", "1.1"))
    done = CliRunner().invoke(app, ["bisect", "langchain-core>=1.0,<=1.1", "--replay", "r.jsonl"])
    assert done.exit_code == 2
    assert given[0].spec == "parrot_bench.replay:ReplayChatModel"
    assert dict(given[0].model_args) == {
        "file": str(tmp_path / "r.jsonl"), "latency": "zero", "order": "prompt",
    }  # fmt: skip


@given(st.text() | st.text(alphabet="ab->=<!~.,[]1 \x1b\n;@/:", max_size=20))
@example("a===\x1b")
def test_any_text_is_a_requirement_with_bounds_or_refused_in_one_line(text: str) -> None:
    try:
        found, said = asked(text), ""
    except UsageError as error:
        found, said = None, str(error)
    assert said.isprintable()
    assert (found is None) == bool(said)
    if found is not None:
        # It will be repeated, and asked for again.
        assert str(found).isprintable()
        assert str(asked(str(found))) == str(found)
