"""Replacing methods and functions of other packages, and putting them back."""

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

Method = Callable[..., Any]


class Patch:
    """One replaced attribute of a class or a module.

    Args:
        owner: The class or module whose own attribute it is.
        name: The attribute.
        wrap: Makes the replacement of the original.

    Raises:
        KeyError: The owner has no such attribute of its own.
    """

    def __init__(self, owner: Any, name: str, wrap: Callable[[Method], Method]) -> None:
        self._owner = owner
        self._name = name
        self._original: Method = vars(owner)[name]
        is_method = isinstance(owner, type)
        self._replacement = wrap(_unbound(self._original) if is_method else self._original)
        setattr(owner, name, self._replacement)

    def undo(self) -> None:
        """Put the original back.

        If somebody else has wrapped the replacement meanwhile, it stays where it is, below
        theirs: everything that is installed here does nothing for runs that nobody records.
        """
        if vars(self._owner).get(self._name) is self._replacement:
            setattr(self._owner, self._name, self._original)


def _unbound(method: Any) -> Method:
    """Return what takes the instance as its first argument, whatever a class holds.

    Others wrap methods in descriptors (those of ``wrapt``), which learn of the instance when
    they are bound and take it for an argument when they aren't.
    """
    if type(method) is FunctionType:  # a proxy says that it is one, too
        return method

    @functools.wraps(method)
    def called(instance: Any, *args: Any, **kwargs: Any) -> Any:
        return method.__get__(instance, type(instance))(*args, **kwargs)

    return called
