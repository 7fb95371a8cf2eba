"""What Youzan writes and how it is read: times, money, odd forms, new fields; and that its face refuses as it does.

Accidents it prevents: a day shifted at the end of a year or of February, fen taken for yuan, a cipher taken for a
phone, one odd record that stops a shop, and a sandbox that is kinder than the platform.
"""

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from models.contracts import contract
from pipelines.sandbox import youzan as face_of
from pipelines.sandbox.server import serving
from pipelines.sandbox.youzan import YouzanFace
from pipelines.sources import records, windows
from pipelines.sources.youzan import LINE_FIELDS, TRADE_FIELDS, Trades
from pipelines.sources.youzan_api import EITHER_TIME, civil, seconds
from tests.unit.youzan_served import LAST_CALM_MOMENT, NOW, done, refund, served, shop, trade

# ------------------------------------------------------------------ times, money, forms


@pytest.mark.parametrize(
    ("said", "utc"),
    [
        ("2023-12-31 23:59:59", datetime(2023, 12, 31, 15, 59, 59)),
        ("2024-01-01 00:00:00", datetime(2023, 12, 31, 16)),
        ("2024-02-29 00:00:00", datetime(2024, 2, 28, 16)),
        ("2024-02-29 23:59:59", datetime(2024, 2, 29, 15, 59, 59)),
        ("2024-03-01 07:59:59", datetime(2024, 2, 29, 23, 59, 59)),
        ("1709222399", datetime(2024, 2, 29, 15, 59, 59)),
        ("2023-02-29 00:00:00", None),
        ("1709222399000", None),  # milliseconds
        ("0", None),
        ("", None),
    ],
)
def test_both_forms_of_a_time(said: str, utc: datetime | None) -> None:
    assert pl.select(EITHER_TIME.parse(pl.lit(said))).item() == utc


@pytest.mark.parametrize(
    "said", ["2023-12-31 23:59:59", "2024-01-01 00:00:00", "2024-02-29 23:59:59", LAST_CALM_MOMENT]
)
def test_a_window_is_asked_for_in_both_forms_at_the_ends_of_days(said: str) -> None:
    at = datetime.fromisoformat(f"{said}+08:00").astimezone(UTC)
    assert civil(at) == said
    assert pl.select(EITHER_TIME.parse(pl.lit(str(seconds(at))))).item() == at.replace(tzinfo=None)


def test_trades_and_refunds_of_one_second_land_at_one_time(tmp_path: Path) -> None:
    """Trades are asked for as civil time, refunds in seconds: a zone forgotten in one of them shifts it by a day."""
    at = "2024-02-29 23:59:59"
    with served(shop([trade("E1", at)], [refund("R1", at)]), tmp_path) as it:
        done(it.sync())
        expected = datetime(2024, 2, 29, 15, 59, 59)
        assert it.landed("youzan_trades")["modified_at"].to_list() == [expected]
        assert it.landed("youzan_refunds")["modified_at"].to_list() == [expected]
        assert it.landed("youzan_refund_details")["refunded_at"].to_list() == [expected]


def landed_trade(one: dict[str, Any]) -> dict[str, Any]:
    frame = records.decode([json.dumps(one, ensure_ascii=False).encode()], Trades.schema)
    stamped = frame.with_columns(
        shop_id=pl.lit("S1"), client_id=pl.lit("c"), buyer_phone_digest=pl.lit(None, pl.String)
    )
    good, refused = records.table(stamped, contract("youzan_trades"), TRADE_FIELDS, file="f")
    return good.to_dicts()[0] if good.height else {"refused": refused["rule"].to_list()}


def test_yuan_and_fen_stand_side_by_side() -> None:
    pay = {"payment": "19.82", "total_fee": 20, "post_fee": 1.5, "real_payment": "9.82", "deduction_pay": 1000}
    found = landed_trade(trade("E1", pay_info=pay))
    names = ("payment", "total_fee", "post_fee", "real_payment", "deduction_pay")
    assert [found[name] for name in names] == [1982, 2000, 150, 982, 1000]


@pytest.mark.parametrize(
    ("part", "fields", "column", "value"),
    [
        ("source_info", {"source": {"platform": "wx", "wx_entrance": "x"}}, "platform", "wx"),
        ("source_info", {"source": "wx"}, "platform", "wx"),
        ("pay_info", {"transaction": ["a", "b"]}, "transactions", "a,b"),
        ("pay_info", {"transaction": []}, "transactions", None),
        ("pay_info", {"outer_transactions": "a"}, "outer_transactions", "a"),
        ("order_info", {"type": 4}, "trade_type", "4"),
        ("order_info", {"status": "BRAND_NEW"}, "status", "BRAND_NEW"),
        ("order_info", {"offline_id": 9007199254740993}, "offline_id", "9007199254740993"),
        ("order_info", {"pay_time": ""}, "paid_at", None),
        ("order_info", {"is_retail_order": True}, "is_retail_order", True),
        ("buyer_info", {"buyer_phone": "$aa==$1$"}, "buyer_phone", "$aa==$1$"),
    ],
)
def test_forms_that_services_give(part: str, fields: dict[str, Any], column: str, value: Any) -> None:
    assert landed_trade(trade("E1", **{part: fields}))[column] == value


@pytest.mark.parametrize(
    ("part", "fields", "rule"),
    [
        ("order_info", {"update_time": "2026/06/01"}, "modified_at must be a time such as"),
        ("pay_info", {"payment": "9.825"}, "payment must be an amount with at most two decimals"),
        ("pay_info", {"payment": None}, "payment is required"),
        ("pay_info", {"deduction_pay": "1.5"}, "deduction_pay must be a whole number"),
    ],
)
def test_what_cannot_be_read_is_set_apart(part: str, fields: dict[str, Any], rule: str) -> None:
    assert any(rule in said for said in landed_trade(trade("E1", **{part: fields}))["refused"])


def test_ciphers_are_marked_as_personal() -> None:
    ciphers = [column for column in contract("youzan_trades").columns if "cipher" in column.en]
    assert len(ciphers) == 5
    assert all(column.personal for column in ciphers)
    assert {str(field.column) for field in LINE_FIELDS} <= set(contract("youzan_trade_lines").dtypes)


def test_records_of_another_form_do_not_stop_their_neighbours(tmp_path: Path) -> None:
    odd = [trade(f"odd{n}", LAST_CALM_MOMENT) for n in range(2)]
    for n, one in enumerate(odd):
        one["full_order_info"]["orders"] = {"oid": f"{n}, and not a list"}
    many = [trade(f"E{n}", LAST_CALM_MOMENT) for n in range(8)]
    with served(shop([*many, *odd]), tmp_path) as it:
        report = it.sync(streams=("trades",))["trades"]
        assert (report.state, report.landed, report.quarantined) == ("done", 8, 2)
        report = it.sync(streams=("trades",))["trades"]  # the overlap meets them again; they are set apart once
        assert (report.rows, report.repeated, report.quarantined) == (10, 10, 0)


def test_new_values_and_new_fields_within_a_trade_are_reported(tmp_path: Path) -> None:
    with served(shop([trade("E1")]), tmp_path) as it:
        done(it.sync(streams=("trades",)))
        it.face.shop.trades["E2"] = trade(
            "E2", LAST_CALM_MOMENT, order_info={"status": "BRAND_NEW", "brand_new_field": 1}
        )
        report = it.sync(streams=("trades",))["trades"]
        assert report.unknown_values == {"youzan_trades.status": ["BRAND_NEW"]}
        assert report.new_fields == ["order_info.brand_new_field"]


def test_a_memo_that_changes_without_the_time_is_a_new_observation(tmp_path: Path) -> None:
    with served(shop([trade("E1", LAST_CALM_MOMENT)]), tmp_path) as it:
        done(it.sync())
        it.face.shop.trades["E1"]["full_order_info"]["remark_info"]["trade_memo"] = "加急"
        done(it.sync())
        assert it.landed("youzan_trades")["trade_memo"].to_list() == [None, "加急"]
        assert it.landed("youzan_trade_lines").height == 2


# ------------------------------------------------------------------ the face


def test_the_face_refuses_what_the_platform_refuses() -> None:
    face = YouzanFace(shop([trade("E1")], [refund("R1")]), clock=lambda: NOW)
    with serving(face_of.create_app(face)) as address, httpx.Client(base_url=address) as app:
        who = {
            "client_id": face_of.CLIENT_ID,
            "client_secret": face_of.CLIENT_SECRET,
            "authorize_type": "silent",
            "grant_id": face_of.GRANT_ID,
        }
        token = app.post("/auth/token", json=who).json()["data"]["access_token"]

        def code(name: str, body: Any, access: str = token) -> int:
            said = app.post(f"/api/{name}", params={"access_token": access}, json=body).json()
            return int(said.get("gw_err_resp", {}).get("err_code") or said["code"])

        trades, refunds = "youzan.trades.sold.get/4.0.4", "youzan.trade.refund.search/3.0.1"
        year = {"start_update": "2025-06-01 00:00:00", "end_update": "2026-06-02 00:00:00"}
        assert code(trades, {}) == 200
        assert code(trades, {}, "") == 4201
        assert code(trades, {}, "forged") == 4203
        assert code("youzan.trades.sold.get/9.9.9", {}) == 4005
        assert code(trades, {"page_size": 101}) == code(trades, {"page_no": 101}) == 5000
        assert code(trades, year) == 106000001
        assert code(trades, {"start_update": "2026-06-01", "end_update": "2026-06-02"}) == 5001
        assert code(trades, {"start_update": "2026-07-01 00:00:00", "end_update": "2026-07-09 00:00:00"}) == 106000003
        assert code(refunds, {"page_no": 60, "page_size": 50}) == 200
        assert code(refunds, {"page_no": 61, "page_size": 50}) == 53004
        assert code(refunds, {"page_no": 101, "page_size": 1}) == 53003
        assert code(refunds, {"update_time_start": "2026-06-01 00:00:00"}) == 5001
        assert code("youzan.trade.refund.get/3.0.1", {"refund_id": "R9"}) == 103011024
        assert app.post("/auth/token", json={**who, "authorize_type": "authorization_code"}).json()["code"] == 1105
        assert app.post("/auth/token", data=who).json()["code"] == 1000
        old = refund("R0", "2026-01-01 00:00:00")
        face.shop.refunds["R0"] = old  # without times, the last three months only
        assert app.post(f"/api/{refunds}", params={"access_token": token}, json={}).json()["data"]["total"] == 1


def test_windows_of_the_connector_are_within_the_platform_limits() -> None:
    assert Trades.limits.longest <= face_of.LONGEST_WINDOW
    assert Trades.limits.page_size <= face_of.LONGEST_PAGE
    spans = list(windows.split(NOW - Trades.limits.history, NOW, Trades.limits.longest))
    assert all(left.end == right.start for left, right in pairwise(spans))
