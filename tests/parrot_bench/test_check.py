"""``parrot-bench check`` as a user meets it: real processes, wrong models, bad input."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from parrot_bench.record import CheckRecord

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

MODELS = Path(__file__).parent / "models" / "parity.py"


def model(name: str) -> str:
    return f"{MODELS}:{name}"


def test_the_embedded_parrot_has_no_defect(cli: Cli, tmp_path: Path) -> None:
    done = cli("check", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\nAll modes do the same \(1[02] modes, \d\d calls\)\.\n$", done.stdout)
    assert "astream_events_v2" in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == [], "no run directory is made"


def test_a_defect_is_a_line_and_an_exit_status(cli: Cli, tmp_path: Path) -> None:
    done = cli(
        "check", model("NoUsageInStreams"), "--modes", "invoke,stream,ainvoke", "--json",
        "found.json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("defect ")]
    assert len(lines) == 1
    assert lines[0].startswith("defect usage-missing: stream: no usage_metadata, though invoke")
    assert "1 defect: usage-missing (3 modes, 12 calls)." in done.stdout
    record = CheckRecord.model_validate_json((tmp_path / "found.json").read_bytes())
    assert [finding.identifier for finding in record.parity.findings] == ["usage-missing"]
    assert record.model.class_name.endswith("NoUsageInStreams")


def test_markdown_and_json_are_printed_alone(cli: Cli, tmp_path: Path) -> None:
    given = ("check", model("OwnId"), "--modes", "invoke,stream", "--format")
    markdown = cli(*given, "md", cwd=tmp_path)
    assert markdown.returncode == 0, markdown.stdout + markdown.stderr
    assert markdown.stdout.startswith("### Parity of `OwnId`\n\nNo defect; 1 note: `id-differs`")
    assert "| `stream` | ok | ok | ok | note | ok |" in markdown.stdout
    as_json = json.loads(cli(*given, "json", cwd=tmp_path).stdout)
    assert as_json["parity"]["findings"][0]["identifier"] == "id-differs"


@pytest.mark.parametrize(
    ("name", "status", "modes"),
    [("Dies", 7, ["astream", "invoke", "stream"]), ("DiesOfStop", 8, ["invoke", "ainvoke"])],
)
def test_a_mode_that_ends_the_process_is_named_and_the_others_are_checked(
    cli: Cli, tmp_path: Path, name: str, status: int, modes: list[str]
) -> None:
    done = cli(
        "check", model(name), "--modes", ",".join(modes), "--json", "found.json",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    record = CheckRecord.model_validate_json((tmp_path / "found.json").read_bytes())
    mode, *others = modes
    found = record.parity.findings
    killed = next(one for one in found if one.identifier == "mode-kills-process")
    assert killed.modes[0] == mode
    assert killed.seen == f"the timed process ended with status {status}"
    (line,) = done.stderr.strip().splitlines()
    folder = Path(line.removeprefix("the output of the processes that ended is in "))
    if name == "Dies":
        assert "the driver is gone" in (folder / "worker-0.log").read_text(encoding="utf-8")
    shutil.rmtree(folder)
    outcomes = {checked.mode: checked.outcomes for checked in record.parity.modes}
    assert outcomes[mode]["works"] == "defect"
    for other in others:
        assert outcomes[other]["works"] == "ok"
        assert outcomes[other]["stop"] == "ok"


def test_what_a_model_prints_is_not_in_the_way(cli: Cli, tmp_path: Path) -> None:
    done = cli("check", model("Prints"), "--modes", "invoke", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["parity"]["findings"] == []


def test_a_call_that_hangs_is_stopped(cli: Cli, tmp_path: Path) -> None:
    done = cli(
        "check", model("Hangs"), "--modes", "ainvoke,astream", "--call-limit", "500ms",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "defect mode-hangs: ainvoke: no reply within 0.5 s" in done.stdout


def test_the_prompt_is_repeated_nowhere(cli: Cli, tmp_path: Path) -> None:
    done = cli(
        "check", model("ErrorRepeatsPrompt"), "--modes", "ainvoke", "--prompt",
        "my darkest secret of all", "--json", "found.json", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    written = done.stdout + done.stderr + (tmp_path / "found.json").read_text(encoding="utf-8")
    assert "mode-raises" in written
    assert "darkest" not in written
    assert "sk-1234567890abcdef" not in written


def test_a_bound_on_tokens_is_kept_and_said(cli: Cli, tmp_path: Path) -> None:
    # A call is 256 characters of prompt and 20 of reply.
    done = cli("check", "--max-tokens", str(3 * 276), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("--max-tokens 828 leaves no call for it") == 1
    assert "3 calls)" in done.stdout


def test_nothing_could_be_measured(cli: Cli, tmp_path: Path) -> None:
    done = cli("check", model("BrokenEverywhere"), "--modes", "astream,invoke", cwd=tmp_path)
    assert done.returncode == 4, done.stdout + done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("parrot-bench: no mode gives a reply: ")
    assert "no licence" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere:model"], "nowhere"),
        (["--modes", "ainvok"], "did you mean ainvoke"),
        (["--prompt", ""], "--prompt is empty"),
        (["--max-calls", "0"], "--max-calls 0 is outside 1 to 2147483648"),
        (["--max-tokens", "-3"], "--max-tokens -3 is outside 1 to 1000000000000"),
        (["--json", "absent/found.json"], "there is no folder absent"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_clear_line(
    cli: Cli, tmp_path: Path, arguments: list[str], words: str
) -> None:
    done = cli("check", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("parrot-bench: ")
    assert words in line
