"""What the shell offers on TAB for names, also after a comma."""

from collections.abc import Callable, Iterable

from parrot_bench.request import STUDIES_OF_A_RUN


def studies(begun: str) -> list[str]:
    """Names of studies that go on from what is typed."""
    return _completed(begun, lambda: STUDIES_OF_A_RUN)


def modes(begun: str) -> list[str]:
    """Names of execution modes that go on from what is typed."""
    return _completed(begun, _modes)


def _modes() -> Iterable[str]:
    from parrot_bench.mode_table import MODES  # noqa: PLC0415  # loads LangChain

    return MODES


def _completed(begun: str, names: Callable[[], Iterable[str]]) -> list[str]:
    """Complete the last of several names; one that is typed already is not offered again."""
    head, comma, last = begun.rpartition(",")
    typed = set(head.split(","))
    return [f"{head}{comma}{n}" for n in names() if n.startswith(last) and n not in typed]
