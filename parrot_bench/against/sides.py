"""The two sides of a comparison: what each measures, and where."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from parrot_bench.against.checkout import files_of, import_path, root
from parrot_bench.against.dependencies import declared, project_folder
from parrot_bench.against.environments import Installed, installed
from parrot_bench.against.inventory import inventory
from parrot_bench.against.other import Kind, Other
from parrot_bench.environment import git_state
from parrot_bench.errors import UsageError
from parrot_bench.record import SideName
from parrot_bench.worker import Place

Say = Callable[[str], object]

_NAMES: tuple[SideName, SideName] = ("candidate", "baseline")


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
    kind: Kind
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
    names = [canonicalize_name(Requirement(text).name) for text in against.requirements]
    here = inventory().versions
    other = {**here, **{name: version for name, (_, version) in there.changed.items()}}
    candidate, baseline = (
        ", ".join(f"{name} {versions.get(name) or '(not installed)'}" for name in names)
        for versions in (here, other)
    )
    side = Side(name="candidate", kind="requirement", label=candidate, spec=spec)
    return side, _in(replace(side, name="baseline", label=baseline), there)


def release_sides(spec: str, name: str, versions: tuple[str, str], say: Say) -> tuple[Side, Side]:
    """Return two releases of a distribution as candidate and baseline.

    Args:
        spec: MODEL; empty for the embedded parrot.
        name: The distribution.
        versions: Of the candidate, and of the baseline.
        say: Told what takes long.

    Raises:
        UsageError: One of them cannot be installed.
    """
    candidate, baseline = (
        _in(
            Side(name=side, kind="requirement", label=f"{name} {version}", spec=spec),
            installed([f"{name}=={version}"], say),
        )
        for side, version in zip(_NAMES, versions, strict=True)
    )
    return candidate, baseline


def _in(side: Side, environment: Installed) -> Side:
    """The same side in another environment."""
    unmet = "; ".join(environment.conflicts)
    return replace(
        side,
        place=replace(side.place, python=environment.python),
        changed=environment.changed,
        notes=(*side.notes, f"installed all the same: {unmet}") if unmet else side.notes,
    )


def _git_sides(spec: str, against: Other, say: Say) -> tuple[Side, Side]:
    if not spec:
        raise UsageError(
            f"--against {against.text!r} is a git reference, which changes your code, and the "
            "embedded parrot has none of it; name a MODEL of the repository"
        )
    top = root().resolve()
    folder = Path.cwd().resolve()
    files = files_of(against.commit, say).resolve()
    there = files / folder.relative_to(top)
    if not there.is_dir():
        raise UsageError(
            f"{against.text} has no folder {folder.relative_to(top)}; "
            "go to one that both have, and name MODEL from there"
        )
    commit, dirty = git_state()
    changes = " with changes" if dirty else ""
    baseline = Side(
        name="baseline",
        kind="git",
        label=f"{against.text} ({against.commit[:10]})"
        if not against.commit.startswith(against.text)
        else against.commit[:10],
        spec=_moved(spec, top, files),
        place=Place(folder=there, variables=_variables(top, files)),
        not_from=top,
        commit=against.commit,
    )
    ours, theirs = (
        declared(project_folder(stop, start)) for stop, start in ((top, folder), (files, there))
    )
    differing = sorted(
        name
        for name in {*ours.elsewhere, *theirs.elsewhere}
        if ours.elsewhere.get(name) != theirs.elsewhere.get(name)
    )
    if differing:
        note = f"{', '.join(differing)} differ, and what they say of dependencies was not followed"
        baseline = replace(baseline, notes=(note,))
    needed = sorted(theirs.requirements - ours.requirements)
    if needed:
        baseline = _in(baseline, installed(needed, say))
    label = f"the working tree ({commit[:10]}{changes})"
    return Side(name="candidate", kind="git", label=label, spec=spec, commit=commit), baseline


def _moved(spec: str, top: Path, files: Path) -> str:
    """MODEL in the checkout: only an absolute path has to change."""
    place, _, attribute = spec.rpartition(":")
    path = Path(place)
    if not path.is_absolute():
        return spec
    if not path.resolve().is_relative_to(top):
        raise UsageError(
            f"{place} lies outside the repository {top}, so that a git reference says nothing of it"
        )
    return f"{files / path.resolve().relative_to(top)}:{attribute}"


def _variables(top: Path, files: Path) -> dict[str, str | None]:
    """See to it that the checkout's packages are imported, and this parrot-bench measures them."""
    places = [*import_path(top, files), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Else Python itself puts the current folder first, before parrot-bench is found; the
    # loader adds it when it is the user's turn.
    return {"PYTHONPATH": os.pathsep.join(places) or None, "PYTHONSAFEPATH": "1"}
