"""An independent client of WeCom works against the sandbox unchanged: only the host it connects to is another.

The accident it prevents: a sandbox that only our own client understands, so that both are wrong in the same way.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from models.settings import PROJECT_ROOT
from pipelines.sandbox.server import serving
from pipelines.sandbox.wecom import CORP_ID, SECRET, Corp, Faults, WecomState, create_app

pytest.importorskip("wechatpy", reason="the independent client is not installed: pip install wechatpy")
requests = pytest.importorskip("requests")

try:  # 2.x
    from wechatpy.work import WeChatClient
except ImportError:  # 1.8
    from wechatpy.enterprise import WeChatClient

from wechatpy.exceptions import WeChatClientException  # noqa: E402

VENDOR = "https://qyapi.weixin.qq.com"


class _ToSandbox(requests.adapters.HTTPAdapter):
    """The client writes the vendor's address into its token call: the connection goes elsewhere, the request stays."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address

    def send(self, request: Any, **options: Any) -> Any:
        request.url = request.url.replace(VENDOR, self.address, 1)
        return super().send(request, **options)


@pytest.fixture(scope="module")
def state() -> WecomState:
    return WecomState.read(PROJECT_ROOT / "data" / "sample" / "wecom.json")


@pytest.fixture
def there(state: WecomState) -> Iterator[tuple[Any, Corp]]:
    app = create_app(state, Faults(token_calls=4))  # tokens expire: the client must understand how that is said
    with serving(app) as address:
        client = WeChatClient(CORP_ID, SECRET)
        client._http.mount(VENDOR, _ToSandbox(address))
        yield client, app.state.face.corps[CORP_ID]


def test_staff_and_departments(there: tuple[Any, Corp], state: WecomState) -> None:
    client, _ = there
    read = getattr(client.department, "list", client.department.get)  # renamed in 2.x
    departments = read(id=1)
    assert {one["id"] for one in departments} == {one["id"] for one in state.departments}
    people = client.user.list(1, fetch_child=True)
    assert {one["userid"] for one in people} == {one["userid"] for one in state.staff}


def test_contacts(there: tuple[Any, Corp], state: WecomState) -> None:
    client, corp = there
    listed = client.external_contact.get_follow_user_list()["follow_user"]
    assert listed == list(state.follow_users)
    userid = max(corp.contacts, key=lambda name: len(corp.contacts[name]))
    external = client.external_contact.list(userid)["external_userid"]
    assert external == [entry["external_contact"]["external_userid"] for entry in corp.contacts[userid]]
    found = client.external_contact.get(external[0])
    assert found["external_contact"]["external_userid"] == external[0]
    mine = next(one for one in found["follow_user"] if one["userid"] == userid)
    assert {tag["tag_id"] for tag in mine["tags"]} == set(corp.contacts[userid][0]["follow_info"]["tag_id"])
    with pytest.raises(WeChatClientException) as refused:
        client.external_contact.get("wmnobody")
    assert refused.value.errcode == 40096


def test_contacts_page_by_page(there: tuple[Any, Corp]) -> None:
    """2.x reads whole lists by itself, with the `userid` parameter of old; 1.8 has no call of its own for it."""
    client, corp = there
    userid = max(corp.contacts, key=lambda name: len(corp.contacts[name]))
    if hasattr(client.external_contact, "gen_all_by_user"):
        found = list(client.external_contact.gen_all_by_user(userid, limit=2))
    else:
        found, cursor = [], ""
        while True:
            body = {"userid": userid, "cursor": cursor, "limit": 2}
            page = client.post("externalcontact/batch/get_by_user", data=body)
            found += page["external_contact_list"]
            cursor = page["next_cursor"]
            if not cursor:
                break
    assert [one["external_contact"]["external_userid"] for one in found] == [
        entry["external_contact"]["external_userid"] for entry in corp.contacts[userid]
    ]


def test_tags(there: tuple[Any, Corp]) -> None:
    client, corp = there
    groups = client.external_contact.get_corp_tag_list()["tag_group"]
    standing = {tag["id"] for group in corp.tag_groups for tag in group["tag"] if not tag["deleted"]}
    assert {tag["id"] for group in groups for tag in group["tag"]} == standing
    added = client.external_contact.add_corp_tag(None, "新组", 1, [{"name": "新标签", "order": 1}])
    made = added["tag_group"]["tag"][0]["id"]
    userid = next(name for name in corp.contacts if corp.contacts[name])
    external = corp.contacts[userid][0]["external_contact"]["external_userid"]
    client.external_contact.mark_tag(userid, external, add_tag=[made])
    assert made in corp.entry(userid, external)["follow_info"]["tag_id"]
    client.external_contact.edit_corp_tag(made, "改名", 1)
    client.external_contact.del_corp_tag(tag_id=[made])
    again = client.external_contact.get_corp_tag_list([made])["tag_group"][0]["tag"][0]
    assert (again["name"], again["deleted"]) == ("改名", True)


def test_groups(there: tuple[Any, Corp]) -> None:
    client, corp = there
    chats = client.external_contact_group_chat.list_all(limit=2)
    assert [one["chat_id"] for one in chats] == [one["chat_id"] for one in corp.company.groups]
    first = client.external_contact_group_chat.get(chats[0]["chat_id"])["group_chat"]
    assert len(first["member_list"]) == len(corp.company.groups[0]["member_list"])
    day = round(corp.now()) - 86_400
    figures = client.external_contact_group_chat.statistic(day, limit=1_000)
    assert figures["total"] == len({one["owner"] for one in corp.company.groups})


def test_statistics_and_messages(there: tuple[Any, Corp]) -> None:
    client, corp = there
    end = round(corp.now()) - 86_400
    data = client.external_contact.get_user_behavior_data(corp.follow_users[0], end - 6 * 86_400, end)
    assert len(data["behavior_data"]) == 7
    userid = next(name for name in corp.contacts if corp.contacts[name])
    external = corp.contacts[userid][0]["external_contact"]["external_userid"]
    made = client.external_contact.add_msg_template({"external_userid": [external], "text": {"content": "hi"}})
    result = client.external_contact.get_group_msg_result(made["msgid"])
    assert [one["external_userid"] for one in result["detail_list"]] == [external]
    sent = client.message.send_text(1000002, corp.follow_users[0], content="hello")
    assert sent["errcode"] == 0
