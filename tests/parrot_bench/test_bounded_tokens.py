"""`--max-tokens` of a run: a model that meters itself never comes over the bound."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from parrot_bench import scripting
from parrot_bench.errors import MeasurementError, ParrotBenchError, UsageError
from parrot_bench.events import Call
from parrot_bench.record import RunRecord
from parrot_bench.request import Request, check
from parrot_bench.studies.bench import Budget
from parrot_bench.studies.kept_replies import NO_TOKENS
from tests.parrot_bench.test_cli import Cli, complaint

EACH = 10


def usage(output: int = EACH - 3) -> dict[str, int]:
    return {"input_tokens": 3, "output_tokens": output, "total_tokens": 3 + output}


class Metered(BaseChatModel):
    """Counts what it is asked for; a provider's bill."""

    fails_after: int | None = None
    silent: tuple[str, ...] = ()
    _bill: list[int] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "metered"

    @property
    def bill(self) -> int:
        return sum(self._bill)

    def _pay(self) -> None:
        self._bill.append(EACH)

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        self._pay()
        told = None if "generate" in self.silent else usage()
        return ChatResult(
            generations=[ChatGeneration(message=AIMessage("ok", usage_metadata=told))]
        )

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        self._pay()
        if self.fails_after is not None and len(self._bill) > self.fails_after:
            raise ValueError("paid for, and lost")
        told = None if "stream" in self.silent else usage()
        for text in ("o", "k"):
            yield ChatGenerationChunk(message=AIMessageChunk(text))
        yield ChatGenerationChunk(message=AIMessageChunk("", usage_metadata=told))


def metered(model: Metered, out: Path, *modes: str, **options: Any) -> RunRecord:
    # One instance, whose copies share the bill.
    run = scripting.run(model, out=out, modes=modes, **{"time_s": 30.0, **options})
    return run.record


@pytest.mark.parametrize("tokens", [600, 2500, 9000])
def test_the_bound_is_never_exceeded(tmp_path: Path, tokens: int) -> None:
    model = Metered()
    modes = ("invoke", "ainvoke", "stream", "batch")
    record = metered(model, tmp_path / "run", *modes, max_tokens=tokens, batch_size=2)
    assert record.configuration.studies == ("overhead", "parity")
    assert record.configuration.max_tokens == tokens
    assert record.overhead is not None
    assert record.overhead.stopped_by == "max-tokens"
    assert record.overhead.rounds
    # What was paid for is told in full: nothing but the bound ended it.
    assert tokens * 0.7 < model.bill <= tokens
    assert record.reconciliation is not None
    assert all(mode.calls for mode in record.reconciliation.modes)
    assert record.status == "complete"


@pytest.mark.parametrize(
    ("study", "stopped"),
    [("streaming", {"max-tokens"}), ("concurrency", {"max-tokens", "done", "time", "failed"}),
     ("tracing", {"max-tokens"}), ("growth", {"done"})],
)  # fmt: skip
def test_every_study_keeps_to_it(tmp_path: Path, study: str, stopped: set[str]) -> None:
    model = Metered()
    modes = ("stream",) if study == "streaming" else ("invoke", "astream", "batch")
    record = metered(
        model, tmp_path / "run", *modes, baseline=modes[0], max_tokens=12_000, studies=(study,),
        batch_size=2, growth_calls=200,
    )  # fmt: skip
    result = getattr(record, study)
    assert result is not None, record.left_out
    assert result.stopped_by in stopped
    assert EACH * 50 < model.bill <= 12_000


def test_a_call_that_fails_counts_as_well(tmp_path: Path) -> None:
    model = Metered(fails_after=20)
    modes = ("invoke", "stream")
    record = metered(model, tmp_path / "run", *modes, max_tokens=1500, studies=("overhead",))
    assert "stream" in record.failures
    assert record.overhead is not None
    assert record.overhead.stopped_by == "max-tokens"
    assert 1000 < model.bill <= 1500


def test_a_bound_that_pays_for_no_round_says_what_would(tmp_path: Path) -> None:
    words = r"--max-tokens 60 does not pay for one round of 4 calls; 10 rounds take \d+ tokens"
    with pytest.raises(UsageError, match=words):
        metered(Metered(), tmp_path / "run", "invoke", max_tokens=60, studies=("overhead",))


def test_a_model_that_tells_no_tokens_is_not_measured(tmp_path: Path) -> None:
    silent = Metered(silent=("generate", "stream"))
    with pytest.raises(UsageError, match=f"the baseline invoke: {NO_TOKENS}; use --max-calls"):
        metered(silent, tmp_path / "overhead", "invoke", max_tokens=600)
    assert silent.bill == EACH
    for study, error in (("parity", NO_TOKENS), ("streaming", "every mode that streams failed"),
                         ("tracing", NO_TOKENS), ("growth", "no mode could be called"),
                         ("concurrency", NO_TOKENS)):  # fmt: skip
        with pytest.raises(MeasurementError, match=error):
            metered(
                silent, tmp_path / study, "invoke", "stream", "abatch", studies=(study,),
                max_tokens=60_000,
            )  # fmt: skip


def test_a_mode_that_tells_none_is_left_out_and_is_no_finding(tmp_path: Path) -> None:
    record = metered(
        Metered(silent=("stream",)), tmp_path / "run", "invoke", "stream", max_tokens=3000
    )
    assert record.failures == {"stream": NO_TOKENS}
    assert record.parity is not None
    assert record.parity.not_checked["stream"] == NO_TOKENS
    assert not [each for each in record.parity.findings if "stream" in each.modes]


def test_the_expected_size_is_that_of_the_largest_so_far() -> None:
    budget = Budget(None, tokens=100)
    assert budget.left is None
    budget.pay_for(2, [AIMessage("a", usage_metadata=usage(7)),
                       AIMessage("a", usage_metadata=usage(17))])  # fmt: skip
    assert budget.tokens_spent == 30
    assert budget.left == 3
    assert budget.refusing(3) == ""
    assert budget.refusing(4) == "--max-tokens 100"
    budget.pay_for(2, [AIMessage("tells nothing")])
    assert budget.tokens_spent == 70
    refused = Call(mode="m", case="", started_ns=0, ended_ns=1, error="E", rate_limited=True)
    budget.pay(refused)
    assert budget.tokens_spent == 70
    budget.keep(lambda left: left // 2)
    assert budget.tokens_kept == 15
    assert budget.used_up == "--max-tokens 100"


def test_both_bounds_hold() -> None:
    budget = Budget(10, 2, tokens=100)
    budget.spent = 5
    budget.pay_for(5, [AIMessage("a", usage_metadata=usage())] * 5)
    assert budget.left == 3
    budget.pay_for(1, [AIMessage("a", usage_metadata=usage(17))])
    # 30 tokens are left, and of three calls two are the traced pass's: none is.
    assert budget.left == 0
    assert budget.refusing(1) == "--max-tokens 100"
    assert budget.refusing(4) == "--max-calls 10"


def test_processes_would_each_have_a_bound_of_their_own() -> None:
    for bound in ("max_calls", "max_tokens"):
        with pytest.raises(UsageError, match=f"--processes 3 .*--{bound.replace('_', '-')}"):
            check(Request(processes=3, **{bound: 500}))  # type: ignore[arg-type]


def test_the_plan_and_the_end_are_told(cli: Cli, folder: Path) -> None:
    done = cli("run", "--modes", "invoke", "--max-tokens", 30_000, "--out", "here", cwd=folder)
    assert done.returncode == 0, done.stderr
    plan = next(line for line in done.stdout.splitlines() if line.startswith("plan:"))
    assert "at most 30,000 tokens with those of the prompts" in plan
    assert "--max-tokens 30000 leaves no further round" in done.stdout
    tight = cli("run", "--modes", "invoke", "--max-tokens", 1, "--out", "tight", cwd=folder)
    assert "--max-tokens 1" in complaint(tight)
    none = cli("run", "--max-tokens", 0, "--out", "none", cwd=folder)
    assert "--max-tokens 0 is outside" in complaint(none)


def test_both_sides_share_it(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ParrotBenchError, match="with one of 4 shares of --max-tokens 400"):
        scripting.run(
            f"{folder}/models.py:Plain", out=tmp_path / "run", modes=["invoke"],
            against=(f"{folder}/models.py:Plain",), pairs=2, max_tokens=400, time_s=10.0,
        )  # fmt: skip
