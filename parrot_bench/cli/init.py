"""``parrot-bench init``: a project's first configuration, and a workflow for its pull requests."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from parrot_bench.cli.options import Debug
from parrot_bench.cli.terminal import console, one_line_errors
from parrot_bench.errors import UsageError

_WRITTEN: Final = {
    "parrot-bench.toml": Path("parrot-bench.toml"),
    "workflow.yml": Path(".github/workflows/parrot-bench.yml"),
}


def init(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="**module:attr** or **path/file.py:attr** of your chat model.",
            show_default=False,
        ),
    ] = "",
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Write over files that are there.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Write a first configuration, and a GitHub Actions workflow.

    parrot-bench.toml has every key, with its default, as a comment. The workflow measures a pull
    request against the commit that it would be merged into, in one sitting, so that no stored
    baseline can go stale; it comments the summary and fails on a regression.

        parrot-bench init my_app.llm:make_model
    """
    with one_line_errors(debug=debug):
        there = [str(path) for path in _WRITTEN.values() if path.exists()]
        if there and not force:
            raise UsageError(f"{' and '.join(there)} is there already; --force writes over it")
        for name, path in _WRITTEN.items():
            text = (files("parrot_bench") / "templates" / name).read_text(encoding="utf-8")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(_with_model(text, model), encoding="utf-8")
            except OSError as error:
                raise UsageError(
                    f"{path} cannot be written ({error.strerror}); run it in a folder that can be"
                ) from error
            console.print(Text(f"written: {path}"))


def _with_model(text: str, model: str) -> str:
    """Name the model in the configuration; without one, its line stays a comment."""
    if not model:
        return text
    quoted = model.replace("\\", "\\\\").replace('"', '\\"')
    return text.replace('# model = "my_app.llm:make_model"', f'model = "{quoted}"')
