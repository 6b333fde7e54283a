"""Names, units and bucket boundaries of the GenAI semantic conventions: data only.

This is the one place that knows a version of the conventions. Span attributes carry the
names of ``semantic-conventions-genai`` main; they are the same in the last release except
where noted. Metrics changed names between the two, so both sets stand in one table.

Source: https://github.com/open-telemetry/semantic-conventions-genai (``model/gen-ai``).
"""

from dataclasses import dataclass
from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"
SCOPE_NAME: Final = "parrot_callbacks"

# Operations.
CHAT: Final = "chat"
TEXT_COMPLETION: Final = "text_completion"
INVOKE_WORKFLOW: Final = "invoke_workflow"
INVOKE_AGENT: Final = "invoke_agent"
EXECUTE_TOOL: Final = "execute_tool"
RETRIEVAL: Final = "retrieval"

INFERENCE: Final = frozenset({CHAT, TEXT_COMPLETION})
"""Operations that are calls of a model."""

# Span attributes.
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_CHOICES: Final = "gen_ai.request.choice.count"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_STOP: Final = "gen_ai.request.stop_sequences"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
REQUEST_PREVIOUS_RESPONSE: Final = "gen_ai.request.previous_response.id"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
USAGE_INPUT: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING: Final = "gen_ai.usage.reasoning.output_tokens"
OUTPUT_TYPE: Final = "gen_ai.output.type"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
WORKFLOW_NAME: Final = "gen_ai.workflow.name"
AGENT_NAME: Final = "gen_ai.agent.name"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
RETRIEVAL_QUERY: Final = "gen_ai.retrieval.query.text"
RETRIEVAL_DOCUMENTS: Final = "gen_ai.retrieval.documents"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - the name of an attribute
TOKEN_MODALITY: Final = "gen_ai.token.modality"  # noqa: S105 - the name of an attribute
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"

# Attributes of ours, outside the gen_ai namespace: nothing is invented inside it.
RUN_OUTCOME: Final = "langchain.run.outcome"
IDENTIFYING_PARAMS: Final = "langchain.identifying_params."
METADATA: Final = "langchain.metadata."
TAGS: Final = "langchain.tags"

# Events.
EXCEPTION_SPAN_EVENT: Final = "exception"
EXCEPTION_EVENT: Final = "gen_ai.client.operation.exception"
DETAILS_EVENT: Final = "gen_ai.client.inference.operation.details"

LATEST_EXPERIMENTAL: Final = "gen_ai_latest_experimental"
"""The value of OTEL_SEMCONV_STABILITY_OPT_IN that selects the names of main."""

SECONDS: Final = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
TOKENS: Final = tuple(4.0**power for power in range(14))
AGENT_SECONDS: Final = (
    0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6,
)  # fmt: skip
WORKFLOW_SECONDS: Final = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
CALLS: Final = (1, 2, 4, 8, 16, 32, 64, 128)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One histogram in both name sets.

    Attributes:
        released: Its name in the last release; "" if it has none there.
        latest: Its name on main.
        unit: UCUM unit.
        description: What it measures.
        boundaries: Recommended bucket boundaries, in ``unit``.
    """

    released: str
    latest: str
    unit: str
    description: str
    boundaries: tuple[float, ...]


DURATION: Final = Instrument(
    "gen_ai.client.operation.duration",
    "gen_ai.client.inference.duration",
    "s",
    "Duration of a call of a model.",
    SECONDS,
)
TIME_TO_FIRST_CHUNK: Final = Instrument(
    "gen_ai.client.operation.time_to_first_chunk",
    "gen_ai.client.inference.time_to_first_chunk",
    "s",
    "Time from the start of a streaming call to its first content.",
    SECONDS,
)
TIME_PER_OUTPUT_CHUNK: Final = Instrument(
    "gen_ai.client.operation.time_per_output_chunk",
    "gen_ai.client.inference.time_per_output_chunk",
    "s",
    "Time between one chunk of a stream and the next.",
    SECONDS,
)
# One histogram with a token type in the release; one for each direction on main.
INPUT_TOKENS: Final = Instrument(
    "gen_ai.client.token.usage",
    "gen_ai.client.inference.operation.input_tokens",
    "{token}",
    "Input tokens of a call.",
    TOKENS,
)
OUTPUT_TOKENS: Final = Instrument(
    "gen_ai.client.token.usage",
    "gen_ai.client.inference.operation.output_tokens",
    "{token}",
    "Output tokens of a call.",
    TOKENS,
)

# The release's duration is of every client operation; on main it has lost those of models.
CLIENT_DURATION: Final = Instrument(
    "gen_ai.client.operation.duration",
    "gen_ai.client.operation.duration",
    "s",
    "Duration of an operation that isn't a call of a model.",
    SECONDS,
)
TOOL_DURATION: Final = Instrument(
    "", "gen_ai.execute_tool.duration", "s", "Duration of a tool's execution.", SECONDS
)
AGENT_DURATION: Final = Instrument(
    "", "gen_ai.invoke_agent.duration", "s", "Duration of an agent's run.", AGENT_SECONDS
)
WORKFLOW_DURATION: Final = Instrument(
    "", "gen_ai.invoke_workflow.duration", "s", "Duration of a workflow.", WORKFLOW_SECONDS
)
RUN_DURATIONS: Final[dict[str, Instrument]] = {
    RETRIEVAL: CLIENT_DURATION,
    EXECUTE_TOOL: TOOL_DURATION,
    INVOKE_AGENT: AGENT_DURATION,
    INVOKE_WORKFLOW: WORKFLOW_DURATION,
}
"""Operation to the histogram of its durations on main."""

AGENT_INFERENCE_CALLS: Final = Instrument(
    "",
    "gen_ai.invoke_agent.inference_calls",
    "{inference_call}",
    "Calls of models in an agent's run.",
    CALLS,
)
AGENT_TOOL_CALLS: Final = Instrument(
    "",
    "gen_ai.invoke_agent.tool_calls",
    "{tool_call}",
    "Calls of tools in an agent's run.",
    CALLS,
)

USAGE_COUNTERS: Final[dict[str, str]] = {
    USAGE_INPUT: "gen_ai.client.inference.usage.input_tokens",
    USAGE_OUTPUT: "gen_ai.client.inference.usage.output_tokens",
    USAGE_CACHE_READ: "gen_ai.client.inference.usage.cache_read.input_tokens",
    USAGE_CACHE_WRITE: "gen_ai.client.inference.usage.cache_write.input_tokens",
    USAGE_REASONING: "gen_ai.client.inference.usage.reasoning.output_tokens",
}
"""Span attribute to the counter that sums it; these exist on main only."""

MODALITIES: Final = ("text", "image", "audio")

PROVIDERS: Final[dict[str, str]] = {
    provider: well_known
    for well_known, providers in {
        "openai": ("openai-chat",),
        "azure.ai.openai": (
            "azure", "azure_openai", "azure.openai", "azureopenai", "azurechatopenai",
            "azure-openai-chat",
        ),
        "azure.ai.inference": ("azure_ai", "azureaichatcompletionsmodel"),
        "anthropic": ("anthropic-chat",),
        "cohere": ("cohere-chat",),
        "aws.bedrock": (
            "amazon_bedrock", "aws_bedrock", "bedrock", "bedrock_converse", "bedrockconverse",
            "bedrockllm", "anthropic_bedrock", "amazon_bedrock_chat",
        ),
        "gcp.vertex_ai": (
            "google_vertexai", "vertexai", "vertex_ai", "anthropicvertex",
            "google_anthropic_vertex",
        ),
        "gcp.gemini": (
            "google_genai", "gemini", "googlegenerativeai", "chat-google-generative-ai",
        ),
        "ibm.watsonx.ai": ("ibm", "watsonx", "watsonxllm"),
        "x_ai": ("xai", "xai-chat"),
        "deepseek": ("chat-deepseek",),
        "groq": ("groq-chat",),
        "mistral_ai": ("mistral", "mistralai", "mistralai-chat"),
        "moonshot_ai": ("moonshot", "moonshot-chat", "moonshotchat"),
        "perplexity": ("perplexitychat",),
    }.items()
    for provider in providers
}  # fmt: skip
"""What LangChain's models say of themselves to the well-known values of the conventions.

They say it in ``ls_provider``; a model that doesn't is known by its class's name, as LangChain
derives it, or by its ``_llm_type``. The well-known values stand for themselves.
"""

FINISH_REASONS: Final[dict[str, str]] = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "complete": "stop",
    "completed": "stop",
    "finish": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "refusal": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "tool_call": "tool_call",
    "tool_calls": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "compaction": "compaction",
    "error": "error",
    "malformed_function_call": "error",
}
"""What providers say, in lower case, to the registry's enum."""
