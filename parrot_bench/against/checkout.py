"""The files of a commit, in a folder of their own.

Not ``git worktree``: that leaves entries in the user's repository. Not ``git archive``: that
leaves out what ``export-ignore`` says. An index of our own does neither.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import parrot_bench
import parrot_callbacks
from parrot_bench.against.cache import cache_folder, made_once
from parrot_bench.errors import UsageError


def commit_of(reference: str) -> str:
    """Full hash of what a reference names in the current folder's repository; else empty."""
    if not reference:
        return ""
    try:
        return _git("rev-parse", "--verify", "--quiet", "--end-of-options", reference + "^{commit}")
    except (OSError, ValueError, subprocess.CalledProcessError):  # a zero byte is a ValueError
        return ""


def root() -> Path:
    """The top folder of the current folder's repository.

    Raises:
        UsageError: There is none.
    """
    try:
        return Path(_git("rev-parse", "--show-toplevel"))
    except (OSError, subprocess.CalledProcessError) as error:
        raise UsageError(
            f"the current folder {Path.cwd()} is in no working tree of a git repository; "
            "go to the one whose commits are compared"
        ) from error


def files_of(commit: str, say: Callable[[str], object]) -> Path:
    """A folder with the files of a commit, as git would check them out; submodules stay empty.

    Args:
        commit: Its full hash.
        say: Told when they are not kept already.
    """
    folder = cache_folder() / "checkouts" / commit
    if not folder.is_dir():
        say(f"checking out {commit[:10]} (kept in {folder.parent})")
    top = root()

    def make(temporary: Path) -> None:
        index = temporary.with_name(f"{temporary.name}.index")
        own = {**os.environ, "GIT_INDEX_FILE": str(index)}
        try:
            _git("-C", str(top), "read-tree", commit, env=own)
            _git(
                "-C", str(top), "checkout-index", "--all", f"--prefix={temporary}{os.sep}", env=own
            )
        except subprocess.CalledProcessError as error:
            said = (error.stderr or "").strip().splitlines() or ["git says nothing"]
            raise UsageError(f"{commit[:10]} cannot be checked out: {said[-1]}") from error
        finally:
            index.unlink(missing_ok=True)

    return made_once(folder, make)


def import_path(top: Path, files: Path) -> list[str]:
    """Where the repository's own packages are found in a checkout.

    A project that is installed for development is imported from the working tree, whatever the
    current folder is; so is one on PYTHONPATH. The same places in the checkout go before them.

    Args:
        top: The repository.
        files: The checkout.
    """
    places: list[str] = []
    for place in _places():
        if not place.is_relative_to(top) or _is_ours(place):
            continue
        there = files / place.relative_to(top)
        # What is not under version control, such as an environment, has no counterpart.
        if there.is_dir() and str(there) not in places:
            places.append(str(there))
    return places


def _places() -> Iterator[Path]:
    for entry in sys.path:
        yield Path(entry or ".").resolve()
    # The other kind of development install: a finder with a table of packages.
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):
            for package in getattr(module, "MAPPING", {}).values():
                yield Path(package).resolve().parent


def _is_ours(place: Path) -> bool:
    """Whether this parrot-bench is found there: both sides are measured by the same one."""
    return any(
        Path(package.__path__[0]).resolve().parent == place
        for package in (parrot_bench, parrot_callbacks)
    )


def strays(top: Path) -> list[str]:
    """Modules of this process that were loaded from the working tree after all.

    Args:
        top: The repository. What is installed into an environment inside it does not count.
    """
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or name.partition(".")[0] in _OURS:
            continue
        path = Path(file).resolve()
        if path.is_relative_to(top) and "site-packages" not in path.parts:
            found.append(name)
    return sorted(found)


_OURS = {"parrot_bench", "parrot_callbacks", "parrot_reports", "__main__", "__mp_main__"}


def _git(*arguments: str, env: dict[str, str] | None = None) -> str:
    return subprocess.run(  # noqa: S603  # no shell
        ["git", *arguments],  # noqa: S607  # whichever git the user has
        capture_output=True,
        check=True,
        encoding="utf-8",
        env=env,
    ).stdout.strip()
