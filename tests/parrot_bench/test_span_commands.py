"""``parrot-bench export`` and ``report FILE``: what they print, and how they leave."""

import gzip
import json
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from otlp_receiver import Answer, Received, http_receiver, partial_success

from parrot_bench.record import read_record
from parrot_callbacks import open_tracing

Done = subprocess.CompletedProcess[str]
Call = Callable[..., Done]


@pytest.fixture
def receiver() -> Iterator[Received]:
    with http_receiver() as received:
        yield received


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with the spans of a run that was killed before it could write anything else."""
    folder = tmp_path / "run"
    folder.mkdir()
    tracing = open_tracing(folder / "spans.jsonl")
    tracer = tracing.tracer_provider.get_tracer("tests", "1")
    for _ in range(4):
        for _ in range(5):
            attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
            tracer.start_span("chat m", attributes=attributes).end()
        tracing.flush()
    tracing.close()
    return folder


@pytest.fixture
def call(cli: Callable[..., Done], tmp_path: Path) -> Call:
    return partial(cli, cwd=tmp_path)


def test_sent_twice(call: Call, run: Path, receiver: Received) -> None:
    for time in (1, 2):
        done = call("export", run, "--otlp", receiver.url)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"20 spans delivered to {receiver.url}\n"
        assert len(receiver.spans()) == 20 * time
    assert len({span.span_id for span in receiver.spans()}) == 20


def test_gzip_beside_and_by_name(call: Call, run: Path, receiver: Received) -> None:
    plain = run / "spans.jsonl"
    packed = run / "spans.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert call("export", run, "--otlp", receiver.url).returncode == 0
    assert call("export", packed, "--otlp", receiver.url).returncode == 0
    assert len(receiver.spans()) == 40


def test_an_interrupted_file(call: Call, run: Path, receiver: Received) -> None:
    spans = run / "spans.jsonl"
    spans.write_bytes(spans.read_bytes()[:-100])
    done = call("export", run, "--otlp", receiver.url)
    assert done.returncode == 0
    assert done.stdout == f"15 spans delivered to {receiver.url}\n"
    assert done.stderr == f"parrot-bench: not sent: {spans}:4: cut off\n"


def test_a_damaged_file(call: Call, run: Path, receiver: Received) -> None:
    spans = run / "spans.jsonl"
    lines = spans.read_bytes().splitlines(keepends=True)
    spans.write_bytes(b"".join([lines[0], b"{oops\n", *lines[1:]]))
    done = call("export", run, "--otlp", receiver.url)
    assert done.returncode == 1, "something in it was not sent"
    assert len(receiver.spans()) == 20
    assert done.stderr.startswith(f"parrot-bench: not sent: {spans}:2: not a request")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(status=400), "20 of 20 spans were not delivered"),
        (Answer(body=partial_success(3, "too big").SerializeToString()), "3 of 20 spans rejected"),
    ],
)
def test_what_a_collector_does_not_take(
    call: Call, run: Path, receiver: Received, answer: Answer, said: str
) -> None:
    receiver.answers = lambda _: answer
    done = call("export", run, "--otlp", receiver.url.replace("://", "://me:s3cret@"))
    assert done.returncode == 2
    assert said in done.stderr
    assert "repeat the command when it can take them" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "RUN", "--otlp", "me:s3cret@h:4318"), "is not an OTLP endpoint; give a URL"),
        (("export", "RUN", "--otlp", "http://me:s3cret@h:p"), "'http://h:p' is not an OTLP"),
        (("export", "nowhere", "--otlp", "http://h"), "no spans at nowhere; name a run directory"),
        (("report", "nowhere"), "nowhere cannot be read (No such file or directory); name a run"),
        (("report", "RUN", "--where", "x"), "--where 'x' is not a condition; give key=value"),
        (("report", "RUN", "--where", "model=x"), "no span has model = x; there is m"),
        (("report", "RUN", "--since", "noon"), "--since 'noon' is not a time; give"),
        (("report", "RUN", "--until", "0s"), "no span is left by until 0s; choose less"),
        (("report", "RUN", "--prices", "no.toml"), "prices no.toml cannot be read"),
    ],
)
def test_what_makes_no_sense(call: Call, run: Path, arguments: tuple[str, ...], said: str) -> None:
    done = call(*(str(run) if argument == "RUN" else argument for argument in arguments))
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "s3cret" not in done.stderr


def test_a_report_of_spans(call: Call, run: Path, tmp_path: Path) -> None:
    done = call("report", run / "spans.jsonl", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "20 calls of `m`" in done.stdout
    assert "Every line could be read: 4 lines, 20 spans." in done.stdout
    assert f"report: {tmp_path / 'out' / 'report.html'}\n" in done.stdout
    assert (tmp_path / "out" / "summary.md").is_file()


def test_a_folder_of_spans_as_text_and_as_data(call: Call, run: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('[m]\ninput = 1\noutput = 2\ncurrency = "USD"\n', encoding="utf-8")
    done = call("report", run, "--format", "md", "--where", "gen_ai.request.model=m")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("### **20 calls** of `m`; half of them took ")
    assert [file.name for file in run.iterdir()] == ["spans.jsonl"], "nothing is written"
    done = call("report", run, "--format", "json", "--out", "data", "--prices", prices)
    assert done.stdout == "report: data/report.json\n"
    found = json.loads((tmp_path / "data" / "report.json").read_text(encoding="utf-8"))
    assert found["totals"]["calls"] == 20
    assert found["costs"] == [
        {"model": "m", "amount": "0", "currency": "USD", "calls": 20, "without_usage": 20}
    ]
    table = tmp_path / "data" / "spans.parquet"
    again = call("report", table, "--format", "json", "--prices", prices)
    expected = {**found, "name": "spans.parquet"}
    assert json.loads(again.stdout) == expected


def test_options_of_spans_are_refused_for_a_run(call: Call, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    done = call("report", "run", "--where", "a=b")
    assert done.returncode == 2
    assert done.stderr.startswith("parrot-bench: --where is for a file of spans; a run's report")


def test_a_run_says_what_its_collector_rejected(
    call: Call, tmp_path: Path, receiver: Received
) -> None:
    receiver.answers = lambda _: Answer(body=partial_success(2, "too big").SerializeToString())
    done = call("run", "--time", 2, "--modes", "invoke", "--out", "here", "--otlp", receiver.url)
    record = read_record(tmp_path / "here")
    assert record.status == "complete"
    assert record.reconciliation is not None
    file, otlp = record.reconciliation.deliveries
    assert file.exported == record.reconciliation.ended
    assert (otlp.exported, otlp.failed) == (file.exported - 2, 2)
    (check,) = [check for check in record.trust if otlp.exporter in check.sentence]
    assert (check.name, check.level) == ("export", "amber")
    assert "2 failed, 0 dropped" in check.sentence
    assert "spans rejected: too big" in " ".join(done.stdout.split())
