"""What the browser's tests share: the dashboard as a user serves it, Debian's chromium, and how long to wait."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from pipelines.commands.screens import free_port
from tests.conftest import environment, scrm_command

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
]
SIZES = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
PATIENCE = 60_000  # milliseconds, on a busy machine
RUN_DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
ANSWERS_SECONDS = 120
ENDS_SECONDS = 40  # the worker finishes what it is at


@pytest.fixture(scope="module")
def served() -> Iterator[Callable[[Path], str]]:
    """``served(home)``: the address of a dashboard on that home, started by ``scrm dashboard``, worker and all.

    It ends with the module's last test. Fails when the dashboard ends or does not answer in time.
    """
    started: list[subprocess.Popen[bytes]] = []

    def start(home: Path) -> str:
        port = free_port(8700)
        process = subprocess.Popen(
            scrm_command("dashboard", "--port", str(port)),
            env=environment(home),
            stdout=subprocess.DEVNULL,  # a pipe that nobody reads fills up and stops the server
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + ANSWERS_SECONDS
        while not _answers(url):
            assert process.poll() is None, "the dashboard ended"
            assert time.monotonic() < deadline, "the dashboard does not answer"
            time.sleep(0.3)
        return url

    try:
        yield start
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(ENDS_SECONDS)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url + "/_stcore/health", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window; the test is skipped where it is not installed."""
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()
