"""Every system of a company on one server: each face under its own name, behind its own layer of faults.

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

from pipelines.sandbox import taobao, taobao_shop, wechat_pay, wecom, wecom_community, youzan, youzan_shop
from pipelines.sandbox.faults import Dialect, FaultLayer, FaultPlan
from pipelines.sandbox.files import wecom_state
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.full_files import of_corp
from pipelines.sandbox.taobao import TaobaoShop
from pipelines.sandbox.wechat_pay_bills import MerchantBooks
from pipelines.sandbox.wecom_corp import Corp, WecomState
from pipelines.sandbox.world import World
from pipelines.sandbox.youzan import YouzanShop

BEIJING = ZoneInfo("Asia/Shanghai")
_TAOBAO_SHOPS = {"tmall": taobao_shop.STORE_ID, "taobao_club": taobao_shop.CLUB_STORE_ID}


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
    """WeCom, Tmall, Youzan and WeChat Pay of the demo company. ``folder`` takes the merchant's keys."""
    now = ends_at(world)
    return [
        _wecom("wecom", wecom.CORP_ID, wecom.create_app(_held(world))),
        _taobao("tmall", taobao_shop.tmall(world), taobao_shop.STORE_ID, now),
        _youzan(youzan_shop.mall(world), youzan_shop.STORE_ID, now),
        _wechat_pay(MerchantBooks.of(world), now, folder),
    ]


def full_faces(full: FullWorld, folder: Path) -> list[Face]:
    """The same of a full company: both its WeCom corps, each Taobao shop under its own application, the Youzan shop,
    and the merchant account in yuan. ``folder`` takes the merchant's keys."""
    now = ends_at(full.world)
    besides = wecom_community.holdings(full)
    corps = [
        Corp(_held(of_corp(full.world, corp_id)), corp_id, now=now.timestamp, holdings=besides)
        for corp_id in full.company.corps["corp_id"]
    ]
    return [
        *(
            _wecom(name, corp.corp_id, wecom.serving([corp]))
            for name, corp in zip(("wecom", "wecom_overseas"), corps, strict=True)
        ),
        *(_taobao(name, taobao_shop.shop(full, store), store, now) for name, store in _TAOBAO_SHOPS.items()),
        _youzan(youzan_shop.branch(full), youzan_shop.FULL_STORE_ID, now),
        _wechat_pay(MerchantBooks.of_company(full), now, folder),
    ]


def application(found: list[Face], plan: FaultPlan, now: datetime) -> Starlette:
    """All faces; ``app.state.layers`` holds the layer of each by name."""
    plan = replace(plan, clock_ahead=now - datetime.now(UTC))
    layers = {face.name: FaultLayer(face.app, plan, face.dialect) for face in found}
    ordered = sorted(found, key=lambda face: face.at_root)  # the root takes what no other place does
    app = Starlette(routes=[Mount(face.place, layers[face.name]) for face in ordered])
    app.state.layers = layers
    return app


def _held(world: World) -> WecomState:
    with tempfile.NamedTemporaryFile(suffix=".json") as state:
        state.write(wecom_state(world))
        state.flush()
        return WecomState.read(Path(state.name))


def _wecom(name: str, corp_id: str, app: ASGIApp) -> Face:
    options = {"corp_id": corp_id, "secret": wecom.SECRET, "requests_per_second": 0}
    return Face(name, "wecom", app, "/cgi-bin", wecom.DIALECT, options)


def _taobao(name: str, shop: TaobaoShop, store_id: str, now: datetime) -> Face:
    options = {
        "app_key": shop.app_key,
        "app_secret": taobao.APP_SECRET,
        "session": taobao.SESSION,
        "store_id": store_id,
        "requests_per_second": 0,
    }
    app = taobao.create_app(taobao.TaobaoFace(shop, clock=lambda: now))
    return Face(name, "taobao", app, taobao.PATH, taobao.DIALECT, options)


def _youzan(shop: YouzanShop, store_id: str, now: datetime) -> Face:
    options = {
        "client_id": shop.client_id,
        "client_secret": youzan.CLIENT_SECRET,
        "grant_id": shop.kdt_id,
        "store_id": store_id,
        "requests_per_second": 0,
    }
    app = youzan.create_app(youzan.YouzanFace(shop, clock=lambda: now))
    return Face("youzan", "youzan", app, "", youzan.DIALECT, options)


def _wechat_pay(books: MerchantBooks, now: datetime, folder: Path) -> Face:
    keys = wechat_pay.Keys.make()
    private, public = keys.write(folder)
    options = {
        "merchant_id": books.merchant_id,
        "certificate_serial": wechat_pay.SERIAL,
        "key_file": str(private),
        "platform_key_file": str(public),
        "platform_key_id": wechat_pay.PLATFORM_KEY_ID,
        "requests_per_second": 0,
    }
    app = wechat_pay.create_app(wechat_pay.WechatPayFace(books, keys, clock=lambda: now))
    return Face("wechat_pay", "wechat_pay", app, "", wechat_pay.DIALECT, options, at_root=True)
