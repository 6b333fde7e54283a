"""The errors that parrot-bench raises on purpose.

    ParrotBenchError            one line: what was given, what was expected, what to do
    ├── UsageError              the request cannot be carried out as given (exit status 2)
    │   ├── ModelLoadError      MODEL names nothing that can be measured
    │   ├── UnknownModeError    no execution mode has that name
    │   └── MissingExtraError   a library of an optional extra is not installed
    ├── RecordError             a saved run cannot be read or written (exit status 2)
    └── MeasurementError        the run started, but nothing could be measured (exit status 2)
        └── ProcessEndedError   the timed process died, or did not answer any more

Every message is a single line that stands on its own: the command line prints it as it is,
and prints the traceback only with ``--debug``.
"""


class ParrotBenchError(Exception):
    """Base of every error that parrot-bench raises on purpose."""


class UsageError(ParrotBenchError):
    """The request cannot be carried out as given."""


class ModelLoadError(UsageError):
    """MODEL names nothing that can be measured."""


class UnknownModeError(UsageError):
    """No execution mode has that name."""


class MissingExtraError(UsageError):
    """A library of an optional extra is not installed."""


class RecordError(ParrotBenchError):
    """A saved run cannot be read or written."""


class MeasurementError(ParrotBenchError):
    """The run started, but nothing could be measured."""


class ProcessEndedError(MeasurementError):
    """The timed process died, or did not answer any more."""
