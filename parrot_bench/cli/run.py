"""``parrot-bench run``: measure a model, and write the report."""

from typing import Annotated

import typer

from parrot_bench.cli import completing
from parrot_bench.cli.against import AGAINST_S, AGAINST_TARGET, GATED_S, run_against
from parrot_bench.cli.carrying import carry_out_and_conclude, command_line
from parrot_bench.cli.configured import is_typed
from parrot_bench.cli.options import (
    Debug,
    FailOn,
    Input,
    MaxCalls,
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
    asked,
    made_of,
    names,
    replayed,
    seconds,
    share,
)
from parrot_bench.cli.terminal import (
    EXIT_FAILED,
    one_line_errors,
)
from parrot_bench.errors import UsageError
from parrot_bench.request import COUNTED_STUDIES, DEFAULT_STUDIES, STUDIES_OF_A_RUN


def run(
    context: typer.Context,
    model: Model = "",
    *,
    provider_model: ProviderModel = "",
    model_args: ModelArgs = None,
    replay: Replay = None,  # noqa: ARG001  # it is read from the context
    replay_latency: ReplayLatency = "",  # noqa: ARG001  # as above
    modes: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,NAME…]",
            autocompletion=completing.modes,
            help=(
                "Execution modes to measure; see **parrot-bench modes**. "
                "**module:attr** names an ExecutionMode of your own."
            ),
            show_default="all but the deprecated",
            rich_help_panel="What to measure",
        ),
    ] = None,
    baseline: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            autocompletion=completing.modes,
            help="The mode that the others are divided by.",
            rich_help_panel="What to measure",
        ),
    ] = "invoke",
    studies: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,NAME…]",
            autocompletion=completing.studies,
            help=f"Studies to make: {', '.join(STUDIES_OF_A_RUN)}.",
            show_default=(
                f"{', '.join(DEFAULT_STUDIES)}; with --max-calls or --max-tokens "
                f"{', '.join(COUNTED_STUDIES)}"
            ),
            rich_help_panel="What to measure",
        ),
    ] = None,
    prompt: Prompt = None,
    input: Input = None,  # noqa: A002  # as the option and the key
    handler: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE:FACTORY[,…]",
            help=(
                "Another handler, for the studies tracing and growth: a function that takes a "
                "tracer provider and returns callback handlers, or an object with uninstrument()."
            ),
            show_default=False,
            rich_help_panel="What to measure",
        ),
    ] = None,
    growth_calls: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Calls of each mode in the study growth, where its time allows.",
            rich_help_panel="How long and how well",
        ),
    ] = 10_000,
    reply_length: ReplyLength = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Prompts of one batch; fewer where --max-calls is tight.",
            show_default="16; 4 with --max-tokens",
            rich_help_panel="What to measure",
        ),
    ] = None,
    max_concurrency: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Calls in flight allowed to batching modes.",
            show_default="LangChain's own",
            rich_help_panel="What to measure",
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OTHER",
            help=(
                "Compare with another model (**module:attr**), a git reference (**main**) or "
                "installed requirements (**langchain-core==1.6.0**), measured in turn with MODEL. "
                "**git:** and **pip:** in front say which it is."
            ),
            show_default=False,
            rich_help_panel="Against something else",
        ),
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Pairs of fresh processes, one a side.",
            show_default="10 and more, until the interval is narrow enough",
            rich_help_panel="Against something else",
        ),
    ] = None,
    fail_on: FailOn = None,
    service_time: Annotated[
        float | None,
        typer.Option(
            metavar="TIME",
            parser=seconds,
            help="What a call of the parrot takes in the concurrency study.",
            show_default="5ms",
            rich_help_panel="What to measure",
        ),
    ] = None,
    time: Annotated[
        float | None,
        typer.Option(
            metavar="TIME",
            parser=seconds,
            help=(
                "Time for the overhead study, such as 60, 90s or 5m, of which others take a share; "
                "or for all pairs."
            ),
            show_default="60s; 180s with --against, 360s with --fail-on",
            rich_help_panel="How long and how well",
        ),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            parser=share,
            help="Stop once every interval is narrower than this.",
            show_default="2%; with --against half of --fail-on, or 0.5%",
            rich_help_panel="How long and how well",
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Fresh processes that the rounds are spread over, one after the other.",
            show_default="1; under a target of 2% one every 10 s, at least 3",
            rich_help_panel="How long and how well",
        ),
    ] = None,
    max_calls: MaxCalls = None,
    max_tokens: MaxTokens = None,
    call_limit: Annotated[
        float,
        typer.Option(
            metavar="TIME",
            parser=seconds,
            help="A call that takes longer is stopped, and its mode left out.",
            show_default="60s",
            rich_help_panel="How long and how well",
        ),
    ] = "60",  # type: ignore[assignment]
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Seed of the random order of modes.",
            show_default="drawn, and recorded",
            rich_help_panel="How long and how well",
        ),
    ] = None,
    loop: Annotated[
        str,
        typer.Option(
            metavar="PACKAGE",
            help="What makes the event loop of asynchronous modes: **asyncio** or **uvloop**.",
            rich_help_panel="How long and how well",
        ),
    ] = "asyncio",
    keep_conditions: Annotated[
        bool,
        typer.Option(
            "--keep-conditions",
            help="Measure with LangSmith tracing, debug, caches and handlers as they are.",
            rich_help_panel="How long and how well",
        ),
    ] = False,
    out: Out = None,
    otlp: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help=(
                "Send the traced pass's spans to this collector as well, such as "
                "http://127.0.0.1:4318, and thousands of the study tracing. The OTEL_* "
                "variables act, too."
            ),
            show_default=False,
            rich_help_panel="What becomes of it",
        ),
    ] = "",
    form: ResultForm = "text",
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure a chat model in every execution mode, and write the report.

    Every mode is timed in short blocks, in rounds of random order, against the baseline of the
    same round. Then every mode makes a few calls with the OpenTelemetry handler attached, and
    calls and tokens are compared with the spans.

        parrot-bench run

        parrot-bench run my_app.llm:make_model --modes invoke,ainvoke,astream --max-calls 500

    With --against, the same modes of something else are measured in turn, in pairs of fresh
    processes, and compared; there is no traced pass then.

        parrot-bench run --against langchain-core==1.6.0 --modes astream_events_v2 --fail-on 1%

    Ctrl-C ends it early (exit status 2); the finished rounds are kept and reported.
    """
    with one_line_errors(debug=debug):
        from parrot_bench.request import Request  # noqa: PLC0415  # lazily

        spec, arguments = made_of(model, provider_model, model_args, context)
        # Modes are compared: the same prompt gets the same reply in each of them.
        spec, arguments = replayed(context, spec, arguments, order="prompt")
        request = Request(
            spec=spec,
            model_args=arguments,
            modes=names(modes),
            baseline=baseline,
            studies=names(studies),
            time_s=time or _default_time(against, fail_on),
            target=target or (AGAINST_TARGET if against else 0.02),
            prompt=asked(context, prompt, input),
            reply_length=reply_length,
            batch_size=batch_size,
            max_concurrency=max_concurrency,
            max_calls=max_calls,
            max_tokens=max_tokens,
            call_limit_s=call_limit,
            service_time_s=service_time,
            seed=seed,
            loop=loop,
            keep_conditions=keep_conditions,
            otlp=otlp,
            against=tuple(against or ()),
            processes=processes,
            # A project keeps them for its comparisons.
            pairs=pairs if against else None,
            fail_on=fail_on if against else None,
            handlers=names(handler),
            growth_calls=growth_calls,
            command=command_line(prompt, input),
        )
        if against:
            run_against(request, out, form, quiet=quiet)
            return
        if any(is_typed(context, name) for name in ("pairs", "fail_on")):
            raise UsageError(
                "--pairs and --fail-on belong to a comparison; say with what by --against, "
                "or compare saved runs by parrot-bench compare"
            )
        record = carry_out_and_conclude(request, out, form, quiet=quiet)
    if any(check.level == "red" for check in record.trust):
        raise typer.Exit(EXIT_FAILED)


def _default_time(against: list[str] | None, fail_on: float | None) -> float:
    if not against:
        return 60.0
    return AGAINST_S if fail_on is None else GATED_S
