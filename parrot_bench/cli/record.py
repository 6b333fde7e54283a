"""``parrot-bench record``: keep a model's real replies in a file."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.text import Text

from parrot_bench.cli.agreeing import agree
from parrot_bench.cli.options import (
    CallLimit,
    Debug,
    MaxErrors,
    Model,
    ModelArgs,
    ProviderModel,
    Quiet,
    Yes,
    made_of,
    read_prompt,
)
from parrot_bench.cli.terminal import (
    EXIT_FAILED,
    EXIT_USAGE,
    console,
    errors,
    one_line_errors,
    print_line,
)
from parrot_bench.errors import MeasurementError, UsageError
from parrot_bench.line_files import read_prompts

if TYPE_CHECKING:
    from parrot_bench.prompts import Prompt as Asked
    from parrot_bench.replay.recording import Mode, Recorded

_WHAT, _END = "What to record", "What becomes of it"
_MOST_CALLS = 1_000_000


def record(  # one option a parameter
    context: typer.Context,
    model: Model = "",
    *,
    provider_model: ProviderModel = "",
    model_args: ModelArgs = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where the replies go: a file that isn't there yet. Only its owner can read it.",
            rich_help_panel=_END,
        ),
    ] = Path("replies.jsonl"),
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT|@FILE",
            help="What every call is asked.",
            show_default=False,
            rich_help_panel=_WHAT,
        ),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='Many prompts, a text or JSON a line ("…", {"prompt": "…"} or {"messages": '
            "[…]}), asked one after the other.",
            show_default=False,
            rich_help_panel=_WHAT,
        ),
    ] = None,
    calls: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=_MOST_CALLS,
            help="How many calls are made; after the last prompt comes the first again.",
            show_default="one of each prompt",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    max_calls: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Never make more calls of the model than this.",
            show_default="no bound",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    mode: Annotated[
        str,
        typer.Option(
            metavar="astream|stream",
            help="What is called; a model without it by its sync method, or in one piece.",
            rich_help_panel=_WHAT,
        ),
    ] = "astream",
    concurrency: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=1000,
            help="Calls in flight. More than one may lengthen the times that are recorded.",
            rich_help_panel=_WHAT,
        ),
    ] = 1,
    call_limit: CallLimit = "60",  # type: ignore[assignment]  # typer passes it through the parser
    keep_prompts: Annotated[
        bool,
        typer.Option(
            "--keep-prompts",
            help="Write down what was asked, as well; else only a digest of it.",
            rich_help_panel=_END,
        ),
    ] = False,
    max_errors: MaxErrors = "1%",  # type: ignore[assignment]  # as above
    yes: Yes = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Keep real replies of a chat model in a file, to be given back without their provider.

    **The file has the model's replies, word for word**: chunks as they came, tool calls, reasoning,
    usage, times. Credentials in the metadata are left out. Treat it as you treat the replies.

        parrot-bench record my_app.llm:make_model --prompts prompts.jsonl -o replies.jsonl

        parrot-bench run --replay replies.jsonl

        parrot-bench load --replay replies.jsonl --replay-latency recorded --concurrency 1,8

    A reply is on disk when the next call begins: what is stopped or killed keeps what it has.

    Exit status: 0 done; 1 more errors than **--max-errors**; 2 bad input, or stopped.
    """
    with one_line_errors(debug=debug):
        asked = _asked(prompt, prompts)
        if mode not in {"astream", "stream"}:
            raise UsageError(f"--mode {mode!r} is none that is recorded; give astream or stream")
        number = min(calls or len(asked), max_calls or _MOST_CALLS)
        spec, arguments = made_of(model, provider_model, model_args, context)

        from parrot_bench.cli.recording_progress import RecordingProgress  # noqa: PLC0415  # lazily
        from parrot_bench.loading import load_model, load_parrot  # noqa: PLC0415
        from parrot_bench.replay.files import RecordingFile, check_new  # noqa: PLC0415
        from parrot_bench.replay.recording import (  # noqa: PLC0415
            RecordingPlan,
            called,
            chat_model,
            record,
        )
        from parrot_bench.request import Request, check  # noqa: PLC0415

        check(Request(spec=spec, model_args=arguments, call_limit_s=call_limit))
        check_new(output)
        loaded = load_model(spec, dict(arguments)) if spec else load_parrot()
        model_to_ask = chat_model(loaded.model)
        chosen = cast("Mode", mode)
        name, how = type(model_to_ask).__qualname__, called(model_to_ask, chosen)
        agree(
            f"{_counted(number, 'call')} of {name} by {how}, {concurrency} at a time, "
            f"{_counted(len(asked), 'prompt')}; its replies go to {output}",
            yes=yes or not spec,
        )
        plan = RecordingPlan(
            prompts=asked,
            calls=number,
            mode=chosen,
            concurrency=concurrency,
            call_limit_s=call_limit,
            keep_prompts=keep_prompts,
        )
        progress = RecordingProgress(errors, number, quiet=quiet)
        # Also where whoever started it has it ignored, as a shell does in the background.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with RecordingFile(output) as file:
            try:
                done = record(model_to_ask, plan, file, progress)
            except KeyboardInterrupt:
                _say(f"parrot-bench: stopped; {_kept(file.replies, output)}")
                raise typer.Exit(EXIT_USAGE) from None
            finally:
                progress.close()
        _tell(done, number, output)
        if not done.replies:
            raise MeasurementError(f"nothing was recorded: {next(iter(done.first.values()), '')}")
        made = done.replies + done.failed
        if done.failed > max_errors * made:
            said = f"{done.failed / made:.1%} of the calls failed, over --max-errors"
            _say(f"parrot-bench: {said} {max_errors:.1%}")
            raise typer.Exit(EXIT_FAILED)


def _asked(prompt: str | None, prompts: Path | None) -> "tuple[Asked, ...]":
    if prompt is not None and prompts is not None:
        raise UsageError("both --prompt and --prompts are given; give one")
    if prompts is not None:
        found = read_prompts(prompts)
        if any(isinstance(each, dict) for each in found):
            raise UsageError(
                f"{prompts} has an input that is an object, and a chat model takes a text or "
                "messages; record the model with those"
            )
        return found
    if prompt is None:
        raise UsageError("nothing is to be asked; give --prompts FILE, or --prompt TEXT")
    text = read_prompt(prompt)
    if not text:
        raise UsageError("--prompt is empty; give at least one character")
    return (text,)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _kept(replies: int, output: Path) -> str:
    if not replies:
        return "there was no reply, and no file is kept"
    return f"{replies:,} repl{'y is' if replies == 1 else 'ies are'} in {output}"


def _tell(done: "Recorded", number: int, output: Path) -> None:
    for name, count in done.errors.most_common():
        _say(f"{count} of {number} calls failed: {done.first[name]}", of=name)
    for place, count in done.left_out.most_common():
        _say(f"left out of {count} of {done.replies} replies: {place}")
    if done.replies:
        said = _kept(done.replies, output)
        console.print(Text(f"{said}: the model's words, which only you can read"), soft_wrap=True)


def _say(text: str, of: str = "") -> None:
    shown = text if of in text else f"{text} ({of})"
    print_line(shown, style="yellow" if of else "")
