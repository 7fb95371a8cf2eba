"""What ``scrm up`` keeps running: whatever ends is said and started again, what cannot live ends the command.

The accident it prevents: Dagster dies at night, the pages stay up, and nobody notices for days that nothing runs.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import typer
from typer.testing import CliRunner

from models.settings import Settings
from pipelines import runner
from pipelines.commands import children, screens
from pipelines.commands.children import Kept, Patience, child

QUICK = Patience(first_seconds=0.05, longest_seconds=0.1, ends=3)
SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(children, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(screens, "LOOK_SECONDS", 0.02)
    return Settings(home=tmp_path / "home")


def program(folder: Path, *lives: str) -> list[str]:
    """A command that lives the n-th of these lives at its n-th start, and the last of them ever after."""
    script = [
        "import os, signal, subprocess, sys, time",
        f"starts = {str(folder / 'starts')!r}",
        "open(starts, 'a').write(f'{os.getpid()}\\n')",
        "number = len(open(starts).read().split())",
        f"exec({list(lives)!r}[min(number, {len(lives)}) - 1])",
    ]
    return [sys.executable, "-c", "\n".join(script)]


def starts(folder: Path) -> list[int]:
    """The processes that were started, the oldest first."""
    path = folder / "starts"
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def until(true: Callable[[], Any], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"


# ------------------------------------------------------------------ one child


def test_a_child_that_ends_is_started_again_and_said(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = program(tmp_path, "print('words of its own'); sys.exit(3)", SLEEP)
    buried: list[int] = []
    with Kept("Dagster", command, settings, before=lambda: buried.append(1), patience=QUICK) as kept:
        until(lambda: len(starts(tmp_path)) == 2)
        assert kept.lost == ""
        assert buried == [1], "what died with it must be looked after before it starts again"
        log = children.log_of(command, settings)
        said = capsys.readouterr().err
        assert f"Dagster ended with code 3; it is started again in 0.05 s; its words are in {log}" in said
        assert "words of its own" in log.read_text()
    until(lambda: not is_alive(starts(tmp_path)[-1]))


def test_a_child_that_is_killed_is_started_again(settings: Settings, tmp_path: Path) -> None:
    with Kept("Dagster", program(tmp_path, SLEEP), settings, patience=QUICK):
        until(lambda: len(starts(tmp_path)) == 1)
        os.kill(starts(tmp_path)[0], signal.SIGKILL)
        until(lambda: len(starts(tmp_path)) == 2)


def test_a_child_that_cannot_live_is_given_up_with_words(settings: Settings, tmp_path: Path) -> None:
    with Kept("Dagster", program(tmp_path, "sys.exit(7)"), settings, patience=QUICK) as kept:
        until(lambda: kept.lost)
        assert kept.lost.startswith("Dagster ended 3 times in a row, the last time with code 7; its words are in ")
        time.sleep(0.3)
        assert len(starts(tmp_path)) == QUICK.ends


def test_ends_far_apart_are_not_in_a_row(settings: Settings, tmp_path: Path) -> None:
    sound = Patience(first_seconds=0.01, longest_seconds=0.01, sound_seconds=0.0, ends=2)
    with Kept("Dagster", program(tmp_path, "sys.exit(7)"), settings, patience=sound) as kept:
        until(lambda: len(starts(tmp_path)) > 3)
        assert kept.lost == ""


def test_a_program_that_is_gone_is_told_and_not_passed_over(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threading.excepthook", lambda _: None)  # the traceback goes to the console
    with Kept("Dagster", ["/nowhere/dagster"], settings, patience=QUICK) as kept:
        until(lambda: kept.lost)
        assert kept.lost == "Dagster could not be started again"


@pytest.mark.parametrize("end", ["sys.exit(1)", SLEEP])
def test_the_children_of_a_child_end_with_it(settings: Settings, tmp_path: Path, end: str) -> None:
    """A code server that outlives its Dagster would keep the port and the runs."""
    grandchild = f"p = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])"
    noted = f"open({str(tmp_path / 'grandchild')!r}, 'w').write(str(p.pid))"
    with child(program(tmp_path, f"{grandchild}; {noted}; {end}"), settings) as process:
        until(lambda: (tmp_path / "grandchild").exists() and (tmp_path / "grandchild").read_text())
        pid = int((tmp_path / "grandchild").read_text())
        if end != SLEEP:
            process.wait(20)
        assert is_alive(pid)
    until(lambda: not is_alive(pid))


def test_pauses_double_up_to_the_longest() -> None:
    assert [children.PATIENCE.pause(ends) for ends in range(1, 6)] == [1, 2, 4, 8, 16]
    assert children.FOREVER.pause(100_000) == 60


# ------------------------------------------------------------------ the command


@pytest.fixture
def lives(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], list[str]]]:
    """``lives(script)``: ``scrm up`` with a Dagster that runs this, a dashboard that stays, and no worker."""
    for name in ("dagster", "dashboard"):
        (tmp_path / name).mkdir()

    def set_up(script: str) -> list[str]:
        dagster = program(tmp_path / "dagster", script)
        monkeypatch.setattr(screens, "_dagster_command", lambda port: dagster)
        monkeypatch.setattr(screens, "_dashboard_command", lambda *_: program(tmp_path / "dashboard", SLEEP))
        monkeypatch.setattr(screens, "_worker", lambda *_: Kept("the worker", [sys.executable, "-c", SLEEP], settings))
        monkeypatch.setattr(screens, "_wait", lambda *_: until(lambda: starts(tmp_path / "dashboard")))
        monkeypatch.setattr(runner, "prepare_instance", lambda _: None)
        monkeypatch.setattr(runner, "bury", lambda *_: 0)
        monkeypatch.setenv("SCRM_HOME", str(settings.home))
        return dagster

    with patch.dict(os.environ):  # the command hands its settings over to its children by the environment
        yield set_up


def test_up_ends_with_an_error_when_dagster_cannot_live(
    lives: Callable[[str], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lives("sys.exit(5)")
    monkeypatch.setattr(screens, "Kept", lambda *args, **more: Kept(*args, **{**more, "patience": QUICK}))
    command = typer.Typer()
    command.command()(screens.up)
    done = CliRunner().invoke(command, ["--port", str(screens.free_port(8700))])
    assert done.exit_code == 1
    assert "Dagster ended 3 times in a row, the last time with code 5" in " ".join(done.stderr.split())
    until(lambda: not is_alive(starts(tmp_path / "dashboard")[0]))


def test_a_dashboard_that_ends_by_itself_is_an_error(settings: Settings, tmp_path: Path) -> None:
    with child(program(tmp_path, "sys.exit(4)"), settings) as process:
        process.wait(20)
        assert screens._ended(process) == "the dashboard ended with code 4; its words are in logs/ of the home"
