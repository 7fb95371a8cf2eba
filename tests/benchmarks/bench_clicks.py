"""Twenty people at the dashboard at the demo's size, each signed in and on a websocket of their own, as browsers are.

``at_once``: all of them click in the same instant, round after round. ``working``: each clicks, reads two to eight
seconds, clicks again; the alternative that says what the crowd costs is ``alone``, one person with nobody else there.
A click asks for a page and ends when the server says that the script has finished; an exception element on the page,
a closed connection or a script that did not succeed is an error. The client runs on the same cores.
"""

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from dashboards.access import SESSION_COOKIE
from models.settings import Settings
from models.store import Store
from models.store.users import Scope
from tests.conftest import environment
from tests.factories_snapshot import build_snapshot

PEOPLE = 20
PORT = 8795
PAGES = ("overview", "customers", "settlement", "at_risk", "quality")
ROUNDS = 10
WORK_SECONDS = 60
READING_SECONDS = (2.0, 8.0)
BAR_P95_SECONDS = 2.0
PATIENCE_SECONDS = 120
WHO = (
    ("owner", Scope("company")),
    ("region_manager", Scope("region", "华东")),
    ("store_manager", Scope("store", "S01")),
)
Click = Callable[[], Awaitable[float]]


def measure() -> dict[str, Any]:
    """Seconds of a click: middle, 95th percentile, longest; clicks and errors, by way of clicking."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        build_snapshot(home / "published", customers=20_000, orders=150_000, stores=40, days=365)
        tokens = _signed_in(home)
        server = subprocess.Popen(
            [sys.executable, "-m", "dashboards.server", "--port", str(PORT)],
            env=environment(home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _until_healthy(server)
            return {"people": PEOPLE, "bar_p95_seconds": BAR_P95_SECONDS, **asyncio.run(_crowd(tokens))}
        finally:
            server.terminate()
            server.wait(30)


def _signed_in(home: Path) -> list[str]:
    """One session a person; roles and scopes in turn, so that answers are not all the same."""
    now = datetime.now(UTC).replace(tzinfo=None)
    tokens = []
    with Store.open(Settings(home=home).store_address) as store:
        for number in range(PEOPLE):
            role, scope = WHO[number % len(WHO)]
            user_id = store.users.add(
                f"person{number}", f"Person {number}", None, roles=[role], scopes=[scope], by="bench", at=now
            )
            tokens.append(store.sessions.open(user_id, now, timedelta(days=1), "127.0.0.1", "bench", "password"))
    return tokens


def _until_healthy(server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{PORT}/_stcore/health", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the dashboard does not answer")
        time.sleep(0.2)


class Person:
    """A browser's end of a session. ``click`` returns the seconds until the page stood."""

    def __init__(self, number: int, stream: ClientConnection) -> None:
        self._choose = random.Random(number)
        self._stream = stream
        self.errors = 0

    async def click(self) -> float:
        asked = BackMsg()
        asked.rerun_script.page_name = self._choose.choice(PAGES)
        asked.rerun_script.query_string = "language=zh"
        started = time.perf_counter()
        await self._stream.send(asked.SerializeToString())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                message = ForwardMsg.FromString(await self._stream.recv())
                kind = message.WhichOneof("type")
                if kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
                    self.errors += 1
                if kind == "script_finished":
                    self.errors += message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY
                    return time.perf_counter() - started

    async def work(self, until: float) -> list[float]:
        seconds = []
        await asyncio.sleep(self._choose.uniform(0, READING_SECONDS[1]))
        while time.monotonic() < until:
            seconds.append(await self.click())
            await asyncio.sleep(self._choose.uniform(*READING_SECONDS))
        return seconds


async def _crowd(tokens: list[str]) -> dict[str, Any]:
    async with asyncio.TaskGroup() as opening:
        waiting = [
            opening.create_task(
                connect(
                    f"ws://127.0.0.1:{PORT}/_stcore/stream",
                    additional_headers={"Cookie": f"{SESSION_COOKIE}={token}"},
                    max_size=None,
                    open_timeout=PATIENCE_SECONDS,
                    proxy=None,
                ).__aenter__()
            )
            for token in tokens
        ]
    people = [Person(number, task.result()) for number, task in enumerate(waiting)]
    for person in people:  # everybody has opened a page before the clock runs
        await person.click()
    alone = [await people[0].click() for _ in range(ROUNDS)]
    at_once: list[float] = []
    for _ in range(ROUNDS):
        at_once += await asyncio.gather(*(person.click() for person in people))
    until = time.monotonic() + WORK_SECONDS
    working = [second for own in await asyncio.gather(*(person.work(until) for person in people)) for second in own]
    return {
        "alone": _figures(alone),
        "at_once": _figures(at_once),
        "working": _figures(working),
        "errors": sum(person.errors for person in people),
    }


def _figures(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "clicks": len(ordered),
        "p50_seconds": round(ordered[len(ordered) // 2], 3),
        "p95_seconds": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 3),
        "longest_seconds": round(ordered[-1], 3),
    }
