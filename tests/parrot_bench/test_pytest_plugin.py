"""The pytest plug-in, in a pytest of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.parrot_bench.conftest import environment

Pytest = Callable[..., "subprocess.CompletedProcess[str]"]

BENCHMARKS = """
import pytest

def test_mode(benchmark_mode, execution_mode):
    replies = benchmark_mode("hello there")
    assert replies[0].text == "hello there"
    assert benchmark_mode.mode is execution_mode

@pytest.mark.benchmark(group="mine")
def test_grouped(benchmark_mode):
    benchmark_mode("hello there", batch_size=3)
"""

SPANS = """
def test_spans(chat_model, parrot_spans):
    chat_model.invoke("hello there, parrot")
    (span,) = parrot_spans.chat
    assert span.attributes["gen_ai.usage.input_tokens"] == 19
    parrot_spans.clear()
    assert parrot_spans.all == ()

def test_nothing_stays(chat_model, parrot_spans):
    assert parrot_spans.all == ()
    chat_model.batch(["a", "b"])
    assert len(parrot_spans.chat) == 2
"""


FORGETFUL = """
from parrot_bench import ChatParrotLink

class Forgetful(ChatParrotLink):
    parrot_buffer_length: int = 20

    def _stream(self, *args, **kwargs):
        for chunk in super()._stream(*args, **kwargs):
            chunk.message.usage_metadata = None
            yield chunk
"""


@pytest.fixture
def run_pytest(folder: Path) -> Pytest:
    def run(text: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        (folder / "test_theirs.py").write_text(text, encoding="utf-8")
        quick = ("--benchmark-max-time=0.05", "--benchmark-min-rounds=3")
        return subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *quick, *arguments,
            ],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip

    return run


def test_modes_are_timed_and_described(run_pytest: Pytest, folder: Path) -> None:
    chosen = "--chat-modes=invoke,ainvoke,abatch,astream_events_v2"
    done = run_pytest(BENCHMARKS, chosen, "--benchmark-json=out.json")
    assert done.returncode == 0, done.stdout
    found = json.loads((folder / "out.json").read_text(encoding="utf-8"))["benchmarks"]
    assert len(found) == 8
    by_name = {entry["name"]: entry for entry in found}
    events = by_name["test_mode[astream_events_v2]"]
    assert events["group"] == "test_mode"
    assert events["extra_info"]["mode"] == "astream_events_v2"
    assert events["extra_info"]["output_tokens"] == 11
    assert events["extra_info"]["identifying_params"]["model_name"] == "parrot"
    assert 0 < events["extra_info"]["seconds_to_first_chunk"] < events["stats"]["max"]
    batch = by_name["test_grouped[abatch]"]
    assert (batch["group"], batch["extra_info"]["batch_size"]) == ("mine", 3)


def test_what_is_chosen_and_what_a_model_lacks(run_pytest: Pytest, folder: Path) -> None:
    (folder / "pytest.ini").write_text(
        "[pytest]\nchat_model = models:Plain\nchat_modes = invoke direct_stream\n", encoding="utf-8"
    )
    text = 'def test_mode(benchmark_mode):\n    assert benchmark_mode()[0].text == "hi"\n'
    done = run_pytest(text, "-rs")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 skipped" in done.stdout
    assert "direct_stream is not available" in done.stdout
    refused = run_pytest(text, "--chat-modes=invoice")
    assert refused.returncode != 0
    assert "did you mean invoke?" in refused.stderr + refused.stdout
    refused = run_pytest(text, "--chat-model=models:nobody")
    assert refused.returncode != 0
    assert "nobody" in refused.stdout


def test_the_spans_of_a_test(run_pytest: Pytest) -> None:
    done = run_pytest(SPANS)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_a_start_of_pytest_loads_nothing_of_it(run_pytest: Pytest) -> None:
    text = (
        "import sys\n"
        "def test_nothing():\n"
        "    ours = {name for name in sys.modules if name.startswith('parrot_bench')}\n"
        "    assert ours == {'parrot_bench', 'parrot_bench.pytest_plugin'}\n"
    )
    done = run_pytest(text)
    assert done.returncode == 0, done.stdout


def test_the_ready_made_suite(run_pytest: Pytest) -> None:
    quick = ("--chat-modes", "invoke,abatch,direct_generate")
    done = run_pytest("", "--pyargs", "parrot_bench.suite", *quick)
    assert done.returncode == 0, done.stdout + done.stderr
    # A floor has a price, and neither spans nor parity.
    assert "8 passed, 2 skipped" in done.stdout


def test_the_ready_made_suite_finds_defects(folder: Path, run_pytest: Pytest) -> None:
    (folder / "llm.py").write_text(FORGETFUL, encoding="utf-8")
    arguments = ("--chat-model", "llm:Forgetful", "--chat-modes", "invoke,stream")
    done = run_pytest("", "--pyargs", "parrot_bench.suite", "-k", "parity", *arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "usage-missing" in done.stdout
    assert "test_parity[stream]" in done.stdout
    assert "FAILED" in done.stdout
    assert "test_parity[invoke] " not in done.stdout
