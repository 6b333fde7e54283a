"""The pytest plug-in: ``pytest --pyargs parrot_callbacks.conformance --handler module:factory``.

pytest loads it at every start, since it is an entry point. So it imports nothing but pytest, and
adds its options only when this package is what is to be tested.
"""

import pytest

PACKAGE = "parrot_callbacks.conformance"
OURS = f"{PACKAGE}.ours:handler"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(parser: pytest.Parser, args: list[str]) -> None:
    """Add the options, where the command line names this package.

    A plug-in's usual hook for options doesn't know the command line.
    """
    if not any(argument.partition("::")[0].startswith(PACKAGE) for argument in args):
        return
    group = parser.getgroup("conformance of LangChain handlers")
    group.addoption(
        "--handler",
        default=OURS,
        metavar="MODULE:FACTORY",
        help="makes what is judged, of a tracer provider; our own handler by default",
    )
    group.addoption(
        "--also",
        action="append",
        default=[],
        metavar="MODULE:FACTORY",
        help="attach this as well; still every call has to give one span",
    )
    group.addoption(
        "--handler-strict",
        action="store_true",
        help="fail on what our handler can't do without our instrumentor",
    )
