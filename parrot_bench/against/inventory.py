"""What is installed where: run as a program by the interpreter that is asked.

It needs nothing but the standard library and ``packaging``, so that an environment in which
something is broken can still say what it has.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import distributions
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True)
class Inventory:
    """What an environment has.

    Attributes:
        python: Such as ``CPython 3.11.7``.
        versions: Normalized distribution name to version.
        conflicts: Requirements that are not met, such as
            ``langchain-openai 1.7.4 asks for langchain-core>=1.7.5``.
    """

    python: str
    versions: Mapping[str, str]
    conflicts: tuple[str, ...]

    @classmethod
    def from_json(cls, text: str) -> "Inventory":
        """Read what the program printed."""
        raw = json.loads(text)
        return cls(raw["python"], raw["versions"], tuple(raw["conflicts"]))


def inventory() -> Inventory:
    """Say what this environment has."""
    # The first of a name is the one that is imported.
    found: dict[str, Any] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(canonicalize_name(name), distribution)
    versions = {name: found[name].version for name in sorted(found)}
    conflicts = [
        f"{name} {versions[name]} asks for {asked}"
        for name in versions
        for asked in unmet(found[name].requires or (), versions)
    ]
    python = f"{sys.implementation.name} {sys.version.partition(' ')[0]}"
    return Inventory(python, versions, tuple(conflicts))


def unmet(requirements: Any, versions: Mapping[str, str]) -> Iterator[str]:
    """Yield the requirements that a version contradicts; what is not installed is not one."""
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # an old distribution's own affair
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = versions.get(canonicalize_name(requirement.name))
        if version is not None and not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement.name}{requirement.specifier}"


if __name__ == "__main__":
    json.dump(asdict(inventory()), sys.stdout)
