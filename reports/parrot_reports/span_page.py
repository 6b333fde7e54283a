"""The page of spans alone: the sections that need no run, in the same look."""

from parrot_reports import colours, figures, findings, operations, svg
from parrot_reports.operations import RANKS
from parrot_reports.page import Page, environment, malformed_lines, section, set_in_html
from parrot_reports.span_report import SpanReport, headline, notes, reading


def render_spans(report: SpanReport) -> Page:
    """Make the page of a file of spans. The same file gives the same bytes."""
    curves = operations.curves(report.table)
    latency = section(figures.latency(curves), findings.latency(curves))
    level, read = reading(report)
    html = (
        environment()
        .get_template("spans.html.j2")
        .render(
            name=report.name,
            report=report,
            headline=set_in_html(headline(report)),
            level=level,
            trust=read,
            notes=notes(report),
            ranks=[name for _, name in RANKS],
            latency=latency,
            traces=report.traces,
            look=colours.of_operation(calls_model=True),
            use=report.use,
            outcomes=report.outcomes,
            **malformed_lines(report.table),
            light=svg.variables(dark=False),
            dark=svg.variables(dark=True),
        )
    )
    return Page(html=html, figures=(latency.drawn,) if latency is not None else ())
