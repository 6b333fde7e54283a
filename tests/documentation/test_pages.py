"""Every command of the tutorial and of the how-to guides, typed as it stands there."""

import shutil
import sysconfig
from pathlib import Path

import pytest

from tests.documentation.steps import Type, Write, perform, steps

DOCS = Path(__file__).parents[2] / "docs"
TUTORIAL = DOCS / "tutorial.md"
GUIDES = sorted((DOCS / "how-to").glob("*.md"))
COMMIT = "git -c user.name=me -c user.email=me@localhost commit --quiet --message shop"

pytestmark = pytest.mark.skipif(
    shutil.which("parrot-bench", path=sysconfig.get_path("scripts")) is None,
    reason="the command is not installed in this environment",
)


def read(page: Path) -> list[Write | Type]:
    return list(steps(page.read_text(encoding="utf-8")))


def test_tutorial(tmp_path: Path) -> None:
    for step in read(TUTORIAL):
        perform(step, tmp_path)
    assert (tmp_path / "runs" / "first" / "report.html").stat().st_size > 50_000


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_guide(page: Path, tmp_path: Path) -> None:
    # A reader comes with a project: the tutorial's model, mended, under version control.
    for step in read(TUTORIAL):
        if isinstance(step, Write) and step.path == "shop/llm.py" and step.old is None:
            perform(step, tmp_path)
    perform(Type(("git init --quiet", "git add shop", COMMIT)), tmp_path)
    # Files first: a guide may show a command before the file that it needs.
    done = read(page)
    for step in sorted(done, key=lambda step: isinstance(step, Type)):
        perform(step, tmp_path)
    assert any(isinstance(step, Type) for step in done)
