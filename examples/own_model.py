"""Measure a chat model of one's own from Python, and read what was found.

python examples/own_model.py [RUN_DIRECTORY]
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from parrot_bench import run


class Backwards(BaseChatModel):
    """Answers with the last message backwards; yours calls a provider."""

    @property
    def _llm_type(self) -> str:
        return "backwards"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        message = AIMessage(content=messages[-1].text[::-1])
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> Iterator[ChatGenerationChunk]:
        for character in messages[-1].text[::-1]:
            yield ChatGenerationChunk(message=AIMessageChunk(content=character))


def main() -> None:
    """Measure four modes for a few seconds, and print a line for each."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    # A name ("my_app.llm:make_model") instead of the object is measured in a fresh process.
    done = run(
        Backwards(),
        modes=["invoke", "ainvoke", "stream", "astream"],
        studies=("overhead", "parity"),
        time_s=4,
        out=out,
    )
    record = done.record
    assert record.overhead is not None, record.left_out
    for mode in record.overhead.modes:
        ratio = mode.cpu_ratio if mode.decided_by == "cpu" else mode.wall_ratio
        if ratio is not None:
            print(f"{mode.mode:10} {ratio.value:6.2f} [{ratio.low:.2f}, {ratio.high:.2f}]")
    # A model that reports no usage, or has no async method of its own, is told so here.
    for finding in record.parity.findings if record.parity else ():
        print(f"{finding.severity}: {finding.identifier}: {finding.advice}")
    print(f"trusted: {record.trusted}; the report: {done.report()}")


if __name__ == "__main__":
    main()
