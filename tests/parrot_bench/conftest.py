"""A folder with chat models that nobody here would ship, and the command line as a process."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MODELS = """
import time

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatGeneration, ChatResult


def forever(text="hello there friend"):
    while True:
        yield AIMessage(text)


def make_fake():
    return GenericFakeChatModel(messages=forever())


def raises():
    raise RuntimeError("no licence")


not_a_model = {"model": "gpt"}


class Plain(BaseChatModel):
    sync_ok: bool = True
    async_ok: bool = True
    seconds: float = 0.0
    hang: bool = False

    @property
    def _llm_type(self):
        return "plain"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        if not self.sync_ok:
            raise ValueError("sync is broken")
        time.sleep(self.seconds)
        return ChatResult(generations=[ChatGeneration(message=AIMessage("hi"))])

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs):
        if not self.async_ok:
            raise ValueError("async is broken")
        if self.hang:
            time.sleep(3600)
        return self._generate(messages)


async_broken = Plain(async_ok=False)
all_broken = Plain(sync_ok=False)
hangs = Plain(hang=True)
slow = Plain(seconds=0.25)


def make_noisy():
    print("x" * 100_000)
    return Plain()


class Dies(Plain):
    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        import os

        print("fatal: the driver is gone", flush=True)
        os._exit(7)


dies = Dies()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models.py").write_text(textwrap.dedent(MODELS), encoding="utf-8")
    return tmp_path


def environment() -> dict[str, str]:
    paths = [ROOT, ROOT / "callbacks", ROOT / "reports"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, paths)), "COLUMNS": "160"}


@pytest.fixture
def start() -> Callable[..., "subprocess.Popen[str]"]:
    """Start the command line in a folder."""

    def begin(*arguments: object, cwd: Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "parrot_bench", *map(str, arguments)],
            cwd=cwd,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    return begin


@pytest.fixture
def cli(
    start: Callable[..., "subprocess.Popen[str]"],
) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the command line in a folder and wait for it."""

    def call(*arguments: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
        process = start(*arguments, cwd=cwd)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return call
