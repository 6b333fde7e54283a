"""The page of spans alone: the sections that need no run, in the same look."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from parrot_bench.record import Percentile
from parrot_reports import colours, figures, findings, svg, units
from parrot_reports.page import Page
from parrot_reports.parts import Key, Sentence
from parrot_reports.setting import environment, section, set_in_html
from parrot_reports.spans.operations import ModelUse
from parrot_reports.spans.percentiles import RANKS
from parrot_reports.spans.report import SpanReport, headline, notes, reading, shorter
from parrot_reports.spans.traces import Trace
from parrot_reports.text import shortened

_MOST_CURVES = 16
_MOST_USES = 40
_MOST_PARAMS = 8
_MOST_TALLIED = 12
_MOST_SERVICES = 5
_SHOWN_MALFORMED = 5
_BAR_NAME = 60
_MINUTES_S = 120


def render_spans(report: SpanReport) -> Page:
    """Make the page of spans. The same spans give the same bytes.

    Whatever the spans hold, it stays under 500 KB: rows are bounded, and names are cut.
    """
    found = [each.curve for each in report.operations if each.curve is not None]
    curves = [replace(curve, mode=shorter(curve.mode)) for curve in found[:_MOST_CURVES]]
    latency = section(figures.latency(curves), findings.latency(curves))
    over_time = section(figures.over_time(report.over_time), _over_time(report))
    level, read = reading(report)
    templates = environment()
    templates.filters["short"] = lambda text: shorter(str(text))
    templates.filters["interval"] = _interval
    html = templates.get_template("spans.html.j2").render(
        name=shorter(report.name),
        report=report,
        headline=set_in_html(headline(report)),
        level=level,
        trust=read,
        notes=notes(report),
        services=[shorter(name) for name in report.services[:_MOST_SERVICES]],
        services_more=max(0, len(report.services) - _MOST_SERVICES),
        ranks=[name for _, name in RANKS],
        latency=latency,
        over_time=over_time,
        every=_interval_length(report.over_time.seconds) if report.over_time else "",
        slowest=[_drawn(trace) for trace in report.traces.slowest],
        kinds=[_drawn(trace) for trace in report.traces.kinds],
        look=colours.of_operation(calls_model=True),
        use=[_use(use) for use in report.use[:_MOST_USES]],
        use_more=max(0, len(report.use) - _MOST_USES),
        outcomes=report.outcomes[:_MOST_TALLIED],
        finishes=report.finishes[:_MOST_TALLIED],
        costs=[(cost, _money(cost.amount, report)) for cost in report.costs[:_MOST_USES]],
        costs_more=max(0, len(report.costs) - _MOST_USES),
        sums=_sums(report),
        **_malformed(report),
        light=svg.variables(dark=False),
        dark=svg.variables(dark=True),
    )
    drawn = tuple(part.drawn for part in (latency, over_time) if part is not None)
    return Page(html=html, figures=drawn)


def _over_time(report: SpanReport) -> Sentence:
    """The busiest interval."""
    calls = report.over_time
    if calls is None:
        return ()
    busiest = int(calls.started.argmax())
    rate = units.significant(float(calls.started[busiest]) / calls.seconds, 2)
    mean = units.significant(float(calls.in_flight.mean()), 2)
    within, peak = _interval_length(calls.seconds), units.count(int(calls.peak.max()))
    flight = f" in {within}, and {peak} in flight at one moment ({mean} on average)."
    return ("At most ", Key(f"{rate} calls per second"), flight)


def _interval_length(seconds: float) -> str:
    """Such as ``5 s`` or ``10 min``."""
    return units.duration(seconds * 1e9) if seconds < _MINUTES_S else units.span_of_time(seconds)


def _interval(found: Percentile) -> str:
    """The interval, in the unit in which the percentile itself is written."""
    if found.value is None or found.low is None or found.high is None:
        return ""
    scale, _ = units.shared_unit([found.value])
    low, high = (units.significant(bound / scale, 3) for bound in (found.low, found.high))
    return f"[{low}, {high}]"


def _sums(report: SpanReport) -> list[tuple[str, str]]:
    """Sums by currency."""
    sums: dict[str, Decimal] = {}
    for cost in report.costs:
        sums[cost.currency] = sums.get(cost.currency, Decimal(0)) + cost.amount
    return [(shorter(currency), _money(amount, report)) for currency, amount in sums.items()]


def _money(amount: Decimal, report: SpanReport) -> str:
    """In full digits, and as many decimals as the longest of them all has."""
    exponents = [int(cost.amount.normalize().as_tuple().exponent) for cost in report.costs]
    return f"{amount:,.{max(2, -min(exponents))}f}"


def _use(use: ModelUse) -> ModelUse:
    shown = use.identity[:_MOST_PARAMS]
    more = len(use.identity) - len(shown)
    params = tuple((shortened(key, 40), shortened(value, 40)) for key, value in shown)
    return replace(
        use,
        model=shorter(use.model),
        provider=shortened(use.provider, 40),
        identity=(*params, ("and", f"{more} more")) if more else params,
    )


def _drawn(trace: Trace) -> Trace:
    bars = tuple(replace(bar, name=shortened(bar.name, _BAR_NAME)) for bar in trace.bars)
    return replace(trace, name=shorter(trace.name), bars=bars)


def _malformed(report: SpanReport) -> dict[str, Any]:
    shown = [
        replace(line, file=shorter(line.file), reason=shortened(line.reason, 200))
        for line in report.table.malformed[:_SHOWN_MALFORMED]
    ]
    return {"malformed": shown, "malformed_more": report.table.lost - len(shown)}
