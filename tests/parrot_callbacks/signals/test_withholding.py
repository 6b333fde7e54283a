"""Content is taken out of what exceptions say; everything else stays."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from parrot_callbacks.events import exception_attributes
from parrot_callbacks.withholding import MAX_CONTENT, MAX_TEXT, WITHHELD, without_content

PROMPT = "Where did Jane Doe of 12 Elm Street leave her parrot last night?"


@pytest.mark.parametrize(
    "given",
    [
        PROMPT,
        HumanMessage(PROMPT),
        [HumanMessage([{"type": "text", "text": PROMPT}])],
        {"question": {"deep": [PROMPT]}},
        AIMessage("", tool_calls=[{"name": "f", "args": {"at": PROMPT}, "id": "1"}]),
        LLMResult(generations=[[ChatGeneration(message=AIMessage(PROMPT))]]),
    ],
    ids=["text", "message", "blocks", "mapping", "arguments", "reply"],
)
def test_whole_texts(given: Any) -> None:
    for said in (PROMPT, repr(PROMPT)[1:-1], PROMPT.replace("'", '"')):
        assert without_content(f"rejected: {said} (400)", [given]) == f"rejected: {WITHHELD} (400)"


def test_pieces() -> None:
    said = without_content(f"input too long: {PROMPT[:40]}... (limit 40)", [PROMPT])
    assert said == f"input too long: {WITHHELD}... (limit 40)"


def test_short_texts_are_whole_words() -> None:
    assert without_content("no city Rome in Romeo", ["Rome"]) == f"no city {WITHHELD} in Romeo"
    assert without_content("no account 4711", [{"account": 4711}]) == f"no account {WITHHELD}"


def test_what_is_no_content_stays() -> None:
    said = "Error code: 429 - rate limit exceeded, retry after 20 s"
    assert without_content(said, [PROMPT, 20, None, True]) == said


def test_more_than_can_be_looked_through() -> None:
    assert without_content("anything", ["x" * (MAX_CONTENT + 1)]) == WITHHELD
    assert len(without_content("ab" * MAX_TEXT, [PROMPT])) == MAX_TEXT


@given(st.text(min_size=8), st.text(), st.text())
def test_a_text_that_was_given_is_never_there(given: str, before: str, after: str) -> None:
    given = given.strip()
    assume(len(given) >= 8 and given not in WITHHELD)
    said = without_content(f"{before} {given} {after}", [given])
    assert all(given not in piece for piece in said.split(WITHHELD))


def test_an_exception_that_cannot_be_printed() -> None:
    class MuteError(ValueError):
        def __str__(self) -> str:
            raise RuntimeError

    said = exception_attributes(MuteError())
    assert said["exception.message"] == "<MuteError that can't be printed>"
    assert "MuteError" in said["exception.stacktrace"]
