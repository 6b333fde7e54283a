"""The files of a commit: as they were, and nothing left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from parrot_bench.against.cache import made_once
from parrot_bench.against.checkout import commit_of, files_of, import_path, root, strays
from parrot_bench.errors import UsageError


def git(*arguments: str) -> str:
    own = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(
        ["git", *own, *arguments], check=True, capture_output=True, encoding="utf-8"
    ).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    top = tmp_path / "repository"
    (top / "src" / "own").mkdir(parents=True)
    monkeypatch.chdir(top)
    monkeypatch.setenv("PARROT_BENCH_CACHE", str(tmp_path / "cache"))
    git("init", "-q", "-b", "main")
    (top / "src" / "own" / "__init__.py").write_text("VERSION = 1\n")
    (top / ".gitattributes").write_text("left_out.txt export-ignore\n")
    (top / "left_out.txt").write_text("here\n")
    (top / "run.sh").write_text("#!/bin/sh\n")
    (top / "run.sh").chmod(0o755)
    git("add", ".")
    git("commit", "-q", "-m", "one")
    (top / "src" / "own" / "__init__.py").write_text("VERSION = 2\n")
    (top / "not_tracked.py").write_text("")
    return top


def test_the_files_of_a_commit(repository: Path) -> None:
    said: list[str] = []
    files = files_of(commit_of("HEAD"), said.append)
    assert (files / "src/own/__init__.py").read_text() == "VERSION = 1\n"
    assert (files / "left_out.txt").exists()
    assert os.access(files / "run.sh", os.X_OK)
    assert not (files / "not_tracked.py").exists()
    assert len(said) == 1
    # Again, it is there; and the repository knows nothing of it.
    assert files_of(commit_of("main"), said.append) == files
    assert len(said) == 1
    assert git("worktree", "list").count("\n") == 1
    assert git("diff", "--cached", "--name-only") == ""
    assert [path.name for path in files.parent.iterdir()] == [files.name]


def test_the_users_own_packages_are_found_in_the_checkout(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = files_of(commit_of("HEAD"), lambda _: None)
    elsewhere = repository.parent / "elsewhere"
    monkeypatch.setattr(sys, "path", [str(repository / "src"), str(elsewhere), *sys.path])
    assert import_path(repository, files) == [str(files / "src")]


def test_what_was_loaded_from_the_working_tree_is_noticed(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(repository / "src"))
    __import__("own")
    try:
        assert strays(repository) == ["own"]
        assert strays(repository / "src" / "other") == []
    finally:
        del sys.modules["own"]


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit_of("HEAD") == ""
    with pytest.raises(UsageError, match="in no working tree"):
        root()


def test_what_was_not_finished_is_not_there(tmp_path: Path) -> None:
    def broken(folder: Path) -> None:
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made_once(tmp_path / "made", broken)
    assert list(tmp_path.iterdir()) == []
    made = made_once(tmp_path / "made", lambda folder: (folder / "whole").touch())
    assert [path.name for path in made.iterdir()] == ["whole"]


def test_who_is_quicker_wins(tmp_path: Path) -> None:
    def slow(folder: Path) -> None:
        (folder / "slow").touch()
        made_once(tmp_path / "made", lambda other: (other / "quick").touch())

    made = made_once(tmp_path / "made", slow)
    assert [path.name for path in made.iterdir()] == ["quick"]
    assert list(tmp_path.iterdir()) == [made]


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="PARROT_BENCH_CACHE"):
        made_once(tmp_path / "file" / "made", lambda _: None)
