"""Writing back into WeCom: limits are checked before a call, refusals come in words, the next sync sees the change."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from models.settings import PROJECT_ROOT, Settings
from pipelines.lake import Lake
from pipelines.sandbox.server import serving
from pipelines.sandbox.wecom import CORP_ID, SECRET, Corp, Counts, WecomState, create_app
from pipelines.sandbox.wecom_protocol import DAY_SECONDS
from pipelines.sources import syncing, wecom_writing
from pipelines.sources.connector import Context
from pipelines.sources.wecom import WecomConnector, WecomOptions
from pipelines.sources.wecom_api import WecomClient, WecomError
from pipelines.sources.wecom_writing import LimitError

TEXT = {"content": "hello"}


class Company:
    """A sandbox whose calendar the test moves, and a client of it."""

    def __init__(self, corp: Corp, counts: Counts, connector: WecomConnector, moment: list[float]) -> None:
        self.corp = corp
        self.counts = counts
        self.connector = connector
        self.moment = moment

    @property
    def client(self) -> WecomClient:
        return self.connector.wecom

    def synced(self, dataset: str, stream: str = "contacts") -> Any:
        lake, source = self.connector.context.lake, self.connector.source(stream)
        found = next(one for one in self.connector.streams() if one.name == stream)
        before = lake.cursor(source)
        for chunk in found.read(before, datetime.fromtimestamp(self.moment[0], UTC)):
            syncing._commit(lake, source, before, chunk, None)
        newest = lake.read("landed", dataset)
        return newest.filter(newest["sync_id"] == newest["sync_id"].max()) if "sync_id" in newest.columns else newest


@pytest.fixture(scope="module")
def state() -> WecomState:
    whole = WecomState.read(PROJECT_ROOT / "data" / "sample" / "wecom.json")
    some = {userid: whole.contacts[userid] for userid in sorted(whole.contacts)[:6]}
    gone = [one for one in whole.staff if one["status"] == 5][:1]
    return WecomState(whole.departments, (*(s for s in whole.staff if s["userid"] in some), *gone), tuple(some), some)


@pytest.fixture
def company(state: WecomState, tmp_path: Path) -> Iterator[Company]:
    moment = [float(state.ends_at)]
    app = create_app(state, now=lambda: moment[0])
    with serving(app) as address:
        options = WecomOptions(
            corp_id=CORP_ID, secret=SecretStr(SECRET), base_url=address + "/cgi-bin", requests_per_second=0
        )
        connector = WecomConnector(options, Context(Lake(tmp_path / "lake"), Settings(home=tmp_path)))
        yield Company(app.state.face.corps[CORP_ID], app.state.face.counts, connector, moment)
        connector.close()


def pair(company: Company, number: int = 0) -> tuple[str, str]:
    userid = sorted(company.corp.contacts)[0]
    return userid, company.corp.contacts[userid][number]["external_contact"]["external_userid"]


def test_tags_are_set_and_taken_away(company: Company) -> None:
    userid, external = pair(company)
    first, second = (tag["id"] for tag in company.corp.tag_groups[0]["tag"][:2])
    before = set(company.corp.entry(userid, external)["follow_info"]["tag_id"])
    wecom_writing.mark_tags(company.client, userid, external, add=[first, second])
    wecom_writing.mark_tags(company.client, userid, external, remove=[first])
    found = company.synced("wecom_follow_tags").filter(userid=userid, external_userid=external)
    assert set(found["tag_id"]) == (before | {second}) - {first}
    deleted = company.corp.tag_groups[-1]["tag"][-1]["id"]
    with pytest.raises(WecomError, match="40068"):
        wecom_writing.mark_tags(company.client, userid, external, add=[deleted])
    with pytest.raises(WecomError, match="no such contact"):
        wecom_writing.mark_tags(company.client, userid, "wmnobody", add=[second])


def test_remarks_and_phones_are_seen_by_the_next_pass(company: Company) -> None:
    userid, external = pair(company)
    wecom_writing.remark(company.client, userid, external, name="王女士", phones=["13800001111"])
    follow = company.synced("wecom_follows").filter(userid=userid, external_userid=external)
    assert follow["remark"].to_list() == ["王女士"]
    phones = company.connector.context.lake.read("landed", "wecom_follow_phones")
    assert phones.filter(userid=userid, external_userid=external)["phone"].to_list() == ["+8613800001111"]
    wecom_writing.remark(company.client, userid, external, phones=[])
    assert company.corp.entry(userid, external)["follow_info"]["remark_mobiles"] == []
    assert company.corp.entry(userid, external)["follow_info"]["remark"] == "王女士"  # what is not named stays


def test_a_handed_over_contact_moves_after_a_day(company: Company) -> None:
    old, new = sorted(company.corp.contacts)[:2]
    external = next(
        e["external_contact"]["external_userid"]
        for e in company.corp.contacts[old]
        if all(e["external_contact"] != other["external_contact"] for other in company.corp.contacts[new])
    )
    asked = wecom_writing.hand_over(company.client, old, new, [external, "wmnobody"])
    assert asked == {external: 0, "wmnobody": 40096}
    company.connector.options = company.connector.options.model_copy(update={"transfer_pairs": ((old, new),)})
    assert company.synced("wecom_transfers", "handovers")["status"].to_list() == [2]
    company.moment[0] += DAY_SECONDS + 1
    assert company.synced("wecom_transfers", "handovers")["status"].to_list() == [1]
    follows = company.synced("wecom_follows").filter(external_userid=external)
    assert (old in set(follows["userid"]), new in set(follows["userid"])) == (False, True)
    assert follows.filter(userid=new)["add_way"].to_list() == [202]


def test_contacts_of_who_left_are_given_to_another(company: Company) -> None:
    left = company.corp.unassigned[0]
    new = sorted(company.corp.contacts)[0]
    asked = wecom_writing.hand_over(
        company.client, left["handover_userid"], new, [left["external_userid"]], resigned=True
    )
    assert asked == {left["external_userid"]: 0}
    before = company.synced("wecom_unassigned", "handovers").height
    company.moment[0] += DAY_SECONDS + 1
    assert company.synced("wecom_unassigned", "handovers").height == before - 1


def test_the_same_contact_cannot_be_handed_over_three_times_in_90_days(company: Company) -> None:
    old, new = sorted(company.corp.contacts)[:2]
    external = pair(company)[1]
    codes = [wecom_writing.hand_over(company.client, old, new, [external])[external] for _ in range(3)]
    assert codes == [0, 0, 40128]
    company.moment[0] += 91 * DAY_SECONDS
    company.corp.transfers[0]["status"] = company.corp.transfers[1]["status"] = 3  # the contact said no
    assert wecom_writing.hand_over(company.client, old, new, [external])[external] == 0


def test_a_mass_message_is_a_task_until_staff_confirm_it(company: Company) -> None:
    external = pair(company)[1]
    task = wecom_writing.add_message(company.client, external_userids=[external, "wmnobody"], text="新茶到店")
    assert task.failed == ("wmnobody",)
    company.moment[0] += 3_600
    lake = company.connector.context.lake
    company.synced("wecom_messages", "messages")
    sends = lake.read("landed", "wecom_message_sends").filter(msgid=task.msgid)
    assert sends.select("external_userid", "status").rows() == [(external, 0)]
    assert company.corp.confirms(task.msgid, sends["userid"][0]) == 1
    company.moment[0] += 600
    company.synced("wecom_messages", "messages")
    assert lake.read("landed", "wecom_message_sends").filter(msgid=task.msgid)["status"].to_list() == [0, 1]
    assert lake.read("landed", "wecom_messages").filter(msgid=task.msgid)["text"].unique().to_list() == ["新茶到店"]


def test_a_contact_is_greeted_once_and_in_time(company: Company) -> None:
    userid, _ = pair(company)
    profile = {"external_userid": "wmnewnewnewnewnewnewnewnewnewnew", "name": "新客", "type": 1, "gender": 0}
    event = company.corp.adds(userid, profile)
    wecom_writing.welcome(company.client, event["WelcomeCode"], text="欢迎")
    with pytest.raises(WecomError, match="sent already") as refused:
        wecom_writing.welcome(company.client, event["WelcomeCode"], text="欢迎")
    assert refused.value.code == 41051
    late = company.corp.adds(userid, {**profile, "external_userid": "wmlate"})
    company.moment[0] += 21
    with pytest.raises(WecomError, match="older than 20 seconds") as refused:
        wecom_writing.welcome(company.client, late["WelcomeCode"], text="欢迎")
    assert refused.value.code == 41050
    assert "wmlate" in set(company.synced("wecom_contacts")["external_userid"])


def test_messages_to_staff_name_who_cannot_get_them(company: Company) -> None:
    userid = sorted(company.corp.contacts)[0]
    sent = wecom_writing.send_to_staff(company.client, 1000002, [userid, "nobody"], "text", TEXT)
    assert (sent.invalid, sent.msgid != "") == (("nobody",), True)
    assert [one["content"] for one in company.corp.sent] == [TEXT]
    with pytest.raises(WecomError, match="none of the receivers") as refused:
        wecom_writing.send_to_staff(company.client, 1000002, ["nobody"], "text", TEXT)
    assert refused.value.code == 81013
    for _ in range(40):  # beyond thirty a minute the vendor drops them without a word
        wecom_writing.send_to_staff(company.client, 1000002, [userid], "text", TEXT)
    assert len(company.corp.sent) == 30


LIMITS: list[tuple[str, dict[str, Any]]] = [
    ("add_message", {"external_userids": [str(n) for n in range(10_001)], "text": "x"}),
    ("add_message", {"external_userids": ["a", "a"], "text": "x"}),
    ("add_message", {"text": "x"}),
    ("add_message", {"external_userids": ["a"]}),
    ("add_message", {"external_userids": ["a"], "text": "茶" * 1_334}),  # 4,002 bytes
    ("add_message", {"external_userids": ["a"], "attachments": [{"msgtype": "image"}] * 10}),
    ("welcome", {"welcome_code": "c"}),
    ("mark_tags", {"userid": "a", "external_userid": "b"}),
    ("remark", {"userid": "a", "external_userid": "b"}),
    ("remark", {"userid": "a", "external_userid": "b", "name": "x" * 21}),
    ("remark", {"userid": "a", "external_userid": "b", "phones": ["1"] * 6}),
    ("hand_over", {"handover_userid": "a", "takeover_userid": "b", "external_userids": []}),
    ("send_to_staff", {"agent_id": 1, "userids": [], "msgtype": "text", "content": TEXT}),
    ("send_to_staff", {"agent_id": 1, "userids": ["a"] * 1_001, "msgtype": "text", "content": TEXT}),
    ("send_to_staff", {"agent_id": 1, "userids": ["a|b"], "msgtype": "text", "content": TEXT}),
    ("send_to_staff", {"agent_id": 1, "userids": ["a"], "msgtype": "text", "content": {"content": "茶" * 683}}),
    ("send_to_staff", {"agent_id": 1, "userids": ["a"], "msgtype": "textcard", "content": {"title": "茶" * 43}}),
    ("send_to_staff", {"agent_id": 1, "userids": ["a"], "msgtype": "textcard", "content": {"description": "x" * 513}}),
]


def test_what_the_vendor_would_refuse_costs_no_call(company: Company) -> None:
    for name, arguments in LIMITS:
        with pytest.raises(LimitError):
            getattr(wecom_writing, name)(company.client, **arguments)
    assert company.counts.requests == 0


def test_many_contacts_are_handed_over_in_slices(company: Company) -> None:
    old, new = sorted(company.corp.contacts)[:2]
    codes = wecom_writing.hand_over(company.client, old, new, [f"wm{number}" for number in range(250)])
    assert set(codes.values()) == {40096}
    assert company.counts.paths["/externalcontact/transfer_customer"] == 3
