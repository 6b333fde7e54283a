"""The chains, and the graphs as well where LangGraph is installed."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

GRAPHS = find_spec("langgraph") is not None

needs_graphs = pytest.mark.skipif(not GRAPHS, reason="LangGraph is not installed")

subjects: Any = import_module(f"tests.parrot_bench.models.{'graphs' if GRAPHS else 'chains'}")
