"""An environment in which something else is installed, and everything else is the same.

It is a virtual environment that holds only what differs and sees the rest in the current one:
the same files, development installs and this parrot-bench among them. Why not a full
environment with constraints: ``docs/decisions/comparing-environments.md``.
"""

import hashlib
import importlib.util
import json
import shutil
import site
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from parrot_bench.against.cache import cache_folder, made_once
from parrot_bench.against.inventory import Inventory, inventory, unmet
from parrot_bench.environment import parrot_bench_version
from parrot_bench.errors import UsageError

LAYOUT = 1
"""Changes when what is built changes, so that no environment of an older layout is used."""

Say = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class Installed:
    """An environment, and how it differs from the current one.

    Attributes:
        python: Its interpreter.
        changed: Distribution to its version here and there; empty for *not installed*.
        conflicts: Requirements of other distributions that the change leaves unmet.
    """

    python: str
    changed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()


def installed(requirements: Sequence[str], say: Say) -> Installed:
    """Return an environment that meets requirements, installed if it is not kept already.

    Args:
        requirements: As pip takes them.
        say: Told what is being installed.

    Raises:
        UsageError: It cannot be installed; the message has pip's last line.
    """
    here = inventory()
    if not any(unmet_here(requirement, here) for requirement in requirements):
        return Installed(python=sys.executable)
    folder = _folder(requirements, here)
    there = _asked(folder)
    if there is None:
        # Not there, or broken: its base interpreter may have gone.
        shutil.rmtree(folder, ignore_errors=True)
        say(
            f"installing {', '.join(requirements)} beside the current environment "
            f"(kept in {folder.parent} for the next time)"
        )
        made_once(folder, lambda temporary: _install(temporary, requirements))
        there = _asked(folder)
    if there is None:
        raise UsageError(
            f"the environment that was made for {', '.join(requirements)} cannot run; "
            f"remove {folder} and try again"
        )
    names = sorted({*here.versions, *there.versions})
    return Installed(
        python=str(_python(folder)),
        changed={
            name: (here.versions.get(name, ""), there.versions.get(name, ""))
            for name in names
            if here.versions.get(name) != there.versions.get(name)
        },
        conflicts=tuple(c for c in there.conflicts if c not in here.conflicts),
    )


def unmet_here(requirement: str, here: Inventory) -> bool:
    """Whether a requirement is not met by what an environment has; never met by a URL."""
    parsed = Requirement(requirement)
    present = canonicalize_name(parsed.name) in here.versions
    return bool(parsed.url) or not present or any(unmet([requirement], here.versions))


def _folder(requirements: Sequence[str], here: Inventory) -> Path:
    """Where an environment is kept: under everything that could make it another one."""
    key = {
        "layout": LAYOUT,
        "requirements": sorted(str(Requirement(r)) for r in requirements),
        "python": [sys.version, sys.implementation.cache_tag, sys.prefix, sys.base_prefix],
        "sees": _site_folders(),
        "versions": dict(here.versions),
        "parrot-bench": parrot_bench_version(),
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    names = "-".join(canonicalize_name(Requirement(r).name) for r in requirements)
    return cache_folder() / "environments" / f"{names[:40]}-{digest[:16]}"


def _site_folders() -> list[str]:
    folders = list(site.getsitepackages())
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    return [folder for folder in folders if folder in sys.path]


def _python(folder: Path) -> Path:
    windows = folder / "Scripts" / "python.exe"
    return windows if sys.platform == "win32" else folder / "bin" / "python"


def _asked(folder: Path) -> Inventory | None:
    """What an environment says it has; None where it cannot run."""
    if not folder.is_dir():
        return None
    try:
        answer = _run(_python(folder), "-m", "parrot_bench.against.inventory")
        return Inventory.from_json(answer.stdout) if not answer.returncode else None
    except (OSError, ValueError, KeyError):
        return None


def _install(folder: Path, requirements: Sequence[str]) -> None:
    made = _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    if made.returncode:
        raise UsageError(f"no virtual environment could be made: {_last_line(made)}")
    python = _python(folder)
    # A line that begins with "import" is carried out, and addsitedir reads the .pth files of
    # the current environment's development installs.
    lines = [f"import site; site.addsitedir({seen!r})\n" for seen in _site_folders()]
    purelib = _run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    Path(purelib.stdout.strip(), "parrot_bench_sees.pth").write_text(
        "".join(lines), encoding="utf-8"
    )
    brought = _bring_pip(python)
    pip = _run(
        python,
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        # What was installed for other versions is named by us, in the run.
        "--no-warn-conflicts",
        "--no-warn-script-location",
        *requirements,
    )
    if pip.returncode:
        raise UsageError(f"{', '.join(requirements)} cannot be installed: {_last_line(pip)}")
    if brought:
        _run(python, "-m", "pip", "uninstall", "--yes", "--disable-pip-version-check", "pip")


def _bring_pip(python: Path) -> bool:
    """See to it that the environment has pip; whether it had to be brought."""
    if importlib.util.find_spec("pip") is not None:
        return False  # it sees the current environment's
    if not _run(python, "-m", "ensurepip").returncode:
        # Older versions of Python bring setuptools too, which must stay the current one.
        _run(python, "-m", "pip", "uninstall", "--yes", "--quiet", "setuptools")
        return True
    uv = shutil.which("uv")
    if uv is not None and not _run(uv, "pip", "install", "--python", str(python), "pip").returncode:
        return True
    raise UsageError(
        "nothing here can install: there is no pip, no ensurepip and no uv; "
        "install pip into the current environment"
    )


def _run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603  # interpreters and installers, no shell
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _last_line(answer: "subprocess.CompletedProcess[str]") -> str:
    lines = (answer.stderr.strip() or answer.stdout.strip()).splitlines()
    return lines[-1].strip() if lines else f"status {answer.returncode} without a word"
