"""Into a real backend: every span that was sent is found in MLflow, with its attributes."""

import base64
import json
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from compared_spans import Spans, in_file

from parrot_bench.record import read_record

pytest.importorskip("mlflow", reason="mlflow is in the group `collectors`: nox -s collectors")

Bench = Callable[..., Any]
EXPERIMENT = {"OTEL_EXPORTER_OTLP_HEADERS": "x-mlflow-experiment-id=0"}


@pytest.fixture(scope="module")
def mlflow(
    tmp_path_factory: pytest.TempPathFactory,
    server: Callable[..., AbstractContextManager[None]],
    command: Callable[..., list[str]],
    port: Callable[[], int],
) -> Iterator[str]:
    """MLflow's server on a database of its own; its address."""
    folder = tmp_path_factory.mktemp("mlflow")
    at = port()
    words = command("mlflow", {"mlflow": "mlflow", "5000": str(at)})
    with server([sys.executable, "-m", *words], at, folder / "mlflow.out", "/health"):
        yield f"http://127.0.0.1:{at}"


def in_mlflow(address: str, spans: Spans) -> Spans:
    """The spans of the same traces, as MLflow's REST interface tells them."""
    found: Spans = {}
    for trace in {span["traceId"] for span in spans.values()}:
        with urllib.request.urlopen(
            f"{address}/api/3.0/mlflow/traces/get?trace_id=tr-{trace}", timeout=30
        ) as answer:
            told = json.load(answer)["trace"]["spans"]
        for span in told:
            number = base64.b64decode(span["span_id"]).hex()
            assert number not in found, "a span is there twice"
            found[number] = {
                "traceId": base64.b64decode(span["trace_id"]).hex(),
                "parentSpanId": base64.b64decode(span.get("parent_span_id", "")).hex(),
                "name": span["name"],
                "startTimeUnixNano": str(span["start_time_unix_nano"]),
                "endTimeUnixNano": str(span["end_time_unix_nano"]),
                "attributes": {item["key"]: plain(item["value"]) for item in span["attributes"]},
            }
    return found


def plain(value: dict[str, Any]) -> Any:
    """A value of OTLP in plain Python, whichever way its fields are written."""
    ((kind, content),) = value.items()
    if kind in {"array_value", "arrayValue"}:
        return [plain(item) for item in content.get("values", ())]
    return float(content) if kind in {"int_value", "intValue"} else content


def check_all_there(address: str, spans: Spans) -> None:
    there = in_mlflow(address, spans)
    assert there.keys() == spans.keys()
    for number, span in spans.items():
        kept = there[number]
        for field in ("traceId", "parentSpanId", "name", "startTimeUnixNano", "endTimeUnixNano"):
            assert kept[field] == span[field]
        sent = {key: plain(value) for key, value in span["attributes"].items()}
        # MLflow adds attributes of its own, which begin with its name.
        own = {k: v for k, v in kept["attributes"].items() if not k.startswith("mlflow.")}
        assert own == sent


def test_a_run_while_it_runs(measure: Bench, tmp_path: Path, mlflow: str) -> None:
    done = measure(
        "--otlp", mlflow,
        # The first request makes MLflow load, which took it longer than five seconds.
        cwd=tmp_path, OTEL_EXPORTER_OTLP_TIMEOUT="30", **EXPERIMENT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    reconciliation = read_record(tmp_path / "run").reconciliation
    assert reconciliation is not None
    assert reconciliation.delivered, reconciliation.deliveries
    spans = in_file(tmp_path / "run")
    assert len(spans) == reconciliation.ended
    check_all_there(mlflow, spans)


def test_a_saved_run_twice(bench: Bench, saved: Path, mlflow: str) -> None:
    spans = in_file(saved)
    for _ in range(2):
        done = bench(
            "export", saved, "--otlp", mlflow,
            cwd=saved, **EXPERIMENT,
        )  # fmt: skip
        assert done.stdout == f"{len(spans)} spans delivered to {mlflow}\n", done.stderr
        check_all_there(mlflow, spans)


def test_a_header_that_is_missing_is_named(bench: Bench, saved: Path, mlflow: str) -> None:
    done = bench("export", saved, "--otlp", mlflow, cwd=saved)
    assert done.returncode == 2
    assert "HTTP 422" in done.stderr
    assert "x-mlflow-experiment-id" in done.stderr
    assert done.stderr.count("\n") == 1
