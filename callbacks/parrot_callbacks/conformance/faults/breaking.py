"""Handlers in trouble: whatever fails in one, the call goes on, and so do the next ones."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

from langchain_core.callbacks import BaseCallbackHandler
from opentelemetry.sdk.trace import Span

from parrot_callbacks.conformance.cells import Cell, in_flavours
from parrot_callbacks.conformance.echo import REPLY
from parrot_callbacks.conformance.flavours import NATIVE, SYNC, Flavour
from parrot_callbacks.conformance.scene import NotAvailableError, Scene

_SETTERS = ("set_attribute", "set_attributes", "set_status", "add_event", "record_exception")


class TroubleError(Exception):
    """What goes wrong inside a handler."""


def cells() -> tuple[Cell, ...]:
    """Return the cells of handlers in trouble."""
    two = (SYNC, NATIVE)
    return (
        *in_flavours("processor fails at a span's start", partial(_in_trouble, _at("start")), two),
        *in_flavours("processor fails at a span's end", partial(_in_trouble, _at("end")), two),
        *in_flavours("span takes no attributes", partial(_in_trouble, _no_attributes), two),
        *in_flavours("every method of the handler fails", _every_method, two),
    )


Trouble = Callable[[Scene], Any]


def _at(moment: str) -> Trouble:
    @contextmanager
    def trouble(scene: Scene) -> Iterator[None]:
        def fail(now: str, _: object) -> None:
            if now == moment:
                raise TroubleError(f"at a span's {moment}")

        scene.fault = fail
        yield
        scene.fault = None

    return trouble


@contextmanager
def _no_attributes(_scene: Scene) -> Iterator[None]:
    with ExitStack() as stack:
        for name in _SETTERS:
            stack.enter_context(patch.object(Span, name, _refuse))
        yield


def _refuse(*_: object, **__: object) -> None:
    raise TroubleError("a span takes nothing")


async def _in_trouble(trouble: Trouble, scene: Scene, flavour: Flavour) -> None:
    # LangChain says once that a handler has failed, and that is as it should be.
    scene.skip("quiet")
    model = scene.model(flavour.model)
    with scene.user() as user:
        with scene.unchanged(), trouble(scene):
            await _call(model, scene, flavour)
        # The spans of troubled calls are lost. Those of the next call are not.
        scene.forget()
        with scene.unchanged():
            await flavour.invoke(model, "x", scene.config)
    scene.call(user)


async def _call(model: Any, scene: Scene, flavour: Flavour) -> None:
    reply = await flavour.invoke(model, "x", scene.config)
    scene.expect("works", REPLY, str(reply.text))
    see = scene.reader()
    chunks = []
    async for chunk in flavour.stream(model, "x", scene.config):
        chunks.append(str(chunk.text))
        see()
    scene.expect("works", REPLY, "".join(chunks))


async def _every_method(scene: Scene, flavour: Flavour) -> None:
    if not scene.callbacks:
        raise NotAvailableError("it attaches no handler whose methods could be made to fail")
    # What is recorded meanwhile is worth nothing: the handler is told one thing in two.
    scene.asked = {"works"}
    model = scene.model(flavour.model)
    for handler in scene.callbacks:
        for name in _methods(handler):
            with patch.object(handler, name, side_effect=TroubleError(name)):
                reply = await flavour.invoke(model, "x", scene.config)
                scene.expect("works", REPLY, str(reply.text))
                chunks = [
                    str(chunk.text) async for chunk in flavour.stream(model, "x", scene.config)
                ]
                scene.expect("works", REPLY, "".join(chunks))


def _methods(handler: BaseCallbackHandler) -> Sequence[str]:
    return [
        name
        for name in dir(type(handler))
        if name.startswith("on_")
        and getattr(type(handler), name) is not getattr(BaseCallbackHandler, name, None)
    ]
