"""Whole companies on one server: every connection that `scrm sandbox serve` prints can be read to the end, and what
comes over the interfaces is what the same company lands without them.

Accidents it prevents: a face and the filled lake that tell two stories of one company; a shop that is served under
another application's buyer ids; a clear name or phone where the platform shows a mask.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.contracts import contract
from models.settings import Settings
from pipelines.commands.sandbox import connections_toml
from pipelines.lake import Lake
from pipelines.sandbox import merchants, youzan
from pipelines.sandbox.faces import Face, application, ends_at, faces, full_faces
from pipelines.sandbox.faults import FaultPlan
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.generating import Order, generate_into
from pipelines.sandbox.server import serving
from pipelines.sandbox.world import sample
from pipelines.sources import connections, syncing
from pipelines.sources.syncing import StreamReport
from pipelines.sources.taobao import Trades
from pipelines.sources.wechat_pay import last_ready, months_back
from pipelines.workspace import Workspace

PASSING = ("http_503", "truncated", "html", "busy")
ORDER = Order(500, 20260630, date(2026, 6, 30), days=150)


def read(
    found: list[Face], now: datetime, plan: FaultPlan, folder: Path, options: Mapping[str, Mapping[str, Any]]
) -> tuple[Lake, list[StreamReport]]:
    """Everything that the faces hold, by what the sandbox prints and ``options`` of connections besides."""
    with serving(application(found, plan, now)) as address:
        given = tomllib.loads(connections_toml(found, address))["connections"]
        given = {name: table | options.get(name, {}) for name, table in given.items()}
        settings = Settings(home=folder, connections=given)
        workspace = Workspace(settings)
        reports = syncing.sync(workspace, connections.enabled(settings), datetime.now(UTC), sleep=lambda _: None)
    syncing.raise_failures(reports)
    return workspace.lake, reports


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_every_system_of_the_company_is_read_by_what_the_sandbox_prints(tmp_path: Path, rate: float) -> None:
    world = sample()
    found = faces(world, tmp_path / "keys")
    _, reports = read(found, ends_at(world), FaultPlan(3, rate, kinds=PASSING), tmp_path / "home", {})
    landed = {(report.connection, report.stream): report.landed for report in reports}
    for stream in (("wecom", "contacts"), ("tmall", "trades"), ("youzan", "trades"), ("wechat_pay", "trade_bills")):
        assert landed[stream] > 0
    assert {connection for connection, _ in landed} == {face.name for face in found}


# ------------------------------------------------------------------ the full company, twice


@dataclass(frozen=True)
class Both:
    """One company: its truth, what the connectors read of it, and what was filled in without them."""

    full: FullWorld
    served: Lake
    filled: Lake
    landed: Mapping[tuple[str, str], int]

    @property
    def now(self) -> datetime:
        """Where the calendars stand, naive UTC."""
        return ends_at(self.full.world).replace(tzinfo=None)

    def within_reach(self, dataset: str) -> pl.Expr:
        """Of the filled rows those that a platform still gives who asks at the end of the world."""
        if dataset.startswith("taobao_"):
            return pl.col("modified_at").is_between(self.now - Trades.limits.history, self.now)
        if dataset in ("bills", "payment_bill_lines"):
            first = months_back(self.full.company.ends_on + timedelta(days=1), 3) + timedelta(days=1)
            account = merchants.account(merchants.WECHAT_PAY, "CNY")
            day = "starts_on" if dataset == "bills" else "bill_date"
            days = pl.col(day).is_between(first, last_ready(ends_at(self.full.world)))
            return (pl.col("account_id") == account) & days
        return pl.lit(True)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("full")
    full = FullWorld.one_part(ORDER.company, 0, ORDER.traits, ORDER.effects)
    filled = Lake(folder / "filled")
    generate_into(filled, ORDER)
    found = full_faces(full, folder / "keys")
    plan = FaultPlan(3, 0.02, kinds=PASSING)
    served, reports = read(found, ends_at(full.world), plan, folder / "home", {"youzan": {"digest_phones": True}})
    assert {report.connection for report in reports} == {face.name for face in found}
    return Both(full, served, filled, {(report.connection, report.stream): report.landed for report in reports})


CIPHER = "a cipher of the shop: what it says is not ours to invent"
OF_THE_BILL = "printed on the bill, and no fact of the company"
#: What the faces say and the filled lake leaves empty, with the reason.
FACES_ALONE: dict[str, dict[str, str]] = {
    "wecom_contacts": {"content": "a digest of the vendor's record; there was none"},
    "wecom_follows": {"content": "a digest of the vendor's record; there was none"},
    "taobao_trade_lines": {"num_iid": "the platform's number of the item"},
    "youzan_trades": {
        **dict.fromkeys(("buyer_phone", "fans_nickname", "receiver_name", "receiver_tel", "delivery_address"), CIPHER),
        **dict.fromkeys(("trade_type", "express_type", "pay_type", "order_mark"), "the same of every order"),
        **dict.fromkeys(("is_retail_order", "is_offline_order", "shop_name"), "the same of every order"),
        **dict.fromkeys(("root_kdt_id", "offline_id", "transactions"), "the platform's own numbers"),
        "buyer_phone_digest": "an answer of the platform",
    },
    "youzan_trade_lines": {
        **dict.fromkeys(("item_id", "sku_id"), "the platform's numbers of the item"),
        "item_type": "the same of every line",
    },
    "youzan_refund_details": {"version": "counted by the platform"},
    "payment_bill_lines": dict.fromkeys(("refund_type", "bank", "rate_text", "coupon_amount"), OF_THE_BILL),
}
#: One pass over WeCom has its own name in each lake; a bill's hash is that of its text, and the filled one has none.
OF_THE_LAKE = {"sync_id", "sha256"}
COMPARED = (
    *("taobao_trades", "taobao_trade_lines", "taobao_refunds"),
    *("youzan_trades", "youzan_trade_lines", "youzan_refunds", "youzan_refund_details"),
    *("wecom_contacts", "wecom_follows", "wecom_follow_phones", "wecom_follow_tags", "wecom_staff", "wecom_tags"),
    *("wecom_groups", "wecom_group_members", "wecom_links", "wecom_link_customers", "wecom_payments"),
    *("bills", "payment_bill_lines"),
)


def test_no_dataset_that_both_lakes_hold_goes_uncompared(both: Both) -> None:
    held = set(both.served.datasets("landed")) & set(both.filled.datasets("landed"))
    assert held == {*COMPARED, "wecom_syncs"}  # passes are the lakes' own


@pytest.mark.parametrize("dataset", COMPARED)
def test_the_faces_and_the_filled_lake_tell_the_same_of_the_company(both: Both, dataset: str) -> None:
    of = contract(dataset)
    alone = FACES_ALONE.get(dataset, {})
    columns = [name for name in of.dtypes if name not in alone and name not in OF_THE_LAKE]
    filled = both.filled.read("landed", dataset).filter(both.within_reach(dataset))
    served = both.served.read("landed", dataset)
    if dataset == "bills":
        served = served.filter(pl.col("bill_type") != "fund")  # the filled lake holds no movements of accounts
    empty = [name for name in alone if name in filled.columns and filled[name].null_count() < filled.height]
    assert not empty, f"{dataset}: the filled lake holds {empty} too; compare them"
    assert served.height > 0
    assert_frame_equal(served.select(columns).sort(columns), filled.select(columns).sort(columns), check_row_order=True)


def test_each_application_knows_a_buyer_by_a_name_of_its_own(both: Both) -> None:
    truth = both.full.identities.filter(pl.col("identifier_type") == "buyer_open_uid")
    orders = both.full.world.orders.select("order_id", "store_id", "person_id")
    trades = both.served.read("landed", "taobao_trades").join(
        orders, left_on=["shop_id", "tid"], right_on=["store_id", "order_id"]
    )
    owners = trades.join(truth, left_on=["app_key", "buyer_open_uid"], right_on=["scope", "identifier"])
    assert owners.height == trades.height
    assert (owners["person_id"] == owners["person_id_right"]).all()
    keys = dict(trades.select("shop_id", "app_key").unique().iter_rows())
    assert keys == {"S021": "23100001", "S025": "23100002"}
    in_both = trades.group_by("person_id").agg(pl.col("shop_id").n_unique(), pl.col("buyer_open_uid").n_unique())
    assert (in_both["shop_id"] == in_both["buyer_open_uid"]).all()
    assert (in_both["shop_id"] == 2).any()


def test_the_platform_masks_a_receiver_who_may_be_another(both: Both) -> None:
    trades = both.served.read("landed", "taobao_trades").select(
        pl.col("tid").alias("order_id"), "oaid", "receiver_name", "receiver_mobile", "receiver_address", "created_at"
    )
    known = trades.join(both.full.deliveries, on="order_id", suffix="_clear")
    assert known["receiver_mobile"].drop_nulls().str.contains(r"^\+?\d*\*{4}\d{4}$").all()
    assert (known["receiver_name"].str.len_chars() == known["receiver_name_clear"].str.len_chars()).all()
    for clear, masked in (("receiver_name_clear", "receiver_name"), ("receiver_phone", "receiver_mobile")):
        assert known.filter(pl.col(clear) == pl.col(masked)).is_empty()
    assert known["receiver_address"].str.contains(r"\d").sum() == 0
    phones = both.full.world.people.select("person_id", pl.col("phone").str.slice(-4).alias("of_buyer"))
    gifts = known.filter(pl.col("receiver_person_id") != pl.col("person_id")).join(phones, on="person_id")
    assert gifts.height > 3
    assert (gifts["receiver_mobile"].str.slice(-4) != gifts["of_buyer"]).any()
    # The cipher is the receiver's for a shop and a week, and another one in the next.
    civil = pl.col("created_at") + pl.duration(hours=8)
    scope = ["receiver_person_id", "store_id", civil.dt.iso_year().alias("year"), civil.dt.week().alias("week")]
    by_week = known.select(*scope, "oaid").group_by("receiver_person_id", "store_id", "year", "week")
    assert (by_week.agg(pl.col("oaid").n_unique())["oaid"] == 1).all()
    again = known.select(*scope, "oaid").unique()
    assert again["oaid"].n_unique() == again.height
    assert again.group_by("receiver_person_id", "store_id").len()["len"].max() > 1


def test_youzan_gives_phones_as_digests_of_what_the_buyer_told(both: Both) -> None:
    trades = both.served.read("landed", "youzan_trades").select("tid", "buyer_phone_digest", "receiver_tel", "shop_id")
    told = dict(both.full.world.orders.select("order_id", "buyer_phone").iter_rows())
    expected = [told[tid] and youzan.digest(told[tid].removeprefix("+86")) for tid in trades["tid"]]
    assert trades["buyer_phone_digest"].to_list() == expected
    assert 0 < trades["buyer_phone_digest"].null_count() < trades.height / 2
    assert trades["receiver_tel"].drop_nulls().str.contains(r"^\$.+\$1\$$").all()


def test_statistics_of_staff_are_those_of_the_community(both: Both) -> None:
    """Days of which there is nothing to tell are served as zeros."""
    figures = ["chats", "messages", "negative_feedbacks", "applications", "new_contacts"]
    served = both.served.read("landed", "wecom_behaviour").select(
        "corp_id", "userid", "stat_date", "reply_rate", *figures
    )
    told = both.full.community.staff_days.select(
        "corp_id",
        "userid",
        pl.col("day").alias("stat_date"),
        (pl.col("replied_share").cast(pl.Float64) / 100).alias("share"),
        pl.col("chats").alias("of_chats"),
        pl.col("messages").alias("of_messages"),
        pl.col("negative_feedback").alias("of_negative_feedbacks"),
        pl.col("applied").alias("of_applications"),
        pl.col("new_contacts").alias("of_new_contacts"),
    )
    keys = ["corp_id", "userid", "stat_date"]
    reached = told.filter(pl.col("stat_date").is_between(served["stat_date"].min(), served["stat_date"].max()))
    whole = served.join(reached, on=keys, how="left")
    for name in figures:
        assert (whole[name] == whole[f"of_{name}"].fill_null(0)).all(), name
    assert whole["share"].is_not_null().any()
    assert (whole["reply_rate"].cast(pl.Float64).fill_null(-1) - whole["share"].fill_null(-1)).abs().max() < 1e-9
    may = both.full.world.staff.filter("may_follow").select("userid")
    assert reached.join(may, on="userid", how="semi").join(served, on=keys, how="anti").is_empty()


def test_campaigns_went_out_by_those_who_follow_a_contact(both: Both) -> None:
    """Nobody of the holdout, and everybody else once whom somebody followed by then."""
    sends = both.served.read("landed", "wecom_message_sends")
    contacts = both.full.world.contacts.select("corp_id", "external_userid", "person_id")
    told = sends.with_columns(("CP" + pl.col("msgid").str.slice(-3)).alias("campaign_id")).join(
        contacts, on=["corp_id", "external_userid"]
    )
    assert told.height == sends.height > 100
    assert told.select("campaign_id", "person_id").is_unique().all()
    follows = both.served.read("landed", "wecom_follows").select("corp_id", "userid", "external_userid", "followed_at")
    assert (
        told.join(follows, on=["corp_id", "userid", "external_userid"])
        .filter(pl.col("followed_at") < pl.col("sent_at"))
        .height
        == told.height
    )
    since = both.full.world.follows.group_by("person_id").agg(pl.col("followed_at").min())
    meant = both.full.messages.filter(pl.col("channel") == "wecom").join(since, on="person_id")
    got = meant.filter(~pl.col("is_holdout") & (pl.col("followed_at") < pl.col("sent_at")))
    keys = ["campaign_id", "person_id", "sent_at"]
    assert_frame_equal(told.select(keys).sort(keys), got.select(keys).sort(keys))


def test_a_bill_is_of_one_account_and_closes(both: Both) -> None:
    """The connector has proven every closing line; here the account's movements are those of the payments."""
    lines = both.served.read("landed", "payment_bill_lines")
    moved = both.served.read("landed", "fund_lines")
    assert set(lines["currency"]) == {"CNY"}
    assert set(lines["kind"]) == {"payment", "refund"}
    by_kind = dict(moved.group_by("kind").agg(pl.col("amount").abs().sum()).iter_rows())
    assert by_kind["payment"] == lines.filter(pl.col("kind") == "payment")["amount"].sum()
    assert by_kind["refund"] == -lines.filter(pl.col("kind") == "refund")["amount"].sum()
    fees = lines.filter(pl.col("kind") == "payment")["fee_amount"].sum()
    assert by_kind["fee"] == -fees > 0


def test_another_application_is_refused(both: Both, tmp_path: Path) -> None:
    found = [face for face in full_faces(both.full, tmp_path / "keys") if face.system == "taobao"]
    swapped = [replace(one, options=other.options) for one, other in zip(found, found[::-1], strict=True)]
    with serving(application(swapped, FaultPlan(3, 0.0), ends_at(both.full.world))) as address:
        given = tomllib.loads(connections_toml(swapped, address))["connections"]
        settings = Settings(home=tmp_path / "home", connections=given)
        reports = syncing.sync(Workspace(settings), connections.enabled(settings), datetime.now(UTC))
    assert {report.state for report in reports} == {"failed"}
    assert all("app_key" in report.error for report in reports)
