"""Names and attributes of the spans that aren't calls of a model: pure functions."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from parrot_callbacks import semconv
from parrot_callbacks.described import Described
from parrot_callbacks.open_runs import OpenRun
from parrot_callbacks.request import Attributes, provider_name

# Names of classes, not of anything the user has built: a workflow called so has no name.
_CLASS_NAMES: Final = frozenset({"CompiledStateGraph", "LangGraph", "Pregel", "StateGraph"})


def agent_name(metadata: Mapping[str, Any] | None) -> str:
    """Return the name that LangChain's ``create_agent`` puts into the metadata, or ""."""
    name = metadata.get("lc_agent_name") if metadata else None
    return name if isinstance(name, str) else ""


def is_inside_agent(run: OpenRun, agent: str) -> bool:
    """Whether a run belongs to an agent: the metadata reaches everything below it."""
    above: OpenRun | None = run
    while above is not None:
        name = above.attributes.get(semconv.AGENT_NAME)
        if name is not None:
            return name == agent
        above = above.parent
    return False


def chain_span(serialized: Mapping[str, Any] | None, run_name: object, agent: str) -> Described:
    """Name the span of a root chain, a graph or an agent."""
    if agent:
        return _described(
            f"{semconv.INVOKE_AGENT} {agent}",
            {semconv.OPERATION: semconv.INVOKE_AGENT, semconv.AGENT_NAME: agent},
        )
    attributes: Attributes = {semconv.OPERATION: semconv.INVOKE_WORKFLOW}
    name = run_name or (serialized or {}).get("name")
    if not isinstance(name, str) or not name or name in _CLASS_NAMES or _is_runnable(name):
        return _described(semconv.INVOKE_WORKFLOW, attributes)
    attributes[semconv.WORKFLOW_NAME] = name
    return _described(f"{semconv.INVOKE_WORKFLOW} {name}", attributes)


def _described(name: str, attributes: Attributes) -> Described:
    return Described(name, attributes, attributes)


def _is_runnable(name: str) -> bool:
    return name.startswith("Runnable")


def tool_span(
    serialized: Mapping[str, Any] | None,
    arguments: Mapping[str, Any],
    metadata: Mapping[str, Any] | None,
    run_id: UUID,
    describe: Callable[[str], str],
) -> Described:
    """Name the span of a tool.

    Args:
        serialized: LangChain's description of the tool.
        arguments: What else LangChain passed.
        metadata: The run's metadata; it names the agent that the tool works for.
        run_id: LangChain's id of the run. It stands for the call where no model asked for it,
            and no other id exists; see ``docs/decisions/tracing-ids.md``.
        describe: Says what of the tool's description may be recorded.
    """
    described = serialized or {}
    name = described.get("name") or arguments.get("name") or "unknown"
    attributes: Attributes = {
        semconv.OPERATION: semconv.EXECUTE_TOOL,
        semconv.TOOL_NAME: str(name),
        semconv.TOOL_TYPE: "function",
    }
    description = described.get("description")
    if description and (said := describe(str(description))):
        attributes[semconv.TOOL_DESCRIPTION] = said
    agent = agent_name(metadata)
    if agent:
        attributes[semconv.AGENT_NAME] = agent
    attributes[semconv.TOOL_CALL_ID] = str(arguments.get("tool_call_id") or run_id)
    return _described(f"{semconv.EXECUTE_TOOL} {name}", attributes)


def retriever_span(metadata: Mapping[str, Any] | None) -> Described:
    """Name the span of a retriever."""
    attributes: Attributes = {semconv.OPERATION: semconv.RETRIEVAL}
    store = metadata.get("ls_vector_store_provider") if metadata else None
    if isinstance(store, str) and store:
        attributes[semconv.PROVIDER] = provider_name({}, {"ls_provider": store})
    return _described(semconv.RETRIEVAL, attributes)
