"""What is saved can be read again, and the page says what was and what wasn't measured."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from parrot_bench.environment import environment
from parrot_bench.errors import RecordError
from tests.peers.contenders import BARE, MINIMAL, MINIMAL_CALLS, MINIMAL_SPANS, NOBODY, OURS
from tests.peers.handlers import PEERS
from tests.peers.page import LIKE_FOR_LIKE, page
from tests.peers.results import Measured, Recorded, Series, read_conformance, read_costs
from tests.peers.telemetry import SETTINGS

ROOT = Path(__file__).parents[2]
PEER = PEERS["official"].title
# Microseconds of a call, the same in every round but for a wobble.
COSTS = {NOBODY: 100.0, BARE: 20.0, MINIMAL: 150.0, OURS: 180.0, PEER: 300.0}


def measured(*, rounds: int = 30) -> Measured:
    return Measured(
        peer=PEER,
        distribution="its-distribution",
        version="1.2.3",
        taken=datetime(2026, 11, 25, tzinfo=UTC),
        environment=environment("langchain_core", ""),
        recorded=[
            Recorded(contender=name, path="invoke", spans=1, attributes=8, records=3)
            for name in (MINIMAL, OURS, PEER)
        ],
        series=[
            Series(
                path="invoke",
                setting=SETTINGS[0].name,
                contender=name,
                cpu_ns=[cost * 1e3 * (1 + index % 3 / 100) for index in range(rounds)],
                wall_ns=[cost * 2e3 * (1 + index % 3 / 100) for index in range(rounds)],
            )
            for name, cost in COSTS.items()
        ],
    )


def judgement(factory: str) -> dict[str, object]:
    failing = {"check": "parent", "kind": "structure", "verdict": "fail"}
    passing = {"check": "parent", "kind": "structure", "verdict": "pass"}
    cells = [
        {"group": "matrix", "not_available": None, "checks": [failing, failing]},
        {"group": "matrix", "not_available": None, "checks": [passing]},
        {"group": "matrix", "not_available": "no such mode", "checks": []},
    ]
    checks = {"parent": {"question": "the right parent"}, "ended": {"question": "it has ended"}}
    return {"handler": {"factory": factory}, "checks": checks, "cells": cells}


def row(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"| {name} |"))


def test_a_measurement_is_read_as_it_was_written(tmp_path: Path) -> None:
    saved = measured()
    (tmp_path / "costs-official-0.json").write_text(saved.model_dump_json())
    assert read_costs(tmp_path) == [saved]


def test_the_page_divides_by_the_minimal_handler() -> None:
    text = page([measured()], {})
    assert row(text, OURS) == f"| {OURS} | {row(text, OURS).split(' | ')[1]} | 1.20 [1.20, 1.20] |"
    assert row(text, PEER) == f"| {PEER} | 1.2.3 | 2.00 [2.00, 2.00] |"


def test_the_page_has_the_stricter_ratios() -> None:
    text = page([measured()], {})
    assert f"| {OURS} | 1.60 [1.60, 1.60] |" in text  # (180 - 100) / (150 - 100)
    assert f"| {OURS} | 4.00 [4.00, 4.00] |" in text  # (180 - 100) / 20
    assert f"| {PEER} | 10.0 [10.0, 10.0] |" in text
    assert f"| {NOBODY} | 101 |" in text


def test_with_metrics_each_is_over_the_floor_that_makes_as_many_records() -> None:
    metered = next(setting for setting in SETTINGS if setting.metrics)
    records = {MINIMAL: 103, MINIMAL_CALLS: 3, MINIMAL_SPANS: 0, OURS: 103, PEER: 4}
    costs = {**COSTS, MINIMAL: 350.0, MINIMAL_CALLS: 200.0, MINIMAL_SPANS: 150.0, OURS: 400.0}
    one = measured()
    cost = one.series[0]
    one = one.model_copy(
        update={
            "recorded": [
                Recorded(contender=name, path="invoke", spans=1, attributes=8, records=made)
                for name, made in records.items()
            ],
            "series": [
                cost.model_copy(
                    update={
                        "contender": name,
                        "setting": metered.name,
                        "cpu_ns": [taken * 1e3] * len(cost.cpu_ns),
                    }
                )
                for name, taken in costs.items()
            ],
        }
    )
    text = page([one], {})
    table = text.split(LIKE_FOR_LIKE)[1]
    assert row(table, OURS) == f"| {OURS} | 1.20 [1.20, 1.20] |"  # (400 - 100) / (350 - 100)
    assert row(table, PEER) == f"| {PEER} | 2.00 [2.00, 2.00] |"  # (300 - 100) / (200 - 100)
    assert text.count(LIKE_FOR_LIKE) == sum(setting.metrics for setting in SETTINGS)


def test_the_page_says_what_was_not_measured() -> None:
    text = page([measured()], {})
    assert f"| {PEER} | not measured |" in text  # of the other settings


def test_rounds_of_several_processes_are_put_together() -> None:
    with_more = page([measured(rounds=6), measured(rounds=6)], {})
    assert "6 rounds" not in with_more
    assert "2.00 [2.00, 2.00]" in row(with_more, PEER)


def test_conformance_stands_beside_the_cost(tmp_path: Path) -> None:
    judged = judgement("tests.peers.handlers:official")
    (tmp_path / "conformance-official.json").write_text(json.dumps(judged))
    text = page([measured()], read_conformance(tmp_path))
    assert "| 1 + 0 of 2 |" in row(text, PEER)
    assert "| not judged |" in row(text, OURS)
    assert "| the right parent | 1 |" in text
    assert "| it has ended | 0 |" in text
    assert "| of so many cells | 2 |" in text


def test_an_empty_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="nox -s peers writes them"):
        read_costs(tmp_path)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "costs-official-0.json").write_text("{}")
    with pytest.raises(RecordError, match=r"costs-official-0\.json is no measurement of a peer"):
        read_costs(tmp_path)


def test_an_unknown_peer_is_one_line_and_status_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.peers", "measure", "nobody", "--out", tmp_path / "x"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "peers: no peer is called 'nobody'; the peers: official, openllmetry, openinference\n"
    )


@pytest.mark.skipif(PEERS["official"].is_installed, reason="it is installed here")
def test_a_peer_that_is_not_installed_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.peers", "measure", "official", "--out", tmp_path / "x"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 2
    assert "opentelemetry-instrumentation-genai-langchain isn't installed" in done.stderr
    assert done.stderr.count("\n") == 1
