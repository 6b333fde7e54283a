"""``pytest --pyargs parrot_callbacks.conformance``, in a folder of somebody else's."""

import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = "parrot_callbacks.conformance"
PLUGIN = f"{PACKAGE}.plugin"
HANDLER = """
from parrot_callbacks import OpenTelemetryCallbackHandler

def make(tracer_provider):
    return OpenTelemetryCallbackHandler(tracer_provider)

class Deaf(OpenTelemetryCallbackHandler):
    def on_chat_model_start(self, *args, **kwargs):
        pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_tracing.py").write_text(HANDLER, encoding="utf-8")
    (tmp_path / "test_mine.py").write_text("def test_mine(): pass\n", encoding="utf-8")
    return tmp_path


def run_pytest(folder: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments],
        cwd=folder,
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def test_one_test_a_cell(folder: Path) -> None:
    status, said = run_pytest(
        folder, "--pyargs", PACKAGE, "--handler", "my_tracing:make", "-k", "invoke/bare", "-vv"
    )
    assert status == 0, said
    assert "test_handler[invoke/bare] PASSED" in said
    assert "test_handler[ainvoke-native/bare] PASSED" in said


def test_what_our_handler_needs_can_be_counted(folder: Path) -> None:
    status, said = run_pytest(
        folder, "--pyargs", PACKAGE, "--handler-strict", "-k", "ainvoke-native/bare"
    )
    assert status == 1
    assert "same object: expected the same object, got another for the same span" in said


def test_a_handler_that_fails(folder: Path) -> None:
    status, said = run_pytest(
        folder, "--pyargs", PACKAGE, "--handler", "my_tracing:Deaf", "-k", "batch/bare"
    )
    assert status == 1
    assert "one span: expected 2, got 0" in said
    assert "Traceback" not in said


def test_a_handler_that_is_not_there(folder: Path) -> None:
    status, said = run_pytest(folder, "--pyargs", PACKAGE, "--handler", "my_tracing:no")
    assert status == 2
    assert "my_tracing:no cannot be imported: module 'my_tracing' has no attribute 'no'" in said


def test_a_cell_that_is_not_available_is_skipped_with_its_reason(folder: Path) -> None:
    status, said = run_pytest(folder, "--pyargs", PACKAGE, "-k", "stream_events_v3/sequence", "-rs")
    assert status == 0
    assert "v3 events" in said


def test_nobody_else_gets_its_options(folder: Path) -> None:
    status, said = run_pytest(folder, "--handler", "my_tracing:make")
    assert status == 4
    assert "unrecognized arguments: --handler" in said
    status, said = run_pytest(folder, "--help")
    assert status == 0
    assert "--handler" not in said


def test_nobody_elses_pytest_loads_langchain(folder: Path) -> None:
    (folder / "test_mine.py").write_text(
        "import sys\n"
        "def test_mine():\n"
        f"    assert {PLUGIN!r} in sys.modules\n"
        "    assert not {'langchain_core', 'opentelemetry', 'rich', 'typer'} & set(sys.modules)\n",
        encoding="utf-8",
    )
    status, said = run_pytest(folder)
    assert status == 0, said
