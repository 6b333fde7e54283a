"""``parrot-bench check``: do all modes do the same, and what is to be mended?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from parrot_bench.cli import completing
from parrot_bench.cli.fitness import check_environment
from parrot_bench.cli.options import (
    Debug,
    Input,
    MaxTokens,
    Model,
    ModelArgs,
    ProviderModel,
    Replay,
    ReplayLatency,
    asked,
    made_of,
    names,
    replayed,
    seconds,
)
from parrot_bench.cli.terminal import (
    EXIT_FAILED,
    Form,
    console,
    errors,
    not_measured,
    one_line_errors,
    print_line,
    save,
)
from parrot_bench.errors import MeasurementError, UsageError

if TYPE_CHECKING:
    from parrot_bench.record import CheckRecord
    from parrot_bench.request import Request
    from parrot_bench.studies.parity.alone import Checked


def check(
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
            help="Execution modes to check; see **parrot-bench modes**.",
            show_default="all but the deprecated",
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT|@FILE",
            help="What every call is asked. It is not repeated in what is printed or written.",
            show_default="256 characters of plain text",
        ),
    ] = None,
    input: Input = None,  # noqa: A002  # as the option and the key
    max_calls: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Never make more calls of the model than this.",
            show_default="no bound; 70 with all modes",
        ),
    ] = None,
    max_tokens: MaxTokens = None,
    call_limit: Annotated[
        float,
        typer.Option(
            metavar="TIME",
            parser=seconds,
            help="A call that takes longer is stopped, which is a defect of its mode.",
            show_default="60s",
        ),
    ] = "60",  # type: ignore[assignment]  # typer passes defaults through the parser
    form: Annotated[
        Form,
        typer.Option("--format", help="What to print."),
    ] = "text",
    json: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write everything that was found, as well.", show_default=False
        ),
    ] = None,
    env: Annotated[
        bool,
        typer.Option("--env", help="Check the machine and what is installed, and no model."),
    ] = False,
    otlp: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="With **--env**: whether this collector takes spans.",
            show_default="those of the OTEL_* variables",
        ),
    ] = "",
    debug: Debug = False,
) -> None:
    """Check that all execution modes of a chat model do the same.

    A few calls a mode: content, usage, metadata, callbacks, stop and max_tokens, the order of
    batches, real streaming, real async, and the cache key. Prints a table of modes and checks,
    and a line of advice for each finding; docs/check.md explains them all.

        parrot-bench check my_app.llm:make_model

        parrot-bench check --env

    Exit status: 0 no defect (notes are none); 1 a defect; 2 bad input; 4 nothing could be
    measured.
    """
    with one_line_errors(debug=debug):
        from parrot_bench.request import Request  # noqa: PLC0415  # --help is quick

        if json is not None and not json.parent.is_dir():
            raise UsageError(f"{json} cannot be written: there is no folder {json.parent}")
        if env:
            if check_environment(otlp, form, json):
                raise typer.Exit(EXIT_FAILED)
            return
        spec, arguments = made_of(model, provider_model, model_args, context)
        # Modes are compared: the same prompt gets the same reply in each of them.
        spec, arguments = replayed(context, spec, arguments, order="prompt")
        request = Request(
            spec=spec,
            model_args=arguments,
            modes=names(modes),
            prompt=asked(context, prompt, input),
            max_calls=max_calls,
            max_tokens=max_tokens,
            call_limit_s=call_limit,
        )
        try:
            checked = _checked(request)
        except MeasurementError as error:
            not_measured(error, debug=debug)
        _tell(checked.record, form, json)
        if checked.logs is not None:
            text = f"the output of the processes that ended is in {checked.logs}"
            print_line(text)
    if checked.record.parity.defects:
        raise typer.Exit(EXIT_FAILED)


def _checked(request: "Request") -> "Checked":
    from parrot_bench.events import Phase  # noqa: PLC0415
    from parrot_bench.studies.parity.alone import check_model  # noqa: PLC0415

    with errors.status("loading the model …") as status:
        return check_model(
            request,
            lambda event: (
                status.update(Text(f"{event.text} …")) if isinstance(event, Phase) else None
            ),
        )


def _tell(record: "CheckRecord", form: Form, file: Path | None) -> None:
    from parrot_reports.sentences import replayed  # noqa: PLC0415  # not needed before
    from parrot_reports.studies import check as written  # noqa: PLC0415

    as_json = written.as_json(record)
    if file is not None:
        save(file, as_json)
    if form == "text":
        name = record.model.class_name.rpartition(".")[2]
        console.print(Text.assemble("checked ", (name, "bold"), f", {record.model.class_name}\n"))
        if said := replayed(record.model):
            console.print(Text(f"{said}\n"), soft_wrap=True)
        console.print(written.on_terminal(record), soft_wrap=True)
    else:
        # Not through the console, which would wrap lines and colour them.
        typer.echo(as_json if form == "json" else written.as_markdown(record), nl=False)
