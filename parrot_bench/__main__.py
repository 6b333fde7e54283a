"""Entry point of the command line: ``parrot-bench`` and ``python -m parrot_bench``.

It imports nothing that the base install lacks, so that the command can say what is missing.
"""

import sys
from importlib.util import find_spec

_NEEDED = ("jinja2", "matplotlib", "msgspec", "numpy", "polars", "psutil", "rich", "typer")


def main() -> None:
    """Run the command line, or say which line installs what it needs."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"parrot-bench: the command needs {', '.join(missing)}, which the base install "
            "leaves out; type: pip install 'parrot-bench[bench]'\n"
        )
        raise SystemExit(2)
    from parrot_bench.cli import app  # noqa: PLC0415  # after the check above

    app()


if __name__ == "__main__":
    main()
