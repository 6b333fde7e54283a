"""Every example, run as its first lines say."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from otlp_receiver import Received, http_receiver

from parrot_bench.record import read_record
from parrot_callbacks import read_spans
from parrot_callbacks.span_file import MalformedLine
from tests.parrot_bench.conftest import environment

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: object, cwd: Path, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *map(str, arguments)],
        cwd=cwd,
        env={**environment(), **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sent_to(received: Received) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": received.url}


def test_every_example_is_listed_and_tried() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    tried = Path(__file__).read_text(encoding="utf-8")
    for path in EXAMPLES.iterdir():
        if path.suffix in {".py", ".ipynb"}:
            assert f"[{path.name}]({path.name})" in listed
            assert f'"{path.name}"' in tried


def test_own_model(tmp_path: Path) -> None:
    said = run("own_model.py", tmp_path / "run", cwd=tmp_path)
    assert "note: async-fallback" in said
    assert "note: usage-absent" in said
    record = read_record(tmp_path / "run")
    assert record.overhead is not None
    for mode in record.overhead.modes:
        assert f"{mode.mode:10} " in said


def test_gate(tmp_path: Path) -> None:
    said = run("pull_request_gate.py", cwd=tmp_path)
    assert "stream: +" in said
    assert said.rstrip().endswith("regression")


def test_agent_measured(tmp_path: Path) -> None:
    pytest.importorskip("langgraph")
    said = run("agent_measured.py", tmp_path / "run", cwd=tmp_path)
    assert said.startswith("graph of ")
    assert "stream_messages  first chunk after" in said
    assert "10 calls, 20 of its model, 20 chat spans: they agree" in said
    assert "do not agree" not in said


def test_agent(tmp_path: Path) -> None:
    pytest.importorskip("langgraph")
    with http_receiver() as received:
        said = run("agent_traced.py", cwd=tmp_path, **sent_to(received))
    assert said.strip() == "sunny in Lisbon"
    spans = {span.name: span for span in received.spans()}
    assert len({span.trace_id for span in received.spans()}) == 1
    parents = {span.span_id: span for span in received.spans()}
    tool = spans["execute_tool weather"]
    assert spans["look out of the window"].parent_span_id == tool.span_id
    assert Counter(span.name for span in received.spans())["chat parrot"] == 2
    (root,) = [span for span in received.spans() if not span.parent_span_id]
    assert root.name.endswith("forecaster")
    at = tool
    while at.parent_span_id:
        at = parents[at.parent_span_id]
    assert at is root


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_forked_workers(tmp_path: Path) -> None:
    run("forked_workers.py", tmp_path, cwd=tmp_path)
    files = sorted(tmp_path.glob("worker-*.jsonl"))
    assert len(files) == 3
    for file in files:
        written = [part for part in read_spans(file) if not isinstance(part, MalformedLine)]
        assert sum(map(len, written)) == 20, "what a worker did, and nothing of another's"


def test_short_process(tmp_path: Path) -> None:
    with http_receiver() as received:
        said = run("short_process.py", cwd=tmp_path, **sent_to(received))
    assert json.loads(said) == [{"reply": "hello"}, {"reply": "and again"}]
    assert [len(taken.resource_spans) for taken in received.taken] == [1, 1], "one an answer"
    assert len(received.spans()) == 2


def test_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    formatted = pytest.importorskip("IPython.core.interactiveshell")
    monkeypatch.chdir(tmp_path)
    shell = formatted.InteractiveShell.instance()
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))
    shown = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            result = shell.run_cell("".join(cell["source"]))
            result.raise_error()
            shown.append(shell.display_formatter.format(result.result)[0])
    assert "invoke" in shown[0]["text/html"]
    assert "ratio_low" in shown[1]["text/html"]
