"""A work of the drill: a shop is synced from its platform's face, in batches of a few trades."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from models.settings import Settings
from pipelines.lake import Lake
from pipelines.sandbox import taobao as face
from pipelines.sandbox.faults import FaultLayer, FaultPlan
from pipelines.sandbox.server import serving
from pipelines.sources import connections, syncing, windows
from pipelines.workspace import Workspace

NOW = datetime(2026, 7, 1, tzinfo=UTC)
TRADES, ROWS_PER_BATCH = 24, 6
DATASETS = {"taobao_trades": TRADES, "taobao_trade_lines": TRADES, "taobao_refunds": TRADES // 4}


def _shop() -> face.TaobaoShop:
    trades, refunds = {}, {}
    for number in range(TRADES):
        day = f"2026-06-{number + 1:02d}"
        line = {"oid": f"T{number}-1", "outer_iid": "P1", "num": 1, "price": "9.90", "payment": "9.90", "title": "茶"}
        trades[f"T{number}"] = {
            "tid": f"T{number}", "status": "TRADE_FINISHED", "payment": "9.90", "created": f"{day} 10:00:00",
            "pay_time": f"{day} 10:01:00", "modified": f"{day} 11:00:00", "buyer_nick": "王**",
            "buyer_open_uid": f"AAF{number}", "orders": {"order": [line]},
        }  # fmt: skip
        if number % 4 == 0:
            refunds[f"R{number}"] = {
                "refund_id": f"R{number}", "tid": f"T{number}", "oid": f"T{number}-1", "status": "SUCCESS",
                "refund_fee": "9.90", "created": f"{day} 12:00:00", "modified": f"{day} 13:00:00",
            }  # fmt: skip
    return face.TaobaoShop(trades, refunds)


def sync(home: Path) -> None:
    """As ``scrm sync``: every stream of one shop, five batches of trades."""
    with patch.object(windows, "ROWS_PER_CHUNK", ROWS_PER_BATCH):
        _synced_once(home)


def _synced_once(home: Path) -> None:
    app = face.create_app(face.TaobaoFace(_shop(), clock=lambda: NOW))
    layer = FaultLayer(app, FaultPlan(clock_ahead=NOW - datetime.now(UTC)), face.DIALECT)
    with serving(layer) as address:
        shop = {"system": "taobao", "base_url": address + face.PATH, "app_key": face.APP_KEY, "store_id": "S1"}
        secrets = {"app_secret": face.APP_SECRET, "session": face.SESSION, "requests_per_second": 0}
        settings = Settings(home=home, connections={"shop": shop | secrets})
        workspace = Workspace(settings)
        workspace.lake.sweep()
        syncing.raise_failures(syncing.sync(workspace, connections.enabled(settings), NOW + timedelta(minutes=1)))


def synced(home: Path) -> str:
    """Every row, whatever batch brought it."""
    lake = Lake(home / "lake")
    rows = {name: sorted(lake.read("landed", name).drop("_batch", "_row").rows(), key=str) for name in DATASETS}
    return str(rows)


def whole_rows(home: Path) -> None:
    """No row twice, none that is torn."""
    lake = Lake(home / "lake")
    assert lake.verify() == []
    for name, most in DATASETS.items():
        rows = lake.read("landed", name)
        assert rows.height <= most
        assert not rows.drop("_batch", "_row").is_duplicated().any()
