"""The same as markdown and as data. Pure."""

import dataclasses
import json

from parrot_reports import units
from parrot_reports.benchmarks.reading import BenchmarkFile
from parrot_reports.benchmarks.report import conditions, finding, groups, headline, reading
from parrot_reports.benchmarks.rows import Row, row
from parrot_reports.markdown import MARKS, code, escaped, inline
from parrot_reports.parts import plain

SCHEMA_VERSION = 1


def benchmarks_markdown(file: BenchmarkFile) -> str:
    """Write groups as GitHub-flavoured markdown."""
    found = groups(file)
    level, trust = reading(file)
    parts = [f"### {inline(headline(found))}", f"{MARKS[level]} **{escaped(trust)}**"]
    for group in found:
        title = [f"#### {escaped(group.name)}"] if group.name else []
        lines = [
            "| benchmark | median | middle half | vs fastest | rounds |",
            "|---|--:|--:|--:|--:|",
            *(_line(row(benchmark, group)) for benchmark in group.benchmarks),
        ]
        parts += [*title, inline(finding(group)), "\n".join(lines)]
    said = ", ".join(f"{what}: {value}" for what, value in conditions(file))
    parts.append(f"<sub>{escaped(said)}</sub>")
    return "\n\n".join(parts) + "\n"


def _line(found: Row) -> str:
    low, high = (units.duration(time) for time in found.quartiles)
    cells = [
        code(found.name, in_table=True),
        units.duration(found.median),
        f"{low} to {high}",
        found.ratio,
        units.count(found.rounds),
    ]
    return f"| {' | '.join(cells)} |"


def benchmarks_json(file: BenchmarkFile, name: str) -> str:
    """Write them as JSON: times in nanoseconds, per call."""
    found = groups(file)
    level, trust = reading(file)
    data = {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "headline": plain(headline(found)),
        "level": level,
        "reading": trust,
        "conditions": dict(conditions(file)),
        "groups": [
            {
                "name": group.name,
                "benchmarks": [
                    {
                        **dataclasses.asdict(row(each, group)),
                        "name": each.name,
                        "ratio": group.ratio(each),
                    }
                    for each in group.benchmarks
                ],
            }
            for group in found
        ],
    }
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    # Half a character, which JSON may have and UTF-8 not, is written as JSON escapes it.
    return text.encode("utf-8", "backslashreplace").decode()
