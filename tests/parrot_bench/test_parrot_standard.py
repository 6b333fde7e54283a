"""Both parrots pass LangChain's standard tests for chat models.

What does not apply is declared by the suites' own properties: a parrot calls no tools, keeps
to no schema and looks at no pictures.
"""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from parrot_bench.parrot import AsyncChatParrotLink, ChatParrotLink


class Declared:
    """What the suites want to know of a model."""

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "polly", "parrot_buffer_length": 50}

    @property
    def has_tool_calling(self) -> bool:
        return False

    @property
    def has_structured_output(self) -> bool:
        return False

    @property
    def returns_usage_metadata(self) -> bool:
        return True

    @property
    def supports_model_override(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "molly"


class TestChatParrotLinkUnit(Declared, ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatParrotLink


class TestAsyncChatParrotLinkUnit(Declared, ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return AsyncChatParrotLink


class TestChatParrotLink(Declared, ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatParrotLink


class TestAsyncChatParrotLink(Declared, ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return AsyncChatParrotLink
