"""Makes one unit of calls of a mode, and says what was seen: the one place where a mode is called.

It sees texts and tells digests, and it keeps errors from repeating what they were given.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter_ns
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable

from parrot_bench.execution import ExecutionMode, collect, is_chat_model
from parrot_bench.prompts import Prompt
from parrot_bench.request import DEFAULT_PROMPT
from parrot_bench.runnables.inputs import as_text
from parrot_bench.studies.bench import Bench
from parrot_bench.studies.caller import one_line
from parrot_bench.studies.concurrency.places import source_files
from parrot_bench.studies.parity.hearing import Arrivals, Listener, carries_content
from parrot_bench.studies.parity.seen import Asked, UnitSeen, see
from parrot_bench.studies.parity.turning import Heartbeat
from parrot_bench.timing import CallLimitExceeded, call_limit

_WINDOW = 12
"""Characters that a text has in common with another one by more than chance."""


@dataclass
class Asker:
    """Makes units of calls.

    Attributes:
        bench: The model, and how calls are made.
        texts: Replies to the first calls of each mode.
    """

    bench: Bench
    texts: list[str] = field(default_factory=list)

    def ask(
        self,
        mode: ExecutionMode,
        prompts: Sequence[Prompt],
        asked: Asked,
        *,
        model: Runnable[Any, Any] | None = None,
        stop: str = "",
        limit: int | None = None,
    ) -> UnitSeen:
        """Make one unit of calls.

        Args:
            mode: The mode.
            prompts: What it is asked: one prompt, or several of a mode that batches.
            asked: What for.
            model: Another model than the one that is measured.
            stop: A stop sequence of the calls.
            limit: ``max_tokens`` of the calls.

        Returns:
            What was seen. Whatever the model raises is part of it.
        """
        calls = self.bench.calls
        arguments: dict[str, Any] = dict(calls.kwargs)
        arguments |= {"stop": [stop]} if stop else {}
        arguments |= {} if limit is None else {"max_tokens": limit}
        chat = is_chat_model(self.bench.model)
        listener = Listener()
        arrivals = Arrivals(carries_content if chat else lambda item: int(bool(mode.content(item))))
        heart = Heartbeat(source_files(self.bench.model))
        settings = replace(calls.settings, config={"callbacks": [listener]}, kwargs=arguments)
        keep = collect if mode.batches else arrivals.keep
        call = mode.bind(model or self.bench.model, settings, keep)
        if mode.kind == "async":
            call = heart.beside(call)
        prepared = [mode.prepare(prompt) for prompt in prompts]
        self.bench.budget.spent += len(prompts)
        unit = UnitSeen(mode=mode.name, asked=asked, calls=len(prompts), limit=limit)
        replies: Sequence[BaseMessage] = ()
        arrivals.begin()
        begun = perf_counter_ns()
        try:
            with call_limit(calls.call_limit_s * len(prompts)):
                raw = self.bench.clocks[mode.kind].once(
                    call, prepared if mode.batches else prepared[0]
                )
            replies = mode.messages(raw)
            texts = [reply.text for reply in replies]
            seen = tuple(see(reply) for reply in replies)
        except CallLimitExceeded as error:
            return replace(unit, error=one_line(error), ended="hung")
        except Exception as error:  # noqa: BLE001  # whatever a model raises is a finding
            return replace(unit, error=self.private(one_line(error)))
        finally:
            self.bench.budget.pay_for(len(prompts), replies)
        if asked == "plain":
            self.texts += texts
        return replace(
            unit,
            replies=seen,
            wall_ns=perf_counter_ns() - begun,
            beyond=sum(goes_on(text, stop) for text in texts) if stop else 0,
            arrived=arrivals.arrived() if mode.streams else None,
            heard=listener.heard(),
            turned=heart.turned(),
        )

    def private(self, line: str) -> str:
        """An error's line, or no more than its type where it repeats a prompt or a reply."""
        prompt = as_text(self.bench.request.prompt)
        # Our own prompt is no secret, and neither is its echo.
        secrets = [prompt, *self.texts]
        if prompt == DEFAULT_PROMPT:
            secrets = [text for text in secrets if not repeats(DEFAULT_PROMPT, [text])]
        if repeats(line, secrets):
            return f"{line.partition(':')[0]} (its message repeats the prompt or a reply)"
        return line


def repeats(line: str, texts: Iterable[str]) -> bool:
    """Whether a line has a part of one of the texts in it."""
    return any(
        text[at : at + _WINDOW] in line
        for text in (" ".join(text.split()) for text in texts)
        if text
        for at in range(max(1, len(text) - _WINDOW + 1))
    )


def goes_on(text: str, stop: str) -> bool:
    """Whether a reply goes on after a stop sequence."""
    found = text.find(stop)
    return found >= 0 and bool(text[found + len(stop) :].strip())


def stop_sequence(texts: Sequence[str], *, alike: bool) -> str:
    """Choose a stop sequence that a reply will contain, with something after it.

    Args:
        texts: Replies so far.
        alike: The same prompt gets the same reply.

    Returns:
        Three characters from within the first reply; of a model whose replies differ, the one
        character that most of them have. Empty where there is none.
    """
    if not texts:
        return ""
    if alike:
        text = texts[0]
        for start in range(max(1, len(text) // 3), len(text) - 3):
            part = text[start : start + 3]
            if part == part.strip() and goes_on(text, part) and text.find(part):
                return part
        return ""
    counted = {c: sum(goes_on(text, c) for text in texts) for c in set("".join(texts))}
    visible = [c for c in sorted(counted) if not c.isspace() and counted[c]]
    return max(visible, key=lambda c: counted[c], default="")


def declares_max_tokens(model: BaseChatModel) -> bool:
    """Whether ``max_tokens`` is a parameter of the model."""
    fields: Mapping[str, Any] = type(model).model_fields
    return "max_tokens" in fields or any(f.alias == "max_tokens" for f in fields.values())
