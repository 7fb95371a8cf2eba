"""Start the dashboard: ``python -m dashboards.server --port 8501``, in the foreground.

The server is ``st.App`` around ``streamlit_app.py`` with the routes and the middleware of ``dashboards.signin`` (see
docs/decisions/0004-dashboard-server.md and 0006-people.md). ``.streamlit/config.toml`` beside the script is read from
any working directory. The health address is ``/_stcore/health``.
"""

import argparse
import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ExpectedError
from models.settings import Settings
from models.store import Store
from models.store.demo_people import is_demo

if TYPE_CHECKING:  # importing Streamlit takes a second, and the caller of `command` does not need it
    import streamlit as st

SCRIPT = Path(__file__).resolve().with_name("streamlit_app.py")


class ExposedError(ExpectedError):
    """The dashboard would be reachable from other machines, and something that this needs is missing."""


def command(settings: Settings, port: int | None = None) -> list[str]:
    """The command line of a child process that serves the dashboard; give it ``settings.environment()``.

    Raises ExposedError when the address is not loopback and not everything is ready for that.
    """
    check_exposure(settings)
    chosen = str(port or settings.dashboard.port)
    return [sys.executable, "-m", "dashboards.server", "--port", chosen, "--language", settings.dashboard.language]


def application(settings: Settings, store: Store) -> "st.App":
    """The ASGI application: the dashboard behind its sign-in."""
    import streamlit as st

    from dashboards.signin import Signin

    signin = Signin(store, settings)
    return st.App(SCRIPT, routes=signin.routes(), middleware=signin.middleware())


def serve(settings: Settings, port: int) -> None:
    """Serve until stopped. Raises ExposedError, see ``command``; StoreError."""
    check_exposure(settings)
    from dashboards.signin import LOOPBACK_HOSTS

    with Store.open(settings.store_address) as store:
        application(settings, store).run(
            config={
                "server.address": settings.dashboard.address,
                "server.port": port,
                "server.headless": True,
                "server.maxUploadSize": settings.upload_megabytes,
                "server.allowedHosts": [*LOOPBACK_HOSTS, *settings.dashboard.hosts],
            }
        )


def check_exposure(settings: Settings) -> None:
    """Loopback is always fine. Beyond it: a setting that says so, the names of the host, people who can sign in, and
    not the demo, whose password everybody knows. Raises ExposedError."""
    address = settings.dashboard.address
    if _is_loopback(address):
        return
    if not settings.dashboard.expose:
        raise ExposedError(
            f"dashboard.address is {address!r}: other machines could reach the dashboard. Put 127.0.0.1 there and use "
            "an SSH tunnel, or say dashboard.expose = true (docs/people.md)"
        )
    if is_demo(settings.home):
        raise ExposedError("the demo has well-known passwords: it listens on loopback only")
    if not settings.dashboard.hosts:
        raise ExposedError("dashboard.hosts must name the hosts under which browsers reach the dashboard")
    with Store.open(settings.store_address) as store:
        if not store.users.exist():
            raise ExposedError("nobody can sign in yet: set the company up on loopback first, or `scrm users add`")


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def main() -> None:
    settings = Settings()
    parser = argparse.ArgumentParser(prog="python -m dashboards.server", description="Serve the dashboard.")
    parser.add_argument("--port", type=int, default=settings.dashboard.port)
    parser.add_argument("--language", choices=("zh", "en"), help="of a page whose address names none")
    given = parser.parse_args()
    if given.language:
        os.environ["SCRM_DASHBOARD__LANGUAGE"] = given.language  # the pages read their own settings
        settings = Settings()
    try:
        serve(settings, given.port)
    except ExpectedError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
