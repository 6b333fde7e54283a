"""What a Runnable is given for a prompt."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder

from parrot_bench.errors import UsageError
from parrot_bench.runnables.inputs import as_text, takes, varied
from parrot_bench.runnables.outputs import GIVEN
from tests.parrot_bench.models.installed import needs_graphs, subjects


@pytest.mark.parametrize("name", ["parrot", "tools", "retry", "shout", "completion", "parallel"])
def test_a_text_stays_a_text(name: str) -> None:
    assert takes(getattr(subjects, name)).given("hello") in ("hello", {"question": "hello"})


def test_a_chain_with_one_variable_is_given_it() -> None:
    assert takes(subjects.chain).given("hello") == {"question": "hello"}
    history = ChatPromptTemplate([MessagesPlaceholder("past")]) | subjects.parrot
    assert takes(history).given("hello") == {"past": [HumanMessage("hello")]}


@needs_graphs
def test_an_agent_is_given_messages() -> None:
    taken = takes(subjects.agent())
    assert taken.given("hello") == {"messages": [HumanMessage("hello")]}
    given = taken.given([("user", "hello"), ("assistant", "what?"), ("user", "you")])["messages"]
    assert [message.text for message in given] == ["hello", "what?", "you"]
    assert isinstance(given[1], AIMessage)
    assert str(given[1].id).startswith(GIVEN)  # it is told from a reply
    as_json = {"messages": [{"role": "user", "content": "hello"}, ["user", "you"]]}
    assert [m.text for m in taken.given(as_json)["messages"]] == ["hello", "you"]


@needs_graphs
def test_a_graph_is_given_what_its_input_has_and_not_its_state() -> None:
    taken = takes(subjects.asking())
    assert (taken.names, taken.messages) == (("question",), False)
    assert taken.given({"question": "hello"}) == {"question": "hello"}
    with pytest.raises(UsageError, match="takes an object with question"):
        taken.given("hello")
    assert takes(subjects.function).given("hello") == "hello"


def test_an_object_is_given_as_it_is() -> None:
    assert takes(subjects.two).given({"a": "x", "b": 3}) == {"a": "x", "b": 3}


@pytest.mark.parametrize(
    ("name", "prompt", "said"),
    [
        ("two", "hello", """RunnableSequence takes an object with a, b, and no text; give it"""),
        ("two", "hello", """--input '{"a": "…", "b": "…"}'"""),
        pytest.param(
            "answering",
            "hello",
            "CompiledStateGraph takes an object with question, answer",
            marks=needs_graphs,
        ),
        ("parrot", {"a": "x"}, "is a chat model, which takes a text or messages and no object"),
    ],
)
def test_what_cannot_be_given_is_refused_in_a_line(name: str, prompt: Any, said: str) -> None:
    subject = getattr(subjects, name)
    taken = takes(subject() if name == "answering" else subject)
    with pytest.raises(UsageError) as refused:
        taken.check(prompt)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


TEXTS = st.text(min_size=1, max_size=20)
PROMPTS = st.one_of(
    TEXTS,
    st.lists(st.tuples(st.just("user"), TEXTS), min_size=1, max_size=3),
    st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=3),
)


@given(PROMPTS, st.integers(2, 9), st.integers(2, 9))
def test_varied_prompts_differ_and_are_of_one_form(prompt: Any, one: int, other: int) -> None:
    first, second = varied(prompt, one), varied(prompt, other)
    assert type(first) is type(prompt)
    assert first != prompt
    assert (first == second) == (one == other)
    assert as_text(first) != as_text(prompt)


def test_messages_in_an_object_are_varied_at_their_end() -> None:
    assert varied({"messages": [["user", "a"], ["user", "b"]]}, 2) == {
        "messages": [["user", "a"], ("user", "2. b")]
    }
    assert varied({"messages": [{"role": "user", "content": "a"}], "n": 1}, 3) == {
        "messages": [{"role": "user", "content": "3. a"}],
        "n": 1,
    }
