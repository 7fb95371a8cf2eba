"""WeCom's other streams against the sandbox over real HTTP: each lands what the corp holds, once, and goes on."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake import Lake
from pipelines.sandbox.wecom import CORP_ID, WecomState
from pipelines.sources import records, syncing, wecom_frames, wecom_passes
from pipelines.sources.connector import StateError
from pipelines.sources.wecom_contacts import one_contact
from pipelines.sources.wecom_history import BEIJING, SPAN_DAYS, day_spans
from tests.wecom_company import few, keys, sandbox

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def state() -> WecomState:
    return few(9)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


# ------------------------------------------------------------------ passes


def test_departments_and_staff(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "staff")
    assert keys(lake, "wecom_staff", "userid") == sorted((one["userid"],) for one in state.staff)
    assert keys(lake, "wecom_departments", "department_id") == sorted((str(d["id"]),) for d in state.departments)
    leaders = {(one["userid"], str(one["department"][0]), bool(one["is_leader_in_dept"][0])) for one in state.staff}
    assert set(keys(lake, "wecom_staff_departments", "userid", "department_id", "is_leader")) == leaders
    assert lake.read("landed", "wecom_staff_departments")["is_main"].all()


def test_tags_of_the_corp_and_of_follow_ups(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "tags")
        corp.read(lake, "contacts")
        standing = {
            (t["id"], t["name"], g["group_name"]) for g in corp.corp.tag_groups for t in g["tag"] if not t["deleted"]
        }
        given = {
            (userid, entry["external_contact"]["external_userid"], tag)
            for userid, entries in corp.corp.contacts.items()
            for entry in entries
            for tag in entry["follow_info"]["tag_id"]
        }
    assert set(keys(lake, "wecom_tags", "tag_id", "name", "tag_group_name")) == standing
    assert keys(lake, "wecom_follow_tags", "userid", "external_userid", "tag_id") == sorted(given)
    assert len(given) > 20


def test_one_contact_has_its_tags_by_name(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    """externalcontact/get gives objects where batch/get_by_user gives ids; both become the same rows."""
    with sandbox(state, tmp_path) as corp:
        userid, external, tags = next(
            (u, e["external_contact"]["external_userid"], e["follow_info"]["tag_id"])
            for u, entries in corp.corp.contacts.items()
            for e in entries
            if len(e["follow_info"]["tag_id"]) > 1
        )
        connector = corp.connector(lake)
        found = one_contact(connector.wecom, external)
        connector.close()
    stamps = {"corp_id": CORP_ID, "sync_id": "000000"}
    frame = records.decode(found, wecom_frames.FOLLOW_SCHEMA).with_columns(
        pl.lit(v).alias(n) for n, v in stamps.items()
    )
    follows, refused = wecom_frames.follows(frame, "file")
    named, _ = wecom_frames.follow_tags(frame, follows, "file")
    assert refused.height == 0
    assert sorted(named.filter(userid=userid)["tag_id"]) == sorted(tags)
    assert named["tag_name"].null_count() == 0
    assert set(named["tag_type"]) == {1}


def test_groups_with_their_members(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "groups")
        groups = corp.corp.company.groups
        truth = {(g["chat_id"], m["userid"], m["join_time"]) for g in groups for m in g["member_list"]}
    found = lake.read("landed", "wecom_group_members").with_columns(pl.col("joined_at").dt.epoch("s"))
    assert set(found.select("chat_id", "member_id", "joined_at").iter_rows()) == truth
    assert found.filter("is_admin")["member_type"].unique().to_list() == [1]
    assert keys(lake, "wecom_groups", "chat_id") == sorted((group["chat_id"],) for group in groups)


def test_a_corp_with_many_staff_is_asked_owner_by_owner(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    crowd = tuple({**state.staff[0], "userid": f"extra-{n}", "status": 1} for n in range(1_001))
    with sandbox(replace(state, staff=(*state.staff, *crowd)), tmp_path) as corp:  # the server answers 81017
        assert corp.read(lake, "groups") > 0
        assert corp.counts.paths["/externalcontact/groupchat/list"] == 1 + 1  # refused, then nine owners at once
        assert keys(lake, "wecom_groups", "chat_id") == sorted((g["chat_id"],) for g in corp.corp.company.groups)


def test_links_customers_and_quota(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "links")
        links = corp.corp.links
        customers = {(i, c["external_userid"], c["userid"]) for i, link in links.items() for c in link["customers"]}
    assert keys(lake, "wecom_links", "link_id") == sorted((link_id,) for link_id in links)
    assert set(keys(lake, "wecom_link_customers", "link_id", "external_userid", "userid")) == customers
    assert keys(lake, "wecom_link_quotas", "total", "balance") == [(10_000, 10_000 - len(customers))]


def test_a_pass_that_finds_nothing_new_lands_nothing(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    with sandbox(state, tmp_path) as corp:
        assert corp.read(lake, "staff") > 0
        before = lake.head()
        assert corp.read(lake, "staff") == 0
        assert lake.head() == before
        corp.corp.tag_groups[0]["tag"][0]["name"] = "renamed"
        corp.read(lake, "tags")
        corp.corp.tag_groups[0]["tag"][0]["deleted"] = True
        corp.read(lake, "tags")
    found = lake.read("landed", "wecom_tags")
    assert found.group_by("sync_id").len().sort("sync_id")["len"].diff().to_list() == [None, -1]  # deleted: not seen
    assert found.filter(name="renamed")["sync_id"].to_list() == ["000001"]


def test_slow_passes_are_not_begun_every_hour(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    with sandbox(state, tmp_path) as corp:
        now = corp.now
        assert corp.read(lake, "groups", now) > 0
        asked = corp.counts.requests
        assert corp.read(lake, "groups", now + timedelta(hours=1)) == 0
        assert corp.counts.requests == asked
        corp.corp.company.groups[0]["name"] = "renamed"
        assert corp.read(lake, "groups", now + timedelta(hours=20)) > 0


@pytest.mark.parametrize("stream", ["staff", "contacts", "groups", "behaviour", "messages"])
def test_a_position_that_has_not_come_yet_is_refused(
    state: WecomState, tmp_path: Path, lake: Lake, stream: str
) -> None:
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, stream)
        before = lake.head()
        with pytest.raises(StateError, match="clock"):
            corp.read(lake, stream, corp.now - 3 * DAY)
        assert lake.head() == before


def test_a_pass_of_many_batches_goes_on_after_a_death(
    state: WecomState, tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wecom_passes, "ROWS_PER_CHUNK", 1)
    with sandbox(state, tmp_path) as corp:
        connector = corp.connector(lake)
        groups = next(one for one in connector.streams() if one.name == "groups")
        chunks = groups.read(None, corp.now)
        first = next(chunks)
        syncing._commit(lake, connector.source("groups"), None, first, None)
        chunks.close()  # type: ignore[attr-defined]
        connector.close()
        asked = corp.counts.paths["/externalcontact/groupchat/get"]
        corp.read(lake, "groups")
        assert corp.counts.paths["/externalcontact/groupchat/get"] - asked == len(corp.corp.company.groups) - 1
        truth = {(g["chat_id"], m["userid"]) for g in corp.corp.company.groups for m in g["member_list"]}
    found = lake.read("landed", "wecom_group_members")
    assert sorted(found.select("chat_id", "member_id").iter_rows()) == sorted(truth)
    assert lake.read("landed", "wecom_syncs").select("object", "sync_id").rows() == [("groups", "000001")]


def test_contacts_of_who_left_and_handed_over(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    with sandbox(state, tmp_path) as corp:
        old, new = sorted(corp.corp.contacts)[:2]
        external = corp.corp.contacts[old][0]["external_contact"]["external_userid"]
        corp.corp.transfers.append(
            {"kind": "active", "handover_userid": old, "takeover_userid": new, "external_userid": external, "status": 3}
            | {"asked_at": 0}
        )
        corp.read(lake, "handovers", transfer_pairs=((old, new),))
        truth = sorted((row["handover_userid"], row["external_userid"]) for row in corp.corp.unassigned)
    assert keys(lake, "wecom_unassigned", "handover_userid", "external_userid") == truth
    assert truth != []
    columns = ("kind", "handover_userid", "takeover_userid", "external_userid", "status")
    assert keys(lake, "wecom_transfers", *columns) == [("active", old, new, external, 3)]


# ------------------------------------------------------------------ by date


@given(st.dates(date(2023, 1, 1), date(2028, 12, 31)), st.integers(-2, 400), st.integers(1, 40))
def test_spans_cover_every_day_once(first: date, days: int, longest: int) -> None:
    last = first + days * DAY
    spans = list(day_spans(first, last, longest))
    covered = [start + n * DAY for start, end in spans for n in range((end - start).days + 1)]
    assert covered == [first + n * DAY for n in range(max(days + 1, 0))]
    assert all((end - start).days + 1 <= longest for start, end in spans)
    assert all(after[0] - before[1] == DAY for before, after in pairwise(spans))


def test_statistics_are_asked_for_one_by_one_and_come_once(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    with sandbox(state, tmp_path) as corp:
        rows = corp.read(lake, "behaviour")
        calls = corp.counts.paths["/externalcontact/get_user_behavior_data"]
        assert calls == len(state.follow_users) * -(-179 // SPAN_DAYS)
        assert corp.read(lake, "behaviour") == 0  # the same day
        assert corp.counts.paths["/externalcontact/get_user_behavior_data"] == calls
        userid = state.follow_users[0]
        drawn = corp.corp.company.behaviour(userid)["message_cnt"]
        yesterday = corp.now.astimezone(BEIJING).date() - DAY
    found = lake.read("landed", "wecom_behaviour")
    assert rows == found.height == len(state.follow_users) * 179
    assert found.select("userid", "stat_date").is_unique().all()
    assert (found["stat_date"].min(), found["stat_date"].max()) == (yesterday - 178 * DAY, yesterday)
    one = found.filter(userid=userid).sort("stat_date")
    place = (yesterday - date(2020, 1, 1)).days
    assert one["messages"].to_list() == drawn[place - 178 : place + 1].tolist()
    silent = found.filter(pl.col("chats") == 0)
    assert silent.height > 0
    assert silent["reply_rate"].null_count() == silent.height
    assert found["reply_rate"].drop_nulls().cast(float).is_between(0.5, 1).all()


def test_the_next_day_reads_the_days_that_may_have_changed(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    start = state.ends_at
    moment = [start]
    with sandbox(state, tmp_path, now=lambda: moment[0]) as corp:
        corp.read(lake, "behaviour")
        moment[0] = start + 86_400
        assert corp.read(lake, "behaviour") == len(state.follow_users)  # the new day; the one before did not change


def test_payments_are_fen_and_a_refund_that_comes_later_is_seen(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    moment = [state.ends_at]
    with sandbox(state, tmp_path, now=lambda: moment[0]) as corp:
        bills = corp.corp.company.bills
        recent = [bill for bill in bills if bill["pay_time"] > moment[0] - 179 * 86_400]
        corp.read(lake, "payments")
        assert keys(lake, "wecom_payments", "transaction_id", "amount") == sorted(
            (bill["transaction_id"], bill["total_fee"]) for bill in recent
        )
        late = next(b for b in recent if not b["refund_list"] and b["pay_time"] > moment[0] - 80 * 86_400)
        moment[0] += 86_400
        refund = {"out_refund_no": "late", "refund_userid": "ann", "refund_reqtime": moment[0], "refund_status": 1}
        late |= {"total_refund_fee": 5, "trade_state": 3, "refund_list": [{**refund, "refund_fee": 5}]}
        assert corp.read(lake, "payments") == 1
        assert corp.read(lake, "payments", corp.now + timedelta(minutes=10)) == 0
    versions = lake.read("landed", "wecom_payments").filter(transaction_id=late["transaction_id"])
    assert versions["refunded_amount"].to_list() == [0, 5]
    refunds = {r["out_refund_no"]: r["refund_fee"] for bill in recent for r in bill["refund_list"]}
    assert dict(keys(lake, "wecom_payment_refunds", "out_refund_no", "amount")) == refunds


def test_messages_tasks_and_whom_they_reached(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    with sandbox(state, tmp_path) as corp:
        corp.read(lake, "messages")
        made = corp.corp.messages
        truth = {
            (m["msgid"], u, c, row["status"]) for m in made for u, rows in m["sends"].items() for c, row in rows.items()
        }
        assert set(keys(lake, "wecom_message_sends", "msgid", "userid", "external_userid", "status")) == truth
        waiting = next(
            (m, u) for m in made[:1] for u, rows in m["sends"].items() if any(r["status"] == 0 for r in rows.values())
        )
        reached = corp.corp.confirms(waiting[0]["msgid"], waiting[1])
        assert corp.read(lake, "messages", corp.now + DAY) == 1
    assert keys(lake, "wecom_messages", "msgid").count((waiting[0]["msgid"],)) == 2
    sends = lake.read("landed", "wecom_message_sends").filter(msgid=waiting[0]["msgid"], userid=waiting[1])
    assert sends.filter(status=1, _batch=lake.entries()[-1].key).height >= reached > 0
