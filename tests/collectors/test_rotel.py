"""Through a real collector: every span that was sent comes out behind it, as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from compared_spans import in_file, in_receiver
from otlp_receiver import Received

from parrot_bench.record import read_record

Bench = Callable[..., Any]
Rotel = tuple[str, str, Received]


def test_a_run_while_it_runs(measure: Bench, tmp_path: Path, rotel: Rotel) -> None:
    endpoint, protocol, received = rotel
    done = measure(
        "--otlp", endpoint,
        cwd=tmp_path, OTEL_EXPORTER_OTLP_PROTOCOL=protocol, OTEL_SERVICE_NAME="parrots",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    record = read_record(tmp_path / "run")
    reconciliation = record.reconciliation
    assert reconciliation is not None
    assert reconciliation.delivered, reconciliation.deliveries
    assert len(reconciliation.deliveries) == 2
    # The study of what tracing costs sends spans of its own, to see what that takes.
    assert record.tracing is not None
    exports = [each for each in record.tracing.exports if each.case == "collector"]
    assert exports
    assert all(each.delivered for each in exports)
    number = reconciliation.ended + sum(each.sent for each in exports)
    received.wait_for(number)
    assert len(received.spans()) == number
    traced, every = in_file(tmp_path / "run"), in_receiver(received)
    assert traced == {name: every[name] for name in traced}
    assert received.resource()["service.name"] == "parrots"


def test_a_saved_run_twice(bench: Bench, saved: Path, rotel: Rotel) -> None:
    endpoint, protocol, received = rotel
    spans = in_file(saved)
    for time in (1, 2):
        done = bench(
            "export", saved, "--otlp", endpoint,
            cwd=saved, OTEL_EXPORTER_OTLP_PROTOCOL=protocol, OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout == f"{len(spans)} spans delivered to {endpoint}\n"
        received.wait_for(time * len(spans))
        assert len(received.spans()) == time * len(spans)
        assert in_receiver(received) == spans


def test_many_spans_in_large_batches(
    bench: Bench, saved: Path, tmp_path: Path, rotel: Rotel
) -> None:
    endpoint, protocol, received = rotel
    lines = (saved / "spans.jsonl").read_text(encoding="utf-8")
    (tmp_path / "many.jsonl").write_text(lines * 100, encoding="utf-8")
    number = 100 * len(in_file(saved))
    assert number > 4_096
    done = bench(
        "export", "many.jsonl", "--otlp", endpoint,
        cwd=tmp_path, OTEL_EXPORTER_OTLP_PROTOCOL=protocol, OTEL_BSP_MAX_EXPORT_BATCH_SIZE="2048",
    )  # fmt: skip
    assert done.stdout == f"{number} spans delivered to {endpoint}\n", done.stderr
    received.wait_for(number, seconds=60)
    assert len(received.spans()) == number
