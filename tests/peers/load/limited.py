"""A server that answers 429, LiteLLM's proxy with a limit a minute: what ours makes of that.

What it counts is held against the proxy's own access log, once with a model that does not try again
and once with one that does.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from tests.peers.load.clients import Client, Plan, prepare
from tests.peers.load.following import follow
from tests.peers.load.server import free_port, until_it_listens
from tests.peers.load.turns import prompts

A_MINUTE = 10
KEY = "sk-of-this-machine-only-0123456789abcdef"  # it won't start with none, or a weak one
BACKED_OFF_S = {0: 0.0, 2: 0.375 + 0.75}
"""Retries to what OpenAI's client waits between them at least: 0.5 s and 1 s, less a quarter."""

CONFIG = {
    "model_list": [
        {
            "model_name": "mock",
            "litellm_params": {
                "model": "openai/mock",
                "api_key": "none",
                "mock_response": "hello from the other side",
                "rpm": A_MINUTE,
            },
        }
    ],
    "router_settings": {
        "optional_pre_call_checks": ["enforce_model_rate_limits"],
        "num_retries": 0,
        "disable_cooldowns": True,
    },
    "litellm_settings": {"num_retries": 0},
}


@dataclass(frozen=True, kw_only=True)
class Limited:
    """A load at a server with a limit.

    Attributes:
        retries: How often the model tries again.
        calls: Calls that were made, without the warm-up.
        completed: Calls that were answered.
        rate_limited: Calls that the run says ended with *too many requests*.
        shortest_s: The shortest latency of a call that failed, seconds; NaN without one.
        answered: Requests that the server's access log has with 200, without the warm-up.
        refused: Requests that it has with 429.
    """

    retries: int
    calls: int
    completed: int
    rate_limited: int
    shortest_s: float
    answered: int
    refused: int


def limited(litellm_python: Path, mine: Client, plan: Plan, retries: int) -> Limited:
    """Let ours drive a server that soon has enough.

    Args:
        litellm_python: Of LiteLLM's environment.
        mine: Ours.
        plan: What it is to do; its folder is made.
        retries: How often the model tries again.
    """
    with _proxy(litellm_python, plan.folder.with_name(f"{plan.folder.name}-proxy")) as (url, log):
        prepare(plan, prompts(plan.calls))
        env = {"PEERS_URL": url, "PEERS_KEY": KEY, "PEERS_RETRIES": str(retries)}
        follow(mine.words(replace(plan, url=url)), plan.folder, env, fine=mine.fine)
        said = log.read_text(encoding="utf-8", errors="replace")
    run = plan.folder / "run"
    (level,) = json.loads((run / "run.json").read_bytes())["load"]["levels"]
    failed = pl.read_parquet(run / "calls.parquet").filter(pl.col("error") != "")
    shortest = (failed["ended_ns"] - failed["started_ns"]).min()
    return Limited(
        retries=retries,
        calls=level["calls"],
        completed=level["completed"],
        rate_limited=level["rate_limited"],
        shortest_s=float("nan") if shortest is None else float(str(shortest)) / 1e9,
        answered=said.count('chat/completions HTTP/1.1" 200') - mine.warm_up,
        refused=said.count('chat/completions HTTP/1.1" 429'),
    )


def miscounted(found: Limited) -> Iterator[str]:
    """What ours does not say as the server's log has it, a sentence each."""
    with_retries = f"with {found.retries} retries"
    if not found.rate_limited:
        yield f"{with_retries}: no call was refused"
    if found.completed != found.answered:
        yield f"{with_retries}: {found.completed} answered, by the server's log {found.answered}"
    if found.completed + found.rate_limited != found.calls:
        yield (
            f"{with_retries}: of {found.calls} calls {found.completed} were answered and "
            f"{found.rate_limited} refused"
        )
    # A call that was refused and then answered, in the next minute, is among those answered.
    tried = found.rate_limited * (1 + found.retries)
    if not tried <= found.refused <= tried + found.completed * found.retries:
        yield f"{with_retries}: {tried} refusals, by the server's log {found.refused}"
    if not found.shortest_s >= BACKED_OFF_S[found.retries]:
        yield f"{with_retries}: a refused call took {found.shortest_s:.2f} s, without backing off"


@contextmanager
def _proxy(python: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    folder.mkdir(parents=True)
    config, said, port = folder / "config.yaml", folder / "said.log", free_port()
    config.write_text(json.dumps(CONFIG), encoding="utf-8")  # JSON is YAML
    words = (
        str(python.with_name("litellm")), "--config", str(config), "--host", "127.0.0.1",
        "--port", str(port),
    )  # fmt: skip
    env = {**os.environ, "LITELLM_MASTER_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with (
        said.open("wb") as out,
        subprocess.Popen(words, env=env, stdout=out, stderr=out) as process,
    ):
        try:
            until_it_listens(process, port, said)
            yield f"http://127.0.0.1:{port}", said
        finally:
            process.terminate()
