"""Ending the runs of a task with the task.

LangChain calls no ``on_llm_error`` when an ``ainvoke`` is cancelled, and no ``on_tool_error``
when an asynchronous tool is.
"""

import asyncio
import inspect
import sys
from contextvars import Context
from functools import cache
from types import CodeType
from typing import Final

from parrot_callbacks.open_runs import AnyTask, OpenRun, watched
from parrot_callbacks.outcomes import ABANDONED, CANCELLED

# Between agenerate and _is_agenerate: five frames of ours, then three of LangChain's callbacks
# at present.
_OURS: Final = 5
_THEIRS: Final = 6


running_loop: Final = asyncio._get_running_loop  # noqa: SLF001
"""Return the running event loop, or None. The public functions raise where there is none, which is
ten times dearer, and most calls are made where there is none."""


def watch_current_task(run: OpenRun) -> None:
    """End the run when the current task ends, if no event has ended it by then.

    There has to be a running loop.

    One callback a task serves all its runs: one a call would leave thousands on a
    long-lived task.
    """
    task = asyncio.current_task()
    if task is None:
        return
    run.in_other_tasks = _is_agenerate()
    tasks = watched().tasks
    runs = tasks.get(task)
    if runs is None:
        runs = tasks[task] = {}
        # A context of its own: the current one would be kept until the task ends.
        task.add_done_callback(_task_done, context=Context())
    runs[run.key] = run
    run.of_task = runs
    run.is_linked = True


def _is_agenerate() -> bool:
    """Whether the call in progress is ``BaseChatModel.agenerate``, under ainvoke and abatch.

    It alone can be cancelled without an event, and it alone runs the model's body in tasks
    other than the caller's. LangChain tells a handler neither; the stack does.
    """
    agenerate = _agenerate()
    frame = sys._getframe(_OURS)  # noqa: SLF001 - inspect.stack() reads source files: 1 ms
    for _ in range(_THEIRS):
        if frame.f_code is agenerate:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


@cache
def _agenerate() -> CodeType:
    # Late: by the time a model is called this is no import any more.
    from langchain_core.language_models import BaseChatModel  # noqa: PLC0415

    code: CodeType = inspect.unwrap(BaseChatModel.agenerate).__code__
    return code


def _task_done(task: AnyTask) -> None:
    runs = watched().tasks.pop(task, None)
    for run in tuple(runs.values()) if runs else ():
        if task.cancelled() or run.in_other_tasks:
            run.finish(CANCELLED)
        elif not run.streamed:
            run.finish(ABANDONED)
        # A stream that has begun may be read on by another task, as asyncio.wait_for did
        # around each step until Python 3.12. It ends with its generator.
