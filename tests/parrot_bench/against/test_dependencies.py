"""What a folder declares of its dependencies."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from parrot_bench.against import dependencies
from parrot_bench.against.dependencies import declared, project_folder

REQUIREMENTS = st.sampled_from(
    ["langchain-core>=1.5", "pydantic==2.12.0", "x @ https://x.org/x.zip", "a; python_version<'3'"]
)
PROJECT = """
[project]
name = "x"
dependencies = ["langchain-core >= 1.5", "tomli; python_version < '3.0'"]
[project.optional-dependencies]
more = ["numpy"]
[tool.poetry.dependencies]
langchain = "^1"
"""


def test_what_is_declared(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements.txt").write_text(
        "# a comment\n-r other.txt\npydantic==2.12.0  # pinned\nnot a requirement!\n"
    )
    (tmp_path / "setup.cfg").write_text("[metadata]\n")
    found = declared(tmp_path)
    assert found.requirements == {"langchain-core>=1.5", "pydantic==2.12.0"}
    assert set(found.elsewhere) == {"setup.cfg", "[tool.poetry]", "optional-dependencies"}
    assert declared(tmp_path) == found


def test_nothing_and_what_cannot_be_read(tmp_path: Path) -> None:
    assert declared(tmp_path).requirements == frozenset()
    (tmp_path / "pyproject.toml").write_text("[project\n")
    assert declared(tmp_path).requirements == frozenset()


def test_the_nearest_project_within_the_repository(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    inner = tmp_path / "top" / "package" / "deep"
    inner.mkdir(parents=True)
    assert project_folder(tmp_path / "top", inner) == inner
    (tmp_path / "top" / "package" / "requirements.txt").write_text("")
    assert project_folder(tmp_path / "top", inner) == tmp_path / "top" / "package"


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | REQUIREMENTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
)
TABLES = st.fixed_dictionaries(
    {},
    optional={
        "project": VALUES
        | st.fixed_dictionaries(
            {}, optional={"dependencies": VALUES, "optional-dependencies": VALUES}
        ),
        "tool": VALUES | st.fixed_dictionaries({}, optional={"poetry": VALUES, "uv": VALUES}),
    },
)


@given(project=TABLES, listed=st.text() | st.lists(REQUIREMENTS).map("\n".join))
def test_whatever_a_folder_declares_is_read(project: dict[str, object], listed: str) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "requirements.txt").write_text(listed, encoding="utf-8")
        alone = declared(folder)
        # As the file is read, whatever wrote it.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dependencies, "_toml", lambda _: project)
            found = declared(folder)
    assert alone.requirements <= found.requirements
    for text in found.requirements:
        assert str(Requirement(text)) == text
    within = project.get("project")
    given_there = within.get("dependencies") if isinstance(within, dict) else None
    for text in given_there if isinstance(given_there, list) else ():
        if text in ("langchain-core>=1.5", "pydantic==2.12.0"):
            assert text in found.requirements
