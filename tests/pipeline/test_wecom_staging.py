"""Two corps through the sandbox, the lake and staging: nobody's contacts end with another corp's pass.

The accidents it prevents: a corp that was synced later makes everything of the other one look gone; two members of
staff with one userid become one person; a message that was taken back counts.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from pydantic import SecretStr

from models.settings import PROJECT_ROOT, Settings
from pipelines.lake import Lake
from pipelines.plan import RunPlan
from pipelines.sandbox.chat import write_archive
from pipelines.sandbox.server import serving
from pipelines.sandbox.wecom import CORP_ID, SECRET, Corp, WecomState, create_app
from pipelines.sources import syncing
from pipelines.sources.chat_archive import import_chat
from pipelines.sources.connector import Context
from pipelines.sources.wecom import WecomConnector, WecomOptions
from pipelines.warehouse import Warehouse
from tests import dbt_runs

pytestmark = pytest.mark.slow
OTHER = "ww-other"
Tables = dict[str, pl.DataFrame]


def small(whole: WecomState, people: slice, mark: str = "") -> WecomState:
    """Some of the staff with their contacts, whose ids carry a mark."""
    some = {
        userid: [
            {**e, "external_contact": {**(c := e["external_contact"]), "external_userid": mark + c["external_userid"]}}
            for e in whole.contacts[userid]
        ]
        for userid in sorted(whole.contacts)[people]
    }
    staff = tuple(one for one in whole.staff if one["userid"] in some)
    return WecomState(whole.departments, staff, tuple(some), some)


def synced(lake: Lake, home: Path, address: str, corp: Corp) -> None:
    options = WecomOptions(
        corp_id=corp.corp_id, secret=SecretStr(corp.secret), base_url=address + "/cgi-bin", others_every_hours=0
    )
    connector = WecomConnector(options, Context(lake, Settings(home=home)))
    until = datetime.fromtimestamp(corp.now(), UTC)
    reports = [
        syncing._of_stream(lake, corp.corp_id, connector, stream, until, None, lambda _: None)
        for stream in connector.streams()
    ]
    connector.close()
    syncing.raise_failures(reports)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tables, Corp, Corp]]:
    """(tables of staging, first corp, second corp): the first is synced, changed and synced again, then the second."""
    folder = tmp_path_factory.mktemp("corps")
    settings = Settings(home=folder / "home")
    lake = Lake(settings.lake_dir)
    whole = WecomState.read(PROJECT_ROOT / "data" / "sample" / "wecom.json")
    second = Corp(small(whole, slice(0, 4), "x"), OTHER, "other-secret")
    app = create_app(small(whole, slice(0, 8)), more=[second])
    first = app.state.face.corps[CORP_ID]
    with serving(app) as address:
        synced(lake, settings.home, address, first)
        userid = sorted(first.contacts)[0]
        first.leaves(userid, first.contacts[userid][0]["external_contact"]["external_userid"])
        first.contacts[userid][0]["follow_info"]["tag_id"] = []
        synced(lake, settings.home, address, first)
        synced(lake, settings.home, address, second)
    assert first.secret == SECRET
    write_archive(first.state, folder / "archive.jsonl")
    import_chat(folder / "archive.jsonl", lake)
    yield built(settings, lake), first, second


def built(settings: Settings, lake: Lake) -> Tables:
    warehouse = Warehouse(settings)
    warehouse.start(lake, RunPlan(date(2026, 7, 1), lake.head(), "Siyu", "Asia/Shanghai", "CNY"))
    dbt_runs.passed(warehouse.building, "build", "--select", "path:models/staging/wecom", "path:models/staging/chat")
    return dbt_runs.tables(warehouse.building)


def pairs(corp: Corp) -> set[tuple[str, str]]:
    return {(u, e["external_contact"]["external_userid"]) for u, entries in corp.contacts.items() for e in entries}


def test_what_is_current_is_judged_corp_by_corp(company: tuple[Tables, Corp, Corp]) -> None:
    tables, first, second = company
    follows = tables["stg_wecom__follows"]
    current = set(follows.filter("is_current").select("userid", "external_userid").iter_rows())
    assert current == pairs(first) | {(f"{OTHER}:{userid}", external) for userid, external in pairs(second)}
    gone = follows.filter(~pl.col("is_current"))
    assert gone.height == 1
    assert gone["corp_id"].to_list() == [CORP_ID]
    assert tables["stg_wecom__contacts"].filter(external_userid=gone["external_userid"][0]).height == 1


def test_the_same_userid_in_two_corps_is_two_members_of_staff(company: tuple[Tables, Corp, Corp]) -> None:
    tables, first, second = company
    assert set(tables["stg_wecom__staff"]["userid"]) == set(first.staff) | {f"{OTHER}:{u}" for u in second.staff}
    assert tables["stg_wecom__staff"]["is_current"].all()
    phones = {
        (userid, phone.replace(" ", ""))
        for userid, entries in first.contacts.items()
        for entry in entries
        for phone in entry["follow_info"]["remark_mobiles"]
    }
    found = tables["stg_wecom__follow_phones"].filter(pl.col("is_current") & ~pl.col("userid").str.contains(":"))
    assert set(found.select("userid", "phone").iter_rows()) == phones


def test_tags_have_their_names_and_end_when_they_are_taken_away(company: tuple[Tables, Corp, Corp]) -> None:
    tables, first, _ = company
    names = {tag["id"]: tag["name"] for group in first.tag_groups for tag in group["tag"]}
    truth = {
        (userid, entry["external_contact"]["external_userid"], names[tag])
        for userid, entries in first.contacts.items()
        for entry in entries
        for tag in entry["follow_info"]["tag_id"]
    }
    found = tables["stg_wecom__follow_tags"].filter(pl.col("is_current") & ~pl.col("userid").str.contains(":"))
    assert set(found.select("userid", "external_userid", "tag_name").iter_rows()) == truth
    assert tables["stg_wecom__follow_tags"].filter(~pl.col("is_current")).height > 0


def test_money_statistics_and_messages_are_those_of_the_corps(company: tuple[Tables, Corp, Corp]) -> None:
    tables, first, second = company
    recent = [b for c in (first, second) for b in c.company.bills if b["pay_time"] > c.now() - 179 * 86_400]
    payments = tables["stg_wecom__payments"]
    assert payments.height == len(recent)
    assert payments["amount"].sum() == sum(bill["total_fee"] for bill in recent)
    assert payments["refunded_amount"].sum() == sum(bill["total_refund_fee"] for bill in recent)
    assert tables["stg_wecom__behaviour"].height == 179 * (len(first.follow_users) + len(second.follow_users))
    members = sum(len(group["member_list"]) for c in (first, second) for group in c.company.groups)
    assert tables["stg_wecom__group_members"].height == members
    sends = sum(len(rows) for c in (first, second) for m in c.messages for rows in m["sends"].values())
    assert tables["stg_wecom__message_sends"].height == sends
    customers = sum(len(link["customers"]) for c in (first, second) for link in c.links.values())
    assert tables["stg_wecom__link_customers"].height == customers
    assert set(tables["stg_wecom__payments"]["corp_id"]) <= {CORP_ID, OTHER}


def test_a_message_that_was_taken_back_says_so(company: tuple[Tables, Corp, Corp]) -> None:
    messages = company[0]["stg_chat__messages"]
    assert messages.filter("is_recalled")["text"].to_list() == ["发错了，这条请忽略"]
    receivers = company[0]["stg_chat__receivers"]
    assert set(receivers["msgid"]) <= set(messages["msgid"])
