"""Carrying out ``parrot-bench run MODEL --against OTHER``."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from parrot_bench.against.events import Preparing
from parrot_bench.against.following import SIDES, Following, Watcher
from parrot_bench.against.other import other
from parrot_bench.against.pairs import Pairs
from parrot_bench.against.sides import Say, Side, sides
from parrot_bench.errors import MeasurementError, ParrotBenchError
from parrot_bench.interrupts import Interrupts
from parrot_bench.record import RunDirectory, RunRecord, SideName
from parrot_bench.request import Request, check, default_name
from parrot_bench.running import discard
from parrot_bench.saving import keep


def compare_sides(
    request: Request,
    *,
    out: Path | str | None = None,
    watcher: Watcher | None = None,
    opened: Callable[[RunDirectory], object] | None = None,
    both: Callable[[Say], tuple[Side, Side]] | None = None,
) -> RunRecord:
    """Measure a model against something else, in one sitting, and save the run.

    Args:
        request: What is asked for; ``against`` says what the model is compared with.
        out: The run directory.
        watcher: Told of every event.
        opened: Told of the run directory once it is made.
        both: Makes the sides; by default of the request's model and of what ``against`` names.

    Returns:
        The record, as it is saved. It is incomplete where the run was stopped.

    Raises:
        ParrotBenchError: Nothing could be compared; the message says why.
    """
    if request.seed is None:
        request = replace(request, seed=random.SystemRandom().randrange(2**31))
    check(request)
    against = other(request.against)
    directory = RunDirectory(Path(out) if out else Path("runs") / default_name(request))
    directory.create()
    if opened is not None:
        opened(directory)
    following = Following(request, directory)

    def say(text: str) -> None:
        following.take(Preparing(text))
        if watcher is not None:
            watcher(following, Preparing(text))

    said = ""
    try:
        made = both(say) if both is not None else sides(request.spec, against, say)
        following.sides = {side.name: side for side in made}
        with Interrupts() as interrupted, _logs(directory) as logs:
            pairs = Pairs(request=request, sides=made, logs=logs, interrupted=interrupted)
            _follow(following, pairs, watcher)
    except KeyboardInterrupt:
        if not following.measured:
            raise MeasurementError("stopped before a round was finished; nothing is kept") from None
        note = f"stopped in pair {len(following.compared.pairs)}"
        return following.stop("interrupted", note)
    except ParrotBenchError as error:
        said = str(error)
        if following.measured:
            keep(lambda why: following.stop("failed", why), error, directory)
        raise
    finally:
        _tidy(following, directory, said)
    return following.finish()


def _tidy(following: Following, directory: RunDirectory, said: str) -> None:
    """Leave no directory in which nothing was measured, but for a log that is spoken of."""
    if not following.kept:
        discard(directory, said)


@contextmanager
def _logs(directory: RunDirectory) -> Iterator[dict[SideName, Path]]:
    """Where the output of each side's processes goes; what nobody wrote into is taken away."""
    logs = {name: directory.path.absolute() / f"worker-{name}.log" for name in SIDES}
    try:
        yield logs
    finally:
        for log in logs.values():
            if log.exists() and not log.stat().st_size:
                log.unlink()


def _follow(following: Following, pairs: Pairs, watcher: Watcher | None) -> None:
    measurement = pairs.events()
    try:
        event = next(measurement)
        while True:
            reply = following.take(event)
            if watcher is not None:
                watcher(following, event)
            event = measurement.send(reply)
    except StopIteration:
        return
    finally:
        measurement.close()
