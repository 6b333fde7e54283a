"""What a folder of source code says it depends on."""

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

_LOCKS = ("poetry.lock", "pdm.lock", "uv.lock", "Pipfile", "Pipfile.lock", "setup.py", "setup.cfg")
_TABLES = ("poetry", "pdm", "hatch")


@dataclass(frozen=True)
class Declared:
    """What is declared.

    Attributes:
        requirements: Of ``[project]`` in pyproject.toml and of requirements.txt.
        elsewhere: File or table to a digest of it: what may declare more and is not followed.
    """

    requirements: frozenset[str]
    elsewhere: dict[str, str]


def declared(folder: Path) -> Declared:
    """Read what a folder declares; a folder without any such file declares nothing."""
    pyproject = _toml(folder / "pyproject.toml")
    project = _table(pyproject, "project")
    dependencies = project.get("dependencies")
    found = set(_normal(dependencies if isinstance(dependencies, list) else ()))
    listed = _text(folder / "requirements.txt")
    found |= set(_normal(line.partition(" #")[0] for line in listed.splitlines()))
    elsewhere = {name: _digest(text) for name in _LOCKS if (text := _text(folder / name))}
    tables = _table(pyproject, "tool")
    elsewhere |= {
        f"[tool.{name}]": _digest(str(tables[name])) for name in _TABLES if name in tables
    }
    extras = project.get("optional-dependencies")
    if extras:
        elsewhere["optional-dependencies"] = _digest(str(extras))
    return Declared(frozenset(found), elsewhere)


def project_folder(top: Path, folder: Path) -> Path:
    """The nearest folder upwards, within the repository, that declares something."""
    for candidate in [folder, *folder.parents]:
        if any((candidate / n).is_file() for n in ("pyproject.toml", "requirements.txt", *_LOCKS)):
            return candidate
        if candidate == top:
            break
    return folder


def _normal(texts: Any) -> Iterator[str]:
    for text in texts:
        line = re.sub(r"\s*\\?$", "", str(text).strip())
        if not line or line.startswith(("#", "-")):
            continue
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            requirement.marker = None
            yield str(requirement)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError:
        return {}


def _table(table: dict[str, Any], name: str) -> dict[str, Any]:
    found = table.get(name)
    return found if isinstance(found, dict) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
