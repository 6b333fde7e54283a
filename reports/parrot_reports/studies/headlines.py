"""The one sentence of each study, for where there is room for one."""

from parrot_bench.record import RunRecord
from parrot_reports.parts import Sentence
from parrot_reports.studies import concurrency, growth, load, parity, streaming, tracing

_STUDIES = {
    "streaming": streaming.shortest,
    "concurrency": concurrency.headline,
    "tracing": tracing.sentence,
    "growth": growth.sentence,
    "parity": parity.headline,
    "load": load.sentence,
}


def headlines(record: RunRecord) -> list[tuple[str, Sentence]]:
    """The studies that have found something, by name, in the order in which they were made."""
    said = ((study, sentence(record)) for study, sentence in _STUDIES.items())
    return [(study, sentence) for study, sentence in said if sentence]
