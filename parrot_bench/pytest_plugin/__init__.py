"""The pytest plug-in: execution modes as parameters, timed by pytest-benchmark.

pytest loads it at every start, since it is an entry point. So it imports nothing but pytest until
a fixture of its is asked for.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from parrot_bench.execution import ExecutionMode
    from parrot_bench.pytest_plugin.spans import Spans
    from parrot_bench.pytest_plugin.timed import BenchmarkMode

_FIXTURE = "benchmark_mode"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and their keys in the configuration file."""
    group = parser.getgroup("parrot-bench", "execution modes of a LangChain chat model")
    group.addoption(
        "--chat-model",
        metavar="MODULE:ATTR",
        help="what the fixture chat_model is: a BaseChatModel, its class, or a factory",
    )
    group.addoption(
        "--chat-modes",
        metavar="NAME[,NAME…]",
        help="the modes that execution_mode takes; all but floors and deprecated ones by default",
    )
    parser.addini("chat_model", "as --chat-model", default="")
    parser.addini("chat_modes", "as --chat-modes", type="args", default=[])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give tests that ask for ``execution_mode`` one parameter a mode."""
    if "execution_mode" not in metafunc.fixturenames:
        return
    from parrot_bench.errors import UnknownModeError  # noqa: PLC0415  # LangChain, where needed
    from parrot_bench.mode_table import select_modes  # noqa: PLC0415

    option = metafunc.config.getoption("--chat-modes")
    asked = option.split(",") if option else metafunc.config.getini("chat_modes")
    try:
        modes = select_modes(name.strip() for part in asked for name in part.split(","))
    except UnknownModeError as error:
        raise pytest.UsageError(f"--chat-modes: {error}") from error
    chosen = modes if asked else [mode for mode in modes if mode.status != "floor"]
    metafunc.parametrize("execution_mode", chosen, ids=lambda mode: mode.name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let pytest-benchmark read a clock that leaves out the start of the event loop."""
    timed = [item for item in items if _FIXTURE in getattr(item, "fixturenames", ())]
    if not timed:
        return
    from parrot_bench.pytest_plugin.timed import OWN_TIME  # noqa: PLC0415  # as above

    for item in timed:
        marker = item.get_closest_marker("benchmark")
        given = dict(marker.kwargs) if marker else {}
        given = {"group": getattr(item, "originalname", item.name), **given, "timer": OWN_TIME}
        item.add_marker(pytest.mark.benchmark(**given), append=False)


@pytest.fixture(scope="session")
def chat_model(request: pytest.FixtureRequest) -> "BaseChatModel":
    """The model of ``--chat-model`` or of the ini key; the embedded parrot without either."""
    from parrot_bench.errors import UsageError  # noqa: PLC0415
    from parrot_bench.loading import load_model, load_parrot  # noqa: PLC0415

    spec = request.config.getoption("--chat-model") or request.config.getini("chat_model")
    try:
        model = (load_model(spec) if spec else load_parrot()).model
    except UsageError as error:
        raise pytest.UsageError(f"--chat-model: {error}") from error
    from parrot_bench.execution import is_chat_model  # noqa: PLC0415

    if not is_chat_model(model):
        raise pytest.UsageError(
            f"--chat-model: {spec} is a {type(model).__qualname__}; expected a chat model, as "
            "chains and graphs are measured by parrot-bench run"
        )
    return model


@pytest.fixture
def benchmark_mode(
    benchmark: Any, chat_model: "BaseChatModel", execution_mode: "ExecutionMode"
) -> Iterator["BenchmarkMode"]:
    """Times the model in the mode: ``benchmark_mode("a prompt")``, which returns the replies.

    Neither the start of an event loop nor what else pytest does is timed. A mode that the model
    does not have skips the test.
    """
    from parrot_bench.pytest_plugin.timed import BenchmarkMode  # noqa: PLC0415

    skip_unless_available(execution_mode, chat_model)
    with BenchmarkMode.opened(benchmark, chat_model, execution_mode) as timed:
        yield timed


def skip_unless_available(mode: "ExecutionMode", model: "BaseChatModel") -> None:
    """Skip a test of a mode that a model does not have, with the reason."""
    if missing := mode.unavailable(model):
        pytest.skip(f"{mode.name} is not available: {missing}")


@pytest.fixture
def parrot_spans() -> Iterator["Spans"]:
    """The spans of everything that LangChain runs during the test."""
    from parrot_bench.pytest_plugin.spans import recorded  # noqa: PLC0415

    with recorded() as spans:
        yield spans
