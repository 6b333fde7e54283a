"""What a Runnable is given for a prompt: a text, messages, or an object with what it asks for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, convert_to_messages
from langchain_core.runnables import Runnable

from parrot_bench.errors import UsageError
from parrot_bench.execution import is_chat_model
from parrot_bench.prompts import Prompt
from parrot_bench.runnables.kinds import core_of, is_graph, named
from parrot_bench.runnables.outputs import GIVEN


@dataclass(frozen=True, kw_only=True)
class Takes:
    """What a Runnable takes.

    Attributes:
        subject: Name of its class, for messages.
        names: Names of what it needs in an object; none where it takes a text or messages.
        messages: The one name is of messages.
        objects: It takes an object, and nothing else.
        chat: It is a chat model.
    """

    subject: str
    names: tuple[str, ...] = ()
    messages: bool = False
    objects: bool = False
    chat: bool = False

    def check(self, prompt: Prompt) -> None:
        """Refuse what cannot be given.

        Raises:
            UsageError: A text, where an object is needed; an object, where a text is.
        """
        if isinstance(prompt, Mapping):
            if self.chat:
                raise UsageError(
                    f"{self.subject} is a chat model, which takes a text or messages and no "
                    "object; leave out --input"
                )
        elif self.objects:
            named = ", ".join(self.names) or "what it asks for"
            example = json.dumps(
                dict.fromkeys(self.names, "…") or {"name": "…"}, ensure_ascii=False
            )
            raise UsageError(
                f"{self.subject} takes an object with {named}, and no text; "
                f"give it with --input '{example}'"
            )

    def given(self, prompt: Prompt) -> Any:
        """What it is called with for a prompt.

        Raises:
            UsageError: As :meth:`check`.
        """
        self.check(prompt)
        if isinstance(prompt, Mapping):
            return {
                name: _messages(value) if self.messages and name in self.names else value
                for name, value in prompt.items()
            }
        if not self.names:
            return prompt if isinstance(prompt, str) else _messages(prompt)
        (name,) = self.names
        return {name: _messages(prompt) if self.messages or not isinstance(prompt, str) else prompt}


def takes(model: Runnable[Any, Any]) -> Takes:
    """Say what a Runnable takes, as far as it tells by its input's schema."""
    subject = named(model)
    if is_chat_model(model):
        return Takes(subject=subject, chat=True)
    if is_graph(model):
        asked = _asked_for(core_of(model))
        if "messages" in asked:
            return Takes(subject=subject, names=("messages",), messages=True)
        # A function that was made a graph has no names, and takes anything.
        return Takes(subject=subject, names=tuple(asked), objects=bool(asked))
    try:
        schema = model.get_input_jsonschema()
    except Exception:  # noqa: BLE001  # of whatever types the user's code has
        return Takes(subject=subject)
    properties = schema.get("properties", {}) if schema.get("type") == "object" else {}
    # A "root" is what LangChain writes for parallel steps that take no object.
    names = tuple(name for name in schema.get("required", ()) if name in properties)
    if not names or "root" in names:
        return Takes(subject=subject)
    messages = len(names) == 1 and properties[names[0]].get("type") == "array"
    return Takes(subject=subject, names=names, messages=messages, objects=len(names) > 1)


def _asked_for(graph: Any) -> list[str]:
    """Names in the schema of a graph's input; of one without a schema, of its channels."""
    schema = getattr(getattr(graph, "builder", None), "input_schema", None)
    names = getattr(schema, "model_fields", None) or getattr(schema, "__annotations__", None)
    # Beside the state's own there are channels of LangGraph's.
    channels = getattr(graph, "channels", {})
    return [name for name in names or channels if not name.startswith("__") and ":" not in name]


def varied(prompt: Prompt, number: int) -> Prompt:
    """A prompt that differs from another one from its first characters on."""
    if isinstance(prompt, str):
        return f"{number}. {prompt}"
    if isinstance(prompt, Mapping):
        return {name: _varied_value(value, number) for name, value in prompt.items()}
    *before, (role, text) = prompt
    return [*before, (role, f"{number}. {text}")]


def as_text(prompt: Prompt) -> str:
    """All that is in a prompt, as one text."""
    return prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False)


def _varied_value(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return f"{number}. {value}"
    if isinstance(value, list) and value:
        *before, last = value
        if isinstance(last, Mapping) and isinstance(last.get("content"), str):
            return [*before, {**last, "content": f"{number}. {last['content']}"}]
        if isinstance(last, list | tuple) and len(last) == 2:  # noqa: PLR2004  # role and text
            return [*before, (last[0], f"{number}. {last[1]}")]
    return value


def _messages(prompt: Any) -> list[BaseMessage]:
    """Messages of a prompt; AI messages among them can be told from a reply."""
    if isinstance(prompt, str):
        return [HumanMessage(prompt)]
    numbers = count()
    return [
        message.model_copy(update={"id": f"{GIVEN}-{next(numbers)}"})
        if isinstance(message, AIMessage)
        else message
        for message in convert_to_messages([tuple(m) if isinstance(m, list) else m for m in prompt])
    ]
