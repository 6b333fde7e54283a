"""What runs were asked and what they answered, for spans and events.

While content capture is off, which is the default, only a tool's description passes here.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from langchain_core.messages import BaseMessage, convert_to_messages
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.prompt_values import PromptValue

from parrot_callbacks import semconv
from parrot_callbacks.filtering import ContentFilter, kept
from parrot_callbacks.fitting import fitting_json
from parrot_callbacks.messages import (
    input_messages,
    instructions,
    output_messages,
    split_instructions,
    text_message,
)
from parrot_callbacks.parts import Part, response_of
from parrot_callbacks.redaction import redact_text
from parrot_callbacks.tool_definitions import tool_definitions

Content = dict[str, Any]
"""Attribute names to texts, and to the structures that spans carry as JSON."""

_LOG: Final = logging.getLogger(__name__)
_SCORES: Final = ("score", "relevance_score", "similarity_score")


class ContentReader:
    """Describes content in the GenAI message JSON, as far as the filter lets it.

    Args:
        content_filter: Sees every text; as of ``OpenTelemetryCallbackHandler``.
        latest: Follow main instead of the release.
    """

    def __init__(self, content_filter: ContentFilter, *, latest: bool) -> None:
        self._filter = content_filter
        self._latest = latest

    def keep(self, text: str) -> str:
        """Return what the filter lets through; what isn't a text is nothing."""
        filtered: object = self._filter(text)
        if not isinstance(filtered, str):
            return ""
        # Half a surrogate pair, from a text that was cut, would fail the whole export.
        return filtered if filtered.isascii() else filtered.encode("utf-8", "replace").decode()

    def of_call(
        self,
        messages: Sequence[BaseMessage],
        params: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> Content:
        """Describe the request of a chat model: instructions, history and tools.

        Args:
            messages: Of one prompt.
            params: LangChain's ``invocation_params``.
            options: LangChain's ``options``: the call's own arguments.
        """

        def read() -> Content:
            leading, history = split_instructions(messages)
            return _without_empty(
                {
                    semconv.SYSTEM_INSTRUCTIONS: instructions(leading, self.keep),
                    semconv.INPUT_MESSAGES: input_messages(history, self.keep),
                    semconv.TOOL_DEFINITIONS: tool_definitions(params, options, self.keep),
                }
            )

        return _guarded(read)

    def of_prompt(self, prompt: str) -> Content:
        """Describe the request of a model that isn't a chat model."""
        return _guarded(lambda: {semconv.INPUT_MESSAGES: text_message("user", prompt, self.keep)})

    def of_reply(self, candidates: Sequence[Generation | ChatGeneration]) -> Content:
        """Describe the candidates of one prompt."""
        return _guarded(
            lambda: {
                semconv.OUTPUT_MESSAGES: output_messages(candidates, self.keep, latest=self._latest)
            }
        )

    def of_tool_input(self, inputs: Mapping[str, Any] | str) -> Content:
        """Describe the arguments of a tool: by name, or all of them as one text."""
        arguments = {"input": inputs} if isinstance(inputs, str) else inputs
        return _guarded(lambda: {semconv.TOOL_CALL_ARGUMENTS: kept(arguments, self.keep)})

    def of_answer(self, operation: str, answer: object) -> Content:
        """Describe what a run that isn't a call of a model returned."""
        if operation == semconv.EXECUTE_TOOL:
            return self.of_tool_output(answer)
        if operation == semconv.RETRIEVAL:
            return self.of_documents(answer)
        return self.of_outputs(answer)

    def of_tool_output(self, output: object) -> Content:
        """Describe what a tool returned: a value, or the message made of it."""
        answer = output.content if isinstance(output, BaseMessage) else output
        return _guarded(lambda: {semconv.TOOL_CALL_RESULT: response_of(answer, self.keep)})

    def described(self, text: str) -> str:
        """Return what may be recorded of a tool's description, whether capture is on or not."""
        found = _guarded(lambda: {semconv.TOOL_DESCRIPTION: self.keep(redact_text(text))})
        return str(found.get(semconv.TOOL_DESCRIPTION, ""))

    def of_query(self, query: str) -> Content:
        """Describe what a retriever was asked."""
        return _guarded(lambda: {semconv.RETRIEVAL_QUERY: self.keep(query)})

    def of_documents(self, documents: Any) -> Content:
        """Describe what a retriever found."""
        return _guarded(
            lambda: {semconv.RETRIEVAL_DOCUMENTS: [self._document(item) for item in documents]}
        )

    def of_inputs(self, inputs: object) -> Content:
        """Describe what a workflow or an agent was given."""
        return _guarded(
            lambda: _without_empty({semconv.INPUT_MESSAGES: self._conversation(inputs, "user")})
        )

    def of_outputs(self, outputs: object) -> Content:
        """Describe what a workflow or an agent answered: of a whole state, its last message."""
        return _guarded(
            lambda: _without_empty(
                {semconv.OUTPUT_MESSAGES: self._conversation(outputs, "assistant")[-1:]}
            )
        )

    def _conversation(self, value: object, role: str) -> list[Part]:
        messages = _messages(value)
        if messages is not None:
            return input_messages(messages, self.keep)
        if isinstance(value, str):
            return text_message(role, value, self.keep)
        if value is None:
            return []
        # Any other value is one message; the conventions have text for it.
        text = json.dumps(kept(value, self.keep), ensure_ascii=False)
        return [{"role": role, "parts": [{"type": "text", "content": text}]}]

    def _document(self, document: Any) -> Part:
        metadata = getattr(document, "metadata", None) or {}
        described: Part = {}
        identity = getattr(document, "id", None) or metadata.get("id")
        if identity:
            described["id"] = self.keep(str(identity))
        score = next((metadata[key] for key in _SCORES if key in metadata), None)
        if isinstance(score, int | float):
            described["score"] = float(score)
        described["content"] = self.keep(str(getattr(document, "page_content", "")))
        if metadata:
            described["metadata"] = kept(metadata, self.keep)
        return described

    @staticmethod
    def span_attributes(content: Content, limit: int | None) -> dict[str, str]:
        """Write content as span attributes: texts as they are, structures as JSON.

        Args:
            content: What a `ContentReader` has described.
            limit: Longest value that the SDK lets pass, in characters; None for any.

        Returns:
            Attributes; one that can't be made short enough without ceasing to be JSON is left out.
        """
        written = {}
        for name, value in content.items():
            text = value if isinstance(value, str) else fitting_json(value, limit)
            if text is not None:
                written[name] = text
        return written


def _messages(value: object) -> Sequence[BaseMessage] | None:
    """Return the messages in what LangChain takes for some; None if it isn't any."""
    if isinstance(value, Mapping):
        value = value.get("messages")
    if isinstance(value, PromptValue):
        return value.to_messages()
    if isinstance(value, BaseMessage):
        return [value]
    if not isinstance(value, list | tuple) or any(isinstance(item, str) for item in value):
        return None
    try:
        # Also ("user", "…") and {"role": "user", "content": "…"}.
        return convert_to_messages(value)
    except (NotImplementedError, TypeError, ValueError):
        return None


def _without_empty(content: Content) -> Content:
    return {name: value for name, value in content.items() if value}


def _guarded(read: Callable[[], Content]) -> Content:
    """Read content; what can't be read is lost, and never the call."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001 - the filter is the user's, and may raise anything
        # Its message may repeat what the filter would not have let pass.
        _LOG.warning("content is not recorded: reading it raised %s", type(error).__name__)
        return {}
