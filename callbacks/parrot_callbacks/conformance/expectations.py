"""What is checked, and what a cell expects: data only."""

from dataclasses import dataclass
from typing import Final, Literal

from opentelemetry.trace import SpanContext

Kind = Literal["structure", "attributes"]
Outcome = Literal["completed", "failed", "stopped"]
Status = Literal["pass", "fail", "needs the instrumentor"]


@dataclass(frozen=True)
class Check:
    """One question that is asked of a cell.

    Attributes:
        name: Its name in records.
        sign: Its letters in tables.
        kind: Whether it is about where spans stand or about what they say.
        question: What has to hold.
    """

    name: str
    sign: str
    kind: Kind
    question: str


CHECKS: Final = {
    check.name: check
    for check in (
        Check("works", "w", "structure", "the call does what it does without a handler"),
        Check("one span", "n", "structure", "exactly one span a call of a model"),
        Check("parent", "p", "structure", "the right parent, in the right trace"),
        Check("ended", "e", "structure", "every span has ended"),
        Check("quiet", "q", "structure", "nothing is logged, no warning given"),
        Check("current span", "c", "structure", "after the call the current span is what it was"),
        Check("same object", "o", "structure", "it is the very same object"),
        Check("consumer", "r", "structure", "a stream's reader sees the reader's span"),
        Check("client first", "k", "structure", "a client's span, before a chunk, is its child"),
        Check("client later", "l", "structure", "so is a client's span after the first chunk"),
        Check("user span", "u", "structure", "a span of the user's has the right parent"),
        Check("outcome", "s", "structure", "an error's status if the model failed, else none"),
        Check("exception", "x", "structure", "exactly one exception recorded if the model failed"),
        Check("prompt", "t", "structure", "the span ends when the call does"),
        Check("leak", "m", "structure", "nothing is left behind"),
        Check("operation", "O", "attributes", "chat, or text_completion"),
        Check("model", "M", "attributes", "the model's name"),
        Check("params", "P", "attributes", "temperature and maximum of tokens"),
        Check("tokens", "T", "attributes", "tokens of request and reply"),
        Check("finish reason", "F", "attributes", "why the model stopped"),
        Check("streaming", "S", "attributes", "whether the reply came in chunks"),
        Check("first chunk", "C", "attributes", "time to the first chunk, of a stream only"),
        Check("error type", "E", "attributes", "error.type if the model failed, else none"),
    )
}
"""Every check, in the order of tables."""


def checks_as_markdown() -> str:
    """Return all checks as a table, for the documents."""
    rows = [f"| {c.sign} | {c.name} | {c.kind} | {c.question} |" for c in CHECKS.values()]
    return "\n".join(["| sign | check | kind | what has to hold |", "|---|---|---|---|", *rows])


@dataclass(frozen=True)
class Verdict:
    """The answer to one check in one cell.

    Attributes:
        check: Its name.
        status: What came out.
        message: What was expected and what was there; empty if it passed.
    """

    check: str
    status: Status
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a model that a cell makes, and what its span has to be.

    Attributes:
        above: The nearest span above it that isn't the handler's; None for no span.
        outcome: How it ends: by itself, in the model's failure, or stopped by its caller.
        streamed: The reply comes in chunks.
        chunks: At least one of them came.
        model: The model's name.
        operation: What is asked of the model.
        inside: Another model makes it.
        clients: The client spans that its body makes.
    """

    above: SpanContext | None = None
    outcome: Outcome = "completed"
    streamed: bool = False
    chunks: bool = True
    model: str = "echo-1"
    operation: str = "chat"
    inside: bool = False
    clients: tuple[str, ...] = ("before",)
