"""Every execution mode of a chat model: its price, its spans, and its agreement with the others."""

from collections.abc import Callable

import pytest
from langchain_core.language_models import BaseChatModel

from parrot_bench import run
from parrot_bench.execution import CallSettings, ExecutionMode, drain
from parrot_bench.mode_table import quiet
from parrot_bench.pytest_plugin import skip_unless_available
from parrot_bench.pytest_plugin.spans import Spans
from parrot_bench.pytest_plugin.timed import BenchmarkMode
from parrot_bench.record import ParityResult
from parrot_bench.timing import open_clocks

PROMPTS = ["What is the answer?", "And what was the question?"]

PARITY_S = 60.0
"""Time for the questions that every mode is asked, shared by all modes."""


@pytest.fixture(scope="session")
def parity(chat_model: BaseChatModel, tmp_path_factory: pytest.TempPathFactory) -> ParityResult:
    """What a parity study of the model finds."""
    folder = tmp_path_factory.mktemp("parity") / "run"
    record = run(chat_model, studies=("parity",), out=folder, time_s=PARITY_S).record
    assert record.parity is not None, record.left_out
    return record.parity


@pytest.fixture
def call(chat_model: BaseChatModel, execution_mode: ExecutionMode) -> Callable[[], int]:
    """Calls the model in the mode, and returns how many calls that is."""
    if execution_mode.status == "floor":
        pytest.skip("a floor is no call of LangChain's")
    skip_unless_available(execution_mode, chat_model)

    def called() -> int:
        bound = execution_mode.bind(chat_model, CallSettings(), drain)
        prompts = [execution_mode.prepare(prompt) for prompt in PROMPTS]
        items = [prompts] if execution_mode.batches else prompts
        with quiet(), open_clocks() as clocks:
            for item in items:
                clocks[execution_mode.kind].once(bound, item)
        return len(prompts)

    return called


def test_cost(benchmark_mode: BenchmarkMode) -> None:
    """pytest-benchmark times the mode; it answers."""
    assert benchmark_mode()


def test_spans(call: Callable[[], int], parrot_spans: Spans) -> None:
    """A call is one span, which says that it was completed."""
    calls = call()
    assert len(parrot_spans.chat) == calls
    outcomes = {(span.attributes or {}).get("langchain.run.outcome") for span in parrot_spans.chat}
    assert outcomes == {"completed"}


def test_parity(parity: ParityResult, execution_mode: ExecutionMode) -> None:
    """The mode has no defect that others do not have; docs/check.md explains every finding."""
    if execution_mode.name not in {mode.mode for mode in parity.modes}:
        pytest.skip("it was not checked")
    found = [
        f"{finding.identifier}: {finding.seen}; {finding.advice}"
        for finding in parity.defects
        if execution_mode.name in finding.modes
    ]
    assert not found, "\n".join(found)


def test_parity_of_the_model(parity: ParityResult) -> None:
    """No defect is the model's as a whole, such as a cache key that misses a parameter."""
    found = [f"{f.identifier}: {f.seen}; {f.advice}" for f in parity.defects if not f.modes]
    assert not found, "\n".join(found)
