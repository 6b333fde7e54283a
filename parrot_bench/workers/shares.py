"""What each of several workers is to do, and what becomes of one that died. Pure."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace

import numpy as np

from parrot_bench.calls import CallColumns
from parrot_bench.columns import Integers
from parrot_bench.events import Call
from parrot_bench.measuring import Job
from parrot_bench.studies.load.orders import Part
from parrot_bench.studies.load.told import WORKER_LOST, Window


def job_of(job: Job, worker: str, which: int, of: int) -> Job:
    """What one of several timed processes is asked to do.

    Args:
        job: What all of them are asked.
        worker: Its name.
        which: Which one, from 0.
        of: How many there are.
    """
    request, part = job.request, Part(which, of)
    calls, tokens = request.max_calls, request.max_tokens
    own = replace(
        request,
        max_calls=None if calls is None else part.share(calls),
        max_tokens=None if tokens is None else part.share(tokens),
        # Whoever started the run knows it; it is of no use elsewhere.
        command=(),
    )
    return replace(job, request=own, spans=None, journal=None, traced=False, worker=worker)


def moved(call: Call, by_ns: int, worker: str) -> Call:
    """A worker's call, with its times on our clock.

    Args:
        call: With times of the worker's clock.
        by_ns: That clock less ours.
        worker: The worker's name.
    """
    # By its fields: dataclasses.replace takes three times as long, and all calls come this way.
    return Call(
        mode=call.mode,
        case=call.case,
        started_ns=call.started_ns - by_ns,
        ended_ns=call.ended_ns - by_ns,
        chunks_ns=tuple([at - by_ns for at in call.chunks_ns]),
        tokens=call.tokens,
        error=call.error,
        scheduled_ns=None if call.scheduled_ns is None else call.scheduled_ns - by_ns,
        rate_limited=call.rate_limited,
        input_tokens=call.input_tokens,
        worker=worker,
    )


def lost_arrivals(
    mode: str, due_ns: Iterable[int], known_ns: Container[int], now_ns: int, worker: str
) -> tuple[Call, ...]:
    """The calls of an open loop that a worker that died did not tell of.

    What it was late with was in flight until then; what is due later was never made.

    Args:
        mode: Name of the mode.
        due_ns: When its calls were due, all of them.
        known_ns: When those were due of which it has told.
        now_ns: When it was found dead.
        worker: Its name.
    """
    return tuple(
        Call(
            mode=mode,
            case="",
            started_ns=at,
            ended_ns=max(at, now_ns),
            error=WORKER_LOST,
            scheduled_ns=at,
            worker=worker,
        )
        for at in due_ns
        if at not in known_ns
    )


def lost_callers(mode: str, number: int, now_ns: int, worker: str) -> tuple[Call, ...]:
    """The calls of a closed loop that were in flight when a worker died: one a caller.

    When they were made is not known; what it had finished and not told of yet is not, either.
    """
    call = Call(
        mode=mode, case="", started_ns=now_ns, ended_ns=now_ns, error=WORKER_LOST, worker=worker
    )
    return (call,) * number


def merged(windows: Sequence[Window], calls: CallColumns, begun_ns: int) -> Window:
    """What was seen of a level, or of a step of it, by all workers together.

    Args:
        windows: Of the workers that saw its end, on our clock.
        calls: Of all workers.
        begun_ns: When it began.
    """
    calls = calls.where((calls.errors != WORKER_LOST) & (calls.ended >= begun_ns))
    last = int(calls.ended.max(initial=begun_ns))
    ended_ns = max((window.ended_ns for window in windows), default=last)
    calls = calls.where(calls.started <= ended_ns)
    length_ns = max(ended_ns - begun_ns, 1)
    spent = np.minimum(calls.ended, ended_ns) - np.maximum(calls.started, begun_ns)
    return Window(
        begun_ns=begun_ns,
        ended_ns=ended_ns,
        busy_ns=max((busy(window, length_ns) for window in windows), default=0),
        in_flight=int(np.maximum(spent, 0).sum()) / length_ns,
        peak=peak(calls.started, calls.ended),
        lag_ns=max((window.lag_ns for window in windows), default=0),
    )


def busy(window: Window, length_ns: int) -> int:
    """CPU time of a worker as if it had seen the whole of a level, nanoseconds."""
    return round(window.busy_ns * length_ns / max(window.ended_ns - window.begun_ns, 1))


def peak(started: Integers, ended: Integers) -> int:
    """Most calls in flight at once; one that ends makes room for one that begins then.

    Args:
        started: When each was made, shape (calls,).
        ended: When it was over.
    """
    if not started.size:
        return 0
    steps = np.repeat([1, -1], started.size)
    order = np.lexsort((steps, np.concatenate((started, ended))))
    return int(np.cumsum(steps[order]).max())
