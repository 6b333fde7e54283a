"""What a Runnable is, and what it is made of."""

from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from parrot_bench.loading import adopt
from parrot_bench.runnables.kinds import (
    OwnThreads,
    core_of,
    has_messages,
    is_graph,
    kind_of,
    models_in,
    parts_of,
    with_own_threads,
)
from tests.parrot_bench.models.installed import needs_graphs, subjects


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("parrot", "chat model"),
        ("chain", "Runnable"),
        ("tools", "Runnable"),
        ("retry", "Runnable"),
        ("completion", "text completion model"),
        ("shout", "Runnable"),
    ],
)
def test_kinds(name: str, kind: str) -> None:
    assert kind_of(getattr(subjects, name)) == kind


@needs_graphs
def test_a_graph_stays_one_whatever_is_bound_around_it() -> None:
    graph = subjects.agent()
    for one in (graph, graph.with_retry(), graph.with_config({"tags": ["x"]})):
        assert is_graph(one)
        assert has_messages(one)
        assert kind_of(one) == "graph"
    assert kind_of(subjects.answering()) == "graph"
    assert not has_messages(subjects.answering())
    assert not is_graph(subjects.chain)


@pytest.mark.parametrize(
    "name", ["parrot", "chain", "retry", "fallbacks", "parallel", "two", "tools", "structured"]
)
def test_the_model_inside_is_found(name: str) -> None:
    (model,) = models_in(getattr(subjects, name))
    assert model._llm_type == subjects.parrot._llm_type


@needs_graphs
def test_models_are_found_in_the_nodes_of_a_graph_and_in_functions() -> None:
    assert [type(model) for model in models_in(subjects.agent())] == [subjects.Scripted]
    assert models_in(subjects.answering()) == [subjects.parrot]

    def asks(text: str) -> Any:
        return subjects.chain.invoke(text)

    assert subjects.parrot in models_in(RunnableLambda(asks))
    assert models_in(subjects.completion) == models_in(subjects.shout) == []


def test_a_runnable_that_is_its_own_part_is_found_once() -> None:
    def again(text: str) -> Any:
        return looped if text else ""

    looped = RunnableLambda(again)
    assert parts_of(looped) == [looped]


@needs_graphs
def test_each_call_of_a_graph_that_remembers_has_a_thread_of_its_own() -> None:
    bound = adopt(subjects.remembering).model
    assert isinstance(bound, OwnThreads)
    assert is_graph(core_of(bound))
    for _ in range(3):
        (_, *said) = bound.invoke({"messages": ["hi"]})["messages"]
        assert len(said) == 3  # and not those of the calls before
    batch = bound.batch([{"messages": ["hi"]}, {"messages": ["hi"]}])
    assert [len(state["messages"]) for state in batch] == [4, 4]
    graph = subjects.agent()
    assert with_own_threads(graph) is graph
    assert isinstance(with_own_threads(subjects.shout | subjects.remembering()), OwnThreads)
