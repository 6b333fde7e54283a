"""What ``--against OTHER`` names: a model, installed requirements, or a git reference."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from parrot_bench.against.checkout import commit_of
from parrot_bench.errors import UsageError

Kind = Literal["model", "git", "requirement"]

_NEXT_ITEM = re.compile(r",\s*(?=[A-Za-z])(?![^\[]*\])")
"""A comma before a name: others stand between the bounds of one version, or between extras."""

_EXPECTED = (
    "expected a model (module:attr, path/file.py:attr), a git reference (main, HEAD~1), "
    "or requirements (langchain-core==1.6.0)"
)


@dataclass(frozen=True, kw_only=True)
class Other:
    """What the model is compared with.

    Attributes:
        kind: What was named.
        text: It, without a prefix: the model, or the reference.
        requirements: The requirements, for that kind.
        commit: The full hash, for a git reference.
    """

    kind: Kind
    text: str
    requirements: tuple[str, ...] = ()
    commit: str = ""


def other(given: Sequence[str]) -> Other:
    """Tell what was named.

    A colon makes it a model (a requirement by URL aside); a requirement with a version is
    one; the rest is asked of git. ``git:`` and ``pip:`` in front say it outright.

    Args:
        given: The values of ``--against``; several are several requirements.

    Raises:
        UsageError: It is none of them, or could be two.
    """
    items = [item.strip() for value in given for item in _NEXT_ITEM.split(value) if item.strip()]
    if not items:
        raise UsageError(f"--against names nothing; {_EXPECTED}")
    if len(items) > 1 or items[0].startswith("pip:"):
        return _requirements([item.removeprefix("pip:").strip() for item in items])
    (item,) = items
    if item.startswith("git:"):
        return _reference(item.removeprefix("git:").strip())
    parsed = _parsed(item)
    if parsed is not None and (parsed.url or parsed.specifier):
        if commit_of(item):
            raise UsageError(
                f"--against {item!r} is a requirement and a git reference; "
                f"say which: pip:{item} or git:{item}"
            )
        return _requirements([item])
    if ":" in item:
        return Other(kind="model", text=item)
    return _reference(item)


def _parsed(text: str) -> Requirement | None:
    try:
        return Requirement(text) if text.isprintable() else None
    except InvalidRequirement:
        return None


def _requirements(items: list[str]) -> Other:
    for item in items:
        parsed = _parsed(item)
        if parsed is None or not (parsed.url or parsed.specifier):
            raise UsageError(
                f"--against {item!r} is not a requirement with a version; "
                "give one such as langchain-core==1.6.0"
            )
        if canonicalize_name(parsed.name) == "parrot-bench":
            raise UsageError(
                f"--against {item!r} would measure each side by another parrot-bench, so that "
                "they could not be compared; name what is to be measured"
            )
    return Other(kind="requirement", text=", ".join(items), requirements=tuple(items))


def _reference(text: str) -> Other:
    commit = commit_of(text)
    if not commit:
        raise UsageError(
            f"--against {text!r} is no commit that git knows in the current folder; {_EXPECTED}"
        )
    return Other(kind="git", text=text, commit=commit)
