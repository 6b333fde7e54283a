"""The page: one HTML file without scripts, from a run that has been read."""

import re
import shlex
from dataclasses import dataclass
from typing import Any

import jinja2
from markupsafe import Markup, escape

from parrot_bench.record import RunRecord
from parrot_reports import (
    blocks,
    colours,
    comparison,
    figures,
    findings,
    sentences,
    summary,
    svg,
    tables,
    units,
)
from parrot_reports.rundata import RunData
from parrot_reports.sentences import Key, Name, Sentence
from parrot_reports.spans.table import SpanTable
from parrot_reports.studies import concurrency, growth, parity, streaming, tracing
from parrot_reports.text import visible

_UNIT = re.compile(r"(?<=\d) (?=(ns|\N{MICRO SIGN}s|ms|s|min|h|%)\b|%)")
_RECORD_LIMIT = 120_000
"""Longer records are linked and not set into the page, which has to stay below 500 KB."""
_SHOWN_MALFORMED = 5


@dataclass(frozen=True, kw_only=True)
class Section:
    """A figure with what is said of it.

    Attributes:
        drawn: The figure.
        finding: The finding as HTML.
        picture: The figure as inline SVG.
    """

    drawn: figures.Drawn
    finding: Markup
    picture: Markup


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
    drawn = {
        "ratios": section(figures.ratios(record), findings.ratios(record)),
        "latency": section(figures.latency(curves, record), findings.latency(curves, record)),
        "cold": section(figures.cold(cold, record), findings.cold(cold)),
        **_streaming(record),
        "concurrency": section(figures.concurrency(record), concurrency.finding(record)),
        "stability": section(figures.stability(drifts, record), findings.stability(drifts, record)),
        "ablation": section(figures.ablation(record), tracing.sentence(record)),
        "growth": section(figures.growth(record), growth.sentence(record)),
    }
    level, trust = sentences.trust_line(record)
    raw = record.model_dump_json(indent=1)
    html = (
        environment()
        .get_template("report.html.j2")
        .render(
            name=record.name,
            record=record,
            overhead=record.overhead,
            level=level,
            trust=trust,
            headline=set_in_html(sentences.headline(record)),
            verdicts=[
                (mode, _look(mode.mode, record), set_in_html(sentences.verdict(mode, record)))
                for mode in sentences.verdict_order(record)
            ],
            notes=run.notes,
            files=run.files,
            comparison=comparison.rows(record.comparison) if record.comparison else None,
            remarks=tuple(comparison.remarks(record.comparison)) if record.comparison else (),
            modes=tables.modes_table(record),
            unavailable=tables.unavailable(record),
            parity=_parity(record),
            drawn=drawn,
            concurrency=concurrency.section(record),
            tracing=_tracing(record),
            growth=_growth(record),
            close_up=figures.has_close_up(record),
            streaming=_streaming_words(record),
            timelines=[
                (line, _look(line.mode, record)) for line in summary.timelines(run.spans, record)
            ],
            use=summary.use_by_model(run.spans),
            outcomes=summary.outcomes(run.spans),
            errors=summary.errors_by_type(run.spans),
            **malformed_lines(run.spans),
            reconciled=[
                tables.reconciliation_row(mode)
                for mode in (record.reconciliation.modes if record.reconciliation else ())
            ],
            command=shlex.join(record.command),
            configuration=_configuration(record),
            raw=raw if len(raw) <= _RECORD_LIMIT else "",
            light=svg.variables(dark=False),
            dark=svg.variables(dark=True),
        )
    )
    found = (section.drawn for section in drawn.values() if section is not None)
    return Page(html=html, figures=tuple(found))


def set_in_html(sentence: Sentence) -> Markup:
    """Set a sentence as HTML: names as code, the number it is about in bold."""

    def written(part: str) -> Markup:
        if isinstance(part, Name):
            return Markup("<code>{}</code>").format(visible(part))
        if isinstance(part, Key):
            return Markup("<strong>{}</strong>").format(unbroken(part))
        return escape(unbroken(part))

    return Markup("").join(written(part) for part in sentence)


def unbroken(text: str) -> str:
    """Keep numbers and their units on one line."""
    return _UNIT.sub("\N{NO-BREAK SPACE}", text)


def malformed_lines(table: SpanTable) -> dict[str, Any]:
    """The first of the lines that could not be read, and how many more there are."""
    lines = table.malformed
    return {
        "malformed": lines[:_SHOWN_MALFORMED],
        "malformed_more": max(0, len(lines) - _SHOWN_MALFORMED),
    }


def section(drawn: figures.Drawn | None, finding: Sentence) -> Section | None:
    """Set a figure into the page; None where there is none."""
    if drawn is None:
        return None
    alt = visible("".join(finding))
    return Section(drawn=drawn, finding=set_in_html(finding), picture=svg.inline(drawn.svg, alt))


def _streaming(record: RunRecord) -> dict[str, Section | None]:
    """The figures of the streaming study, by their names."""
    found = record.streaming.arrivals if record.streaming else ()
    drawn = [
        section(figures.arrivals(each, record), streaming.first_chunks(each, record))
        for each in found
    ]
    costs = section(figures.chunk_cost(record), streaming.dearest_chunks(record))
    return {
        "streaming": next(iter(drawn), None),
        "streaming_latency": drawn[1] if len(drawn) > 1 else None,
        "chunk_cost": costs,
    }


def _streaming_words(record: RunRecord) -> dict[str, Any]:
    """The sentences and tables of the streaming study."""
    return {
        "conclusions": [
            (_look(mode, record), set_in_html(sentence))
            for mode, sentence in streaming.conclusions(record)
        ],
        "findings": [set_in_html(sentence) for sentence in streaming.findings(record)],
        "arrivals": streaming.arrival_tables(record),
        "costs": streaming.cost_table(record),
        "left_out": streaming.left_out(record),
    }


def _tracing(record: RunRecord) -> dict[str, Any]:
    """Section 8, for its template."""
    result = record.tracing
    if result is None:
        return {"rows": ()}
    said = [(mode, tracing.cost(mode)) for mode in result.modes]
    said += tracing.handler_costs(result)
    return {
        "rows": tracing.rows(record),
        "heads": tracing.heads(result),
        "named": {handler.name for handler in result.handlers},
        "sentences": [(_look(mode.mode, record), set_in_html(sentence)) for mode, sentence in said],
        "parts": [set_in_html(part) for mode in result.modes if (part := tracing.parts(mode))],
        "exports": [set_in_html(sentence) for sentence in tracing.exports(result)],
    }


def _growth(record: RunRecord) -> dict[str, Any]:
    """The end of section 12, for its template."""
    modes = record.growth.modes if record.growth else ()
    return {
        "sentences": [
            (_look(mode.mode, record), set_in_html(growth.finding(mode)))
            for mode in modes
            if mode.verdict != "flat"
        ],
        "readings": max((len(mode.readings["memory"]) for mode in modes), default=0),
    }


def _look(mode: str, record: RunRecord) -> colours.Look:
    kinds = {described.name: described.kind for described in record.modes}
    return colours.look(mode, kinds.get(mode, ""))


def _parity(record: RunRecord) -> dict[str, Any] | None:
    """The parity study, to be set; None where it was not made."""
    result = record.parity
    if result is None:
        return None
    heads = parity.columns(result)
    return {
        "finding": set_in_html(parity.sentence(result)),
        "columns": heads,
        "rows": [
            (
                _look(mode.mode, record),
                mode.mode,
                [(mode.outcomes[name], parity.WORDS[mode.outcomes[name]]) for name in heads],
            )
            for mode in result.modes
        ],
        "findings": [
            (one.severity, one.identifier, set_in_html(parity.advice(one, record.modes)))
            for one in result.findings
        ],
        "against": parity.against(result),
        "reasons": parity.reasons(result),
        "unchecked": any("not checked" in mode.outcomes.values() for mode in result.modes),
    }


def _configuration(record: RunRecord) -> list[tuple[str, str]]:
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


def environment() -> jinja2.Environment:
    """Templates, everything escaped, and the filters that write numbers."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("parrot_reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "visible": lambda value: visible(str(value)),
        "visible_lines": lambda value: visible(str(value), keep="\n\t"),
        "unbroken": unbroken,
        "sentence": set_in_html,
        "duration": units.duration,
        "count": units.count,
        "time": lambda value: units.NONE if value is None else unbroken(units.duration(value)),
        "waited": units.span_of_time,
        "percent": units.percent,
        "ratio": lambda estimate: " ".join(units.ratio(estimate)),
        "colour": colours.variable,
        "share": lambda part, whole: f"{100 * part / whole:.2f}%",
        "tokens": lambda number: units.NONE if number is None else units.count(number),
    }
    templates.filters.update(filters)
    return templates
