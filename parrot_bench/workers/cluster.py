"""Dask: a cluster on this machine, or one that runs already. Nothing else imports it.

What a worker does for us is no task: of a worker that died, Dask would make a task again
somewhere else, in the middle of a level. It is asked by remote calls, and what is not answered
is lost.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from parrot_bench.errors import MeasurementError, MissingExtraError, UsageError
from parrot_bench.workers.posts import heed_no_interrupts
from parrot_callbacks.redaction import redact_text

CONNECT_S = 10.0
"""How long a scheduler may take to answer."""

START_S = 60.0
"""How long the workers of this machine may take to start."""

CLOSE_S = 5.0


class Cluster:
    """Workers that can be asked to do something.

    Args:
        client: Dask's client.
        addresses: Of the workers.
    """

    def __init__(self, client: Any, addresses: tuple[str, ...]) -> None:
        self._client = client
        self.addresses = addresses

    def ask(self, address: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function on a worker, in its event loop.

        Raises:
            Exception: Whatever it raised, or what says that the worker is gone.
        """
        return self._client.run(function, *arguments, workers=[address])[address]


def check_installed() -> None:
    """Refuse what needs Dask where there is none.

    Raises:
        MissingExtraError: It is not installed.
    """
    if find_spec("distributed") is None:
        raise MissingExtraError(
            "--workers and --scheduler need dask.distributed; "
            "type: pip install 'parrot-bench[distributed]'"
        )


@contextmanager
def opened(workers: int | None, scheduler: str) -> Iterator[Cluster]:
    """Start workers on this machine, or use those of a cluster that runs.

    Args:
        workers: How many; None for all of a cluster.
        scheduler: Address of the scheduler; empty for this machine.

    Raises:
        MissingExtraError: Dask is not installed.
        UsageError: The scheduler does not answer, or has too few workers.
        MeasurementError: No workers could be started here.
    """
    check_installed()
    dask, distributed = import_module("dask"), import_module("distributed")
    # That a worker is gone is said once, by ourselves.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(_settings()):
        if scheduler:
            with _client(distributed, scheduler) as client:
                yield Cluster(client, _chosen(client, workers, scheduler))
        else:
            with _local(distributed, workers or 1) as client:
                yield Cluster(client, _chosen(client, workers, "this machine"))


def _settings() -> dict[str, Any]:
    return {
        "logging.distributed": "critical",
        # A timed process that Dask has started is to be as one that was started by hand.
        "distributed.nanny.pre-spawn-environ": {},
        "distributed.comm.timeouts.connect": CONNECT_S,
        "distributed.admin.system-monitor.gil.enabled": False,
        "distributed.worker.profile.enabled": False,
    }


@contextmanager
def _client(distributed: Any, scheduler: str) -> Iterator[Any]:
    try:
        client = distributed.Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--scheduler {redact_text(scheduler)} does not answer "
            f"({_one_line(error)}); start one with: dask scheduler"
        ) from error
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=CLOSE_S)


@contextmanager
def _local(distributed: Any, workers: int) -> Iterator[Any]:
    try:
        cluster = distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            # There is no dashboard; without a port of its own it warns of one that is taken.
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            memory_limit=0,
        )
    except (OSError, RuntimeError) as error:
        raise MeasurementError(
            f"{workers} workers could not be started: {_one_line(error)}"
        ) from error
    try:
        with _client(distributed, cluster.scheduler_address) as client:
            client.wait_for_workers(workers, timeout=START_S)
            client.run(heed_no_interrupts)
            yield client
    finally:
        with suppress(Exception):
            cluster.close(timeout=CLOSE_S)


def _chosen(client: Any, workers: int | None, where: str) -> tuple[str, ...]:
    found = tuple(sorted(client.nthreads()))
    if not found:
        raise UsageError(f"{where} has no workers; start some with: dask worker ADDRESS")
    if workers is not None and workers > len(found):
        raise UsageError(f"{where} has {len(found)} workers, and --workers asks for {workers}")
    return found[:workers]


def _one_line(error: BaseException) -> str:
    return " ".join(redact_text(str(error)).split()) or type(error).__name__
