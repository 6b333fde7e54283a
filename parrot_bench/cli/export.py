"""``parrot-bench export``: send a saved run's spans to a collector."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from parrot_bench.cli.options import Debug
from parrot_bench.cli.terminal import (
    EXIT_FAILED,
    console,
    one_line_errors,
    print_line,
)
from parrot_bench.errors import RecordError, UsageError
from parrot_bench.record import RunDirectory


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
    with one_line_errors(debug=debug):
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
            print_line(f"parrot-bench: not sent: {line}")
        delivery, collector = sent.delivery, shown_endpoint(otlp)
        if delivery.exported != sent.read:
            raise UsageError(
                f"{sent.read - delivery.exported} of {sent.read} spans were not delivered to "
                f"{collector}: {delivery.error}; repeat the command when it can take them"
            )
        console.print(Text(f"{delivery.exported} spans delivered to {collector}"), soft_wrap=True)
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
