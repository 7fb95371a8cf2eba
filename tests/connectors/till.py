"""The example connector of docs/examples/till behind a made-up till, found as an installed package would be."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from models.settings import PROJECT_ROOT
from pipelines.sandbox.faults import Dialect
from pipelines.sources import connections
from tests.connectors.stand import Kind, Stand, Truth

EXAMPLE = PROJECT_ROOT / "docs" / "examples" / "till"
NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)
KEY, PAGE = "till-sandbox-key", 50
LINES = 900
UNKNOWN = (
    *("buyer_unionid", "buyer_external_userid", "buyer_phone"),
    *("product_name", "unit_price", "discount", "order_points_amount", "salesperson_id"),
    *("receiver_name", "receiver_phone", "receiver_province", "receiver_city", "receiver_district"),
)


def install(folder: Path) -> Path:
    """What an installer leaves of the example: its module's place and its entry points, in a folder for the path."""
    info = folder / "siyu_till-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: siyu-till\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[siyu.connectors]\ntill = siyu_till:TillConnector\n")
    (folder / "siyu_till.py").write_bytes((EXAMPLE / "siyu_till.py").read_bytes())
    return folder


@contextmanager
def installed_here(folder: Path) -> Iterator[None]:
    """For the block, this process finds the example as it finds what is installed."""
    sys.path.insert(0, str(install(folder)))
    connections.systems.cache_clear()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("siyu_till", None)
        connections.systems.cache_clear()


def make(seed: int, moving: bool) -> Stand:
    held = {f"R{n // 2}-{n % 2}": _line(n) for n in range(LINES)}
    extra: dict[str, Any] = {}
    renamed: dict[str, str] = {}
    unrest = {"moves": 0.2 if moving else 0.0, "pages": seed}

    async def lines(request: Request) -> Response:
        if request.headers.get("x-api-key") != KEY:
            return JSONResponse({"error": "who are you"}, status_code=401)
        given = {name: int(request.query_params[name]) for name in ("since", "until", "page")}
        found = sorted(
            (one for one in held.values() if given["since"] <= one["changed"] <= given["until"]),
            key=lambda one: (-one["changed"], one["line"]),
        )
        unrest["pages"] += 1
        if found and (unrest["pages"] * 37 % 100) < unrest["moves"] * 100:
            found.pop(0)["changed"] = int(NOW.timestamp())
        page = found[(given["page"] - 1) * PAGE : given["page"] * PAGE]
        shown = [{renamed.get(name, name): value for name, value in (one | extra).items()} for one in page]
        return JSONResponse({"total": len(found), "lines": shown})

    def change(moment: datetime) -> None:
        for one in list(held.values())[:7]:
            one["changed"], one["cents"] = int(moment.timestamp()), one["cents"] + 1

    return Stand(
        system="till",
        app=Starlette(routes=[Route("/lines", lines)]),
        path="",
        dialect=Dialect(busy=b'{"error": "slow down"}', limit=b'{"error": "slow down"}'),
        options={"api_key_secret": KEY, "store_id": "T01", "requests_per_second": 0},
        bad_options={"key": ({"api_key_secret": "wrong"}, "check api_key_secret")},
        now=NOW,
        truth=lambda: _truth(held),
        change=change,
        calm=_setter(unrest, "moves", 0.0),
        add_field=lambda: extra.update(brand_new_field="x"),
        rename_field=lambda: renamed.update(receipt="bon"),
        spoil_amounts=lambda: [one.update(cents="12,3") for one in held.values()].clear(),
        new_state=lambda: held["R0-0"].update(state="NEW_STATE"),
        secrets=(KEY,),
        unseen=dict.fromkeys(UNKNOWN, "the till does not know it"),
    )


def _setter(held: dict[str, Any], name: str, value: float) -> Callable[[], None]:
    def put() -> None:
        held[name] = value

    return put


def _line(number: int) -> dict[str, Any]:
    at = int((NOW - timedelta(hours=1 + number)).timestamp())
    return {
        "line": f"R{number // 2}-{number % 2}", "receipt": f"R{number // 2}", "sold": at, "changed": at,
        "member": f"80000{number:05d}", "item": f"P{number % 40:04d}", "pieces": "1.5", "cents": 990 + number,
        "currency": "CNY", "state": "finished",
    }  # fmt: skip


def _truth(held: dict[str, dict[str, Any]]) -> Truth:
    lines = list(held.values())
    sold = [datetime.fromtimestamp(one["sold"], UTC).replace(tzinfo=None) for one in lines]
    return {
        "orders": pl.DataFrame(
            {
                "store_id": ["T01"] * len(lines),
                "order_id": [one["receipt"] for one in lines],
                "line_no": [one["line"] for one in lines],
                "paid_amount": [one["cents"] for one in lines],
                "ordered_at": sold,
            }
        )
    }


TILL = Kind("till", make)
