"""``parrot-bench conformance``: its tables, files and exit status."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from parrot_callbacks import read_spans
from parrot_callbacks.conformance import needs_as_markdown

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

TRACING = """
from parrot_callbacks import OpenTelemetryCallbackHandler

def make(tracer_provider):
    return OpenTelemetryCallbackHandler(tracer_provider)

class Deaf(OpenTelemetryCallbackHandler):
    def on_chat_model_start(self, *args, **kwargs):
        pass
"""


def test_our_own_handler(cli: Cli, tmp_path: Path) -> None:
    done = cli(
        "conformance", "--only", "invoke/bare,ainvoke-native/bare,batch/sequence",
        "--json", "out.json", "--spans", "spans.jsonl", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["invoke", "✓"] in rows
    assert ["ainvoke", "native", "(o)"] in rows
    assert "modes: 3 cells; 0 fail by structure, 0 by attributes" in done.stdout
    record = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [cell["cell"] for cell in record["cells"]] == [
        "invoke/bare",
        "batch/sequence",
        "ainvoke-native/bare",
    ]
    assert "parrot-bench" in record["handler"]["distributions"]
    spans = [span for line in read_spans(tmp_path / "spans.jsonl") for span in line]
    assert sum(span.name == "chat echo-1" for span in spans) == 6


def test_what_the_instrumentor_is_needed_for_can_be_counted(cli: Cli, tmp_path: Path) -> None:
    done = cli("conformance", "--strict", "--only", "ainvoke-native/bare", cwd=tmp_path)
    assert done.returncode == 1
    assert "failed: same object: expected the same object" in done.stdout


def test_a_handler_of_ones_own_that_fails(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "my_tracing.py").write_text(TRACING, encoding="utf-8")
    done = cli("conformance", "my_tracing:Deaf", "--only", "invoke/bare", cwd=tmp_path)
    assert done.returncode == 1
    assert "failed: one span: expected 2, got 0: invoke/bare" in done.stdout
    assert "Traceback" not in done.stderr


def test_two_handlers_together(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "my_tracing.py").write_text(TRACING, encoding="utf-8")
    done = cli("conformance", "--also", "my_tracing:make", "--only", "stream/span", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_list_says_what_needs_the_instrumentor(cli: Cli, tmp_path: Path) -> None:
    done = cli("conformance", "--list", "--only", "ainvoke-native/bare,stream_events_v3/sequence",
               cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert re.match(r"stream_events_v3/sequence  not available: .* has no v3 events", lines[0])
    assert lines[1] == "ainvoke-native/bare  needs the instrumentor: same object"
    assert needs_as_markdown() in done.stdout


def test_bad_input_is_one_line(cli: Cli, tmp_path: Path) -> None:
    for arguments, said in (
        (("nothing",), "'nothing' does not say what to judge; expected module:factory"),
        (("builtins:repr",), "builtins:repr returned a str; expected a callback handler"),
        (("--only", "no-such-cell"), "no cell is named 'no-such-cell'; expected a part of a name"),
        (("--json", "not/there.json"), "not/there.json cannot be written: there is no folder not"),
        (
            ("--spans", "not/there.jsonl"),
            "not/there.jsonl cannot be written: there is no folder not",
        ),
    ):
        done = cli("conformance", *arguments, "--only", "invoke/bare", cwd=tmp_path)
        assert done.returncode == 2, arguments
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith("parrot-bench: ")
        assert said in line
