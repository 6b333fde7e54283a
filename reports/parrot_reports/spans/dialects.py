"""How instrumentations name what they record: data only.

Of a column's names the first is that of OpenTelemetry's current GenAI conventions, and stands
before all others where a span has several; the others are its older names and those of OpenLLMetry
(``traceloop.*``, ``llm.*``) and OpenInference (``llm.*``, ``openinference.*``).
"""

from typing import Final

IDENTITY: Final = "langchain.identifying_params."

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "mode": ("parrot_bench.mode",),
    "operation": (
        "gen_ai.operation.name",
        "openinference.span.kind",
        "llm.request.type",
        "traceloop.span.kind",
    ),
    "provider": (
        "gen_ai.provider.name",
        "gen_ai.system",
        "llm.provider",
        "llm.system",
        "traceloop.association.properties.ls_provider",
    ),
    "model": (
        "gen_ai.request.model",
        "gen_ai.response.model",
        "llm.model_name",
        "llm.request.model",
        "llm.response.model",
        "embedding.model_name",
        "reranker.model_name",
    ),
    "target": (
        "gen_ai.tool.name",
        "gen_ai.agent.name",
        "gen_ai.workflow.name",
        "gen_ai.data_source.id",
        "tool.name",
        "agent.name",
        "traceloop.entity.name",
    ),
    "outcome": ("langchain.run.outcome",),
    "finish": (
        "gen_ai.response.finish_reasons",
        "gen_ai.response.finish_reason",
        "gen_ai.completion.0.finish_reason",
        "llm.response.finish_reason",
        "llm.finish_reason",
        "llm.output_messages.0.message.finish_reason",
    ),
    "error": ("error.type",),
    "input_tokens": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
        "llm.usage.input_tokens",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
        "llm.usage.output_tokens",
    ),
    "cached_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.cached_tokens",
        "llm.token_count.prompt_details.cache_read",
        "llm.usage.cache_read_input_tokens",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "llm.usage.reasoning_tokens",
    ),
    "first_chunk_s": ("gen_ai.response.time_to_first_chunk",),
}

OPERATIONS: Final[dict[str, str]] = {
    # OpenInference's kinds; it has one for chats and text completions.
    "LLM": "chat",
    "CHAIN": "chain",
    "TOOL": "execute_tool",
    "AGENT": "invoke_agent",
    "RETRIEVER": "retrieval",
    "EMBEDDING": "embeddings",
    "RERANKER": "rerank",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluate",
    # OpenLLMetry's.
    "completion": "text_completion",
    "embedding": "embeddings",
    "workflow": "invoke_workflow",
    "task": "execute_task",
    "agent": "invoke_agent",
    "tool": "execute_tool",
}
"""What the conventions call an operation that others name otherwise."""

CALLS: Final = ("chat", "text_completion", "generate_content")
"""Operations that call a model for text; others find, embed, or run such calls."""

FIRST_CHUNK_EVENTS: Final = (
    "First Token Stream Event",
    "gen_ai.content.completion.chunk",
    "llm.content.completion.chunk",
)
"""Events whose first stands for the first chunk, where no attribute says when it came."""
