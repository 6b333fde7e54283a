"""What a reader of a page does: files that are written, commands that are typed.

A fenced block without a language is commands, one a line. An HTML comment before a block, which the
reader doesn't see, says what else is to be known of it:

    <!-- file: PATH -->                 the block is this file
    <!-- file: PATH, from "TEXT" -->    it replaces what stands there from this text on
    <!-- replace in PATH: "TEXT" -->    it replaces this text
    <!-- exits N -->                    the last command ends with this status
    <!-- not run: WHY -->               nobody types it
"""

import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"(?:^ *<!-- (?P<note>[^\n]*?) -->\n\n)?^(?P<indent> *)```(?P<language>\w*)\n"
    r"(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
_FILE = re.compile(r'file: (?P<path>[^,"]+?)(?:, from "(?P<begin>.*)")?')
_REPLACED = re.compile(r'replace in (?P<path>[^:]+): "(?P<old>.*)"')
_EXITS = re.compile(r"exits (?P<status>\d)")

_LIMIT_S = 600


@dataclass(frozen=True)
class Write:
    """Write a file, or exchange a part of it.

    Attributes:
        path: Below the reader's folder.
        text: What is written.
        begin: Where the part begins that goes to the end of the file.
        old: The part.
    """

    path: str
    text: str
    begin: str | None = None
    old: str | None = None


@dataclass(frozen=True)
class Type:
    """Type commands, and see the status that the last one ends with; all others end with 0."""

    commands: tuple[str, ...]
    status: int = 0


def steps(page: str) -> Iterator[Write | Type]:
    """Yield what a reader does, in order.

    Raises:
        ValueError: A comment before a block is none that is known.
    """
    for block in _BLOCK.finditer(page):
        note, text = block["note"] or "", block["text"]
        if block["indent"]:
            text = re.sub(f"^{block['indent']}", "", text, flags=re.MULTILINE)
        if note.startswith("not run: "):
            continue
        if found := _FILE.fullmatch(note):
            yield Write(found["path"], text, begin=found["begin"])
        elif found := _REPLACED.fullmatch(note):
            yield Write(found["path"], text, old=found["old"])
        elif not block["language"]:
            status = _EXITS.fullmatch(note)
            if note and not status:
                raise ValueError(f"no comment before a block is <!-- {note} -->")
            yield Type(tuple(text.splitlines()), int(status["status"]) if status else 0)


def perform(step: Write | Type, folder: Path) -> None:
    """Do in a folder what a reader does there.

    Raises:
        AssertionError: A command ended with another status than the page says.
        ValueError: The text that is replaced isn't there.
    """
    if isinstance(step, Write):
        _write(step, folder / step.path)
        return
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), environment["PATH"]])
    # Environments and checkouts are kept, and not among those of whoever runs this.
    environment["PARROT_BENCH_CACHE"] = str(folder.with_name(f"{folder.name}-cache"))
    for command in step.commands:
        # Whoever runs this has it installed.
        if not command or command.startswith("pip install "):
            continue
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
        expected = step.status if command == step.commands[-1] else 0
        assert done.returncode == expected, (
            f"{command} ended with {done.returncode}, not {expected}:\n{done.stdout}{done.stderr}"
        )


def _write(step: Write, path: Path) -> None:
    text = step.text
    if step.begin is not None:
        before = path.read_text(encoding="utf-8")
        text = before[: before.index(step.begin)] + text
    elif step.old is not None:
        before = path.read_text(encoding="utf-8")
        if step.old not in before:
            raise ValueError(f"{step.old!r} does not stand in {path.name}")
        text = before.replace(step.old, text.rstrip("\n"), 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
