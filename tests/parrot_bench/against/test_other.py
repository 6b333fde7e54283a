"""What --against names: told apart without guessing."""

import subprocess
from pathlib import Path

import pytest

from parrot_bench.against.other import other
from parrot_bench.errors import UsageError


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for command in (
        ["init", "-q", "-b", "main"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
        ["tag", "v1.0"],
        ["branch", "langchain-core==1.6.0"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "given", ["my_app.llm:make", "models.py:plain", "../x/models.py:A.b", "C:\\a.py:make"]
)
def test_a_colon_makes_it_a_model(given: str) -> None:
    found = other([given])
    assert (found.kind, found.text) == ("model", given)


@pytest.mark.parametrize("given", ["main", "HEAD", "HEAD~0", "v1.0", "git:main", "git: v1.0"])
def test_a_git_reference(given: str) -> None:
    found = other([given])
    assert found.kind == "git"
    assert len(found.commit) == 40


@pytest.mark.parametrize(
    ("given", "requirements"),
    [
        (["langchain-core==1.6.1"], ("langchain-core==1.6.1",)),
        (["langchain-core>=1.6,<1.7"], ("langchain-core>=1.6,<1.7",)),
        (["a==1, b>=2,<3"], ("a==1", "b>=2,<3")),
        (["a[x,y]==1", "b==2"], ("a[x,y]==1", "b==2")),
        (["pip:langchain-core==1.6.0"], ("langchain-core==1.6.0",)),
        (["a @ https://example.org/a.whl"], ("a @ https://example.org/a.whl",)),
    ],
)
def test_requirements(given: list[str], requirements: tuple[str, ...]) -> None:
    found = other(given)
    assert (found.kind, found.requirements) == ("requirement", requirements)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["nothing-like-it"], "no commit that git knows"),
        (["langchain-core==1.6.0"], "is a requirement and a git reference"),
        (["main", "v1.0"], "not a requirement with a version"),
        (["pip:langchain-core"], "not a requirement with a version"),
        (["Parrot_Bench==0.1"], "by another parrot-bench"),
        (["git:"], "no commit"),
        (["--upload-pack=x"], "no commit"),
        ([""], "names nothing"),
    ],
)
def test_what_is_nothing_or_two_things_is_refused(given: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        other(given)
    assert "\n" not in str(raised.value)


def test_outside_a_repository(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("bare"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", "/")
    with pytest.raises(UsageError, match="no commit that git knows"):
        other(["main"])
