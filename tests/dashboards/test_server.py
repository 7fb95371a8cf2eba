"""The server as it is shipped: loopback only, quiet, and answering (fault 59)."""

import os
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import httpx
import pytest

from dashboards.server import ExposedError, command
from models.settings import DashboardSettings, Settings
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
def test_an_address_that_others_can_reach_is_refused(tmp_path, address):
    with pytest.raises(ExposedError, match="no sign-in"):
        command(Settings(home=tmp_path, dashboard=DashboardSettings(address=address)))


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
        listening = [
            line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
        ]
        assert f"0100007F:{port:04X}" in listening
        assert f"00000000:{port:04X}" not in listening
    finally:
        process.terminate()
        process.wait(20)
