"""Models that fail: the span says so, once, and the caller gets the model's own error."""

from collections.abc import Awaitable
from functools import partial
from typing import Any

from langchain_core.messages import HumanMessage

from parrot_callbacks.conformance.cells import Cell, in_flavours
from parrot_callbacks.conformance.echo import ModelError, both, fail, nothing, one_by_one
from parrot_callbacks.conformance.flavours import Flavour
from parrot_callbacks.conformance.scene import Scene

_MOMENTS = ("before", "between", "after")


def cells() -> tuple[Cell, ...]:
    """Return the cells of failing models."""
    return (
        *(
            cell
            for moment in _MOMENTS
            for cell in (
                *in_flavours(f"invoke fails {moment}", partial(_invoke, moment)),
                *in_flavours(f"stream fails {moment}", partial(_stream, moment)),
            )
        ),
        *in_flavours("one of a batch fails", _one_of_a_batch),
        *in_flavours("generate of three prompts", _generate),
        *in_flavours("generate of three prompts, one fails", _generate_with_a_failure),
    )


async def _invoke(moment: str, scene: Scene, flavour: Flavour) -> None:
    model = _failing(moment, scene, flavour)
    with scene.user() as user, scene.unchanged():
        await _expect_the_error(scene, flavour.invoke(model, "x", scene.config))
    scene.call(user, outcome="failed")


async def _stream(moment: str, scene: Scene, flavour: Flavour) -> None:
    model = _failing(moment, scene, flavour)

    async def read() -> None:
        see = scene.reader()
        async for _ in flavour.stream(model, "x", scene.config):
            see()

    with scene.user() as user, scene.unchanged():
        await _expect_the_error(scene, read())
    scene.call(user, outcome="failed", streamed=True, chunks=moment != "before")


async def _one_of_a_batch(scene: Scene, flavour: Flavour) -> None:
    request = scene.client("before")
    model = scene.model(flavour.model, before=one_by_one(request, both(request, fail), request))
    with scene.user() as user, scene.unchanged():
        replies = await flavour.batch(
            model, ["one", "two", "three"], scene.config, return_exceptions=True
        )
    scene.expect("works", 1, sum(isinstance(reply, ModelError) for reply in replies))
    for outcome in ("completed", "completed", "failed"):
        scene.call(user, outcome=outcome)


async def _generate(scene: Scene, flavour: Flavour) -> None:
    model = scene.model(flavour.model)
    with scene.user() as user, scene.unchanged():
        reply = await flavour.generate(model, _prompts(), callbacks=list(scene.callbacks))
    scene.expect("works", 3, len(reply.generations))
    for _ in range(3):
        # LangChain starts all three before any body: whose a client's span is can't be known.
        scene.call(user, clients=())


async def _generate_with_a_failure(scene: Scene, flavour: Flavour) -> None:
    model = scene.model(flavour.model, before=one_by_one(nothing, fail, nothing))
    with scene.user() as user, scene.unchanged():
        await _expect_the_error(
            scene, flavour.generate(model, _prompts(), callbacks=list(scene.callbacks))
        )
    scene.call(user, outcome="failed", clients=())
    for _ in range(2):
        # generate() gives up at the first failure, agenerate() waits for the others.
        scene.call(user, outcome="completed" if flavour.is_async else "stopped", clients=())


def _failing(moment: str, scene: Scene, flavour: Flavour) -> Any:
    request = scene.client("before")
    bodies = {"before": request, moment: both(request, fail) if moment == "before" else fail}
    return scene.model(flavour.model, **bodies)


async def _expect_the_error(scene: Scene, call: Awaitable[Any]) -> None:
    got = "no error"
    try:
        await call
    except ModelError:
        got = "the model's error"
    scene.expect("works", "the model's error", got)


def _prompts() -> list[list[HumanMessage]]:
    return [[HumanMessage(text)] for text in ("one", "two", "three")]
