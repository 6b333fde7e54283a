"""Recorded arrivals and prompts, read from files line by line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parrot_bench.errors import UsageError
from parrot_bench.prompts import Prompt

_MOST_S = 1e15
"""Further from zero, seconds lose their milliseconds; nanoseconds are further."""


def read_trace(path: Path) -> tuple[float, ...]:
    """Read recorded arrivals: a number of seconds a line, or a JSON object with ``at``.

    Returns:
        Seconds after the first, rising.

    Raises:
        UsageError: The file cannot be read, or a line is no time; the message has its number.
    """
    found = sorted(_time(line, path, number) for number, line in _lines(path) if line.strip())
    if not found:
        raise UsageError(f"{path} has no arrival; give a number of seconds a line")
    return tuple(at - found[0] for at in found)


def read_prompts(path: Path) -> tuple[Prompt, ...]:
    """Read prompts, one a line: a text, or JSON.

    Of JSON, a text in quotes, an object with ``prompt``, one with ``messages``, which are objects
    with ``role`` and ``content``, or one with ``input``, an object that a chain or a graph takes. A
    line that is no JSON is a text.

    Raises:
        UsageError: The file cannot be read, or a line is no prompt; the message has its number.
    """
    found = [_prompt(line, path, number) for number, line in _lines(path) if line.strip()]
    if not found:
        raise UsageError(f"{path} has no prompt; give one a line")
    return tuple(found)


def _prompt(line: str, path: Path, number: int) -> Prompt:
    wrong = UsageError(
        f"{path}, line {number} is no prompt; give a text, "
        'or {"prompt": "…"}, {"messages": [{"role": "user", "content": "…"}]}, or {"input": {…}}'
    )
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):  # a thousand brackets are a text
        return line.strip()
    if isinstance(read, dict) and isinstance(read.get("input"), dict) and read["input"]:
        given: dict[str, Any] = read["input"]
        return given
    if isinstance(read, dict):
        read = read.get("prompt", read.get("messages"))
    elif not isinstance(read, str | list):  # 42 and null are texts
        return line.strip()
    if isinstance(read, str) and read:
        return read
    if not isinstance(read, list) or not read:
        raise wrong
    messages = []
    for message in read:
        said = message if isinstance(message, dict) else {}
        role, content = said.get("role"), said.get("content")
        if not isinstance(role, str) or not isinstance(content, str):
            raise wrong
        messages.append((role, content))
    return messages


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a text file with their numbers, from 1.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{path} cannot be read: {reason}") from error
    # Not splitlines: a prompt may have other characters that end lines somewhere.
    yield from enumerate(text.replace("\r\n", "\n").split("\n"), 1)


def _time(line: str, path: Path, number: int) -> float:
    try:
        value = json.loads(line)
        at = float(value["at"] if isinstance(value, dict) else value)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        at = float("nan")
    if not abs(at) < _MOST_S:
        raise UsageError(
            f"{path}, line {number}: {line.strip()[:40]!r} is no time; "
            'give seconds, or {"at": 1.5}'
        )
    return at
