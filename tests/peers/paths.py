"""The ways of calling a model that are timed, and the model."""

from dataclasses import dataclass
from typing import Any

from parrot_bench import AsyncChatParrotLink
from parrot_bench.execution import ExecutionMode
from parrot_bench.mode_table import MODES

# A letter is a chunk, and the parrot ends a stream with one more that has no text.
LETTERS = 99
MODEL = AsyncChatParrotLink(parrot_buffer_length=LETTERS, temperature=0.0)


@dataclass(frozen=True, kw_only=True)
class Path:
    """One way of calling the model.

    Attributes:
        name: As in the tables.
        mode: How the call is made.
        prompt: What every call is given; the parrot says it again.
        prompts: How many prompts a batch has; 1 elsewhere.
        chunks: How many chunks a reply has; 0 if it isn't streamed.
        units: Calls (batches) of a timed block; a block takes some milliseconds.
    """

    name: str
    mode: ExecutionMode
    prompt: str
    prompts: int = 1
    chunks: int = 0
    units: int

    @property
    def item(self) -> Any:
        """What the bound callable takes."""
        return [self.prompt] * self.prompts if self.mode.batches else self.prompt


def _stream(name: str, units: int) -> Path:
    return Path(
        name=f"{name} of {LETTERS + 1}",
        mode=MODES[name],
        prompt="x" * LETTERS,
        chunks=LETTERS + 1,
        units=units,
    )


PATHS = (
    Path(name="invoke", mode=MODES["invoke"], prompt="x", units=40),
    Path(name="ainvoke", mode=MODES["ainvoke"], prompt="x", units=30),
    _stream("stream", units=6),
    _stream("astream", units=4),
    Path(name="batch of 64", mode=MODES["batch"], prompt="x", prompts=64, units=1),
)
