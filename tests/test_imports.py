"""Who may import whom: every import statement is read, and an arrow that is not drawn fails."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {
    "parrot_bench": ROOT / "parrot_bench",
    "parrot_callbacks": ROOT / "callbacks" / "parrot_callbacks",
    "parrot_reports": ROOT / "reports" / "parrot_reports",
}
COMPOSITION_ROOTS = ("parrot_bench/cli/", "parrot_bench/notebook.py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            # `from parrot_bench import record` reaches parrot_bench.record
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden(package: str, module: str) -> bool:
    top, _, rest = module.partition(".")
    if package == "parrot_callbacks":
        return top in {"parrot_bench", "parrot_reports", "numpy", "matplotlib"}
    if package == "parrot_bench":
        return top in {"parrot_reports", "matplotlib"}
    if top == "parrot_bench":
        return rest.partition(".")[0] not in {"record", "errors"}
    return top in {"parrot_callbacks", "opentelemetry", "openai"} or top.startswith("langchain")


@pytest.mark.parametrize("package", SOURCES)
def test_no_arrow_that_is_not_drawn(package: str) -> None:
    files = sorted(SOURCES[package].rglob("*.py"))
    assert files, f"no sources of {package}"
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files
        if not path.relative_to(ROOT).as_posix().startswith(COMPOSITION_ROOTS)
        for module in imported(path)
        if forbidden(package, module) and module not in SOURCES
    ] + [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files
        if not path.relative_to(ROOT).as_posix().startswith(COMPOSITION_ROOTS)
        for module in imported(path)
        if module in SOURCES
        and module != package
        and (package, module) != ("parrot_bench", "parrot_callbacks")
        and not (package == "parrot_reports" and module == "parrot_bench")
    ]
    assert not wrong


def test_matplotlib_is_imported_by_figures_alone() -> None:
    home = SOURCES["parrot_reports"] / "figures"
    importers = [
        path
        for path in SOURCES["parrot_reports"].rglob("*.py")
        if any(module.partition(".")[0] == "matplotlib" for module in imported(path))
    ]
    assert importers
    assert all(path.parent == home for path in importers)


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import parrot_bench.record", ("langchain_core", "numpy", "polars", "opentelemetry")),
        ("import parrot_callbacks", ("numpy", "matplotlib", "polars", "parrot_bench", "google")),
        (
            "import parrot_callbacks.conformance.plugin",
            ("langchain_core", "opentelemetry", "pydantic", "rich", "typer"),
        ),
        ("import parrot_reports", ("langchain_core", "opentelemetry", "matplotlib")),
        ("import parrot_bench.worker", ("rich", "typer", "polars", "matplotlib")),
        ("import parrot_bench.measuring", ("rich", "typer", "polars", "matplotlib")),
    ],
)
def test_importing_loads_no_more_than_it_needs(statement: str, absent: tuple[str, ...]) -> None:
    check = f"import sys; {statement}; print(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    loaded = subprocess.run(
        [sys.executable, "-c", check],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={"PYTHONPATH": ":".join(str(path.parent) for path in SOURCES.values()), "PATH": ""},
    ).stdout.split()
    assert not set(loaded) & set(absent)
