"""The whole run in one sentence, whatever was measured."""

from parrot_bench.record import RunRecord
from parrot_reports.comparing import sentences as compared
from parrot_reports.parts import Name, Sentence
from parrot_reports.sentences import model_name, modes_headline
from parrot_reports.studies.headlines import headlines


def headline(record: RunRecord) -> Sentence:
    """How a comparison ended, what modes cost, or what the first of the studies found."""
    if record.comparison is not None:
        return compared.headline(record.comparison)
    said = modes_headline(record)
    if said:
        return said
    found = headlines(record)
    if found:
        _, sentence = found[0]
        *head, last = sentence
        # A title has no full stop.
        return (*head, type(last)(last.removesuffix(".")))
    return ("Nothing was compared in this run of ", Name(model_name(record)))
