"""Tools and retrievers that are cancelled: LangChain tells a handler nothing of it."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import StructuredTool
from pydantic import Field

from parrot_callbacks.conformance.cells import Cell, in_flavours
from parrot_callbacks.conformance.echo import Body
from parrot_callbacks.conformance.flavours import NATIVE, Flavour
from parrot_callbacks.conformance.scene import Scene

_LONG_S = 60.0

Make = Callable[[Body], Any]
"""Makes something that calls this and then waits for long, when it is called."""


def cells() -> tuple[Cell, ...]:
    """Return the cells of cancelled tools and retrievers."""
    return tuple(
        cell
        for name, make in (("tool", _tool), ("retriever", _retriever))
        for cell in (
            *in_flavours(f"cancelled {name}", partial(_cancelled, make), (NATIVE,)),
            *in_flavours(f"timeout round a {name}", partial(_timed_out, make), (NATIVE,)),
        )
    )


class _SlowRetriever(BaseRetriever):
    begun: Body = Field(exclude=True)

    def _get_relevant_documents(self, query: str, **_: Any) -> list[Document]:
        return [Document(query)]

    async def _aget_relevant_documents(self, query: str, **_: Any) -> list[Document]:
        self.begun()
        await asyncio.sleep(_LONG_S)
        return [Document(query)]


def _retriever(begun: Body) -> Any:
    return _SlowRetriever(begun=begun)


def _tool(begun: Body) -> Any:
    async def look(query: str) -> str:
        begun()
        await asyncio.sleep(_LONG_S)
        return query

    return StructuredTool.from_function(coroutine=look, name="look", description="Looks it up.")


async def _cancelled(make: Make, scene: Scene, flavour: Flavour) -> None:
    begun = asyncio.Event()
    with scene.user(), scene.unchanged():
        task = asyncio.ensure_future(flavour.invoke(make(begun.set), "x", scene.config))
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await flavour.settle(collect=False)
    scene.expect_ended()
    scene.expect_no_error()


async def _timed_out(make: Make, scene: Scene, flavour: Flavour) -> None:
    with scene.user() as user:
        with scene.unchanged():
            try:
                async with asyncio.timeout(None) as limit:
                    loop = asyncio.get_running_loop()
                    slow = make(lambda: limit.reschedule(loop.time()))
                    await flavour.invoke(slow, "x", scene.config)
            except TimeoutError:
                pass
        # The task lives on.
        scene.expect_ended()
        scene.expect_child_of(user)
    scene.expect_no_error()
