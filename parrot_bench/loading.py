"""Find the chat model that a ``module:attr`` or ``path/file.py:attr`` names."""

import importlib
from typing import Any

from parrot_bench.errors import UsageError


def named_object(spec: str, error: type[UsageError]) -> Any:
    module, _, attribute = spec.partition(":")
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    return found
