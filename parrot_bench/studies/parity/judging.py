"""What the answers of all modes mean: findings, and the table of modes and checks. Pure."""

from collections.abc import Callable, Iterable, Iterator

from parrot_bench.record import ParityFinding, ParityMode, ParityResult
from parrot_bench.record.parity import Outcome
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.parity import conduct, replies
from parrot_bench.studies.parity.evidence import VARIES, Evidence, Found, evidence
from parrot_bench.studies.parity.kinds import CHECKS, KINDS
from parrot_bench.studies.parity.seen import KeyMisses, ModelSeen

_JUDGES: tuple[Callable[[Evidence], Iterator[Found]], ...] = (
    conduct.works,
    replies.content,
    replies.usage,
    replies.metadata,
    conduct.callbacks,
    conduct.arguments,
    replies.order,
    conduct.streaming,
    conduct.asynchronous,
)


def conclude(gathered: Gathered) -> ParityResult | None:
    """Say what was found; see :attr:`parrot_bench.studies.table.Study.conclude`."""
    seen = evidence(gathered)
    if seen is None:
        return None
    found = [one for judge in _JUDGES for one in judge(seen)]
    found += _of_the_model(seen.model)
    found += _of_the_key([k for k in gathered.observed if isinstance(k, KeyMisses)], seen.model)
    findings = _grouped(found)
    not_checked = _not_checked(seen)
    return ParityResult(
        reference=seen.reference,
        modes=tuple(
            ParityMode(
                mode=mode,
                outcomes=_outcomes(seen, mode, findings, not_checked),
                calls=sum(unit.calls for unit in seen.units if unit.mode == mode),
            )
            for mode in _in_order(seen)
        ),
        findings=tuple(findings),
        not_checked=not_checked,
        calls=sum(unit.calls for unit in seen.units),
        stopped_by=gathered.stopped_by,
    )


def _in_order(seen: Evidence) -> list[str]:
    """The modes of the table, and those that failed before they could be asked here."""
    asked = dict.fromkeys(unit.mode for unit in seen.units)
    return [*seen.modes, *(mode for mode in asked if mode not in seen.modes)]


def _grouped(found: Iterable[Found]) -> list[ParityFinding]:
    """Make one finding of what was seen alike in several modes."""
    modes: dict[tuple[str, str, str], dict[str, None]] = {}
    for one in found:
        there = modes.setdefault((one.identifier, one.seen, one.adds), {})
        there |= {one.mode: None} if one.mode else {}
    order = list(KINDS)
    findings = [
        ParityFinding(
            identifier=identifier,
            severity=KINDS[identifier].severity,
            modes=tuple(there),
            seen=seen,
            advice=KINDS[identifier].advice.format(adds),
        )
        for (identifier, seen, adds), there in modes.items()
    ]
    return sorted(findings, key=lambda f: (f.severity != "defect", order.index(f.identifier)))


def _of_the_model(model: ModelSeen) -> Iterator[Found]:
    if not model.chat:
        return
    said = []
    if not model.named:
        said.append("no ls_model_name")
    if not model.provider:
        said.append("no ls_provider")
    elif model.provider_guessed:
        said.append(f"ls_provider is guessed from the name of the class: {model.provider}")
    if said:
        yield Found(identifier="tracing-identity", mode="", seen="; ".join(said))


def _of_the_key(missed: list[KeyMisses], model: ModelSeen) -> Iterator[Found]:
    if missed:
        names = ", ".join(miss.parameter for miss in missed)
        yield Found(
            identifier="cache-key-misses",
            mode="",
            seen=f"two {model.name} that differ in {names} have the same key",
        )


def _not_checked(seen: Evidence) -> dict[str, str]:
    reasons = dict(seen.not_asked)
    if not seen.alike:
        reasons["content"] = VARIES
    if any(mode.batches for mode in seen.modes.values()) and not replies.told_apart(seen):
        reasons.setdefault(
            "order",
            VARIES.replace("content", "order")
            if not seen.alike
            else "the prompts of a batch get the same reply, so their order cannot be seen",
        )
    for check in ("stop", "max_tokens"):
        if said := conduct.raises_everywhere(seen, check):
            reasons[check] = f"it raises in every mode: {said}"
    return reasons


def _outcomes(
    seen: Evidence, mode: str, findings: list[ParityFinding], not_checked: dict[str, str]
) -> dict[str, Outcome]:
    outcomes = {check: _without_finding(seen, mode, check, not_checked) for check in CHECKS}
    for finding in reversed(findings):  # defects come first, and have the last word
        check = KINDS[finding.identifier].check
        if mode in finding.modes and check:
            outcomes[check] = finding.severity
    return outcomes


def _without_finding(seen: Evidence, mode: str, check: str, not_checked: dict[str, str]) -> Outcome:
    """What is said of a check that found nothing: nothing was wrong, or nothing was asked."""
    described = seen.modes.get(mode)
    applies = {
        "order": described is not None and described.batches,
        "streaming": described is not None and described.streams,
        "async": described is not None and described.kind == "async",
    }
    if not applies.get(check, True):
        return "does not apply"
    if check in {"stop", "max_tokens"}:
        return "ok" if seen.of(mode, check) else "not checked"  # type: ignore[arg-type]
    asked = mode in seen.answering
    if check == "content":
        asked = asked and seen.alike and not seen.undecided(mode) and not seen.apart(mode)
    elif check == "metadata":
        asked = asked and seen.model.chat
    elif check == "order":
        asked = asked and check not in not_checked
    return "ok" if asked else "not checked"
