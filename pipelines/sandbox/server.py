"""The sandbox's server: every face in one process, on loopback only."""

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from models.errors import ExpectedError
from pipelines.sandbox.wecom import CORP_ID as SANDBOX_CORP
from pipelines.sandbox.wecom import SECRET as SANDBOX_SECRET
from pipelines.sandbox.wecom import Faults, WecomState, create_app

__all__ = ["SANDBOX_CORP", "SANDBOX_SECRET", "SandboxError", "serve", "serve_forever", "serving"]

HOST = "127.0.0.1"
WECOM_PATH = "/cgi-bin"
_START_SECONDS = 15.0


class SandboxError(ExpectedError):
    """The sandbox did not start; the message says why."""


@contextmanager
def serve(state: Path, *, port: int = 0, faults: Faults | None = None) -> Iterator[str]:
    """Serve a generated ``wecom.json`` from a thread until the block ends; yields the connector's ``base_url``.

    Port 0 takes a free one. Raises SandboxError when the server does not start, OSError when the port is taken.
    """
    with serving(create_app(WecomState.read(state), faults), port=port) as address:
        yield address + WECOM_PATH


@contextmanager
def serving(app: Starlette, *, port: int = 0) -> Iterator[str]:
    """Serve any application of the sandbox from a thread; yields its address, without a path. Raises as ``serve``."""
    listener = _listen(port)
    server = uvicorn.Server(_config(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True)
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield _address(listener)
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)
        listener.close()


def serve_forever(
    state: Path, *, port: int = 0, expire_after: int = 0, say: Callable[[str], object] = sys.stdout.write
) -> None:
    """Serve until the process is interrupted; ``say`` is given the lines that tell how to connect.

    ``expire_after``: a token dies after so many calls, 0 never. Raises OSError when the port is taken.
    """
    app = create_app(WecomState.read(state), Faults(token_calls=expire_after or None))
    listener = _listen(port)
    say(f"SCRM_WECOM__BASE_URL={_address(listener)}{WECOM_PATH}\n")
    say(f"SCRM_WECOM__CORP_ID={SANDBOX_CORP}\nSCRM_WECOM__SECRET={SANDBOX_SECRET}\n")
    try:
        uvicorn.Server(_config(app)).run(sockets=[listener])
    finally:
        listener.close()


def _address(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


def _config(app: Starlette) -> uvicorn.Config:
    # No access log: query strings carry secrets and tokens.
    return uvicorn.Config(app, access_log=False, log_level="warning", lifespan="off", timeout_graceful_shutdown=2)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError:
        listener.close()
        raise
    return listener


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive():
            raise SandboxError("the sandbox's server ended before it served; run `scrm sandbox serve` to see why")
        if time.monotonic() > deadline:
            raise SandboxError(f"the sandbox's server did not start within {_START_SECONDS:.0f} s")
        time.sleep(0.01)
