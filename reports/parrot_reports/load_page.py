"""The page of a load: what callers saw, level by level."""

import shlex
from collections.abc import Sequence

from parrot_bench.record import LoadResult, RunRecord
from parrot_reports import figures, sentences, svg
from parrot_reports.headline import headline
from parrot_reports.page import RECORD_LIMIT, Page, configuration
from parrot_reports.setting import environment, look, section, set_in_html
from parrot_reports.studies import load

_LEVELS = ("red", "amber", "green")


def render_load(record: RunRecord, *, files: Sequence[str] = ()) -> Page:
    """Make the page of a load. The same run gives the same bytes.

    Args:
        record: The run; it has a load.
        files: Names of data files beside the page.
    """
    drawn = section(figures.load(record), load.sentence(record))
    level, trust = sentences.trust_line(record)
    raw = record.model_dump_json(indent=1)
    result = record.load
    html = (
        environment()
        .get_template("load.html.j2")
        .render(
            name=record.name,
            record=record,
            result=result,
            overhead=None,
            level=level,
            trust=trust,
            trust_checks=sorted(record.trust, key=lambda check: _LEVELS.index(check.level)),
            headline=set_in_html(headline(record)),
            replayed=sentences.replayed(record.model),
            drawn=drawn,
            modes=tuple(dict.fromkeys(row.mode for row in load.rows(record))),
            several=len({row.mode for row in load.rows(record)}) > 1,
            rows=[(look(row.mode, record), row) for row in load.rows(record)],
            remarks=load.remarks(result) if result is not None else (),
            seen=[load.conditions(each) for each in result.levels] if result is not None else (),
            replies=_replies(result) if result is not None else [],
            workers=load.workers(result) if result is not None else (),
            worker_heads=load.WORKER_HEADS,
            files=files,
            command=shlex.join(record.command),
            configuration=configuration(record),
            raw=raw if len(raw) <= RECORD_LIMIT else "",
            light=svg.variables(dark=False),
            dark=svg.variables(dark=True),
        )
    )
    return Page(html=html, figures=(drawn.drawn,) if drawn is not None else ())


def _replies(result: LoadResult) -> list[tuple[str, tuple[str, ...]]]:
    """The mode and a row of each level whose replies came in chunks or told their tokens."""
    return [
        (level.mode, load.replies(level))
        for level in result.levels
        if level.chunk_gap or level.output_tokens
    ]
