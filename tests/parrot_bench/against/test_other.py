"""What --against names: told apart without guessing."""

import subprocess
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

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


VERSIONS = st.sampled_from(["==1.0", ">=1,<2", "~=3.1", "[x,y]==1", " != 2.0"])
PACKAGES = st.from_regex(r"[a-z]{2,6}(-[a-z]{1,4})?", fullmatch=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@hypothesis.given(st.lists(st.tuples(PACKAGES, VERSIONS), min_size=1, max_size=4))
def test_requirements_are_the_same_in_one_option_or_in_several(
    wanted: list[tuple[str, str]],
) -> None:
    items = [name + version for name, version in wanted]
    found = other([f"pip:{items[0]}", *items[1:]])
    assert found.requirements == tuple(items)
    assert other([", ".join([f"pip:{items[0]}", *items[1:]])]) == found


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@hypothesis.given(st.lists(st.text(alphabet="ab:@=>1,[ \0\n\x1b/~^{}-.", max_size=12), max_size=3))
@hypothesis.example(["git:a\0b"])
def test_any_text_is_something_or_refused_in_one_line(given: list[str]) -> None:
    try:
        kind, said = other(given).kind, ""
    except UsageError as error:
        kind, said = "git", str(error)
    assert kind in {"git", "model", "requirement"}
    assert said.isprintable()


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
    folder = tmp_path_factory.mktemp("bare")
    monkeypatch.chdir(folder)
    # Folders of tests may be in a repository themselves.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    with pytest.raises(UsageError, match="no commit that git knows"):
        other(["main"])
