"""The page says what was measured, and what does not agree."""

from dataclasses import replace
from datetime import date

import numpy as np

from tests.peers.load.clients import AIPERF, GUIDELLM, OURS, OURS_WHOLE
from tests.peers.load.page import Measured, page
from tests.peers.load.server import Timings
from tests.peers.load.test_judging import LIMITED, stop, turn

LAYERS = ("bare langchain", "bare openai", "bare httpx")


def measured() -> Measured:
    turns = {name: [turn(name), turn(name)] for name in (OURS, GUIDELLM, AIPERF, *LAYERS)}
    whole = turn(OURS_WHOLE)
    nan = np.full(whole.seen.made.shape, np.nan)
    served = [replace(each, chunks_ns=()) for each in whole.served]
    turns[OURS_WHOLE] = [
        replace(whole, seen=replace(whole.seen, first=nan, gap=nan), served=served)
    ]
    return Measured(
        taken=date(2026, 11, 29),
        machine="two processors",
        busy=[0.1, 0.3],
        versions={"guidellm": "1.2.3"},
        timings=Timings(),
        rate=20.0,
        turns=turns,
        stops=[stop()],
        closed=stop(),
        limits=[LIMITED],
        disagreements=[],
    )


def rows(text: str, name: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(f"| {name} |")]


def test_the_page_has_both_sides() -> None:
    text = page(measured())
    said, past, *_ = rows(text, OURS)
    assert "| 80 | 0 | 2,560 (2,560) | 103.0 (100.0) | 103.0 (100.0) | 10.0 (10.0) |" in said
    assert past == f"| {OURS} | 3.0, 3.0 | 0.00, 0.00 | 3.0, 3.0 |"
    assert rows(text, OURS_WHOLE)[1] == f"| {OURS_WHOLE} | none | none | 3.0 |"
    assert "They agree" in text
    assert "guidellm 1.2.3" in text
    assert "| 2 | 25 | 8 (8) | 17 | (59) | 1.40 s |" in text


def test_the_page_says_what_does_not_agree() -> None:
    text = page(replace(measured(), disagreements=["one thing", "another"]))
    assert "how busy the machine was):\n\n- one thing\n- another" in text
    assert "They agree" not in text
