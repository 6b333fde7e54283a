"""The releases of a distribution, as the package index that pip uses lists them."""

import importlib.util
import re
import shutil
import subprocess
import sys

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from parrot_bench.errors import UsageError

_LISTED = re.compile(r"^Available versions: (.*)$", re.MULTILINE)


def asked(text: str) -> Requirement:
    """Read a requirement such as ``langchain-core>=1.5,<=1.7.2``.

    Raises:
        UsageError: It is none, names no bounds, or is this harness itself.
    """
    try:
        # After "===" anything may stand, and this is repeated in messages.
        requirement = Requirement(text) if text.isprintable() else None
    except InvalidRequirement:
        requirement = None
    if requirement is None or requirement.url or not requirement.specifier:
        raise UsageError(
            f"{text!r} is not a requirement with bounds; give one such as "
            "'langchain-core>=1.5,<=1.7.2'"
        )
    if canonicalize_name(requirement.name) == "parrot-bench":
        raise UsageError(f"{text!r} would measure each release by another parrot-bench")
    return requirement


def releases(requirement: Requirement) -> list[str]:
    """Return the releases that a requirement allows, oldest first.

    Raises:
        UsageError: The index doesn't list any, or fewer than two are within the bounds.
    """
    listed = _listed(requirement.name)
    bounds = requirement.specifier
    early = bool(bounds.prereleases)
    versions = sorted(v for v in listed if bounds.contains(v, prereleases=early))
    if len(versions) < 2:  # noqa: PLR2004  # a first and a last
        known = f"{listed[0]} to {listed[-1]}" if listed else "none"
        raise UsageError(
            f"{requirement} allows {len(versions)} of the releases that the index lists ({known}); "
            "give bounds with at least two"
        )
    return [str(version) for version in versions]


def _listed(name: str) -> list[Version]:
    command = [*_pip(), "index", "versions", name, "--no-input", "--disable-pip-version-check"]
    answer = subprocess.run(  # noqa: S603  # pip, and a name that was parsed
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    found = _LISTED.search(answer.stdout)
    if answer.returncode or found is None:
        lines = answer.stderr.strip().splitlines()
        raise UsageError(
            f"no releases of {name} can be listed: {lines[-1] if lines else 'pip says nothing'}"
        )
    return sorted(version for text in found[1].split(", ") if (version := _version(text)))


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    uv = shutil.which("uv")
    if uv is None:
        raise UsageError("releases are listed by pip, and there is none; install pip here, or uv")
    return [uv, "tool", "run", "--quiet", "pip"]


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:  # from before versions had a form
        return None
