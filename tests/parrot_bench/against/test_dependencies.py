"""What a folder declares of its dependencies."""

from pathlib import Path

from parrot_bench.against.dependencies import declared, project_folder

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
