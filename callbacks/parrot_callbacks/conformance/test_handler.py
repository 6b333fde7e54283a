"""One test a cell, for ``pytest --pyargs parrot_callbacks.conformance``."""

from collections.abc import Iterator

import pytest

from parrot_callbacks.conformance.cells import Cell
from parrot_callbacks.conformance.plugin import OURS
from parrot_callbacks.conformance.stage import Stage, open_stage
from parrot_callbacks.conformance.suite import all_cells
from parrot_callbacks.conformance.target import load_factory
from parrot_callbacks.errors import TracingError


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Make the handler that is judged, for the whole session."""
    config = request.config
    specs = [config.getoption("--handler", OURS), *config.getoption("--also", [])]
    strict = config.getoption("--handler-strict", default=False)
    try:
        with open_stage([load_factory(spec) for spec in specs], strict=strict) as opened:
            yield opened
    except TracingError as error:
        pytest.exit(f"parrot_callbacks.conformance: {error}", returncode=2)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of every cell."""
    metafunc.parametrize("cell", [pytest.param(cell, id=cell.id) for cell in all_cells()])


def test_handler(stage: Stage, cell: Cell) -> None:
    """The handler passes every check of the cell."""
    result = stage.perform(cell)
    if result.unavailable:
        pytest.skip(result.unavailable)
    if result.failures:
        told = [f"{verdict.check}: {verdict.message}" for verdict in result.failures]
        pytest.fail("\n".join(told), pytrace=False)
