"""Every system of the demo company on one server: each face under its own name, behind its own layer of faults.

The calendar of all of them stands at the world's end, and their Date headers say so: a connector reads up to there.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from pipelines.sandbox import taobao, taobao_shop, wechat_pay, wecom, youzan, youzan_shop
from pipelines.sandbox.faults import Dialect, FaultLayer, FaultPlan
from pipelines.sandbox.files import wecom_state
from pipelines.sandbox.wechat_pay_bills import MERCHANT, MerchantBooks
from pipelines.sandbox.world import World

BEIJING = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Face:
    """One account. ``name``: of its connection, and the path under which it is served; ``at_root``: not under one, for
    a system that signs its paths. ``path``: what ``base_url`` has after that. ``options``: what the settings must say
    besides."""

    name: str
    system: str
    app: ASGIApp
    path: str
    dialect: Dialect
    options: Mapping[str, Any]
    at_root: bool = False

    @property
    def place(self) -> str:
        return "" if self.at_root else f"/{self.name}"

    def connection(self, address: str) -> dict[str, Any]:
        """The table ``[connections.<name>]`` of the settings."""
        return {"system": self.system, "base_url": f"{address}{self.place}{self.path}", **self.options}


def ends_at(world: World) -> datetime:
    """The midnight in Beijing at which the world ends, aware UTC."""
    return datetime.combine(world.ends_on + timedelta(days=1), time(), BEIJING).astimezone(UTC)


def faces(world: World, folder: Path) -> list[Face]:
    """WeCom, Tmall, Youzan and WeChat Pay of a world. ``folder`` takes the merchant's keys."""
    now = ends_at(world)
    return [_wecom(world), _taobao(world, now), _youzan(world, now), _wechat_pay(world, now, folder)]


def application(found: list[Face], plan: FaultPlan, now: datetime) -> Starlette:
    """All faces; ``app.state.layers`` holds the layer of each by name."""
    plan = replace(plan, clock_ahead=now - datetime.now(UTC))
    layers = {face.name: FaultLayer(face.app, plan, face.dialect) for face in found}
    ordered = sorted(found, key=lambda face: face.at_root)  # the root takes what no other place does
    app = Starlette(routes=[Mount(face.place, layers[face.name]) for face in ordered])
    app.state.layers = layers
    return app


def _wecom(world: World) -> Face:
    with tempfile.NamedTemporaryFile(suffix=".json") as state:
        state.write(wecom_state(world))
        state.flush()
        held = wecom.WecomState.read(Path(state.name))
    options = {"corp_id": wecom.CORP_ID, "secret": wecom.SECRET, "requests_per_second": 0}
    return Face("wecom", "wecom", wecom.create_app(held), "/cgi-bin", wecom.DIALECT, options)


def _taobao(world: World, now: datetime) -> Face:
    options = {
        "app_key": taobao.APP_KEY,
        "app_secret": taobao.APP_SECRET,
        "session": taobao.SESSION,
        "store_id": taobao_shop.STORE_ID,
        "requests_per_second": 0,
    }
    face = taobao.TaobaoFace(taobao_shop.tmall(world), clock=lambda: now)
    return Face("tmall", "taobao", taobao.create_app(face), taobao.PATH, taobao.DIALECT, options)


def _youzan(world: World, now: datetime) -> Face:
    options = {
        "client_id": youzan.CLIENT_ID,
        "client_secret": youzan.CLIENT_SECRET,
        "grant_id": youzan.GRANT_ID,
        "store_id": youzan_shop.STORE_ID,
        "requests_per_second": 0,
    }
    face = youzan.YouzanFace(youzan_shop.mall(world), clock=lambda: now)
    return Face("youzan", "youzan", youzan.create_app(face), "", youzan.DIALECT, options)


def _wechat_pay(world: World, now: datetime, folder: Path) -> Face:
    keys = wechat_pay.Keys.make()
    private, public = keys.write(folder)
    options = {
        "merchant_id": MERCHANT,
        "certificate_serial": wechat_pay.SERIAL,
        "key_file": str(private),
        "platform_key_file": str(public),
        "platform_key_id": wechat_pay.PLATFORM_KEY_ID,
        "requests_per_second": 0,
    }
    face = wechat_pay.WechatPayFace(MerchantBooks.of(world), keys, clock=lambda: now)
    return Face("wechat_pay", "wechat_pay", wechat_pay.create_app(face), "", wechat_pay.DIALECT, options, True)
