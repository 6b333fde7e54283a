"""What a project keeps in a file: read, refused with its line, and overridden by what is typed."""

import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import example, given
from hypothesis import strategies as st

from parrot_bench.cli import app
from parrot_bench.cli.configured import NOT_THE_SAME
from parrot_bench.configuration import Configuration, find, keys, parse, read
from parrot_bench.errors import UsageError

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def written(folder: Path, text: str, name: str = "parrot-bench.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_values_are_as_if_they_were_typed(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'model = "a:b"\nmodes = ["invoke", "x:y"]\nstudies = "overhead,parity"\ntime = 30\n'
        'fail-on = "1%"\ntarget = 0.02\nmax-calls = 500\nkeep-conditions = true\n',
    )
    assert read(path) == {
        "model": "a:b",
        "modes": ["invoke", "x:y"],
        "studies": ["overhead,parity"],
        "time": "30",
        "fail_on": "1%",
        "target": "0.02",
        "max_calls": 500,
        "keep_conditions": True,
    }


def test_a_table_of_pyproject(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[project]\nname = "x"\ntime = "never"\n[tool.parrot-bench]\ntime = "2m"\n',
        "pyproject.toml",
    )
    assert find(tmp_path) == path
    assert read(path) == {"time": "2m"}
    written(tmp_path, "")
    with pytest.raises(UsageError, match="both configure parrot-bench; keep one"):
        find(tmp_path)


def test_where_there_is_none(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    written(tmp_path, "[project\nbroken", "pyproject.toml")
    assert find(tmp_path) is None
    assert read(written(tmp_path, "")) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\ntme = 3", "line 2: tme: there is no such key; the keys: model, modes, "),
        ('time = "3 parrots"', "line 1: time: '3 parrots' is not a time; give seconds, or 90s"),
        ('# x\n\nfail-on = "much"', "line 3: fail-on: 'much' is not a share; give 2%"),
        ("max-calls = 0", "line 1: max-calls: input should be greater than or equal to 1"),
        ("max-calls = true", "line 1: max-calls: input should be a valid integer, and not True"),
        ("modes = 3", "line 1: modes: input should be a valid string, and not 3"),
        ("model = ", "is not TOML: Invalid value (at end of document)"),
        ('tool.parrot-bench = "x"', "tool.parrot-bench is not a table; write [tool.parrot-bench]"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_line_is_that_of_our_table(tmp_path: Path) -> None:
    text = '[tool.other]\ntime = "1h"\n[tool.parrot-bench]\ntime = "x"\n'
    with pytest.raises(UsageError, match="line 4: time: "):
        read(written(tmp_path, text, "pyproject.toml"))


def read_or_refused(text: str) -> tuple[dict[str, Any], str]:
    try:
        return parse(text, "parrot-bench.toml"), ""
    except UsageError as error:
        return {}, str(error)


@given(st.text())
@example("a = " + "9" * 5000)
@example("max-calls = 0x" + "f" * 5000)
@example("modes = [0x" + "f" * 5000 + "]")
@example("a = " + "[" * 100_000)
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    _, said = read_or_refused(text)
    assert said.isprintable()


@given(st.sampled_from(keys()), st.text() | st.integers() | st.floats() | st.lists(st.text()))
def test_any_value_is_taken_as_typed_or_refused(key: str, value: object) -> None:
    literal = repr(value) if isinstance(value, float) else json.dumps(value)
    found, said = read_or_refused(f"{key} = {literal}")
    assert said.startswith("parrot-bench.toml") or list(found) == [key.replace("-", "_")]


def commands() -> dict[str, set[str]]:
    group: Any = typer.main.get_command(app)
    return {
        name: {parameter.name for parameter in command.params}
        for name, command in group.commands.items()
    }


def test_every_key_is_an_option() -> None:
    known = commands()
    fields = set(Configuration.model_fields)
    assert fields <= known["run"] | known["compare"]
    assert fields - known["run"] == {"delta"}
    # What run has and the file has not is said of a single run.
    assert known["run"] - fields == {
        "against", "seed", "out", "form", "quiet", "debug", "provider_model", "model_args",
        "replay", "replay_latency",
    }  # fmt: skip
    for name, parameters in NOT_THE_SAME.items():
        assert parameters <= known[name]


def test_the_first_configuration_has_every_key_with_a_value_that_is_taken(tmp_path: Path) -> None:
    template = (files("parrot_bench") / "templates" / "parrot-bench.toml").read_text("utf-8")
    assert tomllib.loads(template) == {}
    lines = [line[2:] for line in template.splitlines() if re.match(r"# [a-z-]+ = ", line)]
    assert {line.split(" = ")[0] for line in lines} == set(keys())
    assert set(read(written(tmp_path, "\n".join(lines)))) == set(Configuration.model_fields)


def test_what_is_kept_and_what_is_typed(cli: Cli, folder: Path) -> None:
    written(folder, 'model = "models:Plain"\nmodes = "invoke"\nmax-calls = 60\npairs = 3\n')
    ended = cli("run", "--time", 2, "--out", "kept", cwd=folder)
    assert ended.returncode == 0, ended.stderr
    assert "Plain" in (folder / "kept" / "summary.md").read_text(encoding="utf-8")
    ended = cli("run", "--time", 2, "--modes", "ainvoke", "--pairs", 3, cwd=folder)
    assert ended.returncode == 2
    assert "--pairs and --fail-on belong to a comparison" in ended.stderr
    other = folder / "other.toml"
    other.write_text("parrots = 3", encoding="utf-8")
    ended = cli("--config", "other.toml", "run", cwd=folder)
    assert ended.returncode == 2
    assert ended.stderr.startswith("parrot-bench: other.toml, line 1: parrots: there is no such")
    ended = cli("--config", "none.toml", "modes", cwd=folder)
    assert ended.returncode == 2
    assert "none.toml cannot be read" in ended.stderr
    written(folder, "tme = 3")
    ended = cli("modes", cwd=folder)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1


def test_init(cli: Cli, folder: Path) -> None:
    ended = cli("init", "models:Plain", cwd=folder)
    assert ended.returncode == 0, ended.stderr
    assert read(folder / "parrot-bench.toml") == {"model": "models:Plain"}
    workflow = (folder / ".github" / "workflows" / "parrot-bench.yml").read_text("utf-8")
    assert "run --against" in workflow
    ended = cli("init", cwd=folder)
    assert ended.returncode == 2
    assert "parrot-bench.toml and .github/workflows/parrot-bench.yml is there" in ended.stderr
    assert cli("init", "--force", cwd=folder).returncode == 0
    assert read(folder / "parrot-bench.toml") == {}


def test_the_workflow_is_yaml_with_the_commands_that_there_are() -> None:
    yaml = pytest.importorskip("yaml")
    text = (files("parrot_bench") / "templates" / "workflow.yml").read_text("utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    (run,) = [step["run"] for step in jobs["compare"]["steps"] if step.get("id") == "compare"]
    options = set(re.findall(r" --([a-z-]+)", run))
    assert {option.replace("-", "_") for option in options} <= commands()["run"]
