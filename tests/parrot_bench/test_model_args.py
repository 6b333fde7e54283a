"""Arguments of what makes the model, and models of LangChain's init_chat_model."""

import json
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from hypothesis import example, given
from hypothesis import strategies as st

from parrot_bench.cli.options import made_of, names, read_prompt
from parrot_bench.errors import MissingExtraError, ModelLoadError, UsageError
from parrot_bench.loading import load_model
from parrot_bench.record import read_record
from parrot_bench.request import Request, check

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
PARROT = "parrot_bench.parrot:ChatParrotLink"


def test_arguments_are_json_or_text() -> None:
    given = ["temperature=0", 'stop=["a", "b"]', "model=gpt-4.1-mini", "name=a=b", "x="]
    assert made_of("a:b", "", given) == (
        "a:b",
        (("temperature", 0), ("stop", ["a", "b"]), ("model", "gpt-4.1-mini"), ("name", "a=b"),
         ("x", "")),
    )  # fmt: skip


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.text(alphabet="abcXY_", min_size=1, max_size=8), VALUES)
def test_a_value_is_given_as_its_json(name: str, value: object) -> None:
    assert made_of("a:b", "", [f"{name}={json.dumps(value)}"]) == ("a:b", ((name, value),))


@given(st.text())
@example("a=" + "[" * 100_000)
@example("a=" + "9" * 5000)
def test_any_text_is_an_argument_or_refused_in_one_line(text: str) -> None:
    try:
        (_, ((name, _),)), said = made_of("a:b", "", [text]), ""
    except UsageError as error:
        name, said = "x", str(error)
    assert name.isidentifier()
    assert said.isprintable()


NAMES = st.text(alphabet="ab_:", min_size=1, max_size=3)


@given(st.lists(st.lists(NAMES, min_size=1, max_size=4), max_size=4))
def test_names_may_be_given_with_commas_or_again(given: list[list[str]]) -> None:
    flat = [name for several in given for name in several]
    found = names([", ".join(several) for several in given])
    assert found == names(flat) == names([*flat, *flat]) == names(list(found))
    assert set(found) == set(flat)


def test_a_prompt_is_no_path_that_cannot_be() -> None:
    for path in ("nowhere", "a\0b"):  # a configuration may hold a zero byte
        with pytest.raises(typer.BadParameter, match="cannot be read"):
            read_prompt(f"@{path}")
    assert read_prompt("a\0b") == "a\0b"


@pytest.mark.parametrize("text", ["temperature", "=1", "two words=1", "1=2"])
def test_what_is_no_argument(text: str) -> None:
    with pytest.raises(UsageError, match="key=value"):
        made_of("a:b", "", [text])


def test_a_class_and_a_factory_are_called_with_them() -> None:
    loaded = load_model(PARROT, {"parrot_buffer_length": 7})
    assert loaded.model.parrot_buffer_length == 7  # type: ignore[attr-defined]
    second, _ = loaded.second()
    assert second is not loaded.model
    assert second.parrot_buffer_length == 7  # type: ignore[attr-defined]


def test_what_cannot_take_them_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made_already.py").write_text(
        "from parrot_bench.parrot import ChatParrotLink\n"
        "model = ChatParrotLink(parrot_buffer_length=3)\n",
        encoding="utf-8",
    )
    with pytest.raises(ModelLoadError, match=r"made already and takes no arguments \(x\)"):
        load_model("made_already.py:model", {"x": 1})
    with pytest.raises(ModelLoadError, match=r"needs arguments .*--model-args"):
        load_model(f"{__name__}:needs_two", {"a": 1})


def needs_two(a: int, b: int) -> None:
    """Is never called."""


def test_credentials_are_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="by the environment") as refused:
        check(Request(spec="a:b", model_args=(("api_key", "sk-1"),)))
    assert "sk-1" not in str(refused.value)
    with pytest.raises(UsageError, match="for a model of yours"):
        check(Request(model_args=(("a", 1),)))


def test_both_kinds_of_model_are_one_too_many() -> None:
    with pytest.raises(UsageError, match="give one"):
        made_of("a:b", "openai:gpt-4.1-mini", None)


def test_a_projects_own_model_stands_back_for_a_provider(cli: Cli, folder: Path) -> None:
    (folder / "parrot-bench.toml").write_text(f'model = "{PARROT}"\n', encoding="utf-8")
    words = ("--provider-model", "nobody:nothing")
    configured = cli("check", *words, cwd=folder)
    assert configured.returncode == 2
    assert "give one" not in configured.stderr
    typed = cli("check", PARROT, *words, cwd=folder)
    assert f"both {PARROT} and --provider-model nobody:nothing are given; give one" in typed.stderr


@pytest.mark.skipif(find_spec("langchain") is not None, reason="langchain is installed")
def test_init_chat_model_needs_langchain() -> None:
    with pytest.raises(MissingExtraError, match="pip install langchain"):
        made_of("", "openai:gpt-4.1-mini", None)


def test_init_chat_model_gets_name_and_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parrot_bench.cli.options.find_spec", lambda _: object())
    assert made_of("", "openai:gpt-4.1-mini", ["temperature=0"]) == (
        "langchain.chat_models:init_chat_model",
        (("model", "openai:gpt-4.1-mini"), ("temperature", 0)),
    )


def test_a_run_with_arguments(cli: Cli, folder: Path) -> None:
    done = cli(
        "run", PARROT, "--model-args", "parrot_buffer_length=3", "--modes", "invoke", "--time",
        "1", "--studies", "overhead", "--out", "here", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    record = read_record(folder / "here")
    assert record.model is not None
    assert record.model.identifying_params["parrot_buffer_length"] == 3
    assert "parrot_buffer_length=3" in json.dumps(record.command)
    refused = cli("check", PARROT, "--model-args", "api_key=sk-secret", cwd=folder)
    assert refused.returncode == 2
    assert "sk-secret" not in refused.stderr
