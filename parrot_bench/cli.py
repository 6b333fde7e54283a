"""The command line. The one module that may import everything; it holds no logic of its own."""

import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from parrot_bench.errors import MeasurementError, ParrotBenchError, RecordError, UsageError
from parrot_bench.record import RunDirectory, RunRecord

EXIT_FAILED = 1
EXIT_USAGE = 2

app = typer.Typer(
    name="parrot-bench",
    help=(
        "What does each way of calling your LangChain chat model cost, "
        "and can you trust the number?"
    ),
    epilog=(
        "Exit status: 0 done; 1 a check of the run failed; 2 usage or bad input; "
        "3 inconclusive; 4 not measured."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_console = Console(highlight=False)
_errors = Console(stderr=True, highlight=False)


@contextmanager
def _one_line_errors(*, debug: bool) -> Iterator[None]:
    """Print an error of ours as its one line, and leave with exit status 2."""
    try:
        yield
    except ParrotBenchError as error:
        if debug:
            traceback.print_exc()
        notes = [note for note in getattr(error, "__notes__", []) if "\n" not in note]
        for line in [f"parrot-bench: {error}", *notes]:
            _errors.print(Text(line), soft_wrap=True)
        raise typer.Exit(EXIT_USAGE) from None


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)?", text.strip())
    if not match:
        raise typer.BadParameter(f"{text!r} is not a time; give seconds, or 90s, 2m, 1h")
    unit = {"ms": 0.001, "s": 1, None: 1, "m": 60, "min": 60, "h": 3600}[match[2]]
    return float(match[1]) * unit


def _share(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%)?", text.strip())
    if not match:
        raise typer.BadParameter(f"{text!r} is not a share; give 2% or 0.02")
    return float(match[1]) / (100 if match[2] else 1)


def _prompt(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise typer.BadParameter(f"{text[1:]} cannot be read: {reason}") from error


def _names(given: list[str] | None) -> tuple[str, ...]:
    parts = (name.strip() for item in given or [] for name in item.split(","))
    return tuple(dict.fromkeys(name for name in parts if name))


Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help=(
            "**module:attr** or **path/file.py:attr**, naming a BaseChatModel, its "
            "class, or a function without arguments that makes one. The current folder is "
            "importable. Without it, the embedded parrot: LangChain itself is measured."
        ),
        show_default=False,
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Print the traceback of an error as well.")]


@app.command()
def run(
    model: Model = "",
    *,
    modes: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,NAME…]",
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
            help="The mode that the others are divided by.",
            rich_help_panel="What to measure",
        ),
    ] = "invoke",
    studies: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[,NAME…]",
            help="Studies to make. This version has one: overhead.",
            show_default="overhead",
            rich_help_panel="What to measure",
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT|@FILE",
            help="What every call is asked. It is not kept in the record.",
            show_default="256 characters of plain text",
            rich_help_panel="What to measure",
        ),
    ] = None,
    reply_length: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Chunks of the parrot's reply; of another model, its max_tokens.",
            show_default="20; the model's own",
            rich_help_panel="What to measure",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Prompts of one batch; fewer where --max-calls is tight.",
            show_default="16",
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
    time: Annotated[
        float,
        typer.Option(
            metavar="TIME",
            parser=_seconds,
            help="Time for the overhead study, such as 60, 90s or 5m.",
            show_default="60s",
            rich_help_panel="How long and how well",
        ),
    ] = "60",  # type: ignore[assignment]  # typer passes defaults through the parser
    target: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            parser=_share,
            help="Stop once every interval is narrower than this.",
            show_default="2%",
            rich_help_panel="How long and how well",
        ),
    ] = "2%",  # type: ignore[assignment]
    max_calls: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Never make more calls of the model than this, warm-up included.",
            show_default="no bound",
            rich_help_panel="How long and how well",
        ),
    ] = None,
    call_limit: Annotated[
        float,
        typer.Option(
            metavar="TIME",
            parser=_seconds,
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
    keep_conditions: Annotated[
        bool,
        typer.Option(
            "--keep-conditions",
            help="Measure with LangSmith tracing, debug, caches and handlers as they are.",
            rich_help_panel="How long and how well",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The run directory; new or empty.",
            show_default="runs/TIME-MODES",
            rich_help_panel="What becomes of it",
        ),
    ] = None,
    otlp: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help=(
                "Send the traced pass's spans to this collector as well, such as "
                "http://127.0.0.1:4318. The OTEL_* variables act, too."
            ),
            show_default=False,
            rich_help_panel="What becomes of it",
        ),
    ] = "",
    debug: Debug = False,
) -> None:
    """Measure a chat model in every execution mode, and write the report.

    Every mode is timed in short blocks, in rounds of random order, against the baseline of the
    same round. Then every mode makes a few calls with the OpenTelemetry handler attached, and
    calls and tokens are compared with the spans.

        parrot-bench run

        parrot-bench run my_app.llm:make_model --modes invoke,ainvoke,astream --max-calls 500

    Ctrl-C ends it early (exit status 2); the finished rounds are kept and reported.
    """
    with _one_line_errors(debug=debug):
        from parrot_bench.progress import Progress  # noqa: PLC0415  # --help needs no LangChain
        from parrot_bench.request import DEFAULT_PROMPT, Request  # noqa: PLC0415
        from parrot_bench.running import carry_out  # noqa: PLC0415
        from parrot_reports.units import ratio  # noqa: PLC0415

        request = Request(
            spec=model,
            modes=_names(modes),
            baseline=baseline,
            studies=_names(studies) or ("overhead",),
            time_s=time,
            target=target,
            prompt=DEFAULT_PROMPT if prompt is None else _prompt(prompt),
            reply_length=reply_length,
            batch_size=batch_size,
            max_concurrency=max_concurrency,
            max_calls=max_calls,
            call_limit_s=call_limit,
            seed=seed,
            keep_conditions=keep_conditions,
            otlp=otlp,
            command=_command(prompt),
        )
        progress = Progress(_console, ratio)
        directory: list[RunDirectory] = []

        try:
            record = carry_out(
                request,
                out=out,
                watcher=progress,
                opened=directory.append,
            )
        except ParrotBenchError:
            progress.close()
            if directory and directory[0].record.exists():
                _conclude(directory[0], directory[0].read_record())
            raise
        finally:
            progress.close()
        _conclude(directory[0], record)
        if record.status == "incomplete":
            raise MeasurementError(f"{record.status_note}; they are kept in {directory[0].path}")
    if any(check.level == "red" for check in record.trust):
        raise typer.Exit(EXIT_FAILED)


def _conclude(directory: RunDirectory, record: RunRecord) -> None:
    """Write the report, and print its table and where it lies."""
    from parrot_reports import write_report  # noqa: PLC0415  # matplotlib takes a second
    from parrot_reports.terminal import overview  # noqa: PLC0415

    _console.print(overview(record, _console.width))
    with _console.status("writing the report"):
        files = write_report(directory.path)
    _console.print(Text(f"\nreport: {files.page}"), soft_wrap=True)


def _command(prompt: str | None) -> tuple[str, ...]:
    """The command line for the record, without the prompt's text and without credentials."""
    from parrot_callbacks.redaction import redact_text  # noqa: PLC0415  # lazily

    command = []
    for argument in ["parrot-bench", *sys.argv[1:]]:
        shown = argument
        if prompt and prompt in argument and not prompt.startswith("@"):
            shown = argument.replace(prompt, "…")
        command.append(redact_text(shown))
    return tuple(command)


@app.command()
def report(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|FILE",
            help=(
                "A run directory; or a file of spans as OTLP/JSON lines, plain or gzip, such as "
                "a collector's file exporter writes."
            ),
            show_default=False,
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the report of a file of spans.",
            show_default="the file's own",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write the report of a saved run again, or of any application's GenAI spans.

    Of a run: report.html, figures and summary.md, from the run directory alone. It can be made
    on another machine, without the model and without LangChain.

    Of spans: tokens, errors, latency and time to first chunk by operation, and traces drawn. A
    line that cannot be read is told with its number; the others are used.

        parrot-bench report traces.jsonl --out report
    """
    with _one_line_errors(debug=debug):
        if path.is_file():
            _report_spans(path, out)
            return
        if out is not None:
            raise UsageError("--out is for a file of spans; a run's report lies in the run itself")
        directory = RunDirectory(path)
        record = directory.read_record()
        _conclude(directory, record)


def _report_spans(path: Path, out: Path | None) -> None:
    from parrot_reports import write_span_report  # noqa: PLC0415  # matplotlib takes a second

    with _console.status("writing the report"):
        files = write_span_report(path, out)
    _console.print(Text(files.headline), soft_wrap=True)
    _console.print(Text(f"\nreport: {files.page}"), soft_wrap=True)


@app.command()
def modes(model: Model = "", *, debug: Debug = False) -> None:
    """List the execution modes, and say which ones a model has.

    Nothing is called. Deprecated modes are measured only when named in --modes.
    """
    with _one_line_errors(debug=debug):
        from parrot_bench.loading import load_model, load_parrot  # noqa: PLC0415
        from parrot_bench.modes import MODES  # noqa: PLC0415

        loaded = load_model(model) if model else load_parrot(20)
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for head in ("mode", "kind", "status", "LangChain API", ""):
            table.add_column(head, overflow="fold")
        for mode in MODES.values():
            unavailable = mode.unavailable(loaded.model)
            remark = f"not available: {unavailable}" if unavailable else mode.note(loaded.model)
            style = "dim" if unavailable else ""
            table.add_row(
                *(
                    Text(t, style=style)
                    for t in (mode.name, mode.kind, mode.status, mode.api, remark)
                )
            )
        _console.print(table)


@app.command()
def export(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="A run directory, or its spans.jsonl.", show_default=False
        ),
    ],
    *,
    otlp: Annotated[
        str, typer.Option(metavar="URL", help="Endpoint, such as http://127.0.0.1:4318.")
    ],
    debug: Debug = False,
) -> None:
    """Send a saved run's spans to an OpenTelemetry collector.

    The spans keep their ids, so that sending them again is the same traces again. Runs that
    were stopped have what was saved until then. The OTEL_EXPORTER_OTLP_* variables for headers,
    compression, certificates, timeout and protocol act.
    """
    with _one_line_errors(debug=debug):
        from parrot_callbacks.errors import (  # noqa: PLC0415  # --help needs no OpenTelemetry
            MissingExtraError,
            TracingError,
        )
        from parrot_callbacks.export import send_spans  # noqa: PLC0415
        from parrot_callbacks.exporters import shown_endpoint  # noqa: PLC0415

        spans = _saved_spans(path)
        try:
            sent = send_spans(spans, otlp)
        except (MissingExtraError, TracingError) as error:
            raise UsageError(str(error)) from error
        except OSError as error:
            raise RecordError(f"{spans} cannot be read: {error.strerror}") from error
        for line in sent.malformed:
            _errors.print(Text(f"parrot-bench: not sent: {line}"), soft_wrap=True)
        delivery, collector = sent.delivery, shown_endpoint(otlp)
        if delivery.exported != sent.read:
            raise UsageError(
                f"{sent.read - delivery.exported} of {sent.read} spans were not delivered to "
                f"{collector}: {delivery.error}; repeat the command when it can take them"
            )
        _console.print(Text(f"{delivery.exported} spans delivered to {collector}"), soft_wrap=True)
    if any(not line.cut for line in sent.malformed):
        raise typer.Exit(EXIT_FAILED)


def _saved_spans(path: Path) -> Path:
    """The span file of a run directory, plain or gzip, or the file that was named."""
    plain = RunDirectory(path).spans if path.is_dir() else path
    for spans in (plain, plain.with_name(f"{plain.name}.gz")):
        if spans.is_file():
            return spans
    raise RecordError(
        f"no spans at {plain}; name a run directory that has a spans.jsonl (a run that was "
        "stopped before its traced pass has none)"
    )


@app.command()
def conformance(
    handler: Annotated[
        str,
        typer.Argument(
            metavar="HANDLER",
            help=(
                "**module:factory**, naming a function that takes a tracer provider. It returns "
                "callback handlers, or an object with uninstrument(), or None. The current "
                "folder is importable. Without it, our own handler."
            ),
            show_default=False,
        ),
    ] = "",
    *,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HANDLER[,HANDLER…]",
            help="Attach these as well; still every call has to give one span.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN[,PATTERN…]",
            help="Perform the cells of which this is a part or a pattern, such as 'ainvoke*/bare'.",
            show_default="all",
        ),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="List the cells, and perform none.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Fail on what takes our instrumentor, too."),
    ] = False,
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every check of every cell.", show_default=False),
    ] = None,
    spans: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write all spans, as OTLP/JSON lines.", show_default=False
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Judge a LangChain OpenTelemetry handler: every execution mode, every place, every fault.

    Prints one table of modes and places and one of faults, and a line for every way in which a
    check failed. Exit status 1 if one did.

        parrot-bench conformance my_app.tracing:make_handler --json conformance.json
    """
    with _one_line_errors(debug=debug):
        from parrot_bench.conformance import OURS, judge, list_cells  # noqa: PLC0415  # LangChain

        if listed:
            list_cells(_names(only), _console)
            return
        passed = judge(
            [handler or OURS, *_names(also)],
            only=_names(only),
            strict=strict,
            json_file=json,
            spans_file=spans,
            console=_console,
        )
    if not passed:
        raise typer.Exit(EXIT_FAILED)
