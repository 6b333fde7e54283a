"""The two sides of a comparison: what each measures, and where."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement

from parrot_bench.against.checkout import commit_of, files_of, import_path, root
from parrot_bench.against.dependencies import declared, project_folder
from parrot_bench.against.environments import installed, unmet_here
from parrot_bench.against.inventory import inventory
from parrot_bench.against.other import Other
from parrot_bench.errors import UsageError
from parrot_bench.record import SideName
from parrot_bench.worker import Place

Say = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a comparison.

    Attributes:
        name: ``candidate``: the model as it is here; ``baseline``: what it is divided by.
        kind: What kind of thing makes this side what it is.
        label: What it is called in tables.
        spec: MODEL, as it is loaded there.
        place: Where its timed processes run.
        not_from: A folder from which nothing may be loaded; None for anything goes.
        commit: The commit whose files are measured; empty for the files that are there.
        changed: Distribution to its version here and on this side, where they differ.
        notes: What a reader should know, each in one clause.
    """

    name: SideName
    kind: str
    label: str
    spec: str
    place: Place = field(default_factory=Place)
    not_from: Path | None = None
    commit: str = ""
    changed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def sides(spec: str, against: Other, say: Say) -> tuple[Side, Side]:
    """Return the candidate and the baseline, ready to be measured.

    Args:
        spec: MODEL; empty for the embedded parrot.
        against: What it is compared with.
        say: Told what takes long.

    Raises:
        UsageError: One of them cannot be made.
    """
    if against.kind == "model":
        return (
            Side(name="candidate", kind="model", label=spec or "the parrot", spec=spec),
            Side(name="baseline", kind="model", label=against.text, spec=against.text),
        )
    if against.kind == "requirement":
        return _requirement_sides(spec, against, say)
    return _git_sides(spec, against, say)


def _requirement_sides(spec: str, against: Other, say: Say) -> tuple[Side, Side]:
    there = installed(against.requirements, say)
    names = [Requirement(text).name for text in against.requirements]
    here = inventory().versions
    return (
        Side(
            name="candidate",
            kind="requirement",
            label=", ".join(f"{name} {_version(name, here)}" for name in names),
            spec=spec,
        ),
        Side(
            name="baseline",
            kind="requirement",
            label=", ".join(
                f"{name} {_version(name, {**here, **{n: v for n, (_, v) in there.changed.items()}})}"
                for name in names
            ),
            spec=spec,
            place=Place(python=there.python),
            changed=there.changed,
            notes=there.conflicts,
        ),
    )
