"""Find the chat model, or other Runnable, that ``module:attr`` or ``path/file.py:attr`` names.

There is no registry: whatever Python can import can be measured. Code of the user's is run
here and may fail in every way there is; each becomes one line that says what to do.
"""

import copy
import importlib
import importlib.util
import inspect
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from langchain_core.runnables import Runnable
from pydantic import ValidationError

from parrot_bench.errors import ModelLoadError, UsageError
from parrot_bench.runnables.kinds import with_own_threads

Made = Runnable[Any, Any]


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A chat model or another Runnable, and how to make another one like it.

    Attributes:
        model: What is measured.
        spec: What it was loaded from, as given; empty for a model given as an object.
        again: Makes another instance; None where only this one can be had.
        how: How ``again`` makes it, in words.
    """

    model: Made
    spec: str = ""
    again: Callable[[], Made] | None = None
    how: str = ""

    def second(self) -> tuple[Made, str]:
        """Return a second instance of the model, and how it was made.

        It is what the model is compared with to see whether identical code is found to be
        identical.

        Returns:
            The instance, and one of "the factory called again", "constructed again", "a shallow
            copy" and "the same object", of one that cannot be copied.

        Raises:
            ModelLoadError: It cannot be made.
        """
        if self.again is not None:
            return self.again(), self.how
        # Not model_copy: a field may hold a client that cannot be copied deeply, and the copy
        # is to share it.
        try:
            return copy.copy(self.model), "a shallow copy"
        except Exception:  # noqa: BLE001  # of whatever the user's class does not like
            return self.model, "the same object"


def load_model(spec: str, arguments: Mapping[str, Any] | None = None) -> LoadedModel:
    """Load the chat model, or other Runnable, that a MODEL argument names.

    Args:
        spec: ``module:attr`` or ``path/file.py:attr``. ``attr`` may be dotted, and is a chat
            model, a chain, a graph or any other Runnable, a class of them or a factory; the latter
            two are called. The current folder can be imported from.
        arguments: Keyword arguments of that call.

    Returns:
        The model, ready to be called.

    Raises:
        ModelLoadError: The spec names no Runnable; the message says why in one line.
    """
    named = named_object(
        spec, "a chat model or another Runnable, its class or a factory", ModelLoadError
    )
    return adopt(named, spec, arguments)


def adopt(
    model: Made | Callable[..., Made],
    spec: str = "",
    arguments: Mapping[str, Any] | None = None,
) -> LoadedModel:
    """Take a chat model or another Runnable, its class or a factory that is already at hand.

    Args:
        model: The model, or what makes it when called.
        spec: Where it comes from, for messages and for the record.
        arguments: Keyword arguments of that call.

    Returns:
        The model, ready to be called.

    Raises:
        ModelLoadError: It is or makes no Runnable; the message says why in one line.
    """
    subject = spec or "what was given as the model"
    if isinstance(model, Runnable):
        if arguments:
            raise ModelLoadError(
                f"{subject} is a model that is made already and takes no arguments "
                f"({', '.join(arguments)}); name its class, or a factory"
            )
        return LoadedModel(model=with_own_threads(model), spec=spec)
    made_by: Any = model
    is_class = isinstance(made_by, type)
    if not callable(made_by) or (is_class and not issubclass(made_by, Runnable)):
        raise ModelLoadError(_no_runnable(f"{subject} is", made_by))

    def again() -> Made:
        return _made(subject, made_by, arguments or {})

    how = "constructed again" if is_class else "the factory called again"
    return LoadedModel(model=again(), spec=spec, again=again, how=how)


def load_parrot(reply_length: int = 20, *, native_async: bool = True) -> LoadedModel:
    """Load the reference model that is measured when no other is named.

    Args:
        reply_length: Chunks, and characters, of its reply to a prompt at least as long.
        native_async: With async methods of its own; else LangChain's executor fallback.

    Returns:
        The model.
    """
    from parrot_bench.parrot import AsyncChatParrotLink, ChatParrotLink  # noqa: PLC0415

    cls = AsyncChatParrotLink if native_async else ChatParrotLink

    def again() -> Made:
        return cls(parrot_buffer_length=reply_length)

    return LoadedModel(model=again(), again=again, how="constructed again")


def named_object(spec: str, expected: str, error: type[UsageError]) -> Any:
    """Import what ``module:attr`` or ``path/file.py:attr`` names.

    Args:
        spec: The name; ``attr`` may be dotted.
        expected: What it is expected to name, in words.
        error: The kind of error to raise.

    Returns:
        The object.

    Raises:
        UsageError: Of the kind asked for, when it cannot be imported.
    """
    # The last colon: a path on Windows has one of its own.
    place, _, attributes = spec.rpartition(":")
    if not (place and attributes):
        raise error(
            f"{spec!r} does not say what to load; "
            f"expected module:attr or path/file.py:attr, naming {expected}"
        )
    with _in_one_line(f"{place} cannot be imported", error):
        found: Any = _file(place, error) if place.endswith(".py") else _module(place, error)
    path = place
    for attribute in attributes.split("."):
        with _in_one_line(f"{attribute} of {path} cannot be read", error):
            found = _attribute(path, found, attribute, error)
        path += f"{'.' if ':' in path[len(place) :] else ':'}{attribute}"
    return found


def _module(name: str, error: type[UsageError]) -> ModuleType:
    _import_from(Path.cwd())
    as_file = Path(f"{name.removesuffix('.py')}.py")
    hint = f"; to load the file, write {as_file}:attr" if as_file.is_file() else ""
    if not all(part.isidentifier() for part in name.split(".")):
        raise error(f"{name!r} is not the name of a module{hint}")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        # Only where this module is missing. One that it imports is told as it is.
        if missing.name is None or not f"{name}.".startswith(f"{missing.name}."):
            raise
        raise error(
            f"there is no module {missing.name!r} in the current folder {Path.cwd()} "
            f"or among the installed packages{hint}"
        ) from missing


def _file(place: str, error: type[UsageError]) -> ModuleType:
    path = Path(place).resolve()
    if not path.is_file():
        raise error(f"there is no file {place} in the current folder {Path.cwd()}")
    _import_from(Path.cwd())
    _import_from(path.parent)  # as Python does for a script
    # MODEL and a mode of one's own may come from the same file: it is loaded once.
    modules: list[object] = list(sys.modules.values())  # not each of them is a module
    for known in modules:
        # Not getattr: there are lazy modules that import another when asked for a name.
        if isinstance(known, ModuleType) and vars(known).get("__file__") == str(path):
            return known
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise error(f"{place} is not a file that Python can import")
    module = importlib.util.module_from_spec(spec)
    # Classes are looked up by the name of their module, by pickle and pydantic among others.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _module_name(path: Path) -> str:
    """A file's own name, unless it is another module's or none that a module can have."""
    name = path.stem
    if name.isidentifier() and name not in sys.modules:
        found = importlib.util.find_spec(name)
        if found is None or (found.origin and Path(found.origin).resolve() == path):
            return name
    return f"{name.replace('.', '_')}_{zlib.crc32(str(path).encode()):08x}"


def _import_from(folder: Path) -> None:
    """Make a folder importable, and leave it so: modules import others while they are used."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _attribute(path: str, owner: Any, attribute: str, error: type[UsageError]) -> Any:
    try:
        return getattr(owner, attribute)
    except AttributeError as missing:
        names = [name for name in dir(owner) if not name.startswith("_")]
        close = get_close_matches(attribute, names, n=1)
        here = getattr(owner, "__dict__", {})
        models = [name for name in names if isinstance(here.get(name), Runnable)]
        if close:
            hint = f"; did you mean {close[0]}?"
        elif models:
            hint = f"; what can be measured in it: {', '.join(models)}"
        else:
            hint = ""
        raise error(f"{path} has no {attribute!r}{hint}") from missing


def _made(subject: str, factory: Callable[..., Any], arguments: Mapping[str, Any]) -> Made:
    """Call a class or a factory, and see to it that a Runnable comes out."""
    if inspect.iscoroutinefunction(factory):
        raise ModelLoadError(
            f"{subject} is an async factory; expected one that returns the model when called"
        )
    if needed := [name for name in _required_arguments(factory) if name not in arguments]:
        raise ModelLoadError(
            f"{subject} needs arguments ({', '.join(needed)}) and is called without them; "
            "give them with --model-args, or name a factory that takes none"
        )
    with _in_one_line(f"{subject} was called and failed", ModelLoadError):
        model = factory(**arguments)
    if not isinstance(model, Runnable):
        if inspect.iscoroutine(model):
            model.close()
        raise ModelLoadError(_no_runnable(f"{subject} returned", model))
    return with_own_threads(model)


def _required_arguments(factory: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return []  # some callables written in C do not say
    named = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in named]


def _no_runnable(subject: str, found: Any) -> str:
    """Say what was found where a Runnable was expected, and what to name instead."""
    name = f"{type(found).__module__}.{type(found).__qualname__}".removeprefix("builtins.")
    expected = "expected a LangChain chat model or another Runnable"
    if isinstance(found, type):
        return f"{subject} the class {found.__qualname__}, which is no Runnable; {expected}"
    article = "an" if name[0] in "aeiou" else "a"
    hint = ": name what its compile() returns" if hasattr(found, "compile") else ""
    return f"{subject} {article} {name}; {expected}{hint}"


@contextmanager
def _in_one_line(what: str, error: type[UsageError]) -> Iterator[None]:
    """Turn whatever the user's code raises, ``sys.exit`` included, into an error of one line."""
    try:
        yield
    except UsageError:
        raise
    except (Exception, SystemExit) as raised:
        if isinstance(raised, ValidationError):
            # Its own text repeats the input, which may be a key.
            first, *_ = raised.errors(include_input=False, include_url=False)
            said = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        else:
            said = " ".join(str(raised).split()) or "no message"
        raise error(f"{what}: {type(raised).__name__}: {said}") from raised
