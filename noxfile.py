"""What is done with this project: ``nox -s bench`` measures, ``nox -s tests`` tests.

Versions come from pyproject.toml and nowhere else.
"""

import re
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests", "lint", "types"]

APART = (
    "--ignore=tests/benchmarks",
    "--ignore=tests/collectors",
    "--ignore=tests/documentation/test_pages.py",
)
"""Tests with a session of their own."""

HERE = Path(__file__).parent

PYPROJECT = nox.project.load_toml("pyproject.toml")
# Every `peer-<name>` group; the name is that of a factory in tests/peers/handlers.py.
PEERS = [
    name.removeprefix("peer-")
    for name in PYPROJECT["dependency-groups"]
    if name.startswith("peer-")
]
# Instead of a peer: other load tools, at a server of theirs.
LOAD = "load"
# Fresh processes differ by more than their rounds do: hash seeds, where memory lies.
PEER_PROCESSES = 3


def group(name: str) -> list[str]:
    """Return the requirements of a dependency group."""
    return list(nox.project.dependency_groups(PYPROJECT, name))


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the parrot, or what is named: ``nox -s bench -- run pkg.mod:make_model``."""
    session.install("-e", ".[bench]")
    arguments = session.posargs
    # `nox -s bench -- --time 10` means `run` as well.
    if not arguments or arguments[0].startswith("-"):
        arguments = ["run", *arguments]
    session.run("parrot-bench", *arguments)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite; arguments go to pytest."""
    session.install("-e", ".[bench,grpc,instrument]", *group("tests"))
    session.run("pytest", *APART, *session.posargs)


@nox.session
def perf(session: nox.Session) -> None:
    """Run the benchmarks of the harness itself, under pytest-benchmark."""
    session.install("-e", ".[bench]", *group("perf"))
    session.run(
        "pytest",
        "tests/benchmarks",
        "--benchmark-sort=name",
        "--benchmark-columns=median,iqr,rounds",
        *session.posargs,
    )


@nox.session
@nox.parametrize("peer", [*PEERS, LOAD], ids=[*PEERS, LOAD])
def peers(session: nox.Session, peer: str) -> None:
    """Compare with other handlers, and print the table: ``nox -s peers -- --write FILE``.

    Or with other load tools, at a server of theirs: ``nox -s peers -- load --write FILE``.
    """
    loads = session.posargs[:1] == [LOAD]
    if loads != (peer == LOAD):
        session.skip(f"nox -s peers -- {LOAD}" if peer == LOAD else "only load tools are compared")
    if loads:
        load_tools(session, session.posargs[1:])
        return
    session.install("-e", ".[bench]", *group("graphs"), *group(f"peer-{peer}"))
    results = Path(session.cache_dir, "peers").absolute()
    results.mkdir(parents=True, exist_ok=True)
    for process in range(PEER_PROCESSES):
        file = results / f"costs-{peer}-{process}.json"
        options = ("--seed", str(process), "--out", str(file))
        session.run("python", "-m", "tests.peers", "measure", peer, *options)
    judged = {
        peer: f"tests.peers.handlers:{peer}",
        "handler": "parrot_callbacks.conformance.ours:handler",
        "instrumentor": "parrot_callbacks.conformance.ours:instrumentor",
    }
    for name, factory in judged.items():
        file = results / f"conformance-{name}.json"
        # Status 1 says that cells fail; the table says how many.
        session.run(
            "parrot-bench", "conformance", factory, "--json", str(file), success_codes=[0, 1]
        )
    session.run("python", "-m", "tests.peers", "beside", peer)
    session.run("python", "-m", "tests.peers", "table", str(results), *session.posargs)


def load_tools(session: nox.Session, arguments: list[str]) -> None:
    """Let ours and other load tools, each in an environment of its own, drive one server."""
    session.install("-e", ".[bench]", *group("load-ours"))
    pythons = {}
    for tool in ("guidellm", "aiperf", "litellm"):
        apart = Path(session.cache_dir, "load-tools", tool).absolute()
        pythons[tool] = apart / "bin" / "python"
        session.run("uv", "venv", "--quiet", "--allow-existing", str(apart))
        into = ("--python", str(pythons[tool]))
        session.run("uv", "pip", "install", "--quiet", *into, *group(f"load-{tool}"))
    options = [word for tool, python in pythons.items() for word in (f"--{tool}", str(python))]
    results = Path(session.cache_dir, "peers-load").absolute()
    shutil.rmtree(results, ignore_errors=True)
    session.run("python", "-m", "tests.peers.load", *options, "--results", str(results), *arguments)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the code's form."""
    session.install(*group("lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the code's types."""
    session.install("-e", ".[bench,grpc]", *group("types"), *group("graphs"))
    session.run("mypy", *session.posargs)
    session.run("mypy", "examples")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, and type every command of its tutorial and guides."""
    session.install("-e", ".[bench,distributed,grpc,instrument,pytest]", *group("docs"))
    built = Path(session.cache_dir, "docs").absolute()
    session.run("sphinx-build", "-W", "--keep-going", "-q", "docs", str(built))
    session.log(f"built {built / 'index.html'}")
    session.run("pytest", "tests/documentation", *session.posargs)


@nox.session
def dist(session: nox.Session) -> None:
    """Build what is published, check it, and use it as those do who install it."""
    session.install(*group("dist"))
    built = Path(session.create_tmp(), "dist").absolute()
    shutil.rmtree(built, ignore_errors=True)
    session.run("python", "-m", "build", "--quiet", "--installer", "uv", "--outdir", str(built))
    files = sorted(map(str, built.iterdir()))
    session.run("twine", "check", "--strict", *files)
    (wheel,) = built.glob("*.whl")
    session.run("check-wheel-contents", str(wheel))
    # First without an extra: tracing works, and the command says what it needs.
    session.run(
        "uv", "pip", "install", "--quiet", "--reinstall-package", "parrot-bench", str(wheel)
    )
    tracing = "from parrot_callbacks import OpenTelemetryCallbackHandler as H; H()"
    with session.chdir(built):
        session.run("python", "-c", tracing)
        session.run("parrot-bench", success_codes=[2])
        # Then as somebody who tries it, in an environment that is gone afterwards.
        tried = f"parrot-bench[bench] @ {wheel.as_uri()}"
        measure = ("parrot-bench", "run", "--modes", "invoke,ainvoke", "--time", "2")
        session.run("uvx", "--isolated", "--from", tried, *measure)
        session.run("pipx", "run", "--no-cache", "--spec", tried, "parrot-bench", "modes")
        # And from where it is developed, which an archive of it does not say.
        if (HERE / ".git").exists() and shutil.which("git"):
            source = f"parrot-bench[bench] @ git+{HERE.as_uri()}"
            session.run("uvx", "--isolated", "--from", source, "parrot-bench", "modes")


@nox.session
def minimums(session: nox.Session) -> None:
    """Run the test suite with the lowest version of every direct dependency."""
    wanted = [
        *PYPROJECT["project"]["dependencies"],
        *PYPROJECT["project"]["optional-dependencies"]["bench"],
        *PYPROJECT["project"]["optional-dependencies"]["distributed"],
        *PYPROJECT["project"]["optional-dependencies"]["grpc"],
    ]
    lowest = [re.sub(r">=([\w.]+).*", r"==\1", requirement) for requirement in wanted]
    constraints = Path(session.create_tmp(), "minimums.txt")
    constraints.write_text("\n".join(lowest) + "\n", encoding="utf-8")
    # No LangGraph: none that resolves here runs on the lowest langchain-core; without it, the
    # tests inside graph nodes are skipped.
    others = [name for name in group("tests") if not name.startswith("langgraph")]
    session.install("-e", ".[bench,grpc,instrument]", *others, "--constraint", str(constraints))
    # The lowest typer imports what the newest click calls deprecated.
    session.run("pytest", "-W", "ignore:'click.utils", *APART, *session.posargs)


@nox.session
def collectors(session: nox.Session) -> None:
    """Send spans through a real collector and into a real backend, and compare them there."""
    session.install("-e", ".[bench,grpc]", *group("tests"), *group("collectors"))
    session.run("pytest", "tests/collectors", *session.posargs)


@nox.session
def verify(session: nox.Session) -> None:
    """Hold the harness to account: bias, sensitivity, against, scale; faults, fuzz."""
    session.install("-e", ".[bench,distributed]", *group("verify"))
    command, *options = session.posargs or ["bias"]
    results = Path(session.cache_dir, "verify").absolute()
    session.run("python", "-m", "tests.verify", command, "--results", str(results), *options)


@nox.session
def gallery(session: nox.Session) -> None:
    """Draw docs/gallery.md from saved runs: ``nox -s gallery -- RUN... [SPANS...]``."""
    if not session.posargs:
        session.error("name what was saved: nox -s gallery -- runs/mine runs/a-vs-b spans.jsonl")
    session.install("-e", ".[bench]")
    session.run("python", "-m", "tests.gallery", *session.posargs)
