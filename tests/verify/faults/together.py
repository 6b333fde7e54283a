"""Two runs at once that were told the same folder."""

from pathlib import Path

from parrot_bench.record import read_record
from tests.verify.faults.commands import OVERHEAD, command, refused_in_a_line, start, wait
from tests.verify.faults.fault import Fault
from tests.verify.faults.runs import nothing_lost


def _attempt(folder: Path, _: int) -> list[str]:
    words = command("run", *OVERHEAD, "--time", "2", "--out", "run")
    both = [start(words, folder) for _ in range(2)]
    ended = sorted((wait(process) for process in both), key=lambda each: each.status)
    if [each.status for each in ended] != [0, 2]:
        return [f"one was expected to be refused: {[each.said() for each in ended]}"]
    problems = refused_in_a_line(ended[1], "is not empty")
    if read_record(folder / "run").status != "complete":
        problems.append("the one that was not refused is not complete")
    return problems + nothing_lost(folder, folder / "run")


TOGETHER = Fault(
    name="two runs at once into one folder",
    holds="one of them is complete, the other is refused in one line",
    attempt=_attempt,
    trials=10,
)
