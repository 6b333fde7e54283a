"""Sphinx's configuration: the pages of this folder, and a reference made from the code."""

from importlib import metadata
from pathlib import Path

from sphinx.application import Sphinx
from typer.cli import get_docs_for_click
from typer.main import get_command

from parrot_bench.cli import app as command_line

project = "parrot-bench"
author = "The parrot-bench authors"
release = metadata.version("parrot-bench")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "parrot-bench"
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_use_ivar = True
smartquotes = False  # it makes one dash of the two before an option
html_show_copyright = False
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True

COMMANDS = Path(__file__).with_name("reference") / "commands.md"


def write_commands(_: Sphinx) -> None:
    """Write every command with its help, as typer documents them."""
    command = get_command(command_line)
    context = command.make_context("parrot-bench", [], resilient_parsing=True)
    text = get_docs_for_click(obj=command, ctx=context, name="parrot-bench", title="Commands")
    if not COMMANDS.exists() or COMMANDS.read_text(encoding="utf-8") != text:
        COMMANDS.write_text(text, encoding="utf-8")


def setup(sphinx: Sphinx) -> None:
    """Have the commands written before the pages are read."""
    sphinx.connect("builder-inited", write_commands)
