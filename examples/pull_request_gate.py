"""Compare two models as a gate would, and act on the verdict.

python examples/pull_request_gate.py

In a repository, `parrot-bench run --against main --fail-on 1%` is all of it; this is for those who
build something of their own around it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from parrot_bench import ChatParrotLink
from parrot_bench.record import read_record

STATUSES = {0: "pass", 1: "regression", 3: "inconclusive", 4: "not measured"}


def before() -> ChatParrotLink:
    """Return the model as it is on the main branch."""
    return ChatParrotLink(parrot_buffer_length=20)


def after() -> ChatParrotLink:
    """Return the model as the pull request has it: its replies are ten times as long."""
    return ChatParrotLink(parrot_buffer_length=200)


def main() -> None:
    """Compare streams of the two, and say what came out."""
    here = Path(__file__)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [
            sys.executable, "-m", "parrot_bench", "run", f"{here}:after",
            "--against", f"{here}:before", "--modes", "invoke,stream", "--pairs", "3",
            "--fail-on", "25%", "--quiet", "--out", str(out),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in STATUSES:
            sys.exit(done.stderr.strip())
        comparison = read_record(out).comparison
        # What a bot would comment.
        print((out / "summary.md").read_text(encoding="utf-8").splitlines()[0])
    for mode in comparison.modes if comparison else ():
        if mode.ratio is not None:
            print(f"{mode.mode}: {mode.ratio.value - 1:+.1%} ({mode.gate})")
    print(STATUSES[done.returncode])


if __name__ == "__main__":
    main()
