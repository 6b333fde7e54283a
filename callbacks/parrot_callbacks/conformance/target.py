"""The handler that is judged: how it is named, made, attached and taken off again."""

import importlib
import inspect
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from langchain_core.callbacks import BaseCallbackHandler
from opentelemetry._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider

from parrot_callbacks.errors import TracingError
from parrot_callbacks.handler import OpenTelemetryCallbackHandler

Factory = Callable[..., Any]
"""Takes a tracer provider, and a keyword ``logger_provider`` if it wants one.

Returns what is judged: callback handlers, which are attached to every call; objects with
``uninstrument()``, which have instrumented LangChain; or None for an instrumentation that can't
be undone."""


class HandlerError(TracingError):
    """A factory names or makes nothing that can be judged."""


@dataclass(frozen=True, kw_only=True)
class Described:
    """What was judged, for the record.

    Attributes:
        name: As it was given.
        classes: The classes of what the factory made.
        distributions: Names and versions of the distributions they are from.
    """

    name: str
    classes: tuple[str, ...]
    distributions: dict[str, str]


NOT_MADE: Final = Described(name="", classes=(), distributions={})
"""Of what has not been made yet."""


class Target:
    """What the factories have made.

    Args:
        factories: One, or several that are judged together.
        provider: The tracer provider that their spans are made by.
        logs: The logger provider of those that want one.

    Attributes:
        callbacks: To be attached to every call.

    Raises:
        HandlerError: A factory fails, or returns something else.
    """

    def __init__(
        self, factories: Sequence[Factory], provider: TracerProvider, logs: LoggerProvider
    ) -> None:
        self._factories = tuple(factories)
        self._logs = logs
        self._repeatable: list[Factory] = []
        self._made: list[Any] = []
        for factory in self._factories:
            made = _made(factory, provider, logs)
            self._made += made
            if made and all(isinstance(one, BaseCallbackHandler) for one in made):
                self._repeatable.append(factory)
        self.callbacks = [made for made in self._made if isinstance(made, BaseCallbackHandler)]

    @property
    def is_our_handler_alone(self) -> bool:
        """Whether it is the handler of this project, without the instrumentor."""
        return bool(self._made) and all(
            type(made) is OpenTelemetryCallbackHandler for made in self._made
        )

    @property
    def is_permanent(self) -> bool:
        """Whether a factory has returned nothing, so that what it did can't be undone."""
        return not self._made

    @property
    def can_be_repeated(self) -> bool:
        """Whether one of the factories makes nothing but callbacks."""
        return bool(self._repeatable)

    def again(self, provider: TracerProvider) -> list[BaseCallbackHandler]:
        """Make these callbacks once more, for another provider or the same."""
        return [
            made for factory in self._repeatable for made in _made(factory, provider, self._logs)
        ]

    def describe(self) -> Described:
        """Say what it is."""
        kinds = [type(made) for made in self._made] or [type(None)]
        sources = [*kinds, *self._factories]
        return Described(
            name=", ".join(map(_name, self._factories)),
            classes=tuple(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds),
            distributions=dict(filter(None, map(_distribution, sources))),
        )

    def loggers(self) -> tuple[str, ...]:
        """Return the names of the packages it is from."""
        return tuple({type(made).__module__.partition(".")[0] for made in self._made})

    def close(self) -> None:
        """Undo what was instrumented."""
        for made in self._made:
            if not isinstance(made, BaseCallbackHandler):
                made.uninstrument()


@contextmanager
def attached(
    factories: Sequence[Factory], provider: TracerProvider, logs: LoggerProvider
) -> Iterator[Target]:
    """Make what is judged, and take it off again."""
    target = Target(factories, provider, logs)
    try:
        yield target
    finally:
        target.close()


def load_factory(spec: str) -> Factory:
    """Import the factory that ``module:attr`` names; the current folder can be imported from.

    Raises:
        HandlerError: There is none; the message says why on one line.
    """
    module, _, path = spec.partition(":")
    if not all(name.isidentifier() for name in (*module.split("."), *path.split("."))):
        raise HandlerError(
            f"{spec!r} does not say what to judge; expected module:factory, naming a function "
            "that takes a tracer provider and returns a callback handler"
        )
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise HandlerError(f"{spec} cannot be imported: {reason}") from error
    if not callable(found):
        raise HandlerError(
            f"{spec} is a {type(found).__name__}; expected a function that takes a tracer "
            "provider and returns a callback handler"
        )
    return found  # type: ignore[no-any-return]


def _made(factory: Factory, provider: TracerProvider, logs: LoggerProvider) -> list[Any]:
    try:
        wants_logs = "logger_provider" in inspect.signature(factory).parameters
    except (TypeError, ValueError):
        wants_logs = False  # some callables written in C don't say
    try:
        made = factory(provider, logger_provider=logs) if wants_logs else factory(provider)
    except Exception as error:
        reason = " ".join(str(error).split()) or "no message"
        raise HandlerError(
            f"{_name(factory)} failed with the tracer provider it was given: "
            f"{type(error).__name__}: {reason}"
        ) from error
    if made is None:
        return []
    listed = list(made) if isinstance(made, list | tuple) else [made]
    for item in listed:
        is_handler = isinstance(item, BaseCallbackHandler)
        if not is_handler and not callable(getattr(item, "uninstrument", None)):
            raise HandlerError(
                f"{_name(factory)} returned a {type(item).__name__}; expected a callback "
                "handler, a list of them, an object with uninstrument(), or None"
            )
    return listed


def _name(factory: Factory) -> str:
    named = inspect.unwrap(factory)
    qualified = getattr(named, "__qualname__", type(named).__qualname__)
    return f"{getattr(named, '__module__', '?')}:{qualified}"


def _distribution(source: Any) -> tuple[str, str] | None:
    """Find the distribution whose file a class or function was read from."""
    module = sys.modules.get(getattr(source, "__module__", ""))
    place = getattr(module, "__file__", None)
    if module is None or place is None:
        return None
    top = module.__name__.partition(".")[0]
    names = set(metadata.packages_distributions().get(top, ()))
    candidates = map(metadata.distribution, names) if names else metadata.distributions()
    for found in candidates:
        # Distributions share namespaces such as `opentelemetry`: their files tell.
        if len(names) == 1 or _has(found, Path(place)):
            return found.name, found.version
    return None


def _has(distribution: metadata.Distribution, place: Path) -> bool:
    """Whether a file is a distribution's, or in the source tree that it was installed from."""
    direct = json.loads(distribution.read_text("direct_url.json") or "{}")
    source = direct.get("url", "").removeprefix("file://")
    if source and direct.get("dir_info", {}).get("editable"):
        return place.is_relative_to(source)
    files = distribution.files or ()
    return any(file.name == place.name and Path(file.locate()) == place for file in files)
