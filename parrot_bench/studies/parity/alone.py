"""The parity study alone, without a run directory: in the timed process, as in a run.

A mode that ends the process is left out, and the others are asked again in a fresh one.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from parrot_bench.environment import parrot_bench_version
from parrot_bench.errors import MeasurementError, ProcessEndedError
from parrot_bench.events import Described, Event, Observed, Reply, StudyBegun, StudyEnded
from parrot_bench.interrupts import Interrupts
from parrot_bench.measuring import Job
from parrot_bench.record import CheckRecord
from parrot_bench.request import Request, check
from parrot_bench.samples import Samples
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.parity.judging import conclude
from parrot_bench.studies.parity.seen import Asking, UnitSeen
from parrot_bench.worker import in_worker

MOST_PROCESSES = 4
"""Fresh processes, at most; each costs a few seconds."""

Watcher = Callable[[Event], None]


@dataclass(frozen=True)
class Checked:
    """The parity study of one model, made.

    Attributes:
        record: What was found.
        logs: Folder with the output of processes that ended; None where none did.
    """

    record: CheckRecord
    logs: Path | None


def check_model(request: Request, watcher: Watcher | None = None) -> Checked:
    """Make the parity study of one model.

    Args:
        request: What is asked for; its studies are not looked at.
        watcher: Told of every event.

    Returns:
        What was found.

    Raises:
        UsageError: The request cannot be carried out.
        MeasurementError: Nothing could be measured.
    """
    check(request)
    following = _Following(replace(request, studies=("parity",), seed=0), watcher)
    folder = Path(tempfile.mkdtemp(prefix="parrot-bench-check-"))
    ended = False
    try:
        for number in range(MOST_PROCESSES):
            try:
                following.once(folder / f"worker-{number}.log")
            except ProcessEndedError as error:
                ended = True
                if not following.mode_ended(error):
                    raise
            else:
                break
        return Checked(following.record(), folder if ended else None)
    finally:
        if not ended:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass
class _Following:
    """Follows the study through as many processes as it takes."""

    request: Request
    watcher: Watcher | None
    described: Described | None = None
    gathered: Gathered | None = None
    asking: Asking | None = None
    killed: list[UnitSeen] = field(default_factory=list)

    def once(self, log: Path) -> None:
        """Follow the study in one process."""
        job = Job(request=self.request, modes=self.request.modes, traced=False)
        self.asking = None
        with Interrupts() as interrupted:
            measurement = in_worker(job, log, interrupted)
            try:
                for event in measurement:
                    self._take(event)
            except KeyboardInterrupt:
                raise MeasurementError("stopped before every mode was checked") from None
            finally:
                measurement.close()

    def _take(self, event: Event) -> Reply:
        if isinstance(event, Described):
            # A process that leaves out a mode does not know of all there are.
            self.described = self.described or event
        elif isinstance(event, StudyBegun) and self.described is not None:
            self.gathered = Gathered(
                study="parity",
                request=self.request,
                described=self.described,
                limit_s=self.request.limit_s("parity"),
                samples=Samples("parity"),
                observed=list(self.killed),
            )
        elif isinstance(event, Observed) and self.gathered is not None:
            self.gathered.observed.append(event.what)
            self.asking = event.what if isinstance(event.what, Asking) else None
        elif isinstance(event, StudyEnded) and self.gathered is not None:
            self.gathered.stopped_by = "done"
        if self.watcher is not None:
            self.watcher(event)
        return Reply.GO

    def mode_ended(self, error: ProcessEndedError) -> bool:
        """Take note of a mode that ended the process, and leave it out from here on."""
        if self.asking is None or self.gathered is None or self.described is None:
            return False
        mode = self.asking.mode
        units = [unit for unit in self.gathered.observed if isinstance(unit, UnitSeen)]
        spent = sum(unit.calls for unit in units if unit not in self.killed) + self.asking.calls
        # Not what it said last, which may be a prompt or a reply.
        said = str(error).partition(";")[0].partition(", last saying ")[0]
        self.killed.append(
            UnitSeen(mode=mode, asked="plain", calls=spent, error=said, ended="killed")
        )
        killed = {unit.mode for unit in self.killed}
        names = [
            described.name
            for described in self.described.modes
            if not described.unavailable and described.status != "floor"
        ]
        # A mode of the user's own is asked for by another name than it has.
        asked = self.request.modes or tuple(names)
        left = [name for name in asked if name not in killed]
        self.gathered.observed.append(self.killed[-1])
        bound = self.request.max_calls
        if not left or (bound is not None and bound <= spent):
            return False
        baseline = self.request.baseline
        self.request = replace(
            self.request,
            modes=tuple(left),
            baseline=left[0] if baseline in killed else baseline,
            max_calls=None if bound is None else bound - spent,
        )
        return True

    def record(self) -> CheckRecord:
        """Say what was found."""
        result = conclude(self.gathered) if self.gathered is not None else None
        if result is None or self.described is None:
            raise MeasurementError("nothing could be checked")
        return CheckRecord(
            parrot_bench_version=parrot_bench_version(),
            model=self.described.model,
            environment=self.described.environment,
            modes=self.described.modes,
            parity=result,
        )
