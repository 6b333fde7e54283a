"""What each study gives to the page: its figures, and what its template sets."""

from typing import Any

from parrot_bench.record import RunRecord
from parrot_reports import figures
from parrot_reports.setting import Section, look, section, set_in_html
from parrot_reports.studies import concurrency, growth, parity, streaming, tracing


def study_figures(record: RunRecord) -> dict[str, Section | None]:
    """The figures of the studies, by their names."""
    return {
        **_streaming_figures(record),
        "concurrency": section(figures.concurrency(record), concurrency.finding(record)),
        "ablation": section(figures.ablation(record), tracing.sentence(record)),
        "growth": section(figures.growth(record), growth.sentence(record)),
    }


def study_words(record: RunRecord) -> dict[str, Any]:
    """Sentences and tables of the studies, by the names that their templates use."""
    return {
        "streaming": _streaming_words(record),
        "concurrency": concurrency.section(record),
        "tracing": _tracing(record),
        "growth": _growth(record),
        "parity": _parity(record),
    }


def _streaming_figures(record: RunRecord) -> dict[str, Section | None]:
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
            (look(mode, record), set_in_html(sentence))
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
        "sentences": [(look(mode.mode, record), set_in_html(sentence)) for mode, sentence in said],
        "parts": [set_in_html(part) for mode in result.modes if (part := tracing.parts(mode))],
        "exports": [set_in_html(sentence) for sentence in tracing.exports(result)],
    }


def _growth(record: RunRecord) -> dict[str, Any]:
    """The end of section 12, for its template."""
    modes = record.growth.modes if record.growth else ()
    return {
        "sentences": [
            (look(mode.mode, record), set_in_html(growth.finding(mode)))
            for mode in modes
            if mode.verdict != "flat"
        ],
        "readings": max((len(mode.readings["memory"]) for mode in modes), default=0),
    }


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
                look(mode.mode, record),
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
