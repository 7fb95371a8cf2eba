"""The server as it is shipped: loopback only, quiet, and answering (fault 59)."""

import os
import socket
import subprocess
import sys
import time
import tomllib
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from dashboards.server import ExposedError, command
from models.settings import DashboardSettings, Settings
from models.store import Store
from models.store.demo_people import MARKER
from tests.factories_snapshot import build_snapshot

CONFIG = Path(__file__).parents[2] / "dashboards" / ".streamlit" / "config.toml"


def test_the_shipped_configuration_is_the_safe_one():
    config = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    assert config["server"]["address"] == "127.0.0.1"
    assert config["server"]["enableXsrfProtection"] is True
    assert config["server"]["enableStaticServing"] is False
    assert config["server"]["maxUploadSize"] == 20
    assert config["client"]["showErrorDetails"] == "none"
    assert config["client"]["toolbarMode"] == "viewer"
    assert config["client"]["disableDataExport"] is True
    assert config["browser"]["gatherUsageStats"] is False


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.5", "dashboard.example.com"])
def test_an_address_that_others_can_reach_wants_a_setting_hosts_and_people(tmp_path, address):
    """Fault 59."""
    wide = DashboardSettings(address=address)
    with pytest.raises(ExposedError, match="expose"):
        command(Settings(home=tmp_path, dashboard=wide))
    wide = wide.model_copy(update={"expose": True})
    with pytest.raises(ExposedError, match="hosts"):
        command(Settings(home=tmp_path, dashboard=wide))
    settings = Settings(home=tmp_path, dashboard=wide.model_copy(update={"hosts": ("scrm.example.com",)}))
    with pytest.raises(ExposedError, match="nobody can sign in"):
        command(settings)
    with Store.open(settings.store_address) as store:
        store.users.add("o", "O", None, roles=["owner"], scopes=[], by="test", at=datetime(2026, 7, 1))
    assert command(settings)[0] == sys.executable


def test_the_demo_with_its_known_passwords_never_leaves_loopback(tmp_path):
    (tmp_path / MARKER).touch()
    wide = DashboardSettings(address="0.0.0.0", expose=True, hosts=("scrm.example.com",))
    with pytest.raises(ExposedError, match="well-known"):
        command(Settings(home=tmp_path, dashboard=wide))


@pytest.mark.slow
def test_it_answers_on_loopback_only_from_any_working_directory(tmp_path):
    build_snapshot(tmp_path / "published", customers=3, orders=5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings(home=tmp_path)
    started = command(settings, port)
    assert started[0] == sys.executable
    process = subprocess.Popen(
        started, cwd=tmp_path, env={**os.environ, **settings.environment()}, stderr=subprocess.PIPE
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/_stcore/health", trust_env=False)
                break
            except httpx.TransportError:
                assert process.poll() is None, process.stderr.read().decode()
                assert time.monotonic() < deadline
                time.sleep(0.2)
        assert answer.status_code == 200
        page = httpx.get(f"http://127.0.0.1:{port}/", headers={"Accept": "text/html"}, trust_env=False)
        assert page.status_code == 303 and page.headers["location"].startswith("/login")
        listening = [
            line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
        ]
        assert f"0100007F:{port:04X}" in listening
        assert f"00000000:{port:04X}" not in listening
    finally:
        process.terminate()
        process.wait(20)
