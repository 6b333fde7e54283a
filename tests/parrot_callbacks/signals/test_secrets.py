"""No credential is in any signal, wherever it was planted; and no content without asking."""

import dataclasses
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import FakeListChatModel, FakeListLLM
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from pydantic import BaseModel, SecretStr

SECRET = "hunter2-5f4dcc3b5aa765d6"


@dataclasses.dataclass
class Account:
    password: str = SECRET


class Client(BaseModel):
    api_key: str = SECRET


class Opaque:
    def __repr__(self) -> str:
        return f"Opaque({SECRET})"


NAMES = st.sampled_from(
    ["api_key", "openai_api_key", "aws_secret_access_key", "hf_token", "password", "Authorization",
     "x-goog-api-key", "credentials", "azure_ad_token", "client_secret", "Cookie", "sas_token",
     "connection_string", "jwt"]
)  # fmt: skip
FORMS = st.one_of(
    NAMES.map(lambda name: {name: SECRET}),
    NAMES.map(lambda name: [(name, SECRET)]),
    NAMES.map(lambda name: [[name, SECRET], ["a", "b"]]),
    NAMES.map(lambda name: [{"name": name, "value": SECRET}]),
    NAMES.map(lambda name: f'{{"deep": {{"{name}": ["{SECRET}"]}}}}'),
    NAMES.map(lambda name: f"{name}={SECRET};x=1"),
    NAMES.map(lambda name: f"could not log in with {{'{name}': '{SECRET}'}}"),
    st.sampled_from(
        [
            SecretStr(SECRET),
            Account(),
            Client(),
            Opaque(),
            lambda: SECRET,
            f"https://user:{SECRET}@host:1/path",
            f"https://{SECRET}@host/v1",
            f"https://host/v1?api-version=1&key={SECRET}",
            f"https://acct.blob.core.windows.net/c?sv=1&sig={SECRET}&se=2",
            f"https://host/cb#access_token={SECRET}",
            f"Authorization: Bearer {SECRET}",
            f"Authorization: ApiKey {SECRET}",
            {"default_headers": {"X-Odd": SECRET}},
            {"extra_headers": [("X-Odd", SECRET)]},
            {"extra_body": {"auth": {"value": SECRET}}},
            SECRET.encode(),
        ]
    ),
)
DEEP = st.recursive(
    FORMS,
    lambda inner: (
        st.tuples(st.sampled_from(["model_kwargs", "extra_body", "config", "items"]), inner).map(
            lambda pair: dict([pair])
        )
        | inner.map(lambda item: [1, item])
        | inner.map(lambda item: (item, "x", "y"))
    ),
    max_leaves=4,
)


@settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example is small as it is
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(planted=DEEP, text=FORMS.filter(lambda form: isinstance(form, str)))
def test_a_planted_credential(
    signals: Any,
    setting: str,
    names: str,
    sync_echo: Any,
    *,
    planted: Any,
    text: str,
) -> None:
    signals.clear()

    def fail() -> None:
        raise ValueError(f"no: {text}") from KeyError(text)

    handler = signals.handler(metadata_keys=["about", "api_key"])
    config = {"callbacks": [handler], "metadata": {"about": planted, "api_key": SECRET}}
    params = {"about": planted, "base_url": f"https://u:{SECRET}@host/v1?key={SECRET}"}
    tools = [
        {"type": "function", "function": {"name": "f", "parameters": {
            "properties": {"password": {"type": "string", "default": SECRET}}}}},
        {"type": "mcp", "server_url": "https://host", "authorization": SECRET,
         "headers": {"X-Odd": SECRET}},
        {"name": "g", "description": text, "input_schema": {"default": planted}},
    ]  # fmt: skip
    message = HumanMessage("x", additional_kwargs={"api_key": SECRET, "about": planted})
    model = sync_echo(params=params, before=lambda: None)
    model.bind(tools=tools).invoke([message], config)
    list(model.bind(tools=tools).stream([message], config))
    with suppress(ValueError):
        sync_echo(params=params, before=fail).invoke([message], config)
    with suppress(ValueError):
        RunnableLambda(lambda _: fail()).invoke("x", config)
    assert SECRET not in signals.text()


# -- content ------------------------------------------------------------------------------

MARK = "zanzibar"
MARKS = {
    name: f"{MARK}-{name}"
    for name in ("system", "human", "reply", "argument", "result", "document", "query", "reason")
}


class Library(BaseRetriever):
    def _get_relevant_documents(self, query: str, **kwargs: Any) -> list[Document]:
        return [Document(MARKS["document"], metadata={"title": MARKS["document"]})]


@tool
def look(at: str) -> str:
    """Look at something."""
    if at == MARKS["argument"] + "!":
        raise ValueError(f"can't see {at}")
    return MARKS["result"]


@tool
def count(number: int) -> int:
    """Count."""
    return number


def use_everything(config: dict[str, Any], echo: Any) -> None:
    """Every run and every failure that LangChain has a callback for."""
    call = {"name": "look", "args": {"at": MARKS["argument"]}, "id": "1", "type": "tool_call"}
    reply = AIMessage(
        [{"type": "reasoning", "reasoning": MARKS["reason"]},
         {"type": "text", "text": MARKS["reply"]}],
        tool_calls=[call],
    )  # fmt: skip
    conversation = [
        SystemMessage(MARKS["system"]),
        HumanMessage(
            [{"type": "text", "text": MARKS["human"]},
             {"type": "image", "base64": MARK, "mime_type": "image/png"}]
        ),
        reply,
        ToolMessage(MARKS["result"], tool_call_id="1"),
    ]  # fmt: skip

    def fail() -> None:
        raise ValueError(f"can't answer {MARKS['human']!r} after {MARKS['result']}")

    def step(text: str) -> str:
        Library().invoke(MARKS["query"])
        answer = echo(reply=reply).invoke(conversation, unheard_of=MARKS["human"])
        look.invoke(call)
        if text.endswith("!"):
            raise RuntimeError(f"{text}: {answer.content[1]['text']}")
        return str(MARKS["reply"])

    chain = RunnableLambda(step).with_config(run_name="chain")
    chain.invoke(MARKS["human"], config)
    list(echo(reply=reply).stream(conversation, config))
    for failing in (
        lambda: echo(before=fail).invoke(conversation, config),
        lambda: echo(between=fail).invoke(conversation, config),
        lambda: list(echo(between=fail).stream(conversation, config)),
        lambda: chain.invoke(MARKS["human"] + "!", config),
        lambda: look.invoke({"at": MARKS["argument"] + "!"}, config),
        lambda: count.invoke({"number": MARKS["argument"] * 9}, config),
        lambda: (echo(reply=AIMessage(MARKS["reply"] + "{")) | JsonOutputParser()).invoke(
            MARKS["human"], config
        ),
    ):
        with pytest.raises((ValueError, RuntimeError, OutputParserException)):
            failing()


def test_no_content_unless_asked_for(signals: Any, names: str, echo: Any) -> None:
    use_everything(signals.config(), echo)
    assert MARK not in signals.text()
    assert signals.findings() == []
    # Not because nothing was recorded: what isn't content is there.
    messages = [
        event.attributes["exception.message"] for span in signals.spans for event in span.events
    ]
    said = str(messages) + str([record.attributes for record in signals.records])
    assert "can't answer '[content]' after [content]" in said
    assert "can't see [content]" in said


def test_langchain_s_own_fakes_keep_their_replies(signals: Any) -> None:
    config = signals.config()
    FakeListChatModel(responses=[MARK]).invoke(MARK, config)
    list(FakeListChatModel(responses=[MARK]).stream(MARK, config))
    FakeListLLM(responses=[MARK]).invoke(MARK, config)
    assert len(signals.spans) == 3
    assert MARK not in signals.text()


def test_content_when_asked_for(signals: Any, setting: str, names: str, echo: Any) -> None:
    use_everything(signals.config(), echo)
    assert signals.findings() == []
    text = signals.text()
    if setting == "NO_CONTENT":
        expected = set()
    elif setting == "EVENT_ONLY":  # the conventions have events of calls of models only
        expected = {"system", "human", "reply", "argument", "result", "reason"}
        assert MARK not in "".join(span.to_json() for span in signals.spans)
    else:
        expected = set(MARKS)
    assert {name for name, mark in MARKS.items() if mark in text} == expected


def test_the_filter_sees_every_text(signals: Any, setting: str, names: str, echo: Any) -> None:
    use_everything(signals.config(content_filter=lambda text: text.replace(MARK, "*")), echo)
    # A blob is no text: its base64 isn't the filter's.
    rest = signals.text().replace(f'\\"content\\":\\"{MARK}\\"', "").replace(MARK + '"', "")
    assert f"{MARK}-" not in rest
    assert signals.findings() == []


def test_a_filter_that_raises_loses_the_content_only(
    signals: Any, setting: str, names: str, echo: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(text: str) -> str:
        raise LookupError(text)

    use_everything(signals.config(content_filter=refuse), echo)
    assert MARK not in signals.text()
    assert MARK not in caplog.text
    assert signals.findings() == []
    for span in signals.spans:
        assert "langchain.run.outcome" in span.attributes
