"""WeCom: several corps, rights that are missing, formats that change, and limits; and that the sandbox is as strict."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from models.settings import Settings
from pipelines.lake import Lake
from pipelines.sandbox.wecom import CORP_ID, SECRET, Corp, Limits, WecomState
from pipelines.sandbox.wecom_gate import Gate
from pipelines.sandbox.wecom_protocol import RefusalError
from pipelines.sources.connector import Context, FormatChangedError
from pipelines.sources.wecom import WecomConnector, WecomOptions
from pipelines.sources.wecom_api import WecomError
from tests.wecom_company import few, sandbox


@pytest.fixture(scope="module")
def state() -> WecomState:
    return few(9)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_two_corps_do_not_mix(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    """The same userids in another corp; its contacts have ids of their own, as at the vendor."""
    renamed = {
        userid: [
            {
                **e,
                "external_contact": {
                    **e["external_contact"],
                    "external_userid": "x" + e["external_contact"]["external_userid"],
                },
            }
            for e in entries[:2]
        ]
        for userid, entries in state.contacts.items()
    }
    other = Corp(replace(state, contacts=renamed), "ww-other", "other-secret")
    with sandbox(state, tmp_path, more=[other]) as corp:
        for stream in ("staff", "contacts", "tags"):
            corp.read(lake, stream)
            corp.read(lake, stream, corp_id="ww-other", secret=SecretStr("other-secret"))
        with pytest.raises(WecomError, match="the secret is wrong"):
            corp.read(lake, "staff", corp_id="ww-other")
    follows = lake.read("landed", "wecom_follows")
    assert follows.filter(corp_id="ww-other").height == sum(len(entries) for entries in renamed.values())
    assert follows.filter(corp_id=CORP_ID).height == sum(len(entries) for entries in state.contacts.values())
    assert set(lake.read("landed", "wecom_syncs")["sync_id"]) == {"000001"}
    tags = lake.read("landed", "wecom_tags").group_by("corp_id").agg("tag_id")["tag_id"].to_list()
    assert set(tags[0]).isdisjoint(tags[1])


def test_a_format_that_changed_stops_its_stream_and_lands_nothing(
    state: WecomState, tmp_path: Path, lake: Lake
) -> None:
    odd = {name if name != "userid" else "user_id": value for name, value in state.staff[0].items()}
    with sandbox(replace(state, staff=(odd,) * 9, follow_users=()), tmp_path) as corp:
        with pytest.raises(FormatChangedError, match="changed its format"):
            corp.read(lake, "staff")
        assert corp.read(lake, "tags") > 0  # the others go on
    assert lake.datasets("landed") == ["wecom_syncs", "wecom_tags"]


def test_a_part_that_changed_its_form_stops_its_stream_too(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    with sandbox(state, tmp_path) as corp:
        corp.corp.company.groups[0]["admin_list"] = ["ann"]
        corp.corp.company.bills[-1]["refund_list"] = {"refund_fee": 1}
        corp.corp.company.messages[0]["msgid"] = 7
        for stream in ("groups", "payments", "messages"):
            with pytest.raises(FormatChangedError, match="changed its format"):
                corp.read(lake, stream)
    assert lake.entries() == []


def test_a_stream_can_be_left_out_and_a_wrong_name_is_refused(tmp_path: Path, lake: Lake) -> None:
    options = WecomOptions(corp_id="c", secret=SecretStr("s"), without=("links", "payments"))
    connector = WecomConnector(options, Context(lake, Settings(home=tmp_path)))
    names = [stream.name for stream in connector.streams()]
    connector.close()
    assert names == [name for name in WecomConnector.stream_datasets if name not in ("links", "payments")]
    with pytest.raises(ValidationError, match="no stream is called lnks"):
        WecomOptions(corp_id="c", secret=SecretStr("s"), without=("lnks",))
    with pytest.raises(ValidationError, match="must not be empty"):
        WecomOptions(corp_id="c", secret=SecretStr(""))


def test_the_check_says_what_is_wrong(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    with sandbox(state, tmp_path) as corp:
        good = corp.connector(lake)
        assert good.check().state == "ok"
        good.close()
    with sandbox(replace(state, follow_users=()), tmp_path) as corp:
        nobody = corp.connector(lake)
        assert (nobody.check().state, "right to customer contact" in nobody.check().remedy) == ("warning", True)
        nobody.close()


def test_the_limit_blocks_for_its_window() -> None:
    now = [0.0]
    gate = Gate({}, limits=Limits(windows=((60.0, 3),), at_a_time=2), token_calls=None, clock=lambda: now[0])
    for _ in range(3):
        gate.count("c", "/a")
    gate.count("c", "/b")  # another interface has a count of its own
    gate.count("d", "/a")
    for moment in (0.0, 30.0, 59.9):  # also when the window in which it was used up is over
        now[0] = moment
        with pytest.raises(RefusalError, match="freq"):
            gate.count("c", "/a")
    now[0] = 60.1
    gate.count("c", "/a")
    with gate.under_way("c"), gate.under_way("c"), pytest.raises(RefusalError, match="concurrent"), gate.under_way("c"):
        pass
    with gate.under_way("c"):
        pass


def test_the_sandbox_checks_what_the_real_server_checks(tmp_path: Path) -> None:
    state = few(30)
    with sandbox(state, tmp_path) as corp, httpx.Client(base_url=corp.options.base_url) as raw:

        def code(method: str, path: str, params: Mapping[str, str], body: Any = None) -> int:
            return int(raw.request(method, path, params=params, json=body).json()["errcode"])

        pages = "/externalcontact/batch/get_by_user"
        connector = corp.connector(Lake(tmp_path / "lake"))
        token = connector.wecom.tokens.get()
        assert connector.wecom.tokens.get() == token  # the same one while it is valid
        good = {"access_token": token}
        users = list(state.follow_users)
        assert code("GET", "/gettoken", {"corpid": "other", "corpsecret": SECRET}) == 40013
        assert code("GET", "/user/list", {"access_token": "invented", "department_id": "1"}) == 40014
        assert code("POST", pages, good, {"userid_list": users, "limit": 101}) == 40058
        assert code("POST", pages, good, {"userid_list": ["x"] * 101}) == 40058
        assert code("POST", pages, good, {"userid_list": ["nobody"]}) == 60111
        assert code("POST", pages, good, {"userid_list": users, "cursor": "invented"}) == 40058
        default = raw.post(pages, params=good, json={"userid_list": users}).json()
        assert len(default["external_contact_list"]) == 50
        assert set(default["external_contact_list"][0]["follow_info"]) >= {
            "userid",
            "createtime",
            "tag_id",
            "remark_mobiles",
        }
