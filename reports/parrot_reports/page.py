"""The page: one HTML file without scripts, from a run that has been read."""

import shlex
from dataclasses import dataclass
from typing import Any

from parrot_bench.record import RunRecord
from parrot_reports import (
    blocks,
    figures,
    findings,
    sentences,
    svg,
    tables,
)
from parrot_reports.advice import advice
from parrot_reports.headline import headline
from parrot_reports.rundata import RunData
from parrot_reports.setting import environment, look, section, set_in_html
from parrot_reports.spans import operations
from parrot_reports.spans.table import SpanTable
from parrot_reports.studies.headlines import headlines
from parrot_reports.studies.sections import study_figures, study_words
from parrot_reports.timelines import timelines

RECORD_LIMIT = 120_000
"""Longer records are linked and not set into the page, which has to stay below 500 KB."""
_SHOWN_MALFORMED = 5
_LEVELS = ("red", "amber", "green")


@dataclass(frozen=True, kw_only=True)
class Page:
    """A finished page.

    Attributes:
        html: The file's content.
        figures: The figures in it, to be saved beside it.
    """

    html: str
    figures: tuple[figures.Drawn, ...]


def render(run: RunData) -> Page:
    """Make the page of a run. The same run gives the same bytes."""
    record = run.record
    curves = blocks.curves(run.calls, record)
    cold = blocks.cold_calls(run.samples, record)
    drifts = blocks.drifts(run.samples, record)
    calls = operations.calls_of(operations.named(run.spans.frame))
    drawn = {
        "ratios": section(figures.ratios(record), findings.ratios(record)),
        "latency": section(figures.latency(curves, record), findings.latency(curves, record)),
        "cold": section(figures.cold(cold, record), findings.cold(cold)),
        "stability": section(figures.stability(drifts, record), findings.stability(drifts, record)),
        **study_figures(record),
    }
    level, trust = sentences.trust_line(record)
    raw = record.model_dump_json(indent=1)
    html = (
        environment()
        .get_template("report.html.j2")
        .render(
            name=record.name,
            record=record,
            trust_checks=sorted(record.trust, key=lambda check: _LEVELS.index(check.level)),
            overhead=record.overhead,
            level=level,
            trust=trust,
            headline=set_in_html(headline(record)),
            advice=_advice(record),
            replayed=sentences.replayed(record.model),
            found=[set_in_html(sentence) for _, sentence in headlines(record)],
            verdicts=[
                (mode, look(mode.mode, record), set_in_html(sentences.verdict(mode, record)))
                for mode in sentences.verdict_order(record)
            ],
            notes=run.notes,
            files=run.files,
            modes=tables.modes_table(record),
            unavailable=tables.unavailable(record),
            drawn=drawn,
            close_up=figures.has_close_up(record),
            **study_words(record),
            timelines=[(line, look(line.mode, record)) for line in timelines(run.spans, record)],
            use=operations.use_by_model(calls)[0],
            outcomes=operations.tally(calls, "outcome"),
            errors=operations.tally(calls.filter("failed"), "error", missing="unknown"),
            **malformed_lines(run.spans),
            reconciled=[
                tables.reconciliation_row(mode)
                for mode in (record.reconciliation.modes if record.reconciliation else ())
            ],
            command=shlex.join(record.command),
            configuration=configuration(record),
            raw=raw if len(raw) <= RECORD_LIMIT else "",
            light=svg.variables(dark=False),
            dark=svg.variables(dark=True),
        )
    )
    found = (section.drawn for section in drawn.values() if section is not None)
    return Page(html=html, figures=tuple(found))


def _advice(record: RunRecord) -> dict[str, Any] | None:
    """Which mode to use, for the template."""
    found = advice(record)
    if found is None:
        return None
    rows = [(purpose, set_in_html(sentence)) for purpose, sentence in found.rows]
    return {"clock": found.clock, "baseline": found.baseline, "rows": rows}


def malformed_lines(table: SpanTable) -> dict[str, Any]:
    """The first of the lines that could not be read, and how many more there are."""
    lines = table.malformed
    return {
        "malformed": lines[:_SHOWN_MALFORMED],
        "malformed_more": max(0, len(lines) - _SHOWN_MALFORMED),
    }


def configuration(record: RunRecord) -> list[tuple[str, str]]:
    """Everything that was asked for; empty values in words."""
    rows = []
    for name, value in record.configuration.model_dump(mode="json").items():
        if isinstance(value, list | tuple):
            text = ", ".join(str(item) for item in value) or "default"
        elif value is None or value == "":
            text = "not kept" if name == "prompt" else "none"
        elif isinstance(value, bool):
            text = "yes" if value else "no"
        else:
            text = str(value)
        rows.append((name, text))
    return rows
