"""What a user asks of a run, with every default, and what is refused."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from parrot_bench.errors import UsageError
from parrot_bench.load import LoadPlan
from parrot_bench.prompts import Prompt
from parrot_callbacks.redaction import is_credential, redact_text

SHARES: Mapping[str, float] = MappingProxyType(
    {
        "overhead": 1.0,
        "streaming": 0.35,
        "concurrency": 0.35,
        "tracing": 0.3,
        "growth": 2.0,
        "parity": 0.05,
        "load": 1.0,
    }
)
"""The studies, in the order in which they are made, and the time of each as a share of --time."""

ON_REQUEST = ("growth", "load")
"""Studies that are made only when they are named."""

OWN_COMMAND = ("load",)
"""Studies that have a command of their own, and are no part of a run."""

STUDIES_OF_A_RUN = tuple(name for name in SHARES if name not in OWN_COMMAND)

DEFAULT_STUDIES = tuple(name for name in SHARES if name not in ON_REQUEST)

COUNTED_STUDIES = ("overhead", "parity")
"""The default where calls or tokens are counted: the others need thousands of calls."""

LEAST_SHARE_OF_CALLS = 0.15
"""Bounded calls and tokens are shared like the time, but to no study goes less than this."""

DEFAULT_PROMPT = ("What does each way of calling you cost? " * 7)[:256]
"""256 characters of plain text."""

DEFAULT_BATCH = 16
"""Prompts of one batch, unless asked otherwise or a bounded number of calls needs fewer."""

TAIL_SHARE = 0.15
"""Share of the time budget for the pass with garbage collection on."""

LOOPS = ("asyncio", "uvloop")
"""Packages that make event loops."""

ONE_PROCESS_TARGET = 0.02
"""Half-width that one process may claim."""

MIN_PROCESSES = 3
MOST_PROCESSES = 20

PROCESS_S = 10.0
"""Time of a process, start included: a quarter of it is the start."""

DEFAULT_REPLY = 20
"""Chunks of the parrot's reply."""

DAY_S = 86_400
_MOST_SAID = 1e15

DEFAULT_SERVICE_S = 0.005
"""What a call of the parrot takes in the studies that put load on it, seconds."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user asks of a run; every field has the documented default.

    Attributes:
        spec: MODEL as ``module:attr`` or ``path/file.py:attr``; empty for the parrot.
        model_args: Keyword arguments of what makes the model: names and values.
        modes: Names of modes, or ``module:attr`` of one's own; empty for the default ones.
        baseline: The mode the others are divided by.
        studies: Names of studies; none for the default ones, which are fewer under
            ``max_calls`` or ``max_tokens``.
        time_s: Time budget of the overhead study, seconds; the others have a share of as much.
        target: Half-width of the intervals to stop at; 0.02 is ±2 %.
        delta: Ratios inside ±delta are called the same.
        prompt: What every call is asked: a text, messages as pairs of role and content, or an
            object that a Runnable takes.
        reply_length: Chunks of the parrot's reply, ``max_tokens`` of another model.
        batch_size: Prompts of one batch.
        max_concurrency: For batching modes; None is LangChain's default.
        max_calls: Upper bound on calls of the model.
        max_tokens: Tokens of prompts and replies that may be spent; None for no bound.
        call_limit_s: Time limit of one call, seconds.
        service_time_s: What a call of the embedded parrot takes in the concurrency study,
            seconds; None for the default. Another model takes its own time.
        seed: Seed of the random order; None draws one, which is recorded.
        loop: What makes event loops, ``asyncio`` or ``uvloop``.
        keep_conditions: Measure with whatever distorts, and say so.
        otlp: Endpoint of a collector to send the spans to, as well.
        processes: Fresh processes that the rounds of the overhead study are spread over; None for
            one, or where the target is under ±2 % for as many as the time allows.
        against: What the model is compared with, as given to ``--against``; empty for a run.
        pairs: Pairs of processes of a comparison; None for as many as its target takes.
        fail_on: A comparison fails when the model is slower by more: 0.01 is 1 %.
        handlers: ``module:factory`` of other handlers, for the studies that attach one.
        growth_calls: Calls of each mode in the growth study.
        load: What the load study puts the model under; None without it.
        command: The command line, for the record.
    """

    spec: str = ""
    model_args: tuple[tuple[str, object], ...] = ()
    modes: tuple[str, ...] = ()
    baseline: str = "invoke"
    studies: tuple[str, ...] = ()
    time_s: float = 60.0
    target: float = 0.02
    delta: float = 0.02
    prompt: Prompt = DEFAULT_PROMPT
    reply_length: int | None = None
    batch_size: int | None = None
    max_concurrency: int | None = None
    max_calls: int | None = None
    max_tokens: int | None = None
    call_limit_s: float = 60.0
    service_time_s: float | None = None
    seed: int | None = None
    loop: str = "asyncio"
    keep_conditions: bool = False
    otlp: str = ""
    processes: int | None = None
    against: tuple[str, ...] = ()
    pairs: int | None = None
    fail_on: float | None = None
    handlers: tuple[str, ...] = ()
    growth_calls: int = 10_000
    load: LoadPlan | None = None
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.studies:
            default = COUNTED_STUDIES if self.bounded else DEFAULT_STUDIES
            object.__setattr__(self, "studies", default)

    @property
    def bounded(self) -> bool:
        """Whether calls, or their tokens, have a bound."""
        return self.max_calls is not None or self.max_tokens is not None

    def kept(self, study: str, left: int) -> int:
        """Of so many calls or tokens, how many are kept for the studies that come after one."""
        weights = {n: max(SHARES[n], LEAST_SHARE_OF_CALLS) for n in SHARES if n in self.studies}
        names = list(weights)
        later = sum(weights[name] for name in names[names.index(study) + 1 :])
        return round(left * later / (weights[study] + later))

    @property
    def tail_s(self) -> float:
        """Time for the pass with garbage collection on, seconds."""
        return self.time_s * TAIL_SHARE

    @property
    def wanted_processes(self) -> int:
        """Fresh processes that the rounds of the overhead study are spread over.

        One process's ratio of different modes differs by about 2 % from another's, so that a
        narrower interval needs several; under three tell nothing of how they differ.
        """
        if self.processes is not None:
            return self.processes
        if self.target >= ONE_PROCESS_TARGET or self.bounded:
            return 1
        return min(max(MIN_PROCESSES, int(self.time_s / PROCESS_S)), MOST_PROCESSES)

    def limit_s(self, study: str) -> float:
        """Time that a study may take, its warm-up and its tails aside, seconds."""
        if self.load is not None:
            modes = max(1, len(self.modes))
            return modes * (self.load.length_s + len(self.load.levels) * self.call_limit_s)
        limit = self.time_s * SHARES[study]
        return limit - self.tail_s if study == "overhead" else limit


def check(request: Request) -> None:
    """Refuse what cannot be carried out, before anything is loaded.

    Raises:
        UsageError: One line on what was given, what was expected, and what to do.
    """
    _check_studies(request)
    for name, value, low, high in (
        ("--time", request.time_s, 1, DAY_S),
        ("--target", request.target, 0.0001, 1),
        ("--delta", request.delta, 0.0001, 1),
        ("--call-limit", request.call_limit_s, 0.01, DAY_S),
        ("--reply-length", request.reply_length, 0, 1_000_000),
        ("--batch-size", request.batch_size, 1, 10_000),
        ("--max-concurrency", request.max_concurrency, 1, 10_000),
        ("--max-calls", request.max_calls, 1, 2**31),
        ("--max-tokens", request.max_tokens, 1, 10**12),
        ("--processes", request.processes, 1, 1_000),
        ("--pairs", request.pairs, 2, 1_000),
        ("--fail-on", request.fail_on, 0.0001, 100),
        ("--service-time", request.service_time_s, 0, 3600),
        ("--growth-calls", request.growth_calls, 200, 10_000_000),
    ):
        if value is not None and not low <= value <= high:
            # A whole number of hundreds of digits has no float to be written as.
            given = f"{value:.15g}" if abs(value) < _MOST_SAID else f"over {_MOST_SAID:g}"
            raise UsageError(
                f"{name} {given} is outside {low:.15g} to {high:.15g}; give one inside"
            )
    if request.bounded and (request.processes or 1) > 1:
        name = "--max-calls" if request.max_calls is not None else "--max-tokens"
        raise UsageError(
            f"--processes {request.processes} would each have a {name} of its own; leave one out"
        )
    _check_model(request)
    _check_load(request)
    if request.loop not in LOOPS:
        raise UsageError(f"--loop {request.loop!r} is unknown; give one of: {', '.join(LOOPS)}")
    if find_spec(request.loop) is None:
        raise UsageError(
            f"--loop {request.loop} needs a package that is not installed; "
            f"type: pip install {request.loop}"
        )
    endpoint = urlsplit(request.otlp)
    if request.otlp and not (endpoint.scheme in {"http", "https"} and endpoint.netloc):
        raise UsageError(
            # Before an "@" there may be a password.
            f"--otlp {request.otlp.rpartition('@')[2]!r} is not an endpoint; "
            "give one such as http://127.0.0.1:4318"
        )
    if request.load is not None and request.load.scheduler:
        _check_scheduler(request.load.scheduler)
    if "@" in endpoint.netloc and request.load is not None and request.load.distributed:
        raise UsageError(
            "--otlp has a user or password in it, which is not sent to workers; set "
            "OTEL_EXPORTER_OTLP_HEADERS where they run"
        )
    if not request.prompt:
        raise UsageError("--prompt is empty; give at least one character")


def _check_scheduler(address: str) -> None:
    if not re.fullmatch(r"(tcp|tls|wss?|ucxx?)://[^\s/@]+:\d+", address):
        raise UsageError(
            f"--scheduler {redact_text(address)!r} is no address; give one such as "
            "tcp://127.0.0.1:8786, which dask scheduler prints"
        )


def _check_model(request: Request) -> None:
    if request.service_time_s is not None and request.spec:
        raise UsageError(
            f"--service-time {request.service_time_s:g} is simulated by the embedded parrot, and "
            f"{request.spec} takes its own time; leave it out"
        )
    if request.model_args and not request.spec:
        raise UsageError("--model-args are for a model of yours; name it, or its class")
    for name, _ in request.model_args:
        if is_credential(name):
            raise UsageError(
                f"--model-args {name}: a credential on a command line is seen by others; "
                "give it by the environment, as the provider's package expects it"
            )


def _check_load(request: Request) -> None:
    load = request.load
    if load is None:
        return
    if not 0 < load.level_s <= DAY_S:
        raise UsageError(
            f"--time {load.level_s:g} of a level is not over 0 and up to {DAY_S}; give another"
        )
    if load.trace and load.trace[-1] > 7 * DAY_S:
        raise UsageError(
            f"--trace goes on for {load.trace[-1]:g} s; give seconds, and a week of them at most"
        )


def _check_studies(request: Request) -> None:
    unknown = [study for study in request.studies if study not in SHARES]
    if unknown:
        raise UsageError(
            f"unknown study {unknown[0]!r}; this version has: {', '.join(STUDIES_OF_A_RUN)}"
        )
    own = [study for study in request.studies if study in OWN_COMMAND and request.load is None]
    if own:
        raise UsageError(f"the study {own[0]} has a command of its own: parrot-bench {own[0]}")
    if request.handlers and not {"tracing", "growth"} & set(request.studies):
        raise UsageError(
            f"--handler {request.handlers[0]} is for the studies tracing and growth; "
            "name one of them with --studies"
        )


def default_name(request: Request) -> str:
    """Name a run directory by when it began and what it compares."""
    others = [mode.replace(":", ".") for mode in request.modes if mode != request.baseline]
    if not others:
        against = "all"
    elif len(others) <= 3:  # noqa: PLR2004  # more make an unwieldy name
        against = "-".join(others)
    else:
        against = f"{len(others)}-modes"
    what = f"{request.baseline}-vs-{against}"
    if request.load is not None:
        what = f"load-{'-'.join(request.modes)}".replace(":", ".")[:60]
    if request.against:
        what = f"against-{'-'.join(request.against)}"[:60]
    return stamped(what)


def stamped(what: str) -> str:
    """Name a folder in ``runs/`` by the moment, and by what is in it."""
    stamp = datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
    name = re.sub(r"[^\w.-]+", "-", f"{stamp}-{what}")
    taken = Path("runs") / name
    return f"{name}-{os.getpid()}" if taken.exists() else name
