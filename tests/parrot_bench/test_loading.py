"""What MODEL may be, and what is said when it is not."""

import io
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import redirect_stderr
from pathlib import Path
from textwrap import dedent

import pytest
import typer
from hypothesis import example, given
from hypothesis import strategies as st
from langchain_core.language_models import FakeListLLM
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda

from parrot_bench.cli.terminal import one_line_errors
from parrot_bench.errors import ModelLoadError
from parrot_bench.loading import adopt, load_model, load_parrot, named_object
from parrot_bench.parrot import AsyncChatParrotLink, ChatParrotLink

SOURCE = """
    from functools import partial
    from langchain_core.language_models import FakeListLLM
    from langchain_core.prompts import ChatPromptTemplate
    from parrot_bench import ChatParrotLink

    polly = ChatParrotLink(parrot_buffer_length=3)

    def make(): return ChatParrotLink(parrot_buffer_length=4)
    made = partial(ChatParrotLink, parrot_buffer_length=5)

    class Polly(ChatParrotLink):
        parrot_buffer_length: int = 6

    class cage:
        class inner:
            polly = ChatParrotLink(parrot_buffer_length=7)

    async def amake(): return polly
    def hidden_async(): return amake()
    def needs(length, *, name, **rest): return polly
    def broken(): raise RuntimeError("no\\n  seed")
    def leaves(): raise SystemExit(3)
    def wrong(): return "polly"
    def invalid(): return ChatParrotLink(parrot_buffer_length="hunter2")
    number = 3
    bound = polly.bind(stop=["x"])
    chain = ChatPromptTemplate.from_template("{x}") | polly
    llm = FakeListLLM(responses=["x"])

    class Draft:
        def compile(self): return chain
    draft = Draft()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with modules of the user's that are forgotten afterwards."""
    (tmp_path / "aviary.py").write_text(dedent(SOURCE))
    (tmp_path / "needs_missing.py").write_text("import a_module_that_is_not_there\n")
    (tmp_path / "misspelt.py").write_text("def polly(:\n")
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit('gone')\n")
    (tmp_path / "two words.v2.py").write_text("polly = 3\n")
    (tmp_path / "json.py").write_text(
        "from parrot_bench import ChatParrotLink\npolly = ChatParrotLink(parrot_buffer_length=8)\n"
    )
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("place", ["aviary", "aviary.py", "./aviary.py", "{folder}/aviary.py"])
@pytest.mark.parametrize(
    ("attribute", "length", "how"),
    [
        ("polly", 3, "a shallow copy"),
        ("make", 4, "the factory called again"),
        ("made", 5, "the factory called again"),
        ("Polly", 6, "constructed again"),
        ("cage.inner.polly", 7, "a shallow copy"),
    ],
)
def test_model_class_or_factory(
    folder: Path, place: str, attribute: str, length: int, how: str
) -> None:
    loaded = load_model(f"{place.format(folder=folder)}:{attribute}")
    assert isinstance(loaded.model, ChatParrotLink)
    assert loaded.model.parrot_buffer_length == length
    second, made = loaded.second()
    assert made == how
    assert second is not loaded.model
    assert type(second) is type(loaded.model)
    assert second.invoke("good morning").text == loaded.model.invoke("good morning").text


def test_the_spec_is_kept(folder: Path) -> None:
    assert load_model("aviary:polly").spec == "aviary:polly"


def test_the_current_folder_can_be_imported_from(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in {"", str(folder)}])
    assert isinstance(load_model("aviary:polly").model, ChatParrotLink)


def test_a_file_is_loaded_once(folder: Path) -> None:
    assert load_model("aviary.py:polly").model is load_model("./aviary.py:polly").model
    assert load_model("aviary.py:polly").model is load_model("aviary:polly").model


def test_a_file_named_like_a_module_leaves_that_module_alone(folder: Path) -> None:
    import json

    assert load_model("json.py:polly").model.invoke("good morning").text == "good mor"
    assert load_model("json.py:polly").model is load_model("json.py:polly").model
    assert sys.modules["json"] is json


def test_a_model_in_a_file_survives_pickling(folder: Path) -> None:
    import pickle

    model = load_model("aviary.py:Polly").model
    assert type(pickle.loads(pickle.dumps(model))) is type(model)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("aviary", "'aviary' does not say what to load; expected module:attr or path/file.py:attr"),
        ("", "'' does not say what to load"),
        (":polly", "does not say what to load"),
        ("aviary:", "does not say what to load"),
        ("avairy:polly", "there is no module 'avairy' in the current folder"),
        ("aviary.sub:polly", "there is no module 'aviary.sub'"),
        ("nowhere.py:polly", "there is no file nowhere.py in the current folder"),
        (
            "./aviary:polly",
            "'./aviary' is not the name of a module; to load the file, write aviary.py:",
        ),
        ("aviary.py.:polly", "is not the name of a module"),
        (
            "needs_missing:polly",
            "ModuleNotFoundError: No module named 'a_module_that_is_not_there'",
        ),
        ("needs_missing.py:polly", "cannot be imported: ModuleNotFoundError"),
        ("misspelt:polly", "misspelt cannot be imported: SyntaxError: "),
        ("misspelt.py:polly", "misspelt.py cannot be imported: SyntaxError: "),
        ("two words.v2.py:polly", "polly is an int"),
        ("leaves:polly", "leaves cannot be imported: SystemExit: gone"),
        ("aviary:poly", "aviary has no 'poly'; did you mean polly?"),
        ("aviary:xyz", "aviary has no 'xyz'; what can be measured in it: bound, chain, llm, polly"),
        ("aviary:cage.inner.molly", "aviary:cage.inner has no 'molly'; did you mean polly?"),
        ("aviary:number", "aviary:number is an int; expected a LangChain chat model"),
        ("aviary:cage", "is the class cage, which is no Runnable"),
        ("aviary:draft", "name what its compile() returns"),
        ("aviary:wrong", "aviary:wrong returned a str; expected a LangChain chat model"),
        ("aviary:needs", "aviary:needs needs arguments (length, name)"),
        ("aviary:ChatParrotLink", "needs arguments (parrot_buffer_length)"),
        ("aviary:broken", "aviary:broken was called and failed: RuntimeError: no seed"),
        ("aviary:leaves", "aviary:leaves was called and failed: SystemExit: 3"),
        ("aviary:amake", "aviary:amake is an async factory"),
        ("aviary:hidden_async", "aviary:hidden_async returned a coroutine"),
        ("aviary:invalid", "parrot_buffer_length: Input should be a valid integer"),
    ],
)
def test_everything_else_is_refused_in_one_line(folder: Path, spec: str, said: str) -> None:
    with pytest.raises(ModelLoadError) as refused:
        load_model(spec)
    message = str(refused.value)
    assert said in message
    assert "\n" not in message
    assert "hunter2" not in message


def test_the_cause_is_chained(folder: Path) -> None:
    with pytest.raises(ModelLoadError) as refused:
        load_model("misspelt:polly")
    assert isinstance(refused.value.__cause__, SyntaxError)


def test_a_file_that_failed_is_tried_again(folder: Path) -> None:
    with pytest.raises(ModelLoadError):
        load_model("misspelt.py:polly")
    source = (
        "from parrot_bench import ChatParrotLink\npolly = ChatParrotLink(parrot_buffer_length=3)\n"
    )
    (folder / "misspelt.py").write_text(source)
    assert load_model("misspelt.py:polly").model.invoke("good").text == "goo"


def test_a_module_given_without_its_ending_is_pointed_out(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "zoo.py").write_text("")
    with pytest.raises(ModelLoadError, match=r"to load the file, write sub/zoo\.py:attr"):
        load_model("sub/zoo:polly")


def test_the_parrot_is_loaded_by_default() -> None:
    loaded = load_parrot()
    second, how = loaded.second()
    assert type(loaded.model) is type(second) is AsyncChatParrotLink
    assert how == "constructed again"
    assert loaded.model.invoke("x" * 256).text == "x" * 20
    assert type(load_parrot(3, native_async=False).model) is ChatParrotLink


def test_objects_are_adopted() -> None:
    model = FakeListChatModel(responses=["hi"])
    assert adopt(model).model is model
    assert adopt(lambda: model).second() == (model, "the factory called again")
    completion = FakeListLLM(responses=["hi"])
    assert adopt(completion).model is completion


@pytest.mark.parametrize("attribute", ["chain", "bound", "llm"])
def test_what_is_no_chat_model_is_measured_as_it_is(folder: Path, attribute: str) -> None:
    loaded = load_model(f"aviary:{attribute}")
    second, how = loaded.second()
    assert how == "a shallow copy"
    assert type(second) is type(loaded.model)


def test_one_that_cannot_be_copied_is_its_own_second_instance() -> None:
    class Single(RunnableLambda[str, str]):
        def __copy__(self) -> "Single":
            raise TypeError("there is only one")

    single = Single(str.upper)
    assert adopt(single).second() == (single, "the same object")


@given(st.text() | st.text(alphabet="ab.:/\\ \x1b\n\0~", max_size=12))
@example("a\x1b[31m.py:x")
@example("\0.py:x")
@example("a.py:\n")
def test_any_text_names_something_or_is_refused_with_what_to_name(spec: str) -> None:
    told = io.StringIO()
    with redirect_stderr(told), pytest.raises(typer.Exit) as left, one_line_errors(debug=False):
        named_object(spec, "a chat model", ModelLoadError)
    assert left.value.exit_code == 2
    said = told.getvalue()
    assert said.startswith("parrot-bench: ")
    assert said.endswith("\n")
    assert not {unicodedata.category(char) for char in said[:-1]} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
