"""A model as a file of a user's, for commands that are put under load."""

WAITING = """
import asyncio
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage


def forever():
    while True:
        yield AIMessage("hello there friend")


class Waiting(GenericFakeChatModel):
    async def _agenerate(self, *args, **kwargs):
        await asyncio.sleep(0.005)
        return self._generate(*args, **kwargs)


model = Waiting(messages=forever())
"""
