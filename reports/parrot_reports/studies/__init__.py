"""What each study has found, in words and rows; one file a study."""

from collections.abc import Callable

from parrot_bench.record import RunRecord
from parrot_reports.sentences import Sentence
from parrot_reports.studies import growth, tracing

_SENTENCES: tuple[Callable[[RunRecord], Sentence], ...] = (
    tracing.sentence,
    growth.sentence,
)


def studied(record: RunRecord) -> list[Sentence]:
    """One sentence of each study that was made, the overhead study aside."""
    return [said for sentence in _SENTENCES if (said := sentence(record))]
