"""Readers of other people's files, fed with files that are nearly right.

Valid files are mutated: bytes changed, pieces deleted, doubled, moved from one file into another,
numbers and quotes replaced. A reader may read what comes of it, or refuse it in one line; anything
else is a defect, and its input is kept.
"""

import gzip
import json
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any, Literal

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from parrot_bench.configuration import parse
from parrot_bench.errors import ParrotBenchError
from parrot_bench.events import (
    Block,
    Call,
    CallsTaken,
    Event,
    Planned,
    PlannedMode,
    RoundTaken,
    StudyBegun,
    StudyEnded,
)
from parrot_bench.journal import line_of, read_journal
from parrot_bench.line_files import read_prompts, read_trace
from parrot_bench.record import RunDirectory, read_record
from parrot_bench.replay.files import read_recording
from parrot_bench.trust import checks
from parrot_callbacks.errors import TracingError
from parrot_callbacks.span_file import MalformedLine
from parrot_callbacks.span_file import read_spans as to_send
from parrot_reports.benchmarks.writing import benchmark_text
from parrot_reports.report import page_of
from parrot_reports.rundata import read_run
from parrot_reports.spans.files import read_files
from parrot_reports.spans.prices import read_prices
from parrot_reports.spans.sources import Source
from parrot_reports.spans.table import read_spans
from parrot_reports.spans.writing import span_text
from tests.parrot_bench.replay.recordings import HEADER, lines, reply

INTERESTING = (
    b"0", b"-1", b"1e999", b"NaN", b"null", b"true", b"[]", b"{}", b'""', b'"', b"\\u0000", b"\\",
    b"\x00", b"\xff\xfe", b"9" * 40, b"[" * 50, b"\xe2\x80\xae", b"\n", b",", b":",
)  # fmt: skip
"""What has broken readers elsewhere."""

KEPT = b'model = "a:b"\nmodes = ["invoke", "x:y"]\ntime = "30s"\nfail-on = 0.01\nmax-calls = 9\n'
PRICES = b'currency = "USD"\n["gpt-4.1"]\ninput = 2.0\noutput = 8\ncached = 0.5\n'
ARRIVALS = b'0\n0.25\n{"at": 1.5}\n1e1\n{"at": 1795500000, "x": [1]}\n'
PROMPTS = (
    b'What is it?\n"a \\"quoted\\" one"\n{"prompt": "an object"}\n'
    b'{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}\n'
)
BENCHMARKS = (
    b'{"machine_info": {"cpu": {"brand_raw": "x"}}, "commit_info": {"id": "abc"}, "benchmarks": '
    b'[{"group": null, "name": "test_a[1]", "fullname": "t.py::test_a[1]", "params": null, '
    b'"extra_info": {"mode": "batch", "batch_size": 4}, "options": {"timer": "perf_counter"}, '
    b'"stats": {"min": 1e-6, "q1": 2e-6, "median": 3e-6, "q3": 4e-6, "max": 5e-6, "rounds": 5, '
    b'"iterations": 10, "data": [1e-6, 2e-6, 3e-6, 4e-6, 5e-6]}}], "datetime": '
    b'"2026-11-22T10:00:00", "version": "5.2.3"}'
)

_PIECE = 64
REPLIES = [reply("a", "one", " two"), reply("b", *"three"), reply("a", "[", "]")]

_MUTATIONS = 6


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        name: What is read.
        seeds: Valid files.
        read: Reads one; a `ParrotBenchError` refuses it.
        json: The seeds are JSON: every second input is that, too.
    """

    name: str
    seeds: Sequence[bytes]
    read: Callable[[Path], object]
    json: bool = False


@dataclass(frozen=True)
class Defect:
    """An input that a reader neither read nor refused in a line.

    Attributes:
        target: The reader's name.
        data: The input.
        said: What came of it.
    """

    target: str
    data: bytes
    said: str


def mutated(random: Random, seeds: Sequence[bytes]) -> bytes:
    """Return one of the seeds, changed in a few places."""
    data = bytearray(random.choice(seeds))
    for _ in range(random.randint(1, _MUTATIONS)):
        start = random.randrange(len(data) + 1)
        end = start + random.randint(0, min(_PIECE, len(data) // 8))
        kind = random.randrange(6)
        if kind == 0 and data:
            data[min(start, len(data) - 1)] = random.randrange(256)
        elif kind == 1:
            del data[start:end]
        elif kind == 2:
            data[start:start] = data[start:end]
        elif kind == 3:
            other = random.choice(seeds)
            place = random.randrange(len(other) + 1)
            data[start:end] = other[place : place + _PIECE]
        elif kind == 4:
            data[start:start] = random.choice(INTERESTING)
        else:
            del data[start:]
    return bytes(data)


def edited(random: Random, seeds: Sequence[bytes]) -> bytes:
    """Return one of the seeds, which are JSON, with a few of its values replaced by others."""
    value: Any = json.loads(random.choice(seeds))
    for _ in range(random.randint(1, 3)):
        place, key = value, None
        while isinstance(place, dict | list) and place:
            key = random.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if not isinstance(place[key], dict | list) or not place[key] or random.random() < 0.1:
                place[key] = _other(random, place[key])
                break
            place = place[key]
    return json.dumps(value).encode()


def _other(random: Random, value: object) -> object:
    """Return another value, mostly of the same type."""
    if random.random() < 0.2:
        return random.choice((None, "", -1, 0, [], {}, True, "x", 1.5))
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        factor = random.choice((0, -1, 0.5, 2, 1e6, 1e-6))
        return type(value)(value * factor)
    if isinstance(value, str):
        return random.choice(("", value * 40, "\u202e" + value, "<b>" + value, "\x00", "\ud83e"))
    return type(value)()  # type: ignore[call-arg]  # an empty list or object


def fuzz(target: Target, inputs: int, seed: int) -> tuple[Counter[str], list[Defect]]:
    """Feed a reader.

    Args:
        target: The reader.
        inputs: How many inputs.
        seed: Of the mutations.

    Returns:
        How many were ``read`` and ``refused``, and the defects.
    """
    random = Random(seed)
    counted: Counter[str] = Counter()
    defects = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        for number in range(inputs):
            # The first is a seed itself: a reader that refuses that is not tried at all.
            data = target.seeds[0]
            if number:
                change = edited if target.json and number % 2 else mutated
                data = change(random, target.seeds)
            path.write_bytes(data)
            said = _outcome(target, path)
            counted[said if said in {"read", "refused"} else "defect"] += 1
            if said not in {"read", "refused"}:
                defects.append(Defect(target.name, data, said))
    return counted, defects


def _outcome(target: Target, path: Path) -> str:
    try:
        target.read(path)
    except (ParrotBenchError, TracingError) as error:
        said = str(error)
        return "refused" if "\n" not in said and said.isprintable() else f"said {said!r}"
    except (KeyboardInterrupt, SystemExit):
        raise
    # Anything else is what is looked for; a panic of Rust's is no Exception.
    except BaseException:  # noqa: BLE001
        return traceback.format_exc()
    return "read"


def _as_run(path: Path) -> object:
    """Read a record and draw its page: what is read has to be shown as well."""
    folder = path.parent / "run"
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_bytes(path.read_bytes())
    return page_of(folder)


def _as_reply(path: Path) -> object:
    """Read it as the only reply of a recording."""
    whole = path.with_name("recording")
    whole.write_bytes(lines(HEADER) + path.read_bytes() + b"\n")
    return read_recording(whole)


def _as_table(record: bytes, name: str) -> Callable[[Path], object]:
    """Read a table as that of a run; what is wrong with it is a note."""

    def read(path: Path) -> object:
        folder = path.parent / "run-of-a-table"
        folder.mkdir(exist_ok=True)
        (folder / "run.json").write_bytes(record)
        (folder / name).write_bytes(path.read_bytes())
        return read_run(folder)

    return read


def _sent(path: Path) -> object:
    """Read spans as they are sent again: each has to be one that an exporter can encode."""
    malformed: list[MalformedLine] = []
    found = [span for spans in to_send(path, malformed) for span in spans]
    for line in malformed:
        if not str(line).isprintable():
            raise ValueError(str(line))
    return encode_spans(found)


def _written(path: Path, form: Literal["md", "json"]) -> str:
    """Read spans, or a table of them, and write all that a report says."""
    return span_text([path], form)[0]


def _configured(path: Path, *, project: bool) -> object:
    text = path.read_bytes().decode("utf-8", "replace")
    return parse(text, "pyproject.toml" if project else "parrot-bench.toml", project=project)


def targets(runs: Sequence[RunDirectory], spans: Sequence[bytes]) -> list[Target]:
    """Return the readers, each with its seeds; those of tables only where a run has some.

    Args:
        runs: Run directories whose files are seeds.
        spans: Files of OTLP/JSON lines.
    """
    first = (files("parrot_bench") / "templates" / "parrot-bench.toml").read_text("utf-8")
    records = [run.record.read_bytes() for run in runs]
    found = [
        Target("records", records, read_record, json=True),
        Target("trust in records", records, lambda path: checks(read_record(path)), json=True),
        Target("pages of records", records, _as_run, json=True),
        Target("spans", spans, read_spans),
        Target("reports of spans", spans, lambda path: _written(path, "md")),
        Target("packed spans", [gzip.compress(each, 1) for each in spans], read_spans),
        Target("spans to send", spans, _sent),
        Target("prices", [PRICES], read_prices),
        Target("recordings", [lines(HEADER, *REPLIES), lines(HEADER, REPLIES[0])], read_recording),
        Target("recorded replies", [json.dumps(r).encode() for r in REPLIES], _as_reply, json=True),
        Target("configurations", [first.encode(), KEPT], partial(_configured, project=False)),
        Target(
            "projects",
            [b"[tool.parrot-bench]\n" + KEPT, b'[project]\nname = "x"\n' + KEPT],
            partial(_configured, project=True),
        ),
        Target("arrivals", [ARRIVALS], read_trace),
        Target("prompts", [PROMPTS], read_prompts),
        Target("journals", [journal()], lambda path: list(read_journal(path))),
        Target("benchmarks", [BENCHMARKS], lambda path: benchmark_text(path, "md"), json=True),
        Target("tables of spans", [_span_table(each) for each in spans], _span_tables),
    ]
    for name in ("samples.parquet", "calls.parquet"):
        seeds = [(run.path / name).read_bytes() for run in runs if (run.path / name).exists()]
        if seeds:
            found.append(Target(name, seeds, _as_table(records[0], name)))
    return found


def _span_table(spans: bytes) -> bytes:
    """The table that a report of spans leaves."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spans.jsonl"
        path.write_bytes(spans)
        table = Path(folder) / "spans.parquet"
        read_files([Source(path=path, name=path.name, kind="lines")], table=table)
        return table.read_bytes()


def _span_tables(path: Path) -> object:
    return read_files([Source(path=path, name=path.name, kind="parquet")])


def journal() -> bytes:
    """A journal of a few events."""
    block = Block(0, "invoke", "mode", "", "stream", 4, 1200, 1100, None, (1, 2, 3, 4, 5))
    planned = PlannedMode("invoke", 4, 1, 1, 1, 300, None, False)
    events: list[Event] = [
        StudyBegun("overhead"),
        Planned((planned,), True, 0.5, 9, 3, None),
        RoundTaken(0, True, False, (block,), (("astream", "ValueError"),), 12),
        CallsTaken(1, (Call("invoke", "length 10", 5, 9, (6, 7), 3, ""),)),
        StudyEnded("overhead", "because"),
    ]
    return b"".join(line_of(event) for event in events)
