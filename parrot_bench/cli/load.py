"""``parrot-bench load``: put a model under load."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import typer

from parrot_bench import load as loads
from parrot_bench.cli import completing
from parrot_bench.cli.agreeing import agree
from parrot_bench.cli.carrying import carry_out_and_conclude, command_line
from parrot_bench.cli.configured import is_typed
from parrot_bench.cli.options import (
    CallLimit,
    Debug,
    Input,
    MaxCalls,
    MaxErrors,
    MaxTokens,
    Model,
    ModelArgs,
    Out,
    Prompt,
    ProviderModel,
    Quiet,
    Replay,
    ReplayLatency,
    ReplyLength,
    ResultForm,
    Yes,
    asked,
    made_of,
    names,
    replayed,
    seconds,
    share,
)
from parrot_bench.cli.terminal import EXIT_FAILED, one_line_errors, print_line
from parrot_bench.errors import UsageError
from parrot_bench.line_files import read_prompts, read_trace
from parrot_bench.load import Level, LoadPlan
from parrot_bench.prompts import CHARACTERS, lengths
from parrot_bench.record.subject import Arriving

if TYPE_CHECKING:
    from parrot_bench.request import Request

T = TypeVar("T")

_SOME = 200
"""Prompts that are looked at for the plan."""

_LOAD, _WHAT, _END = "The load", "What to measure", "What becomes of it"
_MACHINES = "More than one process"


def load(  # one option a parameter
    context: typer.Context,
    model: Model = "",
    *,
    provider_model: ProviderModel = "",
    model_args: ModelArgs = None,
    replay: Replay = None,
    replay_latency: ReplayLatency = "",  # noqa: ARG001  # as above
    rate: Annotated[
        str,
        typer.Option(
            metavar="N[,N…]",
            help="Open loop: so many calls a second arrive, whether those before have ended or "
            "not. Several are made one after the other.",
            show_default=False,
            rich_help_panel=_LOAD,
        ),
    ] = "",
    concurrency: Annotated[
        str,
        typer.Option(
            metavar="N[,N…]|N..N",
            help="Closed loop: so many calls are always in flight; 1..64 is a ramp, step by step.",
            show_default="1,2,4,8,16 without --rate and --trace",
            rich_help_panel=_LOAD,
        ),
    ] = "",
    trace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='Open loop: calls arrive as recorded, a number of seconds or {"at": 1.5} a line.',
            show_default=False,
            rich_help_panel=_LOAD,
        ),
    ] = None,
    find_max_rate: Annotated[
        bool,
        typer.Option(
            "--find-max-rate",
            help="Look for the highest rate at which the objectives of **--slo** are kept, "
            "beginning at **--rate** (1); about 15 levels.",
            rich_help_panel=_LOAD,
        ),
    ] = False,
    arrivals: Annotated[
        str,
        typer.Option(
            metavar="poisson|constant",
            help="Of **--rate**: at random, as people come, or evenly.",
            rich_help_panel=_LOAD,
        ),
    ] = "poisson",
    time: Annotated[
        float,
        typer.Option(
            metavar="TIME",
            parser=seconds,
            help="How long each load is kept up.",
            show_default="30s",
            rich_help_panel=_LOAD,
        ),
    ] = "30",  # type: ignore[assignment]  # typer passes defaults through the parser
    most_in_flight: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=100_000,
            help="Calls in flight in an open loop, at most; what comes then waits, which counts.",
            rich_help_panel=_LOAD,
        ),
    ] = loads.MOST_IN_FLIGHT,
    modes: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,NAME…]",
            autocompletion=completing.modes,
            help="Execution modes, one after the other; none that batches.",
            show_default="astream",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    prompt: Prompt = None,
    input: Input = None,  # noqa: A002  # as the option and the key
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='Many prompts, a text or JSON a line ("…", {"prompt": "…"}, {"messages": '
            '[…]} or {"input": {…}}), asked in an order of chance.',
            show_default=False,
            rich_help_panel=_WHAT,
        ),
    ] = None,
    prompt_lengths: Annotated[
        str,
        typer.Option(
            metavar="NAME|N|N:N",
            help="Prompts that are made up, none like another, as long as in "
            "**conversation** (p50 582, p95 2345 tokens), of N tokens, or of median N and p95 N.",
            show_default=False,
            rich_help_panel=_WHAT,
        ),
    ] = "",
    reply_length: ReplyLength = None,
    max_calls: MaxCalls = None,
    max_tokens: MaxTokens = None,
    call_limit: CallLimit = "60",  # type: ignore[assignment]  # typer passes it through the parser
    slo: Annotated[
        str,
        typer.Option(
            metavar="NAME=TIME[,…]",
            help="What a call has to keep to be good: **latency**, **ttfc** (time to first chunk) "
            "or **itl** (per further token), as ttfc=200ms,latency=2s.",
            show_default="every reply is good",
            rich_help_panel=_END,
        ),
    ] = "",
    kept: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            parser=share,
            help="With **--find-max-rate**: share of the calls that has to keep them.",
            show_default="95%",
            rich_help_panel=_END,
        ),
    ] = "95%",  # type: ignore[assignment]  # as above
    max_errors: MaxErrors = "1%",  # type: ignore[assignment]  # as above
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Seed of the arrivals and of the prompts' order.",
            show_default="drawn, and recorded",
            rich_help_panel=_END,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=10_000,
            help="So many processes make the calls together; of a cluster, so many of its workers.",
            show_default="one process; all of a cluster",
            rich_help_panel=_MACHINES,
        ),
    ] = None,
    scheduler: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="The workers of a running Dask cluster make the calls, as **tcp://10.0.0.1:8786**.",
            show_default=False,
            rich_help_panel=_MACHINES,
        ),
    ] = "",
    otlp: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Send a span of every call to an OpenTelemetry collector; each worker is a "
            "resource of its own. Calls are timed with it.",
            show_default=False,
            rich_help_panel=_END,
        ),
    ] = "",
    out: Out = None,
    form: ResultForm = "text",
    yes: Yes = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Put a chat model, a chain or an agent under load, and say what its callers see.

    In an open loop latency counts from when a call should have been made: a model that stands
    still for two seconds is seen by all who came meanwhile. What was not answered is an error,
    and a call that missed its objectives; nothing is left out.

        parrot-bench load my_app.llm:make_model --rate 2,5,10 --slo ttfc=500ms,latency=5s

        parrot-bench load my_app.llm:make_model --concurrency 1,4,16 --max-calls 300

        parrot-bench load my_app.llm:make_model --find-max-rate --slo ttfc=500ms

    A level at which this process is the limit, and not the model, is called client-bound.

    Exit status: 0 done; 1 more errors than **--max-errors**; 2 bad input, or stopped.
    """
    with one_line_errors(debug=debug):
        from parrot_bench.request import Request  # noqa: PLC0415  # lazily

        plan = LoadPlan(
            levels=tuple(_levels(rate, concurrency, trace, search=find_max_rate)),
            arrivals="trace" if trace is not None else _arrivals(arrivals),
            level_s=time,
            objectives=_read("--slo", loads.objectives, slo),
            max_errors=max_errors,
            most_in_flight=most_in_flight,
            trace=() if trace is None else read_trace(trace),
            find_max_rate=find_max_rate,
            kept_share=kept,
            prompts=() if prompts is None else read_prompts(prompts),
            lengths=_read("--prompt-lengths", lengths, prompt_lengths) if prompt_lengths else None,
            workers=workers,
            scheduler=scheduler,
        )
        if plan.distributed:
            from parrot_bench.workers.cluster import check_installed  # noqa: PLC0415  # lazily

            check_installed()
        asking = [f"--{name}" for name in ("prompt", "input") if is_typed(context, name)]
        asking += ["--prompts"] if prompts is not None else []
        asking += ["--prompt-lengths"] if prompt_lengths else []
        if len(asking) > 1:
            raise UsageError(f"both {asking[0]} and {asking[1]} are given; give one")
        if find_max_rate and not plan.objectives:
            raise UsageError("--find-max-rate needs --slo: what is to be kept, as ttfc=500ms")
        chosen = names(modes) or ("astream",)
        spec, arguments = made_of(model, provider_model, model_args, context)
        spec, arguments = replayed(context, spec, arguments, order="turn")
        request = Request(
            spec=spec,
            model_args=arguments,
            modes=chosen,
            baseline=chosen[0],
            studies=("load",),
            prompt=asked(context, prompt, input),
            reply_length=reply_length,
            max_calls=max_calls,
            max_tokens=max_tokens,
            call_limit_s=call_limit,
            seed=seed,
            load=plan,
            otlp=otlp,
            command=command_line(prompt, input),
        )
        # Neither the parrot nor a recording costs anything.
        free = not spec or replay is not None
        record = carry_out_and_conclude(
            request,
            out,
            form,
            quiet=quiet,
            agreed=lambda: agree(_said(request, plan), yes=yes or free),
        )
        found = record.load
        if found is not None and found.error_share > max_errors:
            said = (
                f"{found.error_share:.1%} of the calls failed, over --max-errors {max_errors:.1%}"
            )
            print_line(f"parrot-bench: {said}")
            raise typer.Exit(EXIT_FAILED)


def _levels(rate: str, concurrency: str, trace: Path | None, *, search: bool) -> list[Level]:
    """The levels that were asked for: closed loops first.

    Raises:
        UsageError: A number is none, or a trace is to have a rate.
    """
    if trace is not None and rate:
        raise UsageError("--trace has its own arrivals; leave out --rate")
    found = [*_read("--concurrency", loads.concurrencies, concurrency)]
    found += [Level(rate=each) for each in _read("--rate", loads.rates, rate)]
    if search:
        if concurrency or trace is not None or len(found) > 1:
            raise UsageError("--find-max-rate begins at one --rate; give no other load")
        return found or [Level(rate=1.0)]
    if trace is not None:
        found.append(Level())
    return found or [Level(concurrency=number) for number in (1, 2, 4, 8, 16)]


def _arrivals(text: str) -> Arriving:
    if text not in {"poisson", "constant"}:
        raise UsageError(f"--arrivals {text!r} is none; give poisson or constant")
    return cast("Arriving", text)


def _read(option: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def _said(request: "Request", plan: LoadPlan) -> str:
    """What will be sent, in a line."""
    length_s = plan.length_s * len(request.modes)
    modes, levels = ", ".join(request.modes), loads.said(plan.levels)
    if plan.find_max_rate:
        levels = f"ever more calls from {levels} on"
    due = [_due(level, plan) for level in plan.levels]
    calls = (
        None if None in due or plan.find_max_rate else sum(d or 0 for d in due) * len(request.modes)
    )
    bound = f"at most {request.max_calls:,} calls" if request.max_calls is not None else ""
    expected = f"about {calls:,} calls" if calls is not None else "as many calls as it takes"
    said = [f"{modes} with {levels}; {length_s:.0f} s, {bound or expected}"]
    said.append(f"about {_prompt_tokens(request, plan):,.0f} tokens a prompt")
    if request.reply_length is not None:
        said.append(f"at most {request.reply_length:,} a reply")
    if request.max_tokens is not None:
        said.append(f"at most {request.max_tokens:,} in all")
    return ", ".join(said)


def _prompt_tokens(request: "Request", plan: LoadPlan) -> float:
    """Tokens of a prompt, about, on average over some."""
    from parrot_bench.runnables.inputs import as_text  # noqa: PLC0415  # lazily

    some = [len(as_text(each)) for each in islice(plan.asked(request.prompt, 0), _SOME)]
    return max(1.0, sum(some) / len(some) / CHARACTERS)


def _due(level: Level, plan: LoadPlan) -> int | None:
    """Calls of a level; None where that depends on the answers."""
    if level.closed:
        return None
    return len(plan.trace) if plan.arrivals == "trace" else round((level.rate or 0) * plan.level_s)
