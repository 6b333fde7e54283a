"""What is told of calls and of the model: without a word of any prompt or reply.

Texts are compared by their digests, so that what leaves the timed process, and what is kept,
cannot repeat them.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage

Asked = Literal["plain", "again", "stop", "max_tokens", "prompts", "parameter"]
"""What a unit of calls was made for; ``prompts``: only to know the replies to a batch's prompts;
``parameter``: of a copy of the model, to see whether a parameter changes the reply."""

IdKind = Literal["none", "LangChain's", "the model's own"]

COMPARED_TEXTS = (
    "model_name",
    "model",
    "model_id",
    "finish_reason",
    "stop_reason",
    "done_reason",
)
"""Keys of response_metadata that name the model, or why a reply ended."""

_LANGCHAINS_ID = re.compile(r"(?:lc_)?run-")


@dataclass(frozen=True, slots=True)
class ReplySeen:
    """One reply.

    Attributes:
        kind: Class of the message, a chunk named like the message that it stands for.
        is_ai: It is an AIMessage.
        digest: Of its text and tool calls.
        characters: Length of its text.
        words: Words of its text.
        tool_calls: How many there are.
        usage: Input, output and total tokens; None where it reports none.
        id_kind: Who named it.
        metadata: Keys of response_metadata that have a value.
        kwargs: Keys of additional_kwargs that have a value.
        texts: Digests of :data:`COMPARED_TEXTS`, and their lengths.
        repeats: Those of them that are a shorter text joined end to end, with its digest.
    """

    kind: str
    is_ai: bool
    digest: str
    characters: int
    words: int
    tool_calls: int
    usage: tuple[int, int, int] | None
    id_kind: IdKind
    metadata: frozenset[str]
    kwargs: frozenset[str]
    repeats: Mapping[str, frozenset[str]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arrived:
    """How the chunks of one stream arrived.

    Attributes:
        chunks: Those with content.
        first_ns: From the call to the first of them; None where there is none.
        last_ns: From the call to the last of them.
    """

    chunks: int
    first_ns: int | None = None
    last_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What callbacks heard of one unit of calls, of models inside the model apart.

    Attributes:
        starts: on_chat_model_start, by call.
        ends: on_llm_end, by call.
        unmatched: Ends of a run that did not start.
        tokens: on_llm_new_token with content.
        events: on_stream_event.
    """

    starts: int
    ends: int
    unmatched: int
    tokens: int
    events: int


@dataclass(frozen=True, slots=True)
class Turned:
    """Whether the event loop turned while a call was waiting.

    Attributes:
        wall_ns: How long the call took.
        blocked_ns: Time in which the loop's thread slept, and the loop did not turn.
        longest_ns: The longest such time.
        where: The line of code that slept, where that is known.
    """

    wall_ns: int
    blocked_ns: int
    longest_ns: int
    where: str = ""


@dataclass(frozen=True, slots=True)
class UnitSeen:
    """One unit of calls: one call, or one batch.

    Attributes:
        mode: Name of the mode.
        asked: What it was made for.
        calls: Prompts of it.
        replies: In the order of the prompts.
        error: What it raised, in one line; empty where it did not.
        ended: It did not end by itself: it ``hung`` and was stopped at its time limit, or it
            ``killed`` the process.
        beyond: Replies that go on after the stop sequence.
        limit: The ``max_tokens`` of the call.
        wall_ns: How long it took.
        arrived: For a mode that streams.
        heard: What callbacks heard.
        turned: For an async mode.
    """

    mode: str
    asked: Asked
    calls: int
    replies: tuple[ReplySeen, ...] = ()
    error: str = ""
    ended: Literal["", "hung", "killed"] = ""
    beyond: int = 0
    limit: int | None = None
    wall_ns: int = 0
    arrived: Arrived | None = None
    heard: Heard | None = None
    turned: Turned | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """A unit of calls is about to be made: what is known of it should it end the process."""

    mode: str
    calls: int


@dataclass(frozen=True, slots=True)
class NotAsked:
    """A check, or a mode, that could not be asked, and why."""

    check: str
    reason: str


@dataclass(frozen=True, slots=True)
class ModelSeen:
    """What can be said of the model itself.

    Attributes:
        name: Its class.
        own: Those of ``_stream``, ``_agenerate`` and ``_astream`` that it implements.
        disabled: ``disable_streaming`` is set.
        provider: ``ls_provider``; empty where there is none.
        provider_guessed: LangChain made it of the class's name.
        named: ``ls_model_name`` is there.
        kind: As in :class:`parrot_bench.record.ModelDescription`.
        messages: It is a graph whose state has messages.
    """

    name: str
    own: frozenset[str]
    disabled: bool
    provider: str
    provider_guessed: bool
    named: bool
    kind: str = "chat model"
    messages: bool = False

    @property
    def chat(self) -> bool:
        """Whether it is a chat model, and no other Runnable."""
        return self.kind == "chat model"


@dataclass(frozen=True, slots=True)
class KeyMisses:
    """The cache key misses a parameter.

    Attributes:
        parameter: Its name.
        changes_reply: A changed parameter was seen to change the reply.
    """

    parameter: str
    changes_reply: bool


Observation = ModelSeen | Asking | UnitSeen | NotAsked | KeyMisses
"""All that the study tells of itself."""


def digest(*parts: str) -> str:
    """A digest by which texts can be compared and not read."""
    # With its length: any character may be part of a text.
    joined = "".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=16).hexdigest()


def see(message: BaseMessage) -> ReplySeen:
    """Say what is compared of a reply."""
    text = message.text
    calls = getattr(message, "tool_calls", None) or []
    usage = getattr(message, "usage_metadata", None)
    metadata = message.response_metadata or {}
    texts = {k: v for k in COMPARED_TEXTS if isinstance(v := metadata.get(k), str) and v}
    return ReplySeen(
        kind=type(message).__name__.removesuffix("Chunk"),
        is_ai=isinstance(message, AIMessage),
        digest=digest(text, *(f"{c['name']}{_canonical(c['args'])}" for c in calls)),
        characters=len(text),
        words=len(text.split()),
        tool_calls=len(calls),
        usage=_usage(usage),
        id_kind=_id_kind(message.id),
        metadata=_with_value(metadata),
        kwargs=_with_value(message.additional_kwargs or {}),
        texts={key: digest(value) for key, value in texts.items()},
        repeats={key: _units(value) for key, value in texts.items()},
    )


def _usage(usage: Any) -> tuple[int, int, int] | None:
    if not usage:
        return None
    into, out, total = (usage.get(f"{which}_tokens", 0) for which in ("input", "output", "total"))
    return into, out, total


def _canonical(value: Any) -> str:
    # Made text before it is sorted: a number and a text, both of them keys, have no order.
    written = json.dumps(value, skipkeys=True, default=repr)
    return json.dumps(json.loads(written), sort_keys=True)


def _id_kind(identifier: str | None) -> IdKind:
    if not identifier:
        return "none"
    return "LangChain's" if _LANGCHAINS_ID.match(identifier) else "the model's own"


def _with_value(found: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(key) for key, value in found.items() if value not in (None, "", [], {}))


def _units(text: str) -> frozenset[str]:
    """Digests of the texts of which this one is two or more copies, end to end."""
    half = len(text) // 2
    sizes = (n for n in range(1, half + 1) if len(text) % n == 0)
    return frozenset(digest(text[:n]) for n in sizes if text[:n] * (len(text) // n) == text)
