"""Whether runs may be compared: unlike runs differ by more than by what is compared. Pure."""

from collections.abc import Iterator, Sequence

from parrot_bench.record import RunRecord


def fields(record: RunRecord) -> dict[str, str]:
    """What must be equal in all runs of a comparison, each as text."""
    asked, where, model = record.configuration, record.environment, record.model
    return {
        "processor": where.cpu,
        "logical processors": str(where.logical_cpus),
        "platform": where.platform,
        "Python": where.python,
        "event loop": where.event_loop,
        "model class": "" if model is None else model.class_name,
        "model parameters": "" if model is None else str(sorted(_parameters(record))),
        "prompt length": str(asked.prompt_characters),
        "reply length": str(asked.reply_length),
        "batch size": str(asked.batch_size),
        "max concurrency": str(asked.max_concurrency),
        "modes": ", ".join(mode.name for mode in record.modes if not mode.unavailable),
        "conditions kept": ", ".join(c.name for c in record.conditions if c.kept),
    }


def _parameters(record: RunRecord) -> Iterator[tuple[str, str]]:
    if record.model is not None:
        for name, value in record.model.identifying_params.items():
            yield name, repr(value)


def unlike(runs: Sequence[RunRecord]) -> list[str]:
    """Say in what runs differ that must be equal; empty when they are alike.

    Args:
        runs: Of both sides.
    """
    first = fields(runs[0])
    found = []
    for run in runs[1:]:
        for name, value in fields(run).items():
            if value != first[name]:
                found.append(
                    f"{name} ({runs[0].name}: {first[name] or 'none'}; "
                    f"{run.name}: {value or 'none'})"
                )
    return list(dict.fromkeys(found))


def changed_packages(candidate: RunRecord, baseline: RunRecord) -> dict[str, tuple[str, str]]:
    """Distributions whose versions differ: candidate's version, baseline's version."""
    ours, theirs = candidate.environment.packages, baseline.environment.packages
    return {
        name: (ours.get(name, ""), theirs.get(name, ""))
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    }


def unlike_versions(runs: Sequence[RunRecord]) -> list[str]:
    """Say in which versions the runs of one side differ: they would be two sides."""
    found = []
    for run in runs[1:]:
        for name, (version, first) in changed_packages(run, runs[0]).items():
            found.append(
                f"{name} ({runs[0].name}: {first or 'none'}; {run.name}: {version or 'none'})"
            )
    return list(dict.fromkeys(found))


def alternated(candidate: Sequence[RunRecord], baseline: Sequence[RunRecord]) -> bool:
    """Whether runs of the two sides were made in turn, and not one side after the other."""
    ours, theirs = ([run.started for run in side] for side in (candidate, baseline))
    return min(ours) < max(theirs) and min(theirs) < max(ours)
