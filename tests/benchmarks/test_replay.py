"""What handing out a recorded reply costs, against the parrot that makes as many chunks anew.

Floors alone, in turn: what is left of a replayed call when LangChain is taken away. It has to be
less than the parrot's, or the framework's own cost would be better seen without a recording.
"""

from pathlib import Path
from time import process_time_ns
from typing import Any

import pytest

from parrot_bench import ReplayChatModel
from parrot_bench.estimates import paired_ratio
from parrot_bench.execution import CallSettings, drain
from parrot_bench.mode_table import MODES
from parrot_bench.parrot import AsyncChatParrotLink
from parrot_bench.replay.files import RecordingFile
from parrot_bench.replay.recording import RecordingPlan, record
from parrot_bench.request import DEFAULT_PROMPT, DEFAULT_REPLY
from parrot_bench.timing import FrozenGarbage

ROUNDS = 200
CALLS = 20


@pytest.mark.parametrize(("floor", "at_most"), [("direct_stream", 0.75), ("direct_generate", 0.9)])
def test_replay_against_the_parrot(
    benchmark: Any, capsys: Any, tmp_path: Path, floor: str, at_most: float
) -> None:
    parrot = AsyncChatParrotLink(parrot_buffer_length=DEFAULT_REPLY)
    with RecordingFile(tmp_path / "replies.jsonl") as file:
        record(parrot, RecordingPlan(prompts=(DEFAULT_PROMPT,), calls=1), file, lambda _: None)
    replay = ReplayChatModel(file=file.path)
    mode = MODES[floor]
    item = mode.prepare(DEFAULT_PROMPT)
    ours, theirs = (mode.bind(model, CallSettings(), drain) for model in (replay, parrot))

    def timed(call: Any) -> int:
        call(item)
        begun = process_time_ns()
        for _ in range(CALLS):
            call(item)
        return process_time_ns() - begun

    of_ours, of_theirs = [], []
    with FrozenGarbage() as garbage:
        for index in range(ROUNDS):
            for first in (index % 2 == 0, index % 2 != 0):
                if first:
                    of_ours.append(timed(ours))
                else:
                    of_theirs.append(timed(theirs))
            garbage.between_rounds()
        ratio = paired_ratio(of_ours, of_theirs)
        benchmark.group = "replay"
        benchmark.extra_info["over the parrot"] = ratio.model_dump()
        benchmark(lambda: ours(item))
    said = f"{ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"
    with capsys.disabled():
        print(f"\nreplay over the parrot, {floor}: {said}")  # noqa: T201  # the result
    assert ratio.low <= at_most, f"a replayed reply costs {ratio.value:.3f} times the parrot's"
