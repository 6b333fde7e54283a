"""The saved record of a run: a versioned schema, and where each file of a run lies.

This is the bottom layer. It knows pydantic and nothing else, so that a report can be made
on a machine without LangChain, a year later. It does not measure, estimate or draw.

History of ``schema_version``:

1.  First version.
"""

import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from parrot_bench.errors import RecordError

SCHEMA_VERSION: Final = 1

Verdict = Literal["baseline", "faster", "slower", "same", "not resolved", "not measured"]
"""What is said of a mode against the baseline; ``same`` means *same within delta*."""


class Saved(BaseModel):
    """Base of every saved value: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(Saved):
    """A number with its interval and the count behind it.

    Attributes:
        value: The point estimate, in ``unit``.
        low: Lower bound of the interval.
        high: Upper bound of the interval.
        confidence: Nominal coverage of the interval, such as 0.95.
        count: How many rounds (or calls) stand behind it.
        unit: ``"ratio"`` or ``"ns"`` (nanoseconds per call).
        stable: False when the host changed the number itself while it was measured.
        note: Why it is not stable, or how it was made; one clause without a full stop.
    """

    value: float
    low: float
    high: float
    confidence: float
    count: int
    unit: Literal["ratio", "ns"]
    stable: bool = True
    note: str = ""


class Percentile(Saved):
    """One percentile of per-call latency, or the reason there is none.

    Attributes:
        rank: Between 0 and 1: 0.5 is the median.
        value: Nanoseconds; None when there are too few calls.
        low: Lower bound of the 95 % interval, nanoseconds.
        high: Upper bound of the 95 % interval, nanoseconds.
        count: Stamped calls behind it.
        reason: Why ``value`` is None.
    """

    rank: float
    value: float | None
    low: float | None
    high: float | None
    count: int
    reason: str = ""


class ModelDescription(Saved):
    """What was measured.

    Attributes:
        spec: MODEL as it was given on the command line; empty for the embedded parrot.
        class_name: ``module.QualName`` of the chat model's class.
        llm_type: The model's ``_llm_type``.
        model_name: The name the model gives itself; empty when it has none.
        identifying_params: ``_identifying_params``, credentials removed.
        native_async: It implements ``_agenerate`` or ``_astream`` itself.
        native_stream: It implements ``_stream`` or ``_astream`` itself.
        waits: It spends its time waiting, so wall time decides and not CPU.
        second_instance: How the second instance of the A/A check was made.
    """

    spec: str
    class_name: str
    llm_type: str
    model_name: str
    identifying_params: dict[str, JsonValue]
    native_async: bool
    native_stream: bool
    waits: bool
    second_instance: str


class Configuration(Saved):
    """What was asked for, defaults filled in. Times are in seconds.

    Attributes:
        baseline: The mode the others are divided by.
        studies: Names of the studies, in order.
        modes: The modes asked for; empty for all that are not deprecated.
        time_s: Time budget of the overhead study's rounds.
        target: Half-width of the ratio's interval to stop at: 0.02 is ±2 %.
        delta: Ratios inside ±delta are called the same.
        prompt: The prompt's text, only if the user asked to keep it; else None.
        prompt_characters: Length of the prompt.
        reply_length: Chunks of the parrot's reply, or ``max_tokens`` of another model.
        batch_size: Prompts of one batch.
        max_concurrency: Calls in flight allowed to batching modes; None is LangChain's default.
        max_calls: Upper bound on calls of the model; None for no bound.
        call_limit_s: A call that takes longer is stopped and its mode left out.
        seed: Seed of the random order of modes.
        keep_conditions: Conditions that distort were left as they were.
        otlp: Endpoint that spans were sent to, user info removed; empty for none.
    """

    baseline: str
    studies: tuple[str, ...]
    modes: tuple[str, ...]
    time_s: float
    target: float
    delta: float
    prompt: str | None
    prompt_characters: int
    reply_length: int | None
    batch_size: int
    max_concurrency: int | None
    max_calls: int | None
    call_limit_s: float
    seed: int
    keep_conditions: bool
    otlp: str


class Environment(Saved):
    """Machine, versions and source state.

    Attributes:
        python: Such as ``CPython 3.11.7``.
        platform: Such as ``Linux-6.1-x86_64``.
        cpu: Name of the processor.
        logical_cpus: Logical processors this process may use.
        memory_bytes: Physical memory.
        governor: Frequency governor; empty where it cannot be read.
        packages: Distribution name to version, for what takes part in the measurement.
        commit: Git commit of the current folder; empty outside a checkout.
        dirty: The checkout had uncommitted changes; None outside a checkout.
        hash_seed: PYTHONHASHSEED of the timed process.
        event_loop: Class of the event loop.
    """

    python: str
    platform: str
    cpu: str
    logical_cpus: int
    memory_bytes: int
    governor: str
    packages: dict[str, str]
    commit: str
    dirty: bool | None
    hash_seed: str
    event_loop: str


class Condition(Saved):
    """Something that distorts timings and was found in the timed process.

    Attributes:
        name: What it is, such as ``LANGSMITH_TRACING`` or ``set_debug``.
        effect: What it is known to do, in words.
        kept: True when ``--keep-conditions`` left it in place.
    """

    name: str
    effect: str
    kept: bool


class Noise(Saved):
    """What else the machine did while the rounds ran.

    Attributes:
        load_before: One-minute load average before; None where there is none.
        load_after: One-minute load average after.
        involuntary_switches: Context switches the timed process did not ask for.
        steal_share: Share of CPU time taken by the hypervisor; None where unknown.
        other_cpu_share: Share of all processors used by other processes; None where unknown.
        duration_s: Length of the observed window, seconds.
    """

    load_before: float | None
    load_after: float | None
    involuntary_switches: int | None
    steal_share: float | None
    other_cpu_share: float | None
    duration_s: float


class ModeRecord(Saved):
    """One execution mode, available or not.

    Attributes:
        name: Such as ``astream_events_v2``.
        api: The LangChain API it stands for, such as ``model.astream_events(version="v2")``.
        kind: ``sync`` or ``async``.
        status: ``floor``, ``stable``, ``beta`` or ``deprecated``.
        streams: Chunks arrive as they are made.
        batches: Several prompts are answered at once.
        floor: Name of the floor it is divided by; empty for a floor itself.
        note: What a reader should know, such as "async through LangChain's executor fallback".
        unavailable: Why it was not measured; empty when it was.
    """

    name: str
    api: str
    kind: Literal["sync", "async"]
    status: Literal["floor", "stable", "beta", "deprecated"]
    streams: bool
    batches: bool
    floor: str
    note: str = ""
    unavailable: str = ""


class ModeOverhead(Saved):
    """What the overhead study found for one mode. Times are nanoseconds per call.

    Attributes:
        mode: Name of the mode.
        cpu: Median CPU time per call over blocks, all threads of the process.
        wall: Median wall time per call over blocks.
        cpu_ratio: Paired ratio of CPU time to the baseline; None for the baseline itself.
        wall_ratio: The same for wall time.
        cpu_ratio_joint: ``cpu_ratio`` with its interval widened for all modes together
            (Bonferroni); drawn in the forest plot.
        wall_ratio_joint: The same for wall time.
        cpu_floor_ratio: Paired ratio of CPU time to its own floor; None for floors.
        wall_floor_ratio: The same for wall time.
        verdict: From the deciding clock's interval (Holm over the modes).
        decided_by: The clock the verdict comes from.
        verdict_note: Why it is amber or not measured; empty otherwise.
        disagrees: CPU and wall time say different things.
        seconds_to_resolve: How long the rounds would have to run in all, those that did
            included; None when resolved.
        cold: Median time of the first call after another mode's block, wall; None if unknown.
        percentiles: p50, p90, p95, p99 of stamped calls.
        calls: Timed calls.
        blocks: Timed blocks.
        calls_per_block: Calls of one block.
        every: The mode has a block in every ``every``-th round.
        calls_per_second: Calls over wall time of its blocks.
        tokens_per_second: Output tokens over wall time; None when the reply has no usage.
        errors: Blocks that raised and were left out, by error type.
    """

    mode: str
    cpu: Estimate | None
    wall: Estimate | None
    cpu_ratio: Estimate | None = None
    wall_ratio: Estimate | None = None
    cpu_ratio_joint: Estimate | None = None
    wall_ratio_joint: Estimate | None = None
    cpu_floor_ratio: Estimate | None = None
    wall_floor_ratio: Estimate | None = None
    verdict: Verdict
    decided_by: Literal["cpu", "wall"]
    verdict_note: str = ""
    disagrees: bool = False
    seconds_to_resolve: float | None = None
    cold: Estimate | None = None
    percentiles: tuple[Percentile, ...] = ()
    calls: int = 0
    blocks: int = 0
    calls_per_block: int = 0
    every: int = 1
    calls_per_second: float | None = None
    tokens_per_second: float | None = None
    errors: dict[str, int] = Field(default_factory=dict)


class OverheadResult(Saved):
    """Result of the overhead study.

    Attributes:
        baseline: The mode the others are divided by.
        modes: One entry a measured mode, floors included, in the order of the mode table.
        aa_cpu: The baseline divided by a second instance of itself, CPU, 99 % interval.
        aa_wall: The same for wall time.
        warmup_ratio: First fifth of the rounds over the rest, for the baseline's deciding clock.
        rounds: Finished rounds.
        stamped_rounds: Rounds in which every call was stamped; not part of any ratio.
        stopped_by: Why the rounds ended.
        duration_s: Wall time of the rounds, seconds.
        calls: Calls of the model in all, warm-up and untimed calls included.
    """

    baseline: str
    modes: tuple[ModeOverhead, ...]
    aa_cpu: Estimate | None
    aa_wall: Estimate | None
    warmup_ratio: Estimate | None
    rounds: int
    stamped_rounds: int
    stopped_by: Literal["target", "time", "max-calls", "interrupted", "failed"]
    duration_s: float
    calls: int


class SpanDelivery(Saved):
    """What became of the spans handed to one exporter.

    Attributes:
        exporter: Such as ``spans.jsonl`` or ``otlp http://127.0.0.1:4318``.
        exported: Spans the exporter acknowledged.
        failed: Spans it refused or could not deliver.
        dropped: Spans that never reached it because a queue was full.
        error: What the last failure said; empty when all went well.
    """

    exporter: str
    exported: int
    failed: int
    dropped: int
    error: str = ""


class ModeReconciliation(Saved):
    """Calls against spans and tokens against tokens, for one mode of the traced pass.

    Attributes:
        mode: Name of the mode.
        calls: Calls made with the handler attached.
        chat_spans: Chat spans that ended inside the mode's pass.
        outcomes: Spans by ``langchain.run.outcome``.
        orphans: Chat spans whose parent is not the mode's own span.
        duplicates: Chat spans beyond one a call.
        input_tokens_replies: From the replies' ``usage_metadata``.
        output_tokens_replies: The same for output.
        input_tokens_spans: From the spans' attributes.
        output_tokens_spans: The same for output.
        trace_id: Hex id of the mode's trace in ``spans.jsonl``.
        error: The error that ended the pass; empty when there was none.
    """

    mode: str
    calls: int
    chat_spans: int
    outcomes: dict[str, int]
    orphans: int
    duplicates: int
    input_tokens_replies: int
    output_tokens_replies: int
    input_tokens_spans: int
    output_tokens_spans: int
    trace_id: str
    error: str = ""

    @property
    def agrees(self) -> bool:
        """Whether calls equal spans and tokens equal tokens."""
        return (
            not self.error
            and self.calls == self.chat_spans
            and not self.orphans
            and self.input_tokens_replies == self.input_tokens_spans
            and self.output_tokens_replies == self.output_tokens_spans
        )


class Reconciliation(Saved):
    """The traced pass: every call has its span, every span was delivered.

    Attributes:
        modes: One entry a traced mode. Floors bypass callbacks and have none.
        started: Spans started, those around each mode included.
        ended: Spans ended.
        deliveries: One entry an exporter.
        scope: Instrumentation scope and version that made the chat spans.
        left_out_by: The variable by which the user left spans out, such as
            ``OTEL_TRACES_SAMPLER=traceidratio``; calls can't be compared with spans then.
    """

    modes: tuple[ModeReconciliation, ...]
    started: int
    ended: int
    deliveries: tuple[SpanDelivery, ...]
    scope: str
    left_out_by: str = ""

    @property
    def agrees(self) -> bool:
        """Whether calls, spans and tokens agree in every mode (delivery aside)."""
        return self.started == self.ended and all(mode.agrees for mode in self.modes)

    @property
    def delivered(self) -> bool:
        """Whether every ended span was acknowledged by every exporter."""
        return all(d.exported == self.ended for d in self.deliveries)


class TrustCheck(Saved):
    """One reason to trust the run, or not to.

    Attributes:
        name: Short name, such as ``A/A`` or ``reconciliation``.
        level: ``green``: fine. ``amber``: read with care. ``red``: the run failed this check.
        sentence: The finding in words, with its numbers.
    """

    name: str
    level: Literal["green", "amber", "red"]
    sentence: str


class RunRecord(Saved):
    """Everything a run knows about itself: configuration, environment, results, trust.

    Attributes:
        schema_version: Version of this schema.
        name: The run directory's name.
        status: ``complete``, or ``incomplete`` while it runs and after a stop.
        status_note: Why it is incomplete.
        started: When the run began, with its time zone.
        duration_s: Wall time of the whole run so far, seconds.
        command: The command line, one argument an item, credentials removed.
        parrot_bench_version: Version of the harness.
        trust: The trust checks, in the order they are printed.
        failures: Modes left out while running, and why.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    status: Literal["complete", "incomplete"]
    status_note: str = ""
    started: datetime
    duration_s: float
    command: tuple[str, ...]
    parrot_bench_version: str
    model: ModelDescription | None
    configuration: Configuration
    environment: Environment
    conditions: tuple[Condition, ...] = ()
    modes: tuple[ModeRecord, ...] = ()
    overhead: OverheadResult | None = None
    reconciliation: Reconciliation | None = None
    noise: Noise | None = None
    trust: tuple[TrustCheck, ...] = ()
    failures: dict[str, str] = Field(default_factory=dict)

    @property
    def trusted(self) -> bool:
        """Whether every trust check is green and the run is complete."""
        return self.status == "complete" and all(c.level == "green" for c in self.trust)


class RunDirectory:
    """Where each file of a run lies, and how it is written: whole or not at all.

    Args:
        path: The directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record = path / "run.json"
        self.samples = path / "samples.parquet"
        self.calls = path / "calls.parquet"
        self.spans = path / "spans.jsonl"
        self.report = path / "report.html"
        self.summary = path / "summary.md"
        self.figures = path / "figures"
        self.log = path / "worker.log"

    def create(self) -> None:
        """Make the directory.

        Raises:
            RecordError: It exists and is not empty, or cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if any(self.path.iterdir()):
                raise RecordError(
                    f"output folder {self.path} is not empty; name a new one with --out"
                )
            # mkdir succeeds on an existing folder that cannot be written.
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise RecordError(
                f"output folder {self.path} cannot be written ({error.strerror}); "
                "name another with --out"
            ) from error

    def write_record(self, record: RunRecord) -> None:
        """Write ``run.json``."""
        write_atomically(self.record, record.model_dump_json(indent=1).encode() + b"\n")

    def read_record(self) -> RunRecord:
        """Read ``run.json``.

        Raises:
            RecordError: There is none, or it is not a record this version can read.
        """
        return read_record(self.record)


def read_record(path: Path) -> RunRecord:
    """Read a record from ``run.json`` or from the run directory that holds it.

    Raises:
        RecordError: There is none, or it is not a record this version can read.
    """
    if path.is_dir():
        path = path / "run.json"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RecordError(
            f"no record at {path} ({error.strerror}); name a run directory, "
            "which is a folder with a run.json"
        ) from error
    try:
        return RunRecord.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise RecordError(
            f"{path} is not a record of schema version {SCHEMA_VERSION}: "
            f"{where}: {first['msg']}; was it written by another version of parrot-bench?"
        ) from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name beside it, then rename it."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # mkstemp makes the file private; a run directory is meant to be shared.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
