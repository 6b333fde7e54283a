"""Chains, agents and other Runnables through every study, from Python and the command line."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parrot_bench import run
from parrot_bench.errors import MeasurementError, ModelLoadError, UsageError
from parrot_bench.load import Level, LoadPlan
from parrot_bench.record import ModeReconciliation, RunRecord, read_record
from tests.parrot_bench.models.installed import needs_graphs, subjects

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

ALL = (
    "agent", "remembering", "answering", "chain", "two", "tools", "structured", "retry",
    "fallbacks", "shout", "parallel", "completion",
)  # fmt: skip
NAMES = [name for name in ALL if hasattr(subjects, name)]
PROMPTS: dict[str, Any] = {"answering": {"question": "hello"}, "two": {"a": "x", "b": "y"}}
TOKENS = {"agent": 2 + 8, "remembering": 2 + 8, "chain": 8, "tools": 2, "structured": 2}
ASKED_OF_MODELS = {"agent": 2, "remembering": 2, "shout": 0, "parallel": 2}


def options(name: str) -> dict[str, Any]:
    return {"prompt": PROMPTS[name]} if name in PROMPTS else {}


@pytest.mark.parametrize("name", NAMES)
def test_overhead_parity_and_the_traced_pass(name: str, tmp_path: Path) -> None:
    done = run(
        getattr(subjects, name), out=tmp_path / "run", time_s=1, seed=3,
        studies=("overhead", "parity"), modes=("invoke", "astream", "batch"), **options(name),
    )  # fmt: skip
    record = done.record
    assert record.status == "complete"
    assert record.failures == {}
    assert record.overhead is not None
    for mode in record.overhead.modes:
        assert mode.cpu_floor_ratio is mode.wall_floor_ratio is None
    assert record.parity is not None
    assert not record.parity.defects
    assert {"stop", "max_tokens", "metadata"} <= set(record.parity.not_checked)
    assert record.reconciliation is not None
    for traced in record.reconciliation.modes:
        assert traced.agrees, traced
        assert traced.calls
        assert traced.model_calls == traced.chat_spans
        assert traced.model_calls == traced.calls * ASKED_OF_MODELS.get(name, 1)
        if name in TOKENS:
            assert traced.output_tokens_replies == traced.calls * TOKENS[name]
    page = done.report().read_text(encoding="utf-8")
    assert "over its floor" not in page
    assert "A floor is of chat models only." in page


def test_a_chain_of_which_nothing_streams_is_told_so(tmp_path: Path) -> None:
    modes = ("invoke", "stream", "astream", "astream_events_v2")
    record = run(
        subjects.shout, out=tmp_path / "run", time_s=5, seed=3, studies=("parity",), modes=modes
    ).record
    assert record.parity is not None
    (finding,) = record.parity.findings
    assert (finding.identifier, finding.severity) == ("nothing-streams", "note")
    assert finding.modes == modes[1:]


@needs_graphs
def test_messages_of_a_graph_that_arrive_whole_are_no_finding_of_its_default_stream(
    tmp_path: Path,
) -> None:
    record = run(
        subjects.asking, out=tmp_path / "run", time_s=5, seed=3, studies=("parity",),
        modes=("invoke", "stream", "astream_messages"), prompt={"question": "why is it so? " * 9},
    ).record  # fmt: skip
    assert record.parity is not None
    assert not record.parity.findings


@pytest.mark.parametrize("name", NAMES)
def test_load(name: str, tmp_path: Path) -> None:
    modes = ("stream_messages", "astream") if name in {"agent", "remembering"} else ("astream",)
    plan = LoadPlan(levels=(Level(concurrency=2), Level(rate=20)), level_s=0.3)
    record = run(
        getattr(subjects, name), out=tmp_path / "run", studies=("load",), load=plan, modes=modes,
        baseline=modes[0], seed=3, **options(name),
    ).record  # fmt: skip
    assert record.load is not None
    assert len(record.load.levels) == 2 * len(modes)
    assert all(level.completed == level.calls > 0 for level in record.load.levels)
    assert all(level.first_chunk for level in record.load.levels)


@needs_graphs
def test_the_other_studies_of_an_agent(tmp_path: Path) -> None:
    record = run(
        subjects.agent, out=tmp_path / "run", time_s=4, seed=3, growth_calls=200,
        studies=("streaming", "concurrency", "tracing", "growth"),
        modes=("invoke", "ainvoke_gather", "astream_messages", "batch"),
    ).record  # fmt: skip
    assert record.streaming is not None
    assert record.streaming.costs_reason == "a Runnable has no max_tokens"
    (arrived,) = record.streaming.arrivals[0].modes
    assert (arrived.mode, arrived.chunks) == ("astream_messages", 9)
    assert record.concurrency is not None
    assert {sweep.mode for sweep in record.concurrency.sweeps} == {"ainvoke_gather", "batch"}
    assert record.tracing is not None
    assert {cost.mode for cost in record.tracing.modes} <= {"invoke", "ainvoke_gather", "batch",
                                                            "astream_messages"}  # fmt: skip
    assert record.growth is not None


def test_calls_of_a_batch_that_cannot_be_followed_are_left_out_by_name(tmp_path: Path) -> None:
    record = run(
        subjects.chain, out=tmp_path / "run", time_s=2, seed=3, studies=("concurrency",),
        modes=("invoke", "ainvoke_gather", "abatch"),
    ).record  # fmt: skip
    assert record.concurrency is not None
    (left_out,) = record.concurrency.left_out.values()
    assert left_out.startswith("RunnableSequence makes the calls of a batch together")
    assert [sweep.mode for sweep in record.concurrency.sweeps] == ["ainvoke_gather"]


def reconciled(**changes: Any) -> ModeReconciliation:
    fields: dict[str, Any] = {
        "mode": "invoke", "calls": 3, "chat_spans": 6, "outer_spans": 3, "model_calls": 6,
        "outcomes": {}, "orphans": 0, "duplicates": 0, "input_tokens_replies": 9,
        "output_tokens_replies": 9, "input_tokens_spans": 9, "output_tokens_spans": 9,
        "trace_id": "0",
    }  # fmt: skip
    return ModeReconciliation.model_validate({**fields, **changes})


def test_every_span_of_a_call_counts() -> None:
    assert reconciled().agrees
    for lost in ({"chat_spans": 5}, {"outer_spans": 2}, {"outer_spans": 4}, {"orphans": 1},
                 {"output_tokens_spans": 8}, {"error": "it raised"}):  # fmt: skip
        assert not reconciled(**lost).agrees, lost


@needs_graphs
def test_a_model_inside_that_is_not_traced_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from parrot_callbacks import OpenTelemetryCallbackHandler

    heard: list[Any] = []
    starts = OpenTelemetryCallbackHandler.on_chat_model_start

    def every_other(self: Any, *args: Any, **kwargs: Any) -> None:
        heard.append(None)
        if len(heard) % 2:
            starts(self, *args, **kwargs)

    monkeypatch.setattr(OpenTelemetryCallbackHandler, "on_chat_model_start", every_other)
    record = run(
        subjects.agent, out=tmp_path / "run", time_s=1, studies=("overhead",), modes=("invoke",)
    ).record
    assert record.reconciliation is not None
    (traced,) = record.reconciliation.modes
    assert traced.outer_spans == traced.calls
    assert traced.model_calls == 2 * traced.chat_spans
    assert not traced.agrees
    (check,) = [check for check in record.trust if check.name == "reconciliation"]
    assert check.level == "red"


@needs_graphs
def test_what_is_recorded_of_an_agent(tmp_path: Path) -> None:
    record = run(
        subjects.remembering, out=tmp_path / "run", studies=("parity",), modes=("invoke",),
        prompt=[("user", "a secret of mine")],
    ).record  # fmt: skip
    model = record.model
    assert model is not None
    assert model.class_name.endswith("CompiledStateGraph")
    assert (model.kind, model.own_threads) == ("graph", True)
    assert "Scripted" in model.parts
    assert model.model_name == "parrot"
    assert model.second_instance == "the factory called again"
    assert "langgraph" in record.environment.packages
    assert "a secret" not in (tmp_path / "run" / "run.json").read_text(encoding="utf-8")
    assert "thread_id" in (record_page(tmp_path / "run"))


def record_page(folder: Path) -> str:
    from parrot_bench import Run

    return Run(folder).report().read_text(encoding="utf-8")


def test_what_only_works_async_needs_another_baseline(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="name another mode with --baseline"):
        run(subjects.async_only, out=tmp_path / "one", time_s=1, studies=("overhead",))
    record = run(
        subjects.async_only, out=tmp_path / "two", time_s=1, studies=("overhead",),
        baseline="ainvoke", modes=("ainvoke", "abatch"),
    ).record  # fmt: skip
    assert record.status == "complete"


@pytest.mark.parametrize(
    ("model", "prompt", "error"),
    [
        (subjects.two, "hello", UsageError),
        pytest.param(getattr(subjects, "answering", None), "hello", UsageError, marks=needs_graphs),
        (subjects.parrot, {"a": "b"}, UsageError),
        (object(), "hello", ModelLoadError),
    ],
)
def test_what_cannot_be_asked_ends_before_anything_is(
    model: Any, prompt: Any, error: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(error):
        run(model, out=tmp_path / "run", time_s=1, prompt=prompt)
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").iterdir())


# The command line ---------------------------------------------------------------------------


CHAINS = "tests.parrot_bench.models.chains"
AGENT = "tests.parrot_bench.models.graphs:agent"


@needs_graphs
def test_run_of_an_agent(cli: Cli, folder: Path) -> None:
    done = cli("run", AGENT, "--modes", "invoke,stream_messages,direct_generate",
               "--studies", "overhead", "--time", "1", "--out", "r", cwd=folder)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "floors are of chat models only, and CompiledStateGraph is none" in flat(done.stdout)
    assert "vs floor" not in done.stdout
    assert "40 model calls = 40 spans" in flat(done.stdout)
    record = read_record(folder / "r")
    assert {mode.mode for mode in overhead_of(record).modes} == {"invoke", "stream_messages"}
    assert cli("report", "r", cwd=folder).returncode == 0
    listed = cli("modes", AGENT, cwd=folder)
    assert "stream_messages" in listed.stdout


def test_objects_are_given_and_not_kept(cli: Cli, folder: Path) -> None:
    given = json.dumps({"a": "a secret", "b": "of mine"})
    done = cli("run", f"{CHAINS}:two", "--modes", "invoke", "--studies", "overhead", "--time", "1",
               "--input", given, "--out", "r", cwd=folder)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    kept = (folder / "r" / "run.json").read_text(encoding="utf-8")
    assert "a secret" not in kept
    (folder / "given.json").write_text(given, encoding="utf-8")
    done = cli("check", f"{CHAINS}:two", "--modes", "invoke,ainvoke", "--input", "@given.json",
               cwd=folder)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "many.jsonl").write_text(
        '{"input": {"a": "one", "b": "x"}}\n{"input": {"a": "two", "b": "y"}}\n', encoding="utf-8"
    )
    done = cli("load", f"{CHAINS}:two", "--prompts", "many.jsonl", "--concurrency", "2", "--time",
               "1", "-y", "--out", "l", cwd=folder)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_record(folder / "l").configuration.load is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--input", '{"a": 1'], "--input is no JSON"),
        (["--input", "[1]"], "--input is no object, or an empty one"),
        (["--input", "{}"], "--input is no object, or an empty one"),
        (["--input", '{"a": "x"}', "--prompt", "y"], "both --prompt and --input are given"),
        ([], """give it with --input '{"a": "…", "b": "…"}'"""),
    ],
)
def test_bad_objects_are_refused_in_a_line(
    cli: Cli, folder: Path, arguments: list[str], said: str
) -> None:
    done = cli("run", f"{CHAINS}:two", "--time", "1", *arguments, cwd=folder)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.strip().count("\n") == 0


def test_what_is_typed_goes_before_what_is_kept(cli: Cli, folder: Path) -> None:
    (folder / "parrot-bench.toml").write_text(
        f'model = "{CHAINS}:shout"\ninput = \'{{"a": "x", "b": "y"}}\'\n', encoding="utf-8"
    )
    done = cli("run", "--prompt", "hello", "--modes", "invoke", "--studies", "overhead", "--time",
               "1", "--out", "r", cwd=folder)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_record(folder / "r").configuration.prompt_characters == len("hello")


def flat(text: str) -> str:
    return " ".join(text.split())


def overhead_of(record: RunRecord) -> Any:
    assert record.overhead is not None
    return record.overhead
