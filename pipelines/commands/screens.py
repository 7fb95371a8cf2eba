"""``scrm dashboard`` and ``scrm up``: the screens, on loopback."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import httpx
import typer

from models.settings import PROJECT_ROOT, Settings
from pipelines.commands.output import console, fail

LOOPBACK = "127.0.0.1"
READY_SECONDS = 60
LOOK_SECONDS, RESTART_SECONDS, STOP_SECONDS = 0.5, 3.0, 20.0  # of the worker: is it alive; when it died; its end


def dashboard(
    port: Annotated[int | None, typer.Option(help="default: the settings' port, or the next free one")] = None,
    check: Annotated[bool, typer.Option("--check", help="stop once it answers")] = False,
) -> None:
    """Open the dashboard in the foreground; Ctrl-C stops it.

    Example: `scrm dashboard --port 8600`

    Exit codes: 0 stopped, 1 it did not come up.
    """
    show(Settings(), port=port, check=check, then="")


def up(port: Annotated[int | None, typer.Option(help="the dashboard's port; Dagster takes the next")] = None) -> None:
    """Start Dagster (schedules, runs, lineage) and the dashboard, both on loopback; Ctrl-C stops both.

    Dagster's page has no sign-in: it is for this machine only.

    Example: `scrm up`

    Exit codes: 0 stopped, 1 one of them did not come up.
    """
    settings = Settings()
    from pipelines.runner import bury, prepare_instance

    os.environ.update(settings.environment())
    if dead := bury(prepare_instance(settings), settings):
        console.print(f"{dead} run(s) had died; they are reported as failed and their slots are free")
    first = port or free_port(settings.dashboard.port)
    dagster_port = free_port(first + 1)
    program = str(Path(sys.executable).with_name("dagster"))
    dagster = [program, "dev", "-m", "pipelines.definitions", "-h", LOOPBACK, "-p", str(dagster_port)]
    with _child(dagster, settings), _worker(settings), _child(_dashboard_command(settings, first), settings):
        _wait(first)
        console.print(
            f"dashboard http://{LOOPBACK}:{first}   Dagster http://{LOOPBACK}:{dagster_port}   (Ctrl-C stops both)"
        )
        _until_interrupted()


def show(settings: Settings, *, port: int | None, check: bool, then: str) -> None:
    """Run the dashboard in the foreground and print its address and what to try ``then``."""
    chosen = port or free_port(settings.dashboard.port)
    with _worker(settings), _child(_dashboard_command(settings, chosen), settings) as process:
        _wait(chosen, process)
        console.print(f"[bold]http://{LOOPBACK}:{chosen}[/bold]  {then}".rstrip(), soft_wrap=True)
        if not check:
            _until_interrupted(process)


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


@contextmanager
def _worker(settings: Settings) -> Iterator[None]:
    """The worker of what people ask for on the pages (``scrm jobs work``), started again when it dies."""
    command = [str(Path(sys.executable).with_name("scrm")), "jobs", "work"]
    # the demo's key is not in the environment, and new customers must get the ids that `scrm run` would give them
    key = settings.id_key.get_secret_value()
    secrets = {"SCRM_ID_KEY": key} if key else {}
    over = threading.Event()

    def keep() -> None:
        while not over.is_set():
            with _child(command, settings, secrets) as process:
                while process.poll() is None and not over.wait(LOOK_SECONDS):
                    pass
            over.wait(RESTART_SECONDS)

    keeper = threading.Thread(target=keep, name="worker", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join(STOP_SECONDS)


@contextmanager
def _child(
    command: Sequence[str], settings: Settings, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[subprocess.Popen[bytes]]:
    """A child in a session of its own, ended with all its children when the block ends."""
    environment = {**os.environ, **settings.environment(), **more}
    log = settings.home / "logs"
    log.mkdir(parents=True, exist_ok=True)
    with (log / f"{Path(command[0]).name}.log").open("ab") as stream:
        process = subprocess.Popen(
            command, env=environment, cwd=PROJECT_ROOT, stdout=stream, stderr=stream, start_new_session=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)


def _wait(port: int, process: subprocess.Popen[bytes] | None = None) -> None:
    """Until the dashboard answers. Exits with 1 when it does not come up."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            fail(f"the dashboard ended with code {process.returncode}; its words are in logs/ of the home")
        try:
            if httpx.get(f"http://{LOOPBACK}:{port}/_stcore/health", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    fail(f"the dashboard did not answer within {READY_SECONDS} s; its words are in logs/ of the home")


def _until_interrupted(process: subprocess.Popen[bytes] | None = None) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's stop ends the children too
    try:
        while process is None or process.poll() is None:
            time.sleep(0.5)
    except KeyboardInterrupt:
        console.print("stopping")
