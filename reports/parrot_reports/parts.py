"""What sentences are made of.

A sentence is a tuple of parts. A part that came out of the run (a name) is a `Name`, so that
the page and the markdown summary can each set it as code, and escape it, in their own way.
"""

Sentence = tuple[str, ...]


class Name(str):
    """Text that came from the run: to be set as code, and escaped."""

    __slots__ = ()


class Key(str):
    """The number that a sentence is about: to be set in bold."""

    __slots__ = ()


def plain(sentence: Sentence) -> str:
    """Write a sentence as text, names in backticks."""
    return "".join(f"`{part}`" if isinstance(part, Name) else part for part in sentence)
