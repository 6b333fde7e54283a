"""What ``parrot-bench check`` prints and writes: text, markdown and JSON."""

import json

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from parrot_bench.record import CheckRecord
from parrot_bench.record.parity import Outcome
from parrot_reports import units
from parrot_reports.markdown import code, escaped, inline
from parrot_reports.studies.parity import (
    LEGEND,
    WORDS,
    advice,
    against,
    columns,
    reasons,
    sentence,
)
from parrot_reports.text import visible

_SIGNS: dict[Outcome, str] = {
    "ok": "\N{CHECK MARK}",
    "note": "!",
    "defect": "\N{BALLOT X}",
    "not checked": "?",
    "does not apply": units.NONE,
}
"""What stands in a cell on a terminal, where ten columns have to find room."""

_HEADS = {
    "content": "con-\ntent",
    "metadata": "meta-\ndata",
    "callbacks": "call-\nbacks",
    "max_tokens": "max_\ntokens",
    "streaming": "stream-\ning",
}

_COLOURS: dict[Outcome, str] = {
    "ok": "green",
    "note": "yellow",
    "defect": "bold red",
    "not checked": "dim",
    "does not apply": "dim",
}


def as_json(record: CheckRecord) -> str:
    """The whole record, as JSON."""
    return json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def as_markdown(record: CheckRecord) -> str:
    """A heading, the table and one line a finding, as GitHub-flavoured markdown."""
    result = record.parity
    heads = columns(result)
    rows = ["| mode | " + " | ".join(map(escaped, heads)) + " |", "|---" * (len(heads) + 1) + "|"]
    for mode in result.modes:
        cells = (WORDS[mode.outcomes[name]] for name in heads)
        rows.append(f"| {code(mode.mode, in_table=True)} | " + " | ".join(cells) + " |")
    lines = [
        f"- **{finding.severity}** {code(finding.identifier)}: "
        f"{inline(advice(finding, record.modes))}"
        for finding in result.findings
    ]
    lines += [
        f"- not checked: {escaped(', '.join(checks))}: {escaped(reason)}."
        for reason, checks in reasons(result)
    ]
    name = record.model.class_name.rpartition(".")[2]
    parts = [f"### Parity of {code(name)}", inline(sentence(result)), "\n".join(rows)]
    parts.append(f"{against(result).capitalize()}. {LEGEND}")
    return "\n\n".join([*parts, "\n".join(lines)]).rstrip() + "\n"


def on_terminal(record: CheckRecord) -> RenderableType:
    """The table, one line a finding, and the sentence, as ``rich`` prints them."""
    result = record.parity
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
    heads = columns(result)
    table.add_column("mode", no_wrap=True, vertical="bottom")
    for head in heads:
        table.add_column(_HEADS.get(head, head), no_wrap=True, justify="center", vertical="bottom")
    for mode in result.modes:
        outcomes = [mode.outcomes[name] for name in heads]
        cells = (Text(_SIGNS[outcome], style=_COLOURS[outcome]) for outcome in outcomes)
        table.add_row(Text(visible(mode.mode)), *cells)
    signs = "  ".join(f"{sign} {outcome}" for outcome, sign in _SIGNS.items())
    findings = [
        Text.assemble(
            (finding.severity, _COLOURS[finding.severity]),
            f" {finding.identifier}: ",
            visible("".join(advice(finding, record.modes))),
        )
        for finding in result.findings
    ]
    left_out = [
        Text(f"not checked: {', '.join(checks)}: {visible(reason)}.", style="dim")
        for reason, checks in reasons(result)
    ]
    return Group(
        table,
        Text(f"{signs}; {against(result)}", style="dim"),
        Text(""),
        *findings,
        *left_out,
        Text(visible("".join(sentence(result)))),
    )
