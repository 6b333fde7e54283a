"""Replacing methods and functions of other packages, and putting them back."""

from collections.abc import Callable
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
        self._replacement = wrap(self._original)
        setattr(owner, name, self._replacement)

    def undo(self) -> None:
        """Put the original back.

        If somebody else has wrapped the replacement meanwhile, it stays where it is, below
        theirs: everything that is installed here does nothing for runs that nobody records.
        """
        if vars(self._owner).get(self._name) is self._replacement:
            setattr(self._owner, self._name, self._original)
