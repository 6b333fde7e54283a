"""What a bisection found, in words. Pure: a record in, sentences out."""

from parrot_bench.record import BisectionRecord, ReleaseComparison
from parrot_reports import units
from parrot_reports.comparing.sentences import difference
from parrot_reports.parts import Name, Sentence

_PART = 0.5
"""A step that is less of the whole difference is not all of it."""


def compared(one: ReleaseComparison) -> str:
    """Say of two releases what they differ by."""
    return f"{one.release} against {one.base}: {difference(one.ratio)}"


def bisection_sentence(record: BisectionRecord) -> Sentence:
    """Say which release changed the cost, or why none is named."""
    first, last = record.releases[0], record.releases[-1]
    mode = Name(record.mode)
    ends = f"from {first} to {last} it is {difference(record.ends)}"
    if record.verdict == "no change":
        costs = f" costs the same in {record.distribution} {first} and {last}; {ends}."
        return ("No change: ", mode, costs)
    if record.step is None:
        differs = (
            f" differs between {record.distribution} {first} and {last} by more than "
            f"{units.percent(record.threshold)} cannot be told; {ends}. "
            "Give more --time, or a wider --over."
        )
        return ("Inconclusive: whether ", mode, differs)
    step = f"{difference(record.step)} over {record.before}"
    if record.verdict == "inconclusive":
        half = (
            f"Inconclusive: {ends}, and half of it lies before {record.release}, which is {step}. "
            "Give more --time, or narrower bounds around it."
        )
        return (half,)
    found = f": {step}; {ends}.{_part(record)}{_doubts(record)}"
    return (f"{record.distribution} {record.release} changed the cost of ", mode, found)


def _part(record: BisectionRecord) -> str:
    share = record.share
    if share is None or share >= _PART:
        return ""
    return f" That is {units.percent(share)} of it: other releases have a part, too."


def _doubts(record: BisectionRecord) -> str:
    if not record.doubtful:
        return ""
    return f" It was close in {', '.join(record.doubtful)}: more --time would make it certain."
