"""How sentences, figures and numbers are set in HTML; everything else is escaped."""

import re
from dataclasses import dataclass
from typing import Any

import jinja2
from markupsafe import Markup, escape

from parrot_bench.record import RunRecord
from parrot_reports import colours, figures, svg, units
from parrot_reports.parts import Key, Name, Sentence
from parrot_reports.text import visible

_UNIT = re.compile(r"(?<=\d) (?=(ns|\N{MICRO SIGN}s|ms|s|min|h|%)\b|%)")


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


def section(drawn: figures.Drawn | None, finding: Sentence) -> Section | None:
    """Set a figure into the page; None where there is none."""
    if drawn is None:
        return None
    alt = visible("".join(finding))
    return Section(drawn=drawn, finding=set_in_html(finding), picture=svg.inline(drawn.svg, alt))


def look(mode: str, record: RunRecord) -> colours.Look:
    """How a mode looks, in every figure and list."""
    kinds = {described.name: described.kind for described in record.modes}
    return colours.look(mode, kinds.get(mode, ""))


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
