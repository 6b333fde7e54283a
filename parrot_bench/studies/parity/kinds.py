"""Every kind of finding, with its stable identifier: data only.

``docs/check.md`` has the same table; a test compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from parrot_bench.record.parity import Severity

CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "works": "the call gives a reply",
        "content": "text and tool calls are those of the reference mode",
        "usage": "tokens are reported, the same ones",
        "metadata": "message type, id and metadata are those of the reference mode",
        "callbacks": "one start and one end a call, and the tokens of a stream once",
        "stop": "the reply ends at a stop sequence",
        "max_tokens": "a smaller `max_tokens` of the call makes the reply shorter",
        "order": "a batch answers every prompt, in their order",
        "streaming": "chunks arrive as they are made",
        "async": "it has an async method of its own, which lets the event loop turn",
    }
)
"""The checks of a mode, in the order of the table's columns, and what has to hold."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of finding.

    Attributes:
        identifier: Its stable name.
        check: The check that it belongs to; empty where it is about the model itself.
        severity: Whether it is to be mended.
        meaning: What it means, in a clause.
        advice: How it is mended, in a clause; ``{}`` takes what the finding adds.
    """

    identifier: str
    check: str
    severity: Severity
    meaning: str
    advice: str


_TABLE = (
    Kind(
        identifier="mode-raises",
        check="works",
        severity="defect",
        meaning="a call raises in this mode, and not in others",
        advice="make the method that this mode uses answer the prompt that the others answer",
    ),
    Kind(
        identifier="mode-hangs",
        check="works",
        severity="defect",
        meaning="a call does not end within --call-limit",
        advice="find out what it waits for, or allow it longer with --call-limit",
    ),
    Kind(
        identifier="mode-kills-process",
        check="works",
        severity="defect",
        meaning="the process that made the call ended with it",
        advice="raise an exception where the model cannot go on; never end the process",
    ),
    Kind(
        identifier="argument-raises",
        check="works",
        severity="defect",
        meaning="`stop` or `max_tokens` of the call raises in this mode, and not in others",
        advice="let each of _generate, _stream, _agenerate and _astream take stop and **kwargs",
    ),
    Kind(
        identifier="reply-missing",
        check="works",
        severity="defect",
        meaning="the mode ends without a reply",
        advice="yield at least one chunk, and return one generation, even for an empty reply",
    ),
    Kind(
        identifier="reply-type",
        check="metadata",
        severity="defect",
        meaning="the reply is no AIMessage, so it has no usage and no tool calls",
        advice="make it an AIMessage in _generate, an AIMessageChunk in _stream",
    ),
    Kind(
        identifier="content-differs",
        check="content",
        severity="defect",
        meaning="the same prompt gets other text or tool calls than in the reference mode",
        advice="build the reply in one place that _generate and _agenerate share",
    ),
    Kind(
        identifier="chunks-do-not-add-up",
        check="content",
        severity="defect",
        meaning="a stream's chunks, added up, are not the reply of the reference mode",
        advice="yield each part of the reply once, whitespace and the last part included",
    ),
    Kind(
        identifier="usage-missing",
        check="usage",
        severity="defect",
        meaning="usage is not reported, though other modes report it",
        advice="set usage_metadata here, too: of a stream, on its last chunk (where a provider "
        "has to be asked for it, ask: ChatOpenAI(stream_usage=True))",
    ),
    Kind(
        identifier="usage-differs",
        check="usage",
        severity="defect",
        meaning="usage is another one than in the reference mode, for the same prompt and reply",
        advice="report usage once: merging chunks adds up what each of them reports",
    ),
    Kind(
        identifier="usage-absent",
        check="usage",
        severity="note",
        meaning="no mode reports usage: tokens and costs are unknown to everyone downstream",
        advice="set usage_metadata of the AIMessage, and of a stream's last chunk",
    ),
    Kind(
        identifier="metadata-doubled",
        check="metadata",
        severity="defect",
        meaning="a text in response_metadata is joined end to end in a stream: `stopstop`",
        advice="put response_metadata on one chunk only, the last: merging joins equal texts",
    ),
    Kind(
        identifier="metadata-missing",
        check="metadata",
        severity="defect",
        meaning="the model's name or the finish reason is missing here, and there in other modes",
        advice="put both into response_metadata: of a stream, into that of its last chunk",
    ),
    Kind(
        identifier="metadata-differs",
        check="metadata",
        severity="note",
        meaning="other keys of response_metadata or additional_kwargs than in the reference mode",
        advice="read these keys only where they are, or set them in every mode",
    ),
    Kind(
        identifier="id-differs",
        check="metadata",
        severity="note",
        meaning="the message's id is of another kind: LangChain's, the model's own, or none",
        advice="set the message's id in every mode, or in none and leave it to LangChain",
    ),
    Kind(
        identifier="callbacks-missing",
        check="callbacks",
        severity="defect",
        meaning="on_chat_model_start or on_llm_end is not called: tracing does not see the call",
        advice="override _generate and _stream, not invoke, stream or batch; hand config on where "
        "you do",
    ),
    Kind(
        identifier="callbacks-twice",
        check="callbacks",
        severity="defect",
        meaning="one call starts or ends more than once: tracing counts it so often",
        advice="leave on_chat_model_start and on_llm_end to LangChain, and call a model inside "
        "as a child of the call's run, or without its handlers",
    ),
    Kind(
        identifier="tokens-missing",
        check="callbacks",
        severity="defect",
        meaning="on_llm_new_token is not called for a stream's chunks",
        advice="override _stream and not stream: LangChain calls on_llm_new_token for each chunk",
    ),
    Kind(
        identifier="tokens-twice",
        check="callbacks",
        severity="defect",
        meaning="on_llm_new_token is called more than once for a chunk",
        advice="leave on_llm_new_token to LangChain, which calls it for each chunk",
    ),
    Kind(
        identifier="tokens-beside-events",
        check="callbacks",
        severity="note",
        meaning="in events v3 a handler hears each chunk twice: from LangChain as an event, and "
        "from the model, which calls on_llm_new_token itself",
        advice="in a handler, count one of the two; in the model, leave on_llm_new_token to "
        "LangChain",
    ),
    Kind(
        identifier="stop-ignored",
        check="stop",
        severity="defect",
        meaning="the reply goes on after a stop sequence of the call",
        advice="hand stop on to the provider, or cut the reply yourself, in each of _generate, "
        "_stream, _agenerate and _astream",
    ),
    Kind(
        identifier="max-tokens-ignored",
        check="max_tokens",
        severity="defect",
        meaning="the model has max_tokens, and the one of a call changes nothing",
        advice="read max_tokens from **kwargs of the method, and only then from the model",
    ),
    Kind(
        identifier="batch-loses",
        check="order",
        severity="defect",
        meaning="a batch gives more or fewer replies than it has prompts",
        advice="leave batch and abatch to LangChain, or return one reply a prompt",
    ),
    Kind(
        identifier="batch-reordered",
        check="order",
        severity="defect",
        meaning="a batch gives the replies in another order than the prompts",
        advice="leave batch and abatch to LangChain, or sort the replies by their prompts",
    ),
    Kind(
        identifier="stream-in-one-piece",
        check="streaming",
        severity="defect",
        meaning="streaming is implemented, and yet the reply arrives in one piece or all at once",
        advice="yield each chunk when the provider sends it, instead of the finished reply",
    ),
    Kind(
        identifier="nothing-streams",
        check="streaming",
        severity="note",
        meaning="a chain or a graph is streamed, and its output arrives in one piece or all at "
        "once: one of its steps waits for the whole",
        advice="make that step a generator of chunks, or call invoke, which costs less",
    ),
    Kind(
        identifier="streaming-absent",
        check="streaming",
        severity="note",
        meaning="streaming modes give the reply in one piece, as nothing streams",
        advice="write {}",
    ),
    Kind(
        identifier="streaming-disabled",
        check="streaming",
        severity="note",
        meaning="streaming modes give the reply in one piece, as disable_streaming is set",
        advice="set disable_streaming=False, or call invoke, which costs less",
    ),
    Kind(
        identifier="async-fallback",
        check="async",
        severity="note",
        meaning="async modes run the sync method in a thread: concurrency is bounded by threads",
        advice="write {}",
    ),
    Kind(
        identifier="async-blocks",
        check="async",
        severity="defect",
        meaning="an async method waits without letting the event loop turn: nothing else can run",
        advice="await an async client there; wrap what has none in asyncio.to_thread",
    ),
    Kind(
        identifier="cache-key-misses",
        check="",
        severity="defect",
        meaning="models that differ in a parameter share their entries of LangChain's cache",
        advice="return it from _identifying_params (the model's own stop sequences under another "
        "name than stop, which LangChain overwrites)",
    ),
    Kind(
        identifier="tracing-identity",
        check="",
        severity="note",
        meaning="tracing shows no provider or no model name, or a provider guessed from the class",
        advice="override _get_ls_params, and set ls_provider and ls_model_name",
    ),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.identifier: kind for kind in _TABLE})
"""Every kind of finding by its identifier."""


def findings_as_markdown() -> str:
    """Return all kinds of findings as a table, for the documents."""
    rows = [
        f"| `{k.identifier}` | {k.severity} | {k.meaning} | {k.advice.format('what is missing')} |"
        for k in KINDS.values()
    ]
    head = ["| identifier | severity | what it means | how to mend it |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])


def checks_as_markdown() -> str:
    """Return all checks as a table, for the documents."""
    rows = [f"| {name} | {question} |" for name, question in CHECKS.items()]
    return "\n".join(["| check | what has to hold |", "|---|---|", *rows])
