"""Who drives the server: how each is told what to do, and what it says that it saw.

Whatever a client reports is read from its raw export, call by call, and brought to one clock,
``perf_counter_ns``, so that it can be held against the server's log.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns, time_ns
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

OURS = "parrot-bench, astream"
OURS_WHOLE = "parrot-bench, ainvoke"
GUIDELLM = "guidellm"
AIPERF = "aiperf"

APP = """\
import os

from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    model="mock",
    base_url=os.environ["PEERS_URL"] + "/v1",
    api_key=os.environ.get("PEERS_KEY", "none"),
    max_retries=int(os.environ.get("PEERS_RETRIES", "2")),
    stream_usage=True,
)
"""

SPLITS_AT_SPACES = {
    "tokenizer.json": {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"},
    },
    "tokenizer_config.json": {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "[UNK]",
    },
}
"""A tokenizer on the spot: aiperf wants one, counts with it where the server doesn't, and would
fetch its own. The tokens that are compared are the server's."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What every client is to do.

    Attributes:
        url: Of the server.
        folder: A client's own, empty.
        rate: Calls a second, evenly.
        calls: How many.
        in_flight: A closed loop of so many instead; 0 for an open one.
        reply_length: Output tokens of a reply, at most; 0 leaves it to the server.
    """

    url: str
    folder: Path
    rate: float
    calls: int
    in_flight: int = 0
    reply_length: int = 0

    @property
    def seconds(self) -> float:
        """How long it is kept up."""
        return self.calls / self.rate


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Calls as a client saw them, in the order in which it made them.

    Arrays have shape (calls,); times are ``perf_counter_ns``, NaN where there is none.

    Attributes:
        due: It should have been made.
        made: It was.
        first: The first chunk with content was there.
        ended: It was over, as the client defines it.
        gap: Nanoseconds a token from the first to the last.
        tokens: Output tokens.
        failed: Calls that are not among them.
    """

    due: Numbers
    made: Numbers
    first: Numbers
    ended: Numbers
    gap: Numbers
    tokens: Numbers
    failed: int

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], failed: int = 0) -> "Seen":
        """Put rows with these names together."""
        rows = sorted(rows, key=lambda row: row["made"])

        def column(name: str) -> Numbers:
            values = [row.get(name) for row in rows]
            return np.array([np.nan if v is None else v for v in values], dtype=np.float64)

        return cls(**{n: column(n) for n in COLUMNS}, failed=failed)


COLUMNS = ("due", "made", "first", "ended", "gap", "tokens")


@dataclass(frozen=True, kw_only=True)
class Client:
    """One that drives the server.

    Attributes:
        name: As in the tables.
        words: Its command.
        read: Reads what it has left in its folder; given what a wall clock is ahead of
            ``perf_counter_ns``.
        warm_up: Calls that it makes before those that it reports.
        env: Set beside what is set.
        fine: Exit statuses of one that did what it was to.
    """

    name: str
    words: Callable[[Plan], Sequence[str]]
    read: Callable[[Path, int], Seen]
    warm_up: int = 0
    env: Mapping[str, str] = field(default_factory=dict)
    fine: tuple[int, ...] = (0,)


def wall_ahead_ns() -> int:
    """What the wall clock is ahead of ``perf_counter_ns``."""
    return time_ns() - perf_counter_ns()


def prepare(plan: Plan, prompts: Sequence[str]) -> None:
    """Write what clients read."""
    folder = plan.folder
    folder.mkdir(parents=True)
    (folder / "app.py").write_text(APP, encoding="utf-8")
    (folder / "prompts.txt").write_text("\n".join(prompts) + "\n", encoding="utf-8")
    (folder / "prompts.csv").write_text("\n".join(["prompt", *prompts]) + "\n", encoding="utf-8")
    lines = [json.dumps({"text": prompt}) for prompt in prompts]
    (folder / "prompts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tokenizer").mkdir()
    for name, content in SPLITS_AT_SPACES.items():
        (folder / "tokenizer" / name).write_text(json.dumps(content), encoding="utf-8")


# -- ours ---------------------------------------------------------------------------------


def ours(name: str, mode: str) -> Client:
    """``parrot-bench load`` in a mode."""

    def words(plan: Plan) -> Sequence[str]:
        load: Sequence[str] = ("--rate", str(plan.rate), "--arrivals", "constant")
        if plan.in_flight:
            load = ("--concurrency", str(plan.in_flight))
        length = ("--reply-length", str(plan.reply_length)) if plan.reply_length else ()
        return (
            str(Path(sys.executable).with_name("parrot-bench")), "load", "app:model",
            "--modes", mode, *load, "--time", f"{plan.seconds:g}s", "--prompts", "prompts.txt",
            "--seed", "1", "--yes", "--quiet", "--out", "run", *length,
        )  # fmt: skip

    return Client(name=name, words=words, read=_read_ours, warm_up=2, fine=(0, 1))


def _read_ours(folder: Path, _: int) -> Seen:
    calls = pl.read_parquet(folder / "run" / "calls.parquet").to_dicts()
    rows = []
    for call in calls:
        chunks, tokens = call["chunks_ns"] or [], call["tokens"] or 0
        several = len(chunks) > 1 and tokens > 1
        rows.append(
            {
                "due": call["scheduled_ns"],
                "made": call["started_ns"],
                "first": chunks[0] if chunks else None,
                "ended": call["ended_ns"],
                "gap": (chunks[-1] - chunks[0]) / (tokens - 1) if several else None,
                "tokens": tokens,
                "error": call["error"],
            }
        )
    answered = [row for row in rows if not row["error"]]
    return Seen.of(answered, failed=len(rows) - len(answered))


def layer(name: str) -> Client:
    """One of the layers below ours; see :mod:`tests.peers.load.bare`."""

    def words(plan: Plan) -> Sequence[str]:
        return (
            sys.executable, str(Path(__file__).with_name("bare.py")), name, "--url", plan.url,
            "--rate", str(plan.rate), "--calls", str(plan.calls), "--prompts", "prompts.txt",
            "--reply-length", str(plan.reply_length), "--out", "calls.json",
        )  # fmt: skip

    return Client(name=f"bare {name}", words=words, read=_read_bare, warm_up=2)


def _read_bare(folder: Path, _: int) -> Seen:
    return Seen.of(
        [
            {
                "due": call["due_ns"],
                "made": call["made_ns"],
                "first": call["chunks_ns"][0],
                "ended": call["ended_ns"],
                "gap": (call["chunks_ns"][-1] - call["chunks_ns"][0]) / (call["tokens"] - 1),
                "tokens": call["tokens"],
            }
            for call in json.loads((folder / "calls.json").read_bytes())
        ]
    )


# -- theirs -------------------------------------------------------------------------------


def guidellm(python: Path) -> Client:
    """``guidellm run`` of that environment, with its defaults."""

    def words(plan: Plan) -> Sequence[str]:
        profile = f"kind=constant,rate={plan.rate:g}"
        until = f"kind=max_requests,count={plan.calls}"
        if plan.in_flight:
            profile = f"kind=concurrent,streams={plan.in_flight}"
            until = f"kind=max_duration,seconds={plan.seconds:g}"
        backend = f"kind=openai_http,target={plan.url},model=mock"
        if plan.reply_length:
            backend += f",max_tokens={plan.reply_length}"
        return (
            str(python.with_name("guidellm")), "run", "--disable-console",
            "--backend", backend, "--profile", profile, "--constraint", until,
            "--data", "kind=csv_file,path=prompts.csv", "--output", "kind=json,path=out.json",
        )  # fmt: skip

    return Client(name=GUIDELLM, words=words, read=_read_guidellm, env={"HF_HUB_OFFLINE": "1"})


def _read_guidellm(folder: Path, ahead_ns: int) -> Seen:
    (benchmark,) = json.loads((folder / "out.json").read_bytes())["benchmarks"]
    requests = benchmark["requests"]

    def ns(seconds: float | None) -> float | None:
        return None if seconds is None else seconds * 1e9 - ahead_ns

    rows = []
    for request in requests["successful"]:
        timings = request["info"]["timings"]
        rows.append(
            {
                "due": ns(timings["targeted_start"]),
                "made": ns(timings["request_start"]),
                "first": ns(timings["first_token_iteration"]),
                "ended": ns(timings["request_end"]),
                "gap": request["inter_token_latency_ms"] * 1e6,
                "tokens": request["output_tokens"],
            }
        )
    return Seen.of(rows, failed=len(requests["errored"]) + len(requests["incomplete"]))


def aiperf(python: Path) -> Client:
    """``aiperf profile`` of that environment, with its defaults."""

    def words(plan: Plan) -> Sequence[str]:
        load: Sequence[str] = (
            "--request-rate", str(plan.rate), "--arrival-pattern", "constant",
        )  # fmt: skip
        if plan.in_flight:
            load = ("--concurrency", str(plan.in_flight))
        length = ("--extra-inputs", f"max_tokens:{plan.reply_length}") if plan.reply_length else ()
        return (
            str(python.with_name("aiperf")), "profile", "--model", "mock", "--url", plan.url,
            "--endpoint-type", "chat", "--streaming", "--use-server-token-count",
            "--tokenizer", str(plan.folder / "tokenizer"), *load,
            "--request-count", str(plan.calls), "--input-file", "prompts.jsonl",
            "--custom-dataset-type", "single_turn", "--no-gpu-telemetry", "--no-server-metrics",
            "--artifact-dir", str(plan.folder / "out"), "--ui", "none", *length,
        )  # fmt: skip

    return Client(name=AIPERF, words=words, read=_read_aiperf)


def _read_aiperf(folder: Path, ahead_ns: int) -> Seen:
    text = (folder / "out" / "profile_export.jsonl").read_text(encoding="utf-8")
    records = [json.loads(line) for line in text.splitlines()]
    rows = []
    for record in records:
        told, metrics = record["metadata"], record["metrics"]
        if "time_to_first_token" not in metrics:
            continue
        made = told["request_start_ns"] - ahead_ns
        rows.append(
            {
                "due": told["credit_issued_ns"] - ahead_ns,
                "made": made,
                "first": made + metrics["time_to_first_token"]["value"] * 1e6,
                "ended": made + metrics["request_latency"]["value"] * 1e6,
                "gap": metrics["inter_token_latency"]["value"] * 1e6,
                "tokens": metrics["usage_completion_tokens"]["value"],
            }
        )
    return Seen.of(rows, failed=len(records) - len(rows))
