"""The Youzan connector against its face, beyond what the suite of all connectors asks (tests/contracts).

Accidents it prevents: a sync that dies when its token ends, at whatever call; trades older than one window missed;
refunds beyond the 3000th of a window missed; a refund whose detail is gone that stops all others.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.sandbox import youzan as face_of
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.youzan_shop import branch
from pipelines.sources import connections
from pipelines.sources.connector import Context
from pipelines.sources.youzan import Trades, YouzanConnector
from pipelines.sources.youzan_api import civil
from tests.unit.youzan_served import LAST_CALM_MOMENT, NOW, Served, done, refund, served, shop, trade

# ------------------------------------------------------------------ token


@pytest.mark.parametrize("calls", [1, 2, 3, 5, 8, 37, 38])
def test_a_token_may_end_after_any_call(tmp_path: Path, calls: int, record_property: Any) -> None:
    trades = [trade(f"E{n:03}", f"2026-06-{n % 28 + 1:02} 12:00:00") for n in range(250)]
    refunds = [refund(f"R{n:02}", f"2026-05-{n % 28 + 1:02} 12:00:00") for n in range(20)]
    with served(shop(trades, refunds), tmp_path, token_calls=calls) as it:
        done(it.sync())
        assert sorted(it.landed("youzan_trades")["tid"]) == sorted(it.face.shop.trades)
        assert sorted(it.landed("youzan_refunds")["refund_id"]) == sorted(it.face.shop.refunds)
        assert sorted(it.landed("youzan_refund_details")["refund_id"]) == sorted(it.face.shop.refunds)
        whole = it.layer.requests - it.face.tokens
        assert it.face.tokens > 90 // calls
        assert whole < 2.2 * (90 + 20)  # one refusal and one replay for each token, no more
    record_property("refreshes", it.face.tokens - 1)


def test_an_authorisation_that_was_taken_back_stops_the_sync_with_words(tmp_path: Path) -> None:
    with served(shop([trade("E1")]), tmp_path) as it:
        reports = it.sync(grant_id="7")
        assert reports.keys() == {"*"}  # the look with which a sync begins
        assert "check client_id and grant_id" in reports["*"].error
        assert not reports["*"].transient
        assert it.landed("youzan_trades").height == 0


# ------------------------------------------------------------------ windows and depth


def test_years_of_trades_are_read_in_windows_that_the_platform_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    borders = [NOW - Trades.limits.history + n * Trades.limits.longest for n in range(1, 36)]
    trades = [trade(f"E{n}", civil(at)) for n, at in enumerate(borders)]
    trades += [trade("first", civil(borders[0] - timedelta(days=29))), trade("last", LAST_CALM_MOMENT)]
    asked: list[tuple[str, str]] = []
    with served(shop(trades), tmp_path) as it:
        answer = it.face._trades

        def noted(given: Mapping[str, Any]) -> dict[str, Any]:
            if "start_update" in given:  # not the look with which a sync begins
                asked.append((given["start_update"], given["end_update"]))
            return answer(given)

        monkeypatch.setattr(it.face, "_trades", noted)
        done(it.sync(streams=("trades",)))
        found = it.landed("youzan_trades")
        # a record at the border of two windows is in both of them, and landed once
        assert sorted(found["tid"]) == sorted(it.face.shop.trades)
    assert max(datetime.fromisoformat(end) - datetime.fromisoformat(start) for start, end in asked) <= timedelta(
        days=30
    )
    assert len(asked) == 37


def test_more_refunds_in_a_window_than_the_platform_shows(tmp_path: Path) -> None:
    start = datetime(2026, 6, 1, 4, tzinfo=UTC)
    refunds = [refund(f"R{n:05}", civil(start + timedelta(seconds=n // 3))) for n in range(3_500)]
    with served(shop(refunds=refunds), tmp_path) as it:
        done(it.sync(streams=("refunds",)))
        assert sorted(it.landed("youzan_refunds")["refund_id"]) == sorted(it.face.shop.refunds)


def test_more_changes_in_one_second_than_the_platform_shows_are_not_passed_over(tmp_path: Path) -> None:
    refunds = [refund(f"R{n:05}", f"2026-06-01 12:00:0{n % 2}") for n in range(6_010)]
    with served(shop(refunds=refunds), tmp_path) as it:
        report = it.sync(streams=("refunds",))["refunds"]
        assert report.state == "failed"
        assert "3005 records changed at 2026-06-01 04:00:0" in report.error
        assert "only 3000 can be read" in report.error


# ------------------------------------------------------------------ digests and details


def test_digests_are_landed_only_when_asked_for(tmp_path: Path) -> None:
    one = trade("E1", buyer_info={"buyer_phone": "$cc==$1$"})
    with served(shop([one, trade("E2")]), tmp_path) as it:
        it.face.shop.phones = {"$cc==$1$": "13800138000"}
        done(it.sync(streams=("trades",)))
        assert it.landed("youzan_trades")["buyer_phone_digest"].to_list() == [None, None]
    with served(shop([one, trade("E2")]), tmp_path / "on") as it:
        it.face.shop.phones = {"$cc==$1$": "13800138000"}
        done(it.sync(streams=("trades",), digest_phones=True))
        found = dict(it.landed("youzan_trades").select("tid", "buyer_phone_digest").iter_rows())
        assert found == {"E1": face_of.digest("13800138000"), "E2": None}
        assert "13800138000" not in str(it.landed("youzan_trades").to_dicts())


def test_a_detail_is_asked_for_once_for_each_change(tmp_path: Path) -> None:
    with served(shop(refunds=[refund("R1"), refund("R2")]), tmp_path) as it:
        assert it.sync()["refund_details"].requests == 2
        assert it.sync()["refund_details"].requests == 0
        it.face.shop.refunds["R1"] |= {"modified": LAST_CALM_MOMENT, "version": 2}
        assert it.sync()["refund_details"].requests == 1
        found = it.landed("youzan_refund_details").filter(pl.col("refund_id") == "R1")
        assert found.sort("modified_at")["version"].to_list() == [1, 2]


def test_details_can_be_left_out(tmp_path: Path) -> None:
    with served(shop(refunds=[refund("R1")]), tmp_path) as it:
        report = it.sync(refund_details=False)["refund_details"]
        assert (report.state, report.requests) == ("done", 0)
        assert it.landed("youzan_refund_details").height == 0


def test_a_detail_that_is_gone_does_not_stop_the_others_and_is_not_asked_for_again(tmp_path: Path) -> None:
    with served(shop(refunds=[refund("R1"), refund("R2")]), tmp_path) as it:
        done(it.sync(streams=("refunds",)))
        del it.face.shop.refunds["R1"]
        done(it.sync())
        found = dict(it.landed("youzan_refund_details").select("refund_id", "oid").iter_rows())
        assert found == {"R1": None, "R2": "E11"}
        assert it.sync()["refund_details"].requests == 0


def test_a_detail_that_cannot_be_read_is_set_apart_once(tmp_path: Path) -> None:
    with served(shop(refunds=[refund("R1", version="new"), refund("R2")]), tmp_path) as it:
        report = it.sync()["refund_details"]
        assert (report.landed, report.quarantined) == (1, 1)
        report = it.sync()["refund_details"]
        assert (report.landed, report.quarantined, report.repeated) == (0, 0, 1)
        assert it.workspace.lake.read("quarantine", "youzan_refund_details").height == 1


def test_details_go_on_where_a_kill_stopped_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.sources.youzan_details.CALLS_PER_CHUNK", 3)
    with served(shop(refunds=[refund(f"R{n}") for n in range(10)]), tmp_path) as it:
        done(it.sync(streams=("refunds",)))
        with connections.opened(connections.enabled(it.settings())[0], _context(it)) as connector:
            assert isinstance(connector, YouzanConnector)
            details = connector.streams()[2]
            chunk = next(details.read(None, NOW))
            it.workspace.lake.commit(
                source=connector.source("refund_details"),
                key="k",
                parts=chunk.parts,
                accounting=chunk.accounting,
                cursor=chunk.cursor,
            )
        report = it.sync()["refund_details"]
        assert (report.landed, report.batches, report.requests) == (7, 3, 7)
        assert it.landed("youzan_refund_details")["refund_id"].is_unique().all()


def _context(it: Served) -> Context:
    return Context(it.workspace.lake, it.workspace.settings, it.naps.append)


# ------------------------------------------------------------------ the full company


def test_buyers_of_the_full_company_are_those_of_the_truth(tmp_path: Path) -> None:
    """Who ordered, who received and which payment it was can be found again in what was landed."""
    full = FullWorld.generate(400, 3, NOW.date())
    with served(branch(full), tmp_path) as it:
        account = {"client_id": it.face.shop.client_id, "grant_id": it.face.shop.kdt_id}
        done(it.sync(**account, store_id="S026", digest_phones=True))
        found = it.landed("youzan_trades").join(
            full.world.orders.select("person_id", pl.col("buyer_phone").alias("stated"), tid="order_id"), on="tid"
        )
        assert found.height == full.world.orders.filter(pl.col("store_id") == "S026").height > 50
        truth = full.identities.filter((pl.col("identifier_type") == "yz_open_id") & (pl.col("scope") == "44635512"))
        owners = found.join(truth, left_on="yz_open_id", right_on="identifier", suffix="_true")
        assert owners.height == found.height
        assert (owners["person_id"] == owners["person_id_true"]).all()
        stated = found.drop_nulls("stated")
        expected = [face_of.digest(phone.removeprefix("+86")) for phone in stated["stated"]]
        assert stated["buyer_phone_digest"].to_list() == expected
        payments = full.payments.select("transaction_id", "amount", tid="order_id")
        paid = found.join(payments, left_on=["tid", "outer_transactions"], right_on=["tid", "transaction_id"])
        assert paid.height == found["paid_at"].count() > 50
        assert (paid["amount"] == paid["payment"]).all()
        gifts = full.deliveries.filter(
            (pl.col("store_id") == "S026") & (pl.col("person_id") != pl.col("receiver_person_id"))
        ).select(tid="order_id")
        sent = found.join(gifts, on="tid", how="semi")
        assert sent.height > 0
        assert (sent["receiver_name"] != sent["fans_nickname"]).all()
