"""What was measured, on what, how it was asked for, and what else went on."""

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from parrot_bench.record.base import Saved

Arriving = Literal["poisson", "constant", "trace"]
"""How calls of an open loop arrive: at random, evenly, or as they were recorded."""


class ReplayDescription(Saved):
    """Recorded replies that were given back.

    Attributes:
        recorded_from: The name of the model that made them; of one without a name, its class.
        recorded: When the recording began, with its time zone.
        replies: How many there are.
        median_chunks: Chunks of the reply of median length.
        latency: ``zero``: everything came at once; ``recorded``: chunks came when they did.
        order: ``turn``: replies were given one after the other; ``prompt``: the same prompt got
            the same reply, its own or the one of median length.
        torn: The recording was broken off in the middle of a reply, which is left out.
        sha256: Of the file.
    """

    recorded_from: str
    recorded: datetime
    replies: int
    median_chunks: int
    latency: Literal["zero", "recorded"]
    order: Literal["turn", "prompt"]
    torn: bool
    sha256: str


class ModelDescription(Saved):
    """What was measured.

    Attributes:
        spec: MODEL as it was given on the command line; empty for the embedded parrot.
        class_name: ``module.QualName`` of the class of the chat model or other Runnable.
        kind: ``chat model``, ``graph``, ``text completion model`` or ``Runnable``.
        parts: Classes of what a Runnable is made of, as far as they are known.
        own_threads: Each call is given a new ``thread_id``, as a graph in it has a checkpointer.
        llm_type: The model's ``_llm_type``; of what is no chat model, its kind.
        model_name: The name the model gives itself; empty when it has none. Of another Runnable,
            that of the one chat model in it.
        identifying_params: ``_identifying_params`` of the same model, credentials removed.
        native_async: It implements ``_agenerate`` or ``_astream`` itself, or a model in it does.
        native_stream: It implements ``_stream`` or ``_astream`` itself, or a model in it does.
        waits: It spends its time waiting, so wall time decides and not CPU.
        second_instance: How the second instance of the A/A check was made.
        replay: The recorded replies that it gave back; None for a model that answered itself.
    """

    spec: str
    class_name: str
    kind: str = "chat model"
    parts: tuple[str, ...] = ()
    own_threads: bool = False
    llm_type: str
    model_name: str
    identifying_params: dict[str, JsonValue]
    native_async: bool
    native_stream: bool
    waits: bool
    second_instance: str
    replay: ReplayDescription | None = None


class LoadConfiguration(Saved):
    """The load that was asked for. Times are in seconds.

    Attributes:
        levels: Such as ``8 in flight`` or ``20/s``.
        arrivals: How calls of open loops arrived.
        level_s: How long each level was to be kept up.
        objectives: What a call had to keep, such as ``ttfc=0.2s``.
        max_errors: Share of calls that may fail.
        most_in_flight: Calls in flight in an open loop, at most.
        prompts: How many there were; 0 for the one prompt of the configuration.
        prompt_lengths: Of prompts that were made up, such as ``conversation``.
        max_tokens: Tokens of prompts and replies that might be spent; None for no bound.
        workers: How many processes were to make the calls; None where that was not said.
        scheduler: Address of the Dask scheduler whose workers they were; empty for none.
    """

    levels: tuple[str, ...]
    arrivals: Arriving
    level_s: float
    objectives: tuple[str, ...]
    max_errors: float
    most_in_flight: int
    prompts: int = 0
    prompt_lengths: str = ""
    max_tokens: int | None = None
    workers: int | None = None
    scheduler: str = ""


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
        max_tokens: Tokens of prompts and replies that might be spent; None for no bound.
        call_limit_s: A call that takes longer is stopped and its mode left out.
        service_time_s: Service time that was simulated in the concurrency study, where one was
            asked for; None for the default.
        seed: Seed of the random order of modes.
        loop: What made the event loops, such as ``asyncio``.
        keep_conditions: Conditions that distort were left as they were.
        otlp: Endpoint that spans were sent to, user info removed; empty for none.
        handlers: ``module:factory`` of the other handlers.
        growth_calls: Calls of each mode that the growth study was asked for; None: it was not.
        load: What the load study was asked for; None: it was not.
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
    max_tokens: int | None = None
    call_limit_s: float
    service_time_s: float | None = None
    seed: int
    loop: str = "asyncio"
    keep_conditions: bool
    otlp: str
    handlers: tuple[str, ...] = ()
    growth_calls: int | None = None
    load: LoadConfiguration | None = None


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
