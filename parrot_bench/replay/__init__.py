"""Replies of a real model, kept in a file and given back: what LangChain costs on real traffic.

The file's form is written down in ``docs/reference/replies.md``.
"""

from parrot_bench.replay.model import ReplayChatModel

__all__ = ["ReplayChatModel"]
