"""An environment in which something else is installed: real virtual environments, real pip."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from parrot_bench.against import environments
from parrot_bench.against.environments import installed
from parrot_bench.against.inventory import Inventory, inventory, unmet
from parrot_bench.errors import UsageError


def wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if requires:
        metadata += f"Requires-Dist: {requires}\n"
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{module}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels instead of a package index."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "tiny-thing", "1.0")
    wheel(wheels, "tiny-thing", "2.0", "tiny-other>=3")
    wheel(wheels, "tiny-other", "3.1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PARROT_BENCH_CACHE", str(tmp_path / "cache"))
    return wheels


def imports(python: str, code: str) -> str:
    return subprocess.run(
        [python, "-c", code], check=True, capture_output=True, encoding="utf-8"
    ).stdout.strip()


def test_it_differs_by_what_was_asked_for_and_by_nothing_else(tmp_path: Path) -> None:
    said: list[str] = []
    found = installed(("tiny-thing==2.0",), said.append)
    assert found.changed == {"tiny-other": ("", "3.1"), "tiny-thing": ("", "2.0")}
    assert found.conflicts == ()
    assert len(said) == 1
    assert "installing tiny-thing==2.0" in said[0]
    assert imports(found.python, "import tiny_thing; print(tiny_thing.VERSION)") == "2.0"
    # Everything else is the very same.
    where = "import pydantic, numpy; print(pydantic.__file__, numpy.__file__)"
    assert imports(found.python, where) == imports(sys.executable, where)
    # The next time it is there.
    assert installed(("tiny-thing==2.0",), said.append) == found
    assert len(said) == 1
    # One that has been broken since is made again.
    Path(found.python).unlink()
    assert installed(("tiny-thing==2.0",), said.append) == found
    assert len(said) == 2
    kept = [path.name for path in (tmp_path / "cache" / "environments").iterdir()]
    assert len(kept) == 1
    assert not kept[0].startswith(".")


def test_what_is_installed_already_needs_no_environment() -> None:
    here = f"pydantic=={inventory().versions['pydantic']}"
    found = installed((here,), pytest.fail)
    assert found.python == sys.executable
    assert not found.changed


def test_what_cannot_be_installed_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        installed(("tiny-thing==9.9",), lambda _: None)
    message = str(raised.value)
    assert "tiny-thing==9.9 cannot be installed" in message
    assert "No matching distribution found" in message
    assert "\n" not in message
    assert list((tmp_path / "cache" / "environments").iterdir()) == []


def test_other_requirements_are_another_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    here = inventory()
    folder = environments._folder
    assert folder(["a==1"], here) == folder(["a == 1"], here)
    different = {
        folder(["a==1"], here),
        folder(["a==2"], here),
        folder(["a==1", "b==1"], here),
        folder(["a==1"], Inventory(here.python, {**here.versions, "pydantic": "0"}, ())),
    }
    monkeypatch.setattr(sys, "prefix", "/another")
    different.add(folder(["a==1"], here))
    assert len(different) == 5


def test_what_other_distributions_ask_for() -> None:
    versions = {"a": "1.0", "b": "2.0rc1"}
    asked = ["a>=2", "A<2", "b>=2.0rc1", "c==1", "a==3; extra == 'x'", "not valid !!"]
    assert list(unmet(asked, versions)) == ["a>=2"]
    assert Inventory.from_json('{"python": "p", "versions": {}, "conflicts": ["x"]}') == Inventory(
        "p", {}, ("x",)
    )


@given(
    st.dictionaries(st.sampled_from(["a", "b-c"]), st.sampled_from(["1.0", "1.5", "2.0rc1", "3"])),
    st.lists(
        st.sampled_from(["a", "A", "b_c", "B.C", "d"]).flatmap(
            lambda name: st.sampled_from([f"{name}>=1.5", f"{name}<2", f"{name}", f"{name}==1.*"])
        )
        | st.text(max_size=5),
        max_size=4,
    ),
)
def test_only_what_a_version_contradicts_is_unmet(
    versions: dict[str, str], asked: list[str]
) -> None:
    found = list(unmet(asked, versions))
    for text in found:
        requirement = Requirement(text)
        version = versions[canonicalize_name(requirement.name)]
        assert not requirement.specifier.contains(version, prereleases=True)
    assert found == [each for text in asked for each in unmet([text], versions)]
    assert list(unmet(asked, {})) == []
