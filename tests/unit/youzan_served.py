"""A small Youzan shop by hand behind its face, and a home that syncs from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from models.settings import Settings
from pipelines.sandbox import youzan as face_of
from pipelines.sandbox.faults import FaultLayer, FaultPlan
from pipelines.sandbox.server import serving
from pipelines.sandbox.youzan import YouzanFace, YouzanShop
from pipelines.sources import connections, syncing
from pipelines.workspace import Workspace

NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)
LAST_CALM_MOMENT = "2026-06-30 23:58:00"  # of the shop's clock: later ones have not settled at NOW


def trade(tid: str, changed: Any = "2026-06-01 12:00:00", **parts: Any) -> dict[str, Any]:
    """A trade with one line; ``parts`` are added to order_info, buyer_info, …"""
    whole: dict[str, Any] = {
        "order_info": {"tid": tid, "status": "TRADE_SUCCESS", "created": changed, "update_time": changed},
        "buyer_info": {"yz_open_id": "y1", "buyer_phone": ""},
        "pay_info": {"payment": "9.82"},
        "remark_info": {"trade_memo": ""},
        "orders": [{"oid": f"{tid}1", "num": 1, "price": "9.82", "payment": "9.82"}],
    }
    for part, fields in parts.items():
        whole[part] = {**whole.get(part, {}), **fields}
    return {"full_order_info": whole}


def refund(number: str, changed: str = "2026-06-01 12:00:00", **more: Any) -> dict[str, Any]:
    return {
        "refund_id": number,
        "tid": "E1",
        "kdt_id": 1,
        "oid": "E11",
        "status": "SUCCESS",
        "return_goods": False,
        "reason": 5,
        "refund_fee": "1.00",
        "refund_type": "BUYER_APPLY_REFUND",
        "demand": 1,
        "version": 1,
        "refund_success_time": changed,
        "created": changed,
        "modified": changed,
        **more,
    }


def shop(trades: list[dict[str, Any]] = [], refunds: list[dict[str, Any]] = []) -> YouzanShop:  # noqa: B006
    return YouzanShop(
        {one["full_order_info"]["order_info"]["tid"]: one for one in trades},
        {one["refund_id"]: one for one in refunds},
        {},
    )


class Served:
    def __init__(self, face: YouzanFace, layer: FaultLayer, address: str, home: Path) -> None:
        self.face = face
        self.layer = layer
        self.address = address
        self.home = home
        self.naps: list[float] = []
        self.workspace = Workspace(self.settings())

    def settings(self, **options: Any) -> Settings:
        given = {
            "base_url": self.address,
            "client_id": face_of.CLIENT_ID,
            "client_secret": face_of.CLIENT_SECRET,
            "grant_id": face_of.GRANT_ID,
            "store_id": "S022",
            "requests_per_second": 0,
            **options,
        }
        return Settings(home=self.home, connections={"mall": {"system": "youzan", **given}})

    def sync(self, until: datetime = NOW, streams: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
        found = syncing.sync(
            self.workspace,
            connections.enabled(self.settings(**options)),
            until,
            streams=streams,
            sleep=self.naps.append,
        )
        return {report.stream: report for report in found}

    def landed(self, dataset: str) -> pl.DataFrame:
        return self.workspace.lake.read("landed", dataset)


@contextmanager
def served(
    of: YouzanShop, home: Path, *, token_calls: int | None = None, now: datetime = NOW, **plan: Any
) -> Iterator[Served]:
    face = YouzanFace(of, clock=lambda: now, token_calls=token_calls)
    layer = FaultLayer(
        face_of.create_app(face), FaultPlan(clock_ahead=now - datetime.now(UTC), **plan), face_of.DIALECT
    )
    with serving(layer) as address:
        yield Served(face, layer, address, home)


def done(reports: dict[str, Any]) -> None:
    assert {name: report.error for name, report in reports.items() if report.state != "done"} == {}
