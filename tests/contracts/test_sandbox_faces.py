"""The whole company on one server: every connection that `scrm sandbox serve` prints can be read to the end."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.settings import Settings
from pipelines.commands.sandbox import connections_toml
from pipelines.sandbox.faces import application, ends_at, faces
from pipelines.sandbox.faults import FaultPlan
from pipelines.sandbox.server import serving
from pipelines.sandbox.world import sample
from pipelines.sources import connections, syncing
from pipelines.workspace import Workspace


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_every_system_of_the_company_is_read_by_what_the_sandbox_prints(tmp_path: Path, rate: float) -> None:
    world = sample()
    found = faces(world, tmp_path / "keys")
    app = application(found, FaultPlan(3, rate, kinds=("http_503", "truncated", "html", "busy")), ends_at(world))
    with serving(app) as address:
        given = tomllib.loads(connections_toml(found, address))["connections"]
        settings = Settings(home=tmp_path / "home", connections=given)
        workspace = Workspace(settings)
        reports = syncing.sync(workspace, connections.enabled(settings), datetime.now(UTC), sleep=lambda _: None)
    syncing.raise_failures(reports)
    landed = {(report.connection, report.stream): report.landed for report in reports}
    for stream in (("wecom", "contacts"), ("tmall", "trades"), ("youzan", "trades"), ("wechat_pay", "trade_bills")):
        assert landed[stream] > 0
    assert {connection for connection, _ in landed} == {face.name for face in found}
