"""What takes long to make and can be used again, in the user's cache folder.

A folder there is complete or not there: it is made under a temporary name and renamed.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from parrot_bench.errors import UsageError

VARIABLE = "PARROT_BENCH_CACHE"
"""Names another folder than the user's cache."""


def cache_folder() -> Path:
    """Where environments and checkouts are kept."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).absolute()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "parrot-bench"


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Return a folder, made if it is not there.

    Args:
        folder: Where it is to be.
        make: Fills an empty folder, which is then renamed. Whatever it raises leaves nothing.

    Raises:
        UsageError: The cache cannot be written.
    """
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise UsageError(
            f"the cache folder {folder.parent} cannot be written ({error.strerror}); "
            f"name another in {VARIABLE}"
        ) from error
    try:
        make(temporary)
        try:
            temporary.rename(folder)
        except OSError:
            # Another run may have been quicker; what it made is as good.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder
