"""Run directories like those of a real run, made from known numbers.

The costs are those measured on a quiet reference machine: see ``MODES``.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from parrot_bench.record import (
    Condition,
    Configuration,
    Environment,
    Estimate,
    ModelDescription,
    ModeOverhead,
    ModeReconciliation,
    ModeRecord,
    Noise,
    OverheadResult,
    Percentile,
    Reconciliation,
    RunDirectory,
    RunRecord,
    SpanDelivery,
    TrustCheck,
)

HOSTILE = "<img src=x onerror=alert(1)> $\\frac{a}{b}$ `|\u202eb\x07\n# &amp; {{ 7*7 }} 鹦鹉"
"""A name that is markup, TeX, markdown, a template and a control character at once."""

FEW = ("direct_generate", "direct_agenerate", "invoke", "stream", "batch", "ainvoke")
"""Enough modes for tests of what does not depend on their number."""

# name, API, kind, status, streams, batches, floor, CPU and wall (µs per call)
MODES: list[tuple[str, str, str, str, bool, bool, str, float, float]] = [
    ("direct_generate", "model._generate", "sync", "floor", False, False, "", 25, 26),
    ("direct_stream", "model._stream", "sync", "floor", True, False, "", 61, 63),
    ("invoke", "model.invoke", "sync", "stable", False, False, "direct_generate", 310, 318),
    ("stream", "model.stream", "sync", "stable", True, False, "direct_stream", 970, 991),
    ("batch", "model.batch", "sync", "stable", False, True, "direct_generate", 402, 433),
    (
        "batch_as_completed",
        "model.batch_as_completed",
        "sync",
        "stable",
        False,
        True,
        "direct_generate",
        431,
        466,
    ),
    (
        "stream_events_v3",
        'model.stream_events(version="v3")',
        "sync",
        "beta",
        True,
        False,
        "direct_stream",
        1760,
        1795,
    ),
    ("direct_agenerate", "model._agenerate", "async", "floor", False, False, "", 27, 28),
    ("direct_astream", "model._astream", "async", "floor", True, False, "", 68, 70),
    ("ainvoke", "model.ainvoke", "async", "stable", False, False, "direct_agenerate", 312, 320),
    (
        "ainvoke_gather",
        "asyncio.gather(model.ainvoke…)",
        "async",
        "stable",
        False,
        True,
        "direct_agenerate",
        634,
        645,
    ),
    ("astream", "model.astream", "async", "stable", True, False, "direct_astream", 1290, 1310),
    ("abatch", "model.abatch", "async", "stable", False, True, "direct_agenerate", 318, 327),
    (
        "abatch_as_completed",
        "model.abatch_as_completed",
        "async",
        "stable",
        False,
        True,
        "direct_agenerate",
        711,
        730,
    ),
    (
        "astream_events_v2",
        'model.astream_events(version="v2")',
        "async",
        "stable",
        True,
        False,
        "direct_astream",
        4140,
        4210,
    ),
    (
        "astream_events_v3",
        'model.astream_events(version="v3")',
        "async",
        "beta",
        True,
        False,
        "direct_astream",
        2120,
        2160,
    ),
]


@dataclass
class Wishes:
    """How a made run differs from an ordinary one."""

    rounds: int = 120
    only: tuple[str, ...] = ()
    amber: bool = False
    incomplete: bool = False
    overhead: bool = True
    names: dict[str, str] = field(default_factory=dict)
    model_name: str = "parrot-1"
    identifying_params: dict[str, Any] = field(
        default_factory=lambda: {"model_name": "parrot-1", "parrot_buffer_length": 20}
    )
    prompt: str | None = None

    @property
    def modes(self) -> list[tuple[str, str, str, str, bool, bool, str, float, float]]:
        return [mode for mode in MODES if not self.only or mode[0] in self.only]


MakeRun = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    def make(name: str = "2026-11-22T10-30-05-invoke-vs-all", **wishes: Any) -> Path:
        return build(tmp_path / name, Wishes(**wishes))

    return make


@pytest.fixture
def make_small_run(make_run: MakeRun) -> MakeRun:
    def make(**wishes: Any) -> Path:
        return make_run(only=FEW, **wishes)

    return make


@pytest.fixture(scope="module")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ordinary run, made once, for tests that only read it."""
    return build(tmp_path_factory.mktemp("runs") / "ordinary", Wishes())


@pytest.fixture
def record(made_run: Path) -> RunRecord:
    return RunDirectory(made_run).read_record()


def build(path: Path, wishes: Wishes) -> Path:
    """Write a run directory; the same wishes give the same bytes."""
    rng = np.random.default_rng(20261122)
    path.mkdir(parents=True)
    directory = RunDirectory(path)
    samples = _samples(rng, wishes)
    samples.write_parquet(directory.samples)
    calls = _calls(rng, wishes)
    calls.write_parquet(directory.calls)
    lines, reconciliation = _spans(rng, wishes)
    directory.spans.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    directory.write_record(_record(path.name, samples, calls, reconciliation, wishes))
    return path


def _named(wishes: Wishes, name: str) -> str:
    return wishes.names.get(name, name)


def _samples(rng: np.random.Generator, wishes: Wishes) -> pl.DataFrame:
    rows = []
    clock = 0.0
    for number in range(wishes.rounds):
        # The host drifts by a few per cent, is slow at first, and now and then stalls.
        drift = 1 + 0.04 * np.sin(number / 17) + 0.12 * np.exp(-number / 5)
        order = rng.permutation(len(wishes.modes) + 1)
        previous = ""
        for position, index in enumerate(order):
            again = index == len(wishes.modes)
            spec = (
                next(m for m in wishes.modes if m[0] == "invoke")
                if again
                else wishes.modes[int(index)]
            )
            name, cpu, wall = _named(wishes, spec[0]), spec[7], spec[8]
            calls = max(1, round(3000 / cpu))
            noise = drift * float(np.exp(rng.normal(0, 0.012)))
            if rng.random() < 0.02:
                noise *= 1.3
            stamped = number % 5 == 4
            rows.append(
                {
                    "study": "overhead",
                    "process": 0,
                    "round": number,
                    "position": position,
                    "mode": name,
                    "role": "a/a" if again else "mode",
                    "partner": "",
                    "previous": previous,
                    "stamped": stamped,
                    "tail": False,
                    "calls": calls,
                    "wall_ns": int(wall * 1000 * noise * calls),
                    "cpu_ns": int(cpu * 1000 * noise * calls),
                    # One unit: of a mode that batches, a whole batch.
                    "cold_wall_ns": int(
                        (wall * 1.15 + 22)
                        * 1000
                        * noise
                        * rng.uniform(0.95, 1.6)
                        * (16 if spec[5] else 1)
                    ),
                }
            )
            previous = name
            clock += wall * calls
    schema = {
        "process": pl.Int32,
        "round": pl.Int32,
        "position": pl.Int32,
        "calls": pl.Int32,
        "wall_ns": pl.Int64,
        "cpu_ns": pl.Int64,
        "cold_wall_ns": pl.Int64,
    }
    return pl.DataFrame(rows, schema_overrides=schema)


def _calls(rng: np.random.Generator, wishes: Wishes) -> pl.DataFrame:
    rows = []
    clock = 10**9
    for number in range(4, wishes.rounds, 5):
        for spec in wishes.modes:
            if spec[5]:  # the calls of a batch overlap: none is stamped by itself
                continue
            for _ in range(max(1, round(3000 / spec[7]))):
                spent = int(spec[8] * 1000 * float(np.exp(abs(rng.normal(0, 0.04)) - 0.02)))
                if rng.random() < 0.02:
                    spent += int(rng.exponential(0.8e6))
                rows.append(
                    {
                        "study": "overhead",
                        "mode": _named(wishes, spec[0]),
                        "round": number,
                        "tail": False,
                        "started_ns": clock,
                        "ended_ns": clock + spent,
                    }
                )
                clock += spent
    return pl.DataFrame(rows, schema_overrides={"round": pl.Int32})


def attribute(key: str, value: Any) -> dict[str, Any]:
    """One OTLP attribute in JSON."""
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": key, "value": {"doubleValue": value}}
    return {"key": key, "value": {"stringValue": value}}


def request(spans: list[dict[str, Any]]) -> str:
    """One line of spans.jsonl."""
    scope = {"scope": {"name": "parrot_callbacks", "version": "0.1.0"}, "spans": spans}
    return json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [scope]}]})


def span(  # a span has that many fields
    name: str,
    *,
    trace: int = 1,
    number: int = 1,
    parent: int = 0,
    start: int = 1_000,
    end: int = 2_000,
    error: bool = False,
    **attributes: Any,
) -> dict[str, Any]:
    """One OTLP span in JSON."""
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        **({"parentSpanId": f"{parent:016x}"} if parent else {}),
        "name": name,
        "kind": 3,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(end),
        "attributes": [attribute(key, value) for key, value in attributes.items()],
        "status": {"code": 2} if error else {},
    }


def _spans(rng: np.random.Generator, wishes: Wishes) -> tuple[list[str], Reconciliation]:
    lines, modes, number, clock = [], [], 1, 1_795_000_000_000_000_000
    for trace, spec in enumerate((m for m in wishes.modes if m[3] != "floor"), start=1):
        name, streams, batches, wall = _named(wishes, spec[0]), spec[4], spec[5], spec[8] * 1000
        calls = 16 if batches else 5
        parent, begun, spans = number, clock, []
        for index in range(calls):
            number += 1
            spent = int(wall * rng.uniform(1.1, 1.5))
            start = begun + (int(index % 6 * 40_000 + index // 6 * spent) if batches else 0)
            if not batches:
                start = clock
            clock = max(clock, start + spent + 5_000)
            extra = {"gen_ai.response.time_to_first_chunk": spent * 0.3e-9} if streams else {}
            spans.append(
                span(
                    f"chat {wishes.model_name}",
                    trace=trace,
                    number=number,
                    parent=parent,
                    start=start,
                    end=start + spent,
                    **{
                        "gen_ai.operation.name": "chat",
                        "gen_ai.provider.name": "parrotlink",
                        "gen_ai.request.model": wishes.model_name,
                        "gen_ai.usage.input_tokens": 256,
                        "gen_ai.usage.output_tokens": 20,
                        "langchain.run.outcome": "completed",
                        **{
                            f"langchain.identifying_params.{key}": value
                            for key, value in wishes.identifying_params.items()
                        },
                        **extra,
                    },
                )
            )
        around = span(
            f"parrot_bench.mode {name}",
            trace=trace,
            number=parent,
            start=begun - 20_000,
            end=clock,
            **{"parrot_bench.mode": name},
        )
        lines.append(request([*spans, around]))
        number += 1
        clock += 1_000_000
        lost = 1 if wishes.amber and spec[0] == "astream" else 0
        modes.append(
            ModeReconciliation(
                mode=name,
                calls=calls,
                chat_spans=calls - lost,
                outcomes={"completed": calls - lost},
                orphans=0,
                duplicates=0,
                input_tokens_replies=256 * calls,
                output_tokens_replies=20 * calls,
                input_tokens_spans=256 * (calls - lost),
                output_tokens_spans=20 * (calls - lost),
                trace_id=f"{trace:032x}",
            )
        )
    total = sum(mode.chat_spans + 1 for mode in modes)
    return lines, Reconciliation(
        modes=tuple(modes),
        started=total,
        ended=total,
        deliveries=(
            SpanDelivery(exporter="spans.jsonl", exported=total, failed=0, dropped=0),
            SpanDelivery(
                exporter="otlp http://127.0.0.1:4318",
                exported=total - (3 if wishes.amber else 0),
                failed=3 if wishes.amber else 0,
                dropped=0,
                error="connection refused" if wishes.amber else "",
            ),
        ),
        scope="parrot_callbacks 0.1.0",
    )


def _about(
    value: float, spread: float, unit: Any, count: int, confidence: float = 0.95
) -> Estimate:
    return Estimate(
        value=value,
        low=value * (1 - spread),
        high=value * (1 + spread),
        confidence=confidence,
        count=count,
        unit=unit,
    )


def _overhead(samples: pl.DataFrame, calls: pl.DataFrame, wishes: Wishes) -> OverheadResult:
    timed = samples.filter((pl.col("role") == "mode") & ~pl.col("stamped"))
    base = next(m for m in wishes.modes if m[0] == "invoke")
    found = []
    for spec in wishes.modes:
        name, cpu, wall = _named(wishes, spec[0]), spec[7], spec[8]
        blocks = timed.filter(pl.col("mode") == name)
        rounds = blocks.height
        latencies = (
            calls.filter(pl.col("mode") == name)
            .select(pl.col("ended_ns") - pl.col("started_ns"))
            .to_series()
        )
        ratio, wall_ratio = cpu / base[7], wall / base[8]
        is_base = spec[0] == "invoke"
        unresolved, same = spec[0] == "abatch", spec[0] == "ainvoke"
        spread = 0.03 if unresolved else 0.008
        amber = wishes.amber and spec[0] == "batch"
        needs = {0.9: 36, 0.95: 72, 0.99: 367}
        floor = next((m for m in MODES if m[0] == spec[6]), None)
        slower = "slower" if ratio > 1 else "faster"
        ratio_cpu = _about(ratio, spread, "ratio", rounds).model_copy(
            update={
                "stable": not amber,
                "note": "a runs test found two levels (p = 0.002)" if amber else "",
            }
        )
        found.append(
            ModeOverhead(
                mode=name,
                cpu=_about(cpu * 1000, 0.01, "ns", rounds),
                wall=_about(wall * 1000, 0.012, "ns", rounds),
                cpu_ratio=None if is_base else ratio_cpu,
                wall_ratio=None if is_base else _about(wall_ratio, spread, "ratio", rounds),
                cpu_ratio_joint=None
                if is_base
                else _about(ratio, spread * 1.5, "ratio", rounds, 0.9967),
                wall_ratio_joint=None
                if is_base
                else _about(wall_ratio, spread * 1.5, "ratio", rounds, 0.9967),
                cpu_floor_ratio=_about(cpu / floor[7], spread, "ratio", rounds) if floor else None,
                wall_floor_ratio=_about(wall / floor[8], spread, "ratio", rounds)
                if floor
                else None,
                verdict="baseline"
                if is_base
                else "same"
                if same
                else "not resolved"
                if unresolved
                else slower,
                decided_by="cpu",
                disagrees=amber,
                seconds_to_resolve=98.0 if unresolved else None,
                cold=_about(wall * 1150 + 22_000, 0.1, "ns", rounds),
                percentiles=tuple(
                    Percentile(
                        rank=rank,
                        value=None
                        if len(latencies) < needs.get(rank, 1)
                        else float(latencies.quantile(rank) or 0),
                        low=None,
                        high=None,
                        count=len(latencies),
                        reason="the calls of a batch overlap, so none is stamped by itself"
                        if spec[5]
                        else f"{len(latencies)} calls stamped, {needs[rank]} needed"
                        if len(latencies) < needs.get(rank, 1)
                        else "",
                    )
                    for rank in (0.5, 0.9, 0.95, 0.99)
                ),
                calls=int(blocks["calls"].sum()),
                blocks=rounds,
                calls_per_block=max(1, round(3000 / cpu)),
                calls_per_second=1e6 / wall,
                tokens_per_second=20e6 / wall if spec[3] != "floor" else None,
                errors={"TimeoutError": 3} if amber else {},
            )
        )
    return OverheadResult(
        baseline=_named(wishes, "invoke"),
        modes=tuple(found),
        aa_cpu=_about(1.001, 0.006, "ratio", wishes.rounds, 0.99),
        aa_wall=_about(0.999, 0.008, "ratio", wishes.rounds, 0.99),
        warmup_ratio=_about(1.012, 0.02, "ratio", wishes.rounds),
        rounds=wishes.rounds,
        stamped_rounds=wishes.rounds // 5,
        stopped_by="time",
        duration_s=60.2,
        calls=int(samples["calls"].sum()),
    )


def _record(
    name: str,
    samples: pl.DataFrame,
    calls: pl.DataFrame,
    reconciliation: Reconciliation,
    wishes: Wishes,
) -> RunRecord:
    green = "green"
    trust = (
        TrustCheck(
            name="A/A",
            level=green,
            sentence="invoke against a second instance of itself: 1.001 [0.995, 1.007] (99 %)",
        ),
        TrustCheck(
            name="stability",
            level="amber" if wishes.amber else green,
            sentence="1 of 15 ratios is not stable: batch"
            if wishes.amber
            else "all 15 ratios are stable",
        ),
        TrustCheck(
            name="warm-up",
            level=green,
            sentence="first fifth of the rounds over the rest: 1.012 [0.992, 1.032]",
        ),
        TrustCheck(name="load", level=green, sentence="load average 0.4 before, 1.1 after, 2 CPUs"),
        TrustCheck(
            name="conditions",
            level="amber" if wishes.amber else green,
            sentence="LANGSMITH_TRACING was kept: it makes invoke 4.7 times slower"
            if wishes.amber
            else "nothing that distorts timings was found",
        ),
        TrustCheck(
            name="reconciliation",
            level="red" if wishes.amber else green,
            sentence="111 calls, 110 spans: 1 lost in astream"
            if wishes.amber
            else "111 calls = 111 spans; tokens agree",
        ),
    )
    return RunRecord(
        name=name,
        status="incomplete" if wishes.incomplete else "complete",
        status_note="stopped by a signal after 31 s" if wishes.incomplete else "",
        started=datetime(2026, 11, 22, 10, 30, 5, tzinfo=UTC),
        duration_s=171.4,
        command=("parrot-bench", "run", "--time", "60s", "--seed", "7", "app.llm:make model"),
        parrot_bench_version="0.1.0",
        model=ModelDescription(
            spec="",
            class_name="parrot_bench.parrot.AsyncChatParrotLink",
            llm_type="echoing-chat-model-advanced",
            model_name=wishes.model_name,
            identifying_params=wishes.identifying_params,
            native_async=True,
            native_stream=True,
            waits=False,
            second_instance="model_copy(deep=True)",
        ),
        configuration=Configuration(
            baseline=_named(wishes, "invoke"),
            studies=("overhead", "traced"),
            modes=(),
            time_s=60.0,
            target=0.02,
            delta=0.02,
            prompt=wishes.prompt,
            prompt_characters=256,
            reply_length=20,
            batch_size=16,
            max_concurrency=None,
            max_calls=None,
            call_limit_s=60.0,
            seed=7,
            keep_conditions=wishes.amber,
            otlp="http://127.0.0.1:4318",
        ),
        environment=Environment(
            python="CPython 3.11.7",
            platform="Linux-6.1-x86_64",
            cpu="Reference CPU @ 3.00GHz",
            logical_cpus=2,
            memory_bytes=8 * 2**30,
            governor="",
            packages={
                "langchain-core": "1.7.2",
                "opentelemetry-sdk": "1.45.2",
                "parrot-bench": "0.1.0",
                "pydantic": "2.14.3",
            },
            commit="abf37f1c0ffee0000000000000000000000000000",
            dirty=wishes.amber,
            hash_seed="4711",
            event_loop="asyncio.unix_events._UnixSelectorEventLoop",
        ),
        conditions=(
            Condition(name="LANGSMITH_TRACING", effect="4.7 times on invoke", kept=wishes.amber),
        ),
        modes=(
            *(
                ModeRecord(
                    name=_named(wishes, m[0]),
                    api=m[1],
                    kind=m[2],  # type: ignore[arg-type]
                    status=m[3],  # type: ignore[arg-type]
                    streams=m[4],
                    batches=m[5],
                    floor=m[6],
                )
                for m in wishes.modes
            ),
            ModeRecord(
                name="astream_events_v1",
                api='model.astream_events(version="v1")',
                kind="async",
                status="deprecated",
                streams=True,
                batches=False,
                floor="direct_astream",
                unavailable="deprecated; name it in --modes to measure it",
            ),
            ModeRecord(
                name="astream_log",
                api="model.astream_log",
                kind="async",
                status="deprecated",
                streams=True,
                batches=False,
                floor="direct_astream",
                unavailable="deprecated; name it in --modes to measure it",
            ),
        ),
        overhead=_overhead(samples, calls, wishes) if wishes.overhead else None,
        reconciliation=reconciliation,
        noise=Noise(
            load_before=0.4,
            load_after=1.1,
            involuntary_switches=212,
            steal_share=0.001,
            other_cpu_share=0.03,
            duration_s=60.2,
        ),
        trust=trust,
    )
