"""How the parity study asks: a few calls a mode, the most telling ones first.

1.  Every mode once, as a user would; a mode that batches, with three prompts.
2.  The reference mode again; where a mode's reply is another one, both again.
3.  The reference mode on a batch's other prompts; every mode that does not batch again.
4.  Every mode with a stop sequence, and with a smaller ``max_tokens``.
5.  Copies of the model whose parameters the cache key misses.

The first two are always made to their end. What follows is left out where the time is over.
Everything is where ``--max-calls`` is spent. What is left out is said.

This module asks. What the answers mean is said in :mod:`parrot_bench.studies.parity.judging`.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable

from parrot_bench.errors import MeasurementError
from parrot_bench.events import Event, ModeDropped, Observed, Phase, Reply
from parrot_bench.execution import ExecutionMode, implements, is_chat_model
from parrot_bench.prompts import Prompt
from parrot_bench.runnables.inputs import varied
from parrot_bench.runnables.kinds import has_messages, kind_of, named
from parrot_bench.studies.bench import Bench
from parrot_bench.studies.kept_replies import NO_TOKENS
from parrot_bench.studies.parity import cachekey
from parrot_bench.studies.parity.asking import Asker, declares_max_tokens, stop_sequence
from parrot_bench.studies.parity.seen import (
    Asked,
    Asking,
    KeyMisses,
    ModelSeen,
    NotAsked,
    UnitSeen,
)
from parrot_bench.timing import CallLimitExceeded, call_limit

METHODS = ("_stream", "_agenerate", "_astream")
"""What a chat model may implement itself; it has to implement _generate."""

PROMPTS = 3
"""Prompts of a batch: as few as can be in another order than reversed."""

MOST_PARAMETERS = 6
"""Copies of the model that are asked whether a parameter changes the reply."""

Events = Generator[Event, Reply, None]

Ask = Callable[[ExecutionMode, Sequence[Prompt]], UnitSeen]
"""Makes the unit of calls of one mode that a check needs."""


def take(bench: Bench) -> Events:
    """Ask whether the modes do the same; see :attr:`parrot_bench.studies.table.Study.take`."""
    yield from Probing(bench).events()


class Probing:
    """The parity study of one model.

    Args:
        bench: The model, and how calls are made.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._asker = Asker(bench)
        self._modes = [mode for mode in bench.usable if mode.status != "floor"]
        self._working = list(self._modes)
        prompt = bench.request.prompt
        # The prompts of a batch differ from their first characters on: an echo that is cut
        # short tells them apart, too.
        self._prompts = [prompt, *(varied(prompt, n) for n in range(2, PROMPTS + 1))]
        self._first: dict[str, UnitSeen] = {}
        self._digests: dict[str, set[str]] = {}
        self._confirmed_modes: set[str] = set()
        self._over = ""
        self._untold = ""
        self._name = named(bench.model)

    def events(self) -> Events:
        """Ask everything, and yield what was seen."""
        yield Observed(seen(self._bench.model))
        for mode, reason in self._bench.failed.items():
            if reason == NO_TOKENS:
                self._untold = NO_TOKENS
                yield Observed(NotAsked(mode, reason))
                continue
            said = self._asker.private(reason)
            yield Observed(UnitSeen(mode=mode, asked="plain", calls=0, error=said))
        yield from self._plain()
        reference = self._reference()
        yield from self._asked("content", [reference], self._ask("again"), late=True)
        yield from self._confirmed(reference)
        yield from self._again(reference)
        model = self._bench.model
        if not is_chat_model(model):
            # What a call passes on of its arguments is each Runnable's own affair.
            for check in ("stop", "max_tokens", "cache key", "metadata"):
                yield Observed(NotAsked(check, f"{self._name} is no chat model"))
            return
        yield from self._stops()
        yield from self._limits(model)
        yield from self._cache_key(reference, model)

    # -- the passes ----------------------------------------------------------------------

    def _plain(self) -> Events:
        for mode in self._modes:
            yield Phase(f"checking {mode.name}")
            count = PROMPTS if mode.batches else 1
            if bound := self._bench.budget.refusing(count):
                self._over = f"{bound} leaves no call for it"
                self._working.remove(mode)
                yield Observed(NotAsked(mode.name, self._over))
                continue
            yield Observed(Asking(mode.name, count))
            unit = self._asker.ask(mode, self._prompts[:count], "plain")
            if self._bench.budget.tokens is not None and not tells_tokens(unit):
                self._untold = NO_TOKENS
                self._working.remove(mode)
                yield Observed(NotAsked(mode.name, NO_TOKENS))
                continue
            self._first[mode.name] = unit
            yield from self._told(unit)
            if unit.error:
                self._working.remove(mode)
                yield ModeDropped(mode.name, unit.error)
        if not any(unit.replies for unit in self._first.values()):
            raise MeasurementError(self._nothing())

    def _nothing(self) -> str:
        if not self._first:
            why = self._untold or self._over or "there are no modes but floors"
            return f"nothing was asked: {why}"
        name, unit = next(iter(self._first.items()))
        said = unit.error or "no reply came"
        return f"no mode gives a reply: {name}: {said}; mend the model"

    def _reference(self) -> ExecutionMode:
        baseline = self._bench.request.baseline
        works = [mode for mode in self._working if self._first[mode.name].replies]
        return next((mode for mode in works if mode.name == baseline), works[0])

    def _again(self, reference: ExecutionMode) -> Events:
        if any(mode.batches for mode in self._working) and not reference.batches:
            for prompt in self._prompts[1:]:
                yield from self._asked("order", [reference], self._ask("prompts"), [prompt])
        single = [mode for mode in self._working if not mode.batches and mode is not reference]
        once = [mode for mode in single if mode.name not in self._confirmed_modes]
        yield from self._asked("content", once, self._ask("again"))

    def _stops(self) -> Events:
        stop = stop_sequence(self._asker.texts, alike=self._alike())
        if not stop:
            yield Observed(NotAsked("stop", "the replies are too short to be cut in their middle"))
            return
        yield from self._asked("stop", self._working, self._ask("stop", stop=stop))

    def _limits(self, model: BaseChatModel) -> Events:
        if not declares_max_tokens(model):
            yield Observed(NotAsked("max_tokens", f"{self._name} has no parameter of this name"))
            return
        replies = [unit.replies[0] for unit in self._first.values() if unit.replies]
        lengths = [reply.usage[1] if reply.usage else reply.words for reply in replies]
        limit = min(lengths) // 2
        if not limit:
            yield Observed(NotAsked("max_tokens", "the replies are too short to be shorter"))
            return
        yield from self._asked("max_tokens", self._working, self._ask("max_tokens", limit=limit))

    def _confirmed(self, reference: ExecutionMode) -> Events:
        """Ask both again where replies differ: one that changes now and then is no defect."""
        expected = self._first[reference.name].replies[0].digest
        for mode in self._working:
            replies = self._first[mode.name].replies
            if mode.batches or not replies or replies[0].digest == expected or not self._alike():
                continue
            self._confirmed_modes.add(mode.name)
            yield from self._asked("content", [reference, mode], self._ask("again"), late=True)

    def _cache_key(self, reference: ExecutionMode, model: BaseChatModel) -> Events:
        yield Phase("checking the cache key")
        if cachekey.key_of(model) is None:
            yield Observed(NotAsked("cache key", "_get_llm_string raises"))
            return
        asked = 0
        for name, other in cachekey.missed(model):
            if name not in cachekey.NAMED:
                asked += 1
                if asked > MOST_PARAMETERS or not self._alike() or not self._room(1):
                    continue
                if not (yield from self._changes_reply(reference, other)):
                    continue
            if self._shared(name, model, other):
                yield Observed(KeyMisses(name, changes_reply=name not in cachekey.NAMED))

    def _changes_reply(
        self, reference: ExecutionMode, other: BaseChatModel
    ) -> Generator[Event, Reply, bool]:
        yield Observed(Asking(reference.name, 1))
        unit = self._asker.ask(reference, self._prompts[:1], "parameter", model=other)
        yield Observed(unit)
        expected = self._first[reference.name].replies[0].digest
        return bool(unit.replies) and unit.replies[0].digest != expected

    def _shared(self, name: str, model: BaseChatModel, other: BaseChatModel) -> bool:
        try:
            with call_limit(self._bench.calls.call_limit_s):
                shared = cachekey.constructed_like(model, other, name)
        except CallLimitExceeded:
            shared = None
        return bool(shared)

    # -- asking --------------------------------------------------------------------------

    def _ask(self, asked: Asked, *, stop: str = "", limit: int | None = None) -> Ask:
        def ask(mode: ExecutionMode, prompts: Sequence[Prompt]) -> UnitSeen:
            return self._asker.ask(mode, prompts, asked, stop=stop, limit=limit)

        return ask

    def _asked(
        self,
        check: str,
        modes: list[ExecutionMode],
        ask: Ask,
        prompts: Sequence[Prompt] = (),
        *,
        late: bool = False,
    ) -> Events:
        """Ask modes for a check; what is asked ``late`` is so after the time is over, too."""
        for mode in modes:
            # Two prompts: batches of one are no batches to LangChain.
            given = prompts or self._prompts[: 2 if mode.batches else 1]
            yield Phase(f"checking {check} in {mode.name}")
            if not self._room(len(given), late=late):
                yield Observed(NotAsked(check, self._over))
                return
            yield Observed(Asking(mode.name, len(given)))
            yield from self._told(ask(mode, given))

    def _told(self, unit: UnitSeen) -> Events:
        if unit.replies and unit.asked in {"plain", "again"}:
            self._digests.setdefault(unit.mode, set()).add(unit.replies[0].digest)
        if (yield Observed(unit)) is Reply.ENOUGH:
            self._over = "the study's time is over; a longer --time has room for it"

    def _room(self, calls: int, *, late: bool = False) -> bool:
        if bound := self._bench.budget.refusing(calls):
            self._over = f"{bound} leaves no call for it"
            return False
        return late or not self._over

    def _alike(self) -> bool:
        """Whether every mode has always given the same reply to the first prompt."""
        return all(len(digests) == 1 for digests in self._digests.values())


def tells_tokens(unit: UnitSeen) -> bool:
    """Whether the replies of a unit tell their tokens, where there are any."""
    return all(reply.usage is not None for reply in unit.replies)


def seen(model: Runnable[Any, Any]) -> ModelSeen:
    """Say what can be said of the model without calling it."""
    name = named(model)
    if not is_chat_model(model):
        return ModelSeen(
            name=name,
            own=frozenset(METHODS),
            disabled=False,
            provider="",
            provider_guessed=False,
            named=False,
            kind=kind_of(model),
            messages=has_messages(model),
        )
    try:
        params = model._get_ls_params()  # noqa: SLF001  # LangChain's protocol for models
    except Exception:  # noqa: BLE001  # the model's own code
        params = {}
    return ModelSeen(
        name=name,
        own=frozenset(m for m in METHODS if implements(model, m)),
        disabled=model.disable_streaming is True,
        provider=str(params.get("ls_provider") or ""),
        provider_guessed=not implements(model, "_get_ls_params"),
        named=bool(params.get("ls_model_name")),
    )
