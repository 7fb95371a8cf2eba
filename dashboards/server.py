"""Start the dashboard: ``python -m dashboards.server --port 8501``, in the foreground.

The server is ``st.App`` around ``streamlit_app.py``, so that sign-in can add its routes and its middleware (see
docs/decisions/0004-dashboard-server.md). ``.streamlit/config.toml`` beside the script is read from any working
directory. The health address is ``/_stcore/health``.
"""

import argparse
import ipaddress
import os
import sys
from pathlib import Path

from models.settings import Settings

SCRIPT = Path(__file__).resolve().with_name("streamlit_app.py")


class ExposedError(ValueError):
    """The dashboard would be reachable from other machines although it has no sign-in yet."""


def command(settings: Settings, port: int | None = None) -> list[str]:
    """The command line of a child process that serves the dashboard; give it ``settings.environment()``.

    Raises ExposedError when the address is not loopback.
    """
    _loopback(settings.dashboard.address)
    chosen = str(port or settings.dashboard.port)
    return [sys.executable, "-m", "dashboards.server", "--port", chosen, "--language", settings.dashboard.language]


def serve(settings: Settings, port: int) -> None:
    """Serve until stopped. Raises ExposedError when the address is not loopback."""
    _loopback(settings.dashboard.address)
    # imported late: it takes a second, and the caller of `command` does not need it
    import streamlit as st

    st.App(SCRIPT).run(
        config={"server.address": settings.dashboard.address, "server.port": port, "server.headless": True}
    )


def _loopback(address: str) -> None:
    local = address == "localhost"
    try:
        local = local or ipaddress.ip_address(address).is_loopback
    except ValueError:
        local = False
    if not local:
        raise ExposedError(
            f"dashboard.address is {address!r}: the dashboard has no sign-in yet and shows everything, "
            "so it listens on loopback only; put 127.0.0.1 there and use an SSH tunnel"
        )


def main() -> None:
    settings = Settings()
    parser = argparse.ArgumentParser(prog="python -m dashboards.server", description="Serve the dashboard.")
    parser.add_argument("--port", type=int, default=settings.dashboard.port)
    parser.add_argument("--language", choices=("zh", "en"), help="of a page whose address names none")
    given = parser.parse_args()
    if given.language:
        os.environ["SCRM_DASHBOARD__LANGUAGE"] = given.language  # the pages read their own settings
    try:
        serve(settings, given.port)
    except ExposedError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
