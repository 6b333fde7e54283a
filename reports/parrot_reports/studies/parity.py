"""The parity study in words: one sentence, one line a finding, and the table of checks. Pure."""

from collections.abc import Callable, Sequence

from parrot_bench.record import ModeRecord, ParityFinding, ParityResult, RunRecord
from parrot_bench.record.parity import Outcome
from parrot_reports import units
from parrot_reports.parts import Key, Name, Sentence
from parrot_reports.text import visible

WORDS: dict[Outcome, str] = {
    "ok": "ok",
    "note": "note",
    "defect": "defect",
    "not checked": "?",
    "does not apply": units.NONE,
}
"""What stands in a cell of the table."""

LEGEND = f"?: not checked; {units.NONE}: does not apply."

_FEW = 3


def headline(record: RunRecord) -> Sentence:
    """The one sentence for where there is room for one; empty where nothing was measured."""
    return () if record.parity is None else sentence(record.parity)


def sentence(result: ParityResult) -> Sentence:
    """Say in one sentence whether the modes do the same."""
    working = [mode for mode in result.modes if mode.outcomes["works"] == "ok"]
    checked = f" ({_counted(len(working), 'mode')}, {_counted(result.calls, 'call')})."
    defects, notes = result.defects, result.notes
    noted = (f"; {_counted(len(notes), 'note')}: ", *_identifiers(notes)) if notes else ()
    if defects:
        return (
            Key(_counted(len(defects), "defect")),
            ": ",
            *_identifiers(defects),
            *noted,
            checked,
        )
    return ("No defect" if notes else "All modes do the same", *noted, checked)


def _identifiers(findings: Sequence[ParityFinding]) -> Sentence:
    names = dict.fromkeys(finding.identifier for finding in findings)
    return _listed([Name(name) for name in names])


def _listed(names: Sequence[Name]) -> Sentence:
    return tuple(part for name in names for part in (", ", name))[1:]


def where(finding: ParityFinding, modes: Sequence[ModeRecord]) -> Sentence:
    """Name the modes of a finding, several at once where a word has them all."""
    kinds: list[tuple[str, Callable[[ModeRecord], bool]]] = [
        ("every mode", lambda _: True),
        ("every sync mode", lambda mode: mode.kind == "sync"),
        ("every async mode", lambda mode: mode.kind == "async"),
        ("every streaming mode", lambda mode: mode.streams),
        ("every mode that does not stream", lambda mode: not mode.streams),
        ("every batching mode", lambda mode: mode.batches),
    ]
    found = set(finding.modes)
    usable = [mode for mode in modes if mode.status != "floor" and not mode.unavailable]
    for word, belongs in kinds if len(found) > _FEW else ():
        if found == {mode.name for mode in usable if belongs(mode)}:
            return (word,)
    return _listed([Name(name) for name in finding.modes]) or ("the model",)


def advice(finding: ParityFinding, modes: Sequence[ModeRecord]) -> Sentence:
    """Say in one line where something was seen, what, and what to do."""
    return (*where(finding, modes), f": {visible(finding.seen)}; {visible(finding.advice)}.")


def against(result: ParityResult) -> str:
    """Say what the modes are compared with."""
    return f"compared with {visible(result.reference)}" if result.reference else "not compared"


def columns(result: ParityResult) -> list[str]:
    """The checks of the table, those that apply to no mode left out."""
    names = list(result.modes[0].outcomes) if result.modes else []
    return [
        name
        for name in names
        if any(mode.outcomes[name] != "does not apply" for mode in result.modes)
    ]


def reasons(result: ParityResult) -> list[tuple[str, list[str]]]:
    """What was not checked, by the reason."""
    grouped: dict[str, list[str]] = {}
    for check, reason in result.not_checked.items():
        grouped.setdefault(reason, []).append(check)
    return list(grouped.items())


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
