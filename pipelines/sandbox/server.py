"""The sandbox's server: every face in one process, on loopback only."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

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
def serving(app: ASGIApp, *, port: int = 0) -> Iterator[str]:
    """Serve any application of the sandbox from a thread; yields its address, without a path. Raises as ``serve``."""
    listener = _listen(port)
    server = uvicorn.Server(_config(app))
    logging.getLogger("uvicorn.error").addFilter(_KNOWN)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True)
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield _address(listener)
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)
        listener.close()


def serve_forever(app: ASGIApp, *, port: int = 0, ready: Callable[[str], object]) -> None:
    """Serve until the process is interrupted; ``ready`` is given the address first.

    Raises OSError when the port is taken.
    """
    listener = _listen(port)
    ready(_address(listener))
    try:
        server = uvicorn.Server(_config(app))
        logging.getLogger("uvicorn.error").addFilter(_KNOWN)
        server.run(sockets=[listener])
    finally:
        listener.close()


def _address(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


class _KnownTroubles(logging.Filter):
    """A body that the fault layer cut is what was asked for, and no error of the server."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not (isinstance(error, RuntimeError) and "shorter than Content-Length" in str(error))


_KNOWN = _KnownTroubles()


def _config(app: ASGIApp) -> uvicorn.Config:
    # No access log: query strings carry secrets and tokens.
    return uvicorn.Config(
        app,
        access_log=False,
        date_header=False,  # the fault layer's own: the calendar of the sandbox
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=2,
    )


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
