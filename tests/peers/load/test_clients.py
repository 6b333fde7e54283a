"""The raw exports of other load tools, as they write them, read to one clock."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from parrot_bench.errors import MeasurementError
from tests.peers.load.clients import Plan, aiperf, guidellm, prepare
from tests.peers.load.following import follow
from tests.peers.load.turns import prompts

AHEAD_NS = 1_700_000_000 * 10**9


def test_guidellm(tmp_path: Path) -> None:
    timings = {
        "targeted_start": 1_700_000_001.0,
        "request_start": 1_700_000_001.25,
        "first_token_iteration": 1_700_000_001.5,
        "request_end": 1_700_000_002.0,
    }
    request = {"info": {"timings": timings}, "inter_token_latency_ms": 10.5, "output_tokens": 32}
    requests = {"successful": [request], "errored": [{}], "incomplete": []}
    (tmp_path / "out.json").write_text(json.dumps({"benchmarks": [{"requests": requests}]}))
    seen = guidellm(Path("python")).read(tmp_path, AHEAD_NS)
    times = np.array([seen.due, seen.made, seen.first, seen.ended])[:, 0] / 1e9
    assert times == pytest.approx([1.0, 1.25, 1.5, 2.0], abs=1e-6)
    assert (seen.gap[0], seen.tokens[0], seen.failed) == (10.5e6, 32, 1)


def test_aiperf(tmp_path: Path) -> None:
    told = {"credit_issued_ns": AHEAD_NS + 10**9, "request_start_ns": AHEAD_NS + 2 * 10**9}
    numbers = {
        "time_to_first_token": 100.0,
        "request_latency": 400.0,
        "inter_token_latency": 10.5,
        "usage_completion_tokens": 32,
    }
    metrics = {name: {"value": value, "unit": "ms"} for name, value in numbers.items()}
    lines = [{"metadata": told, "metrics": metrics}, {"metadata": told, "metrics": {}}]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "profile_export.jsonl").write_text("\n".join(map(json.dumps, lines)))
    seen = aiperf(Path("python")).read(tmp_path, AHEAD_NS)
    times = np.array([seen.due, seen.made, seen.first, seen.ended])[:, 0] / 1e9
    assert times == pytest.approx([1.0, 2.0, 2.1, 2.4])
    assert (seen.gap[0], seen.tokens[0], seen.failed) == (10.5e6, 32, 1)


def test_all_are_asked_the_same(tmp_path: Path) -> None:
    asked = prompts(30)
    assert len(set(asked)) == 30
    plan = Plan(url="http://127.0.0.1:1", folder=tmp_path / "its", rate=1, calls=30)
    prepare(plan, asked)
    assert (plan.folder / "prompts.txt").read_text().splitlines() == asked
    assert (plan.folder / "prompts.csv").read_text().splitlines() == ["prompt", *asked]
    lines = (plan.folder / "prompts.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == asked


BURNS = """
import subprocess, sys, time
if len(sys.argv) == 1:
    subprocess.run([sys.executable, __file__, "child"], check=True)
until = time.process_time() + 0.5
while time.process_time() < until:
    pass
"""


def test_a_process_is_followed_with_all_that_it_starts(tmp_path: Path) -> None:
    (tmp_path / "burns.py").write_text(BURNS)
    found = follow((sys.executable, "burns.py"), tmp_path, {})
    assert found.cpu_s >= 1.0
    spent = found.cpu_between(found.begun_ns, found.ended_ns)
    assert 0.3 <= spent <= found.cpu_s + 0.05


def test_a_process_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match=r"left with 3; .*said\.log says why"):
        follow((sys.executable, "-c", "print('no'); raise SystemExit(3)"), tmp_path, {})
    assert (tmp_path / "said.log").read_text() == "no\n"
