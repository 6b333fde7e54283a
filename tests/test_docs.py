"""What the documents say that the code says, too."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from parrot_bench.cli import app
from parrot_bench.configuration import keys_as_markdown
from parrot_bench.mode_table import MODES
from parrot_bench.parrot import ChatParrotLink
from parrot_bench.request import DEFAULT_BATCH, DEFAULT_REPLY, Request
from parrot_bench.studies.parity.kinds import checks_as_markdown as parity_checks
from parrot_bench.studies.parity.kinds import findings_as_markdown
from parrot_callbacks import semconv
from parrot_callbacks.conformance.expectations import checks_as_markdown
from parrot_callbacks.conformance.modes import ASYNC_CALLS, SYNC_CALLS
from parrot_callbacks.conformance.needs import needs_as_markdown

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GROUP = get_command(app)
COMMANDS: dict[str, Any] = GROUP.commands  # type: ignore[attr-defined]
# What stands in a block of code begins its line, but for the prompt and the indentation.
COMMAND = re.compile(r"^ *(parrot-bench [a-z].*)$", re.MULTILINE)


def test_the_table_of_defaults_is_true() -> None:
    text = (ROOT / "docs" / "measuring.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([\w ()δ]+?) \| (.+?) \|", text, re.MULTILINE))
    request = Request()
    assert rows["baseline"] == f"`{request.baseline}`"
    assert rows["prompt"] == f"{len(request.prompt)} characters"
    assert rows["reply"].startswith(f"{DEFAULT_REPLY} chunks")
    assert rows["batch"] == f"{DEFAULT_BATCH} prompts"
    assert rows["time"] == f"{request.time_s:g} s"
    assert rows["target"] == f"±{request.target * 100:g} %"
    assert rows["same within (δ)"] == f"{request.delta * 100:g} %"
    assert rows["time limit of one call"] == f"{request.call_limit_s:g} s"
    assert ChatParrotLink(parrot_buffer_length=1).time_to_first_chunk == 0
    assert request.max_calls is None
    assert request.max_concurrency is None


def test_the_readme_counts_the_modes() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    floors = sum(mode.status == "floor" for mode in MODES.values())
    assert floors == 4
    assert f"the {len(MODES) - floors} execution modes and four floors" in text


def test_the_house_has_every_module() -> None:
    drawn = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for package in ("parrot_bench", "callbacks/parrot_callbacks", "reports/parrot_reports"):
        for path in (ROOT / package).glob("*.py"):
            if path.name != "__init__.py":
                assert path.name in drawn, f"{path.name} is not in CONTRIBUTING.md"
        for folder in (ROOT / package).glob("*/"):
            if folder.name != "__pycache__" and folder.is_dir():
                assert f"{folder.name}/" in drawn


def test_the_tables_of_the_conformance_suite_are_true() -> None:
    text = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert checks_as_markdown() in text
    assert needs_as_markdown() in text
    assert f"meets {len(SYNC_CALLS) + len(ASYNC_CALLS)} execution modes" in text


def test_the_tables_of_the_parity_study_are_true() -> None:
    text = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    assert parity_checks() in text
    assert findings_as_markdown() in text


def test_the_table_of_the_configuration_is_true() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert keys_as_markdown() in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_is_understood(page: Path) -> None:
    for line in COMMAND.findall(page.read_text(encoding="utf-8")):
        words = shlex.split(line.partition(" > ")[0], comments=True)[1:]
        name = next(word for word in words if word in COMMANDS)
        own, rest = words[: words.index(name)], words[words.index(name) + 1 :]
        context = GROUP.make_context("parrot-bench", [*own, name])
        # Raises a usage error where an option is unknown or an argument missing.
        COMMANDS[name].make_context(name, rest, parent=context)


def test_the_table_of_attributes_has_all() -> None:
    text = (ROOT / "docs" / "reference" / "spans.md").read_text(encoding="utf-8")
    # `gen_ai.request.temperature`, `.top_p`: a name is written whole once for those that follow it.
    heads = re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", text)
    tails = re.findall(r"`(\.[a-z_.]+)`", text)
    stems = {head.rpartition(".")[0] for head in heads}
    known = {*heads, *(stem + tail for stem in stems for tail in tails)}
    named = [
        value
        for name, value in vars(semconv).items()
        if name.isupper() and isinstance(value, str) and re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", value)
    ]
    assert len(named) > 50
    assert [name for name in named if name not in known] == []
