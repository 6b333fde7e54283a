"""Importing our handler loads what it stands on, and itself.

Compared are sets of modules, which don't depend on the machine; the times stand in
``tests/benchmarks/test_import.py``.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOUNDATIONS = (
    "import langchain_core.callbacks.base, langchain_core.callbacks.manager, "
    "opentelemetry.trace, opentelemetry.context, opentelemetry.metrics, opentelemetry._logs"
)
HANDLER = "import parrot_callbacks; parrot_callbacks.OpenTelemetryCallbackHandler"

# Modules of the standard library that ours may load and the foundations don't.
ALLOWED: frozenset[str] = frozenset()

# Who imports a module is on the stack when it is looked for. `-X importtime` doesn't see what
# is imported by name, as packages that import lazily do it.
WATCH = """
import json, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        importers, frame = [], sys._getframe(1)
        while frame is not None:
            module = frame.f_globals.get("__name__", "")
            if "importlib" not in module and module not in importers:
                importers.append(module)
            frame = frame.f_back
        seen.setdefault(name, importers)

seen = {}
sys.meta_path.insert(0, Watch())
STATEMENT
print(json.dumps({name: seen[name] for name in seen if name in sys.modules}))
"""


def imported(statement: str) -> dict[str, list[str]]:
    """Return every module that a fresh process loads for a statement.

    Its value is who imported it, who imported that, and so on; ``__main__`` is the statement.
    """
    done = subprocess.run(
        [sys.executable, "-c", WATCH.replace("STATEMENT", statement)],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'callbacks'}"},
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_the_handler_loads_nothing_but_itself_and_what_it_stands_on() -> None:
    ours, foundations = imported(HANDLER), imported(FOUNDATIONS)
    assert "parrot_callbacks.handler" in ours
    extra = Counter(
        doorway(module, importers)
        for module, importers in ours.items()
        if module not in foundations.keys() | ALLOWED and not is_ours(module)
    )
    assert not extra, "\n".join(
        f"{importer} imports {module}: {count} modules more"
        for (importer, module), count in extra.items()
    )


def is_ours(module: str) -> bool:
    return module.partition(".")[0] == "parrot_callbacks"


def doorway(module: str, importers: list[str]) -> tuple[str, str]:
    """Return which module of ours a module came by, and what that one imported."""
    chain = [module, *importers]
    at = next(index for index, name in enumerate(chain) if is_ours(name))
    return chain[at], chain[at - 1]


def test_a_module_is_seen_with_who_imported_it() -> None:
    found = imported("import opentelemetry.trace")
    assert found["opentelemetry.trace"] == ["__main__"]
    assert found["opentelemetry.trace.span"][-2:] == ["opentelemetry.trace", "__main__"]


def test_a_module_that_is_imported_by_name_is_seen() -> None:
    assert "parrot_callbacks" in imported(HANDLER)["parrot_callbacks.handler"]


def test_the_package_alone_loads_no_langchain() -> None:
    loaded = {module.partition(".")[0] for module in imported("import parrot_callbacks")}
    assert "parrot_callbacks" in loaded
    assert not loaded & {"langchain_core", "opentelemetry", "pydantic"}
