"""Readers of other people's files, fed with files that are nearly right.

Valid files are mutated: bytes changed, pieces deleted, doubled, moved from one file into another,
numbers and quotes replaced. A reader may read what comes of it, or refuse it in one line; anything
else is a defect, and its input is kept.
"""

import json
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from parrot_bench.configuration import parse
from parrot_bench.errors import ParrotBenchError
from parrot_bench.record import read_record
from parrot_bench.replay.files import read_recording
from parrot_reports.report import page_of
from parrot_reports.spans.prices import read_prices
from parrot_reports.spans.table import read_spans
from tests.parrot_bench.replay.recordings import HEADER, lines, reply

INTERESTING = (
    b"0", b"-1", b"1e999", b"NaN", b"null", b"true", b"[]", b"{}", b'""', b'"', b"\\u0000", b"\\",
    b"\x00", b"\xff\xfe", b"9" * 40, b"[" * 50, b"\xe2\x80\xae", b"\n", b",", b":",
)  # fmt: skip
"""What has broken readers elsewhere."""

_PIECE = 64
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
    except ParrotBenchError as error:
        said = str(error)
        return "refused" if "\n" not in said and said.isprintable() else f"said {said!r}"
    # Anything else is what is looked for.
    except Exception:  # noqa: BLE001
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


def targets(records: Sequence[bytes], spans: Sequence[bytes]) -> list[Target]:
    """Return the readers, each with its seeds.

    Args:
        records: Files of ``run.json``.
        spans: Files of OTLP/JSON lines.
    """
    from importlib.resources import files

    first = (files("parrot_bench") / "templates" / "parrot-bench.toml").read_text("utf-8")
    kept = (
        b'model = "a:b"\nmodes = ["invoke", "x:y"]\ntime = "30s"\nfail-on = 0.01\nmax-calls = 9\n'
    )
    replies = [reply("a", "one", " two"), reply("b", *"three"), reply("a", "[", "]")]
    prices = b'currency = "USD"\n["gpt-4.1"]\ninput = 2.0\noutput = 8\ncached = 0.5\n'
    return [
        Target("records", records, read_record, json=True),
        Target("pages of records", records, _as_run, json=True),
        Target("spans", spans, read_spans),
        Target("prices", [prices], read_prices),
        Target("recordings", [lines(HEADER, *replies), lines(HEADER, replies[0])], read_recording),
        Target("recorded replies", [json.dumps(r).encode() for r in replies], _as_reply, json=True),
        Target(
            "configurations",
            [first.encode(), kept],
            lambda path: parse(path.read_bytes().decode("utf-8", "replace"), "parrot-bench.toml"),
        ),
    ]
