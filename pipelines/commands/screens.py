"""``scrm dashboard`` and ``scrm up``: the screens, on loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import httpx
import typer

from models.settings import Settings
from pipelines.commands.children import FOREVER, PATIENCE, Kept, Patience, child
from pipelines.commands.output import console, fail

LOOPBACK = "127.0.0.1"
READY_SECONDS = 60
LOOK_SECONDS = 0.5  # how soon the end of a child is noticed


def dashboard(
    port: Annotated[int | None, typer.Option(help="default: the settings' port, or the next free one")] = None,
    check: Annotated[bool, typer.Option("--check", help="stop once it answers")] = False,
) -> None:
    """Open the dashboard in the foreground; Ctrl-C stops it.

    Example: `scrm dashboard --port 8600`

    Exit codes: 0 stopped, 1 it did not come up, or ended by itself.
    """
    show(Settings(), port=port, check=check, then="")


def up(port: Annotated[int | None, typer.Option(help="the dashboard's port; Dagster takes the next")] = None) -> None:
    """Start Dagster (schedules, runs, lineage) and the dashboard, both on loopback; Ctrl-C stops both.

    Dagster's page has no sign-in: it is for this machine only. Whichever of them ends is started again, after pauses
    from a second to a minute, and said; six ends in a row, none after five sound minutes, stop it all.

    Example: `scrm up`

    Exit codes: 0 stopped, 1 the dashboard did not come up, or one of them kept ending.
    """
    settings = Settings()
    os.environ.update(settings.environment())
    _bury(settings)
    first = port or free_port(settings.dashboard.port)
    dagster_port = free_port(first + 1)
    kept = [
        Kept("Dagster", _dagster_command(dagster_port), settings, before=lambda: _bury(settings)),
        _worker(settings, PATIENCE),
        Kept("the dashboard", _dashboard_command(settings, first), settings),
    ]
    with ExitStack() as beside:
        for one in kept:
            beside.enter_context(one)
        _wait(first, lambda: _lost(kept))
        console.print(
            f"dashboard http://{LOOPBACK}:{first}   Dagster http://{LOOPBACK}:{dagster_port}   (Ctrl-C stops both)"
        )
        _until_interrupted(lambda: _lost(kept))


def show(settings: Settings, *, port: int | None, check: bool, then: str) -> None:
    """Run the dashboard in the foreground and print its address and what to try ``then``."""
    chosen = port or free_port(settings.dashboard.port)
    with _worker(settings, FOREVER), child(_dashboard_command(settings, chosen), settings) as process:
        _wait(chosen, lambda: _ended(process))
        console.print(f"[bold]http://{LOOPBACK}:{chosen}[/bold]  {then}".rstrip(), soft_wrap=True)
        if not check:
            _until_interrupted(lambda: _ended(process))


def free_port(wanted: int) -> int:
    """The wanted port of loopback, or the next that is free within fifty."""
    for port in range(wanted, wanted + 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    fail(f"no free port between {wanted} and {wanted + 49}; name one with --port")


def _dashboard_command(settings: Settings, port: int) -> list[str]:
    return [sys.executable, "-m", "dashboards.server", "--port", str(port), "--language", settings.dashboard.language]


def _dagster_command(port: int) -> list[str]:
    program = str(Path(sys.executable).with_name("dagster"))
    return [program, "dev", "-m", "pipelines.definitions", "-h", LOOPBACK, "-p", str(port)]


def _bury(settings: Settings) -> None:
    """Runs that died with Dagster keep no slot."""
    from pipelines.runner import bury, prepare_instance

    if dead := bury(prepare_instance(settings), settings):
        console.print(f"{dead} run(s) had died; they are reported as failed and their slots are free")


def _worker(settings: Settings, patience: Patience) -> Kept:
    """The worker of what people ask for on the pages (``scrm jobs work``)."""
    # the demo's key is not in the environment, and new customers must get the ids that `scrm run` would give them
    key = settings.id_key.get_secret_value()
    command = [str(Path(sys.executable).with_name("scrm")), "jobs", "work"]
    return Kept("the worker", command, settings, more={"SCRM_ID_KEY": key} if key else {}, patience=patience)


def _lost(kept: Sequence[Kept]) -> str:
    return next((one.lost for one in kept if one.lost), "")


def _ended(process: subprocess.Popen[bytes]) -> str:
    code = process.poll()
    return "" if code is None else f"the dashboard ended with code {code}; its words are in logs/ of the home"


def _wait(port: int, lost: Callable[[], str]) -> None:
    """Until the dashboard answers. Exits with 1 when it does not come up, or when something is ``lost`` meanwhile."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if why := lost():
            fail(why)
        try:
            if httpx.get(f"http://{LOOPBACK}:{port}/_stcore/health", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    fail(f"the dashboard did not answer within {READY_SECONDS} s; its words are in logs/ of the home")


def _until_interrupted(lost: Callable[[], str]) -> None:
    """Until Ctrl-C. Exits with 1 when something is ``lost`` before."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's stop ends the children too
    try:
        while not (why := lost()):
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        console.print("stopping")
        return
    fail(why)
