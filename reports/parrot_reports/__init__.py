"""parrot_reports: a saved run into a page, figures and a summary.

Reads run directories and nothing else: no LangChain, no OpenTelemetry, no network. The public
names are loaded on first use (PEP 562), because polars and matplotlib take a second or more and
sentences and the markdown summary need neither.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parrot_reports.headline import headline
    from parrot_reports.markdown import summary_markdown, summary_table
    from parrot_reports.report import ReportFiles, write_comparison, write_report
    from parrot_reports.sentences import trust_line, verdict_order, verdict_sentence
    from parrot_reports.spans.table import SpanTable, read_spans
    from parrot_reports.spans.writing import write_span_report

__all__ = [
    "ReportFiles",
    "SpanTable",
    "headline",
    "read_spans",
    "summary_markdown",
    "summary_table",
    "trust_line",
    "verdict_order",
    "verdict_sentence",
    "write_comparison",
    "write_report",
    "write_span_report",
]

_HOME = {
    "ReportFiles": "report",
    "SpanTable": "spans.table",
    "headline": "headline",
    "read_spans": "spans.table",
    "summary_markdown": "markdown",
    "summary_table": "markdown",
    "trust_line": "sentences",
    "verdict_order": "sentences",
    "verdict_sentence": "sentences",
    "write_comparison": "report",
    "write_report": "report",
    "write_span_report": "spans.writing",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"parrot_reports.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__]
