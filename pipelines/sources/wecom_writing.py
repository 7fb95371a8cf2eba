"""Writing back into WeCom: tags, remarks, handing contacts over, and messages, each with the vendor's limits checked.

A limit that is broken here costs no call and is said in our words. Everything raises LimitError before a call,
WecomError for a refusal, and other SourceErrors for the network. None of it repeats itself: whoever calls keeps what
was done (an outbox) and asks again only for the rest. A change made by these calls brings no event from the vendor.

Facts: vendor documentation 92118 (tags), 92115 (remarks), 92125 and 94081 (transfers), 92135 (mass messages), 92137
(welcome), 90236 (messages to staff).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import ExpectedError
from pipelines.sources.wecom_api import WecomClient

MOST_RECEIVERS = 10_000
MOST_MESSAGE_BYTES = 4_000
MOST_ATTACHMENTS = 9
MOST_HANDED_OVER = 100
MOST_STAFF, MOST_TEXT_BYTES = 1_000, 2_048
MOST_TITLE_BYTES, MOST_DESCRIPTION_BYTES = 128, 512
MOST_REMARK, MOST_DESCRIPTION, MOST_PHONES = 20, 150, 5
WELCOME_SECONDS = 20
_ACTIVE, _RESIGNED = "/externalcontact/transfer_customer", "/externalcontact/resigned/transfer_customer"


class LimitError(ExpectedError):
    """What is to be written is more, or longer, than the vendor takes; nothing was sent."""


@dataclass(frozen=True)
class Task:
    """A mass message that waits for staff to confirm it. ``failed``: contacts that will not get it."""

    msgid: str
    failed: tuple[str, ...]


@dataclass(frozen=True)
class Sent:
    """A message to staff. ``invalid``: members who are not there or not in the application's visible range."""

    msgid: str
    invalid: tuple[str, ...]


def mark_tags(
    client: WecomClient, userid: str, external_userid: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> None:
    """Set and take away tags of the corp on one follow-up."""
    if not (add or remove):
        raise LimitError("no tag to add and none to remove")
    body = {"userid": userid, "external_userid": external_userid, "add_tag": list(add), "remove_tag": list(remove)}
    client.post("/externalcontact/mark_tag", body)


def remark(
    client: WecomClient,
    userid: str,
    external_userid: str,
    *,
    name: str | None = None,
    description: str | None = None,
    company: str | None = None,
    phones: Sequence[str] | None = None,
) -> None:
    """Change what staff noted of a contact; what is None stays. No phones (an empty list) clears them."""
    texts = {"remark": name, "description": description, "remark_company": company}
    body: dict[str, Any] = {key: value for key, value in texts.items() if value is not None}
    for key, most in (("remark", MOST_REMARK), ("description", MOST_DESCRIPTION), ("remark_company", MOST_REMARK)):
        _no_longer(key, len(str(body.get(key, ""))), most, "characters")
    if phones is not None:
        _no_longer("phones", len(phones), MOST_PHONES, "numbers")
        body["remark_mobiles"] = list(phones) or [""]  # the vendor clears the phones when the only one is empty
    if not body:
        raise LimitError("nothing to change")
    client.post("/externalcontact/remark", {"userid": userid, "external_userid": external_userid, **body})


def hand_over(
    client: WecomClient,
    handover_userid: str,
    takeover_userid: str,
    external_userids: Sequence[str],
    *,
    resigned: bool = False,
    words: str = "",
) -> dict[str, int]:
    """Ask for contacts to be followed by another member; the vendor's errcode by contact, 0 for those under way.

    A contact is moved a day later unless it refuses; a contact of somebody who works here, twice in 90 days at most.
    """
    if not external_userids:
        raise LimitError("no contact to hand over")
    found: dict[str, int] = {}
    for some in _slices(external_userids, MOST_HANDED_OVER):
        body: dict[str, Any] = {
            "handover_userid": handover_userid,
            "takeover_userid": takeover_userid,
            "external_userid": list(some),
        }
        if words and not resigned:
            body["transfer_success_msg"] = words
        answer = client.post(_RESIGNED if resigned else _ACTIVE, body)
        found |= {one["external_userid"]: int(one["errcode"]) for one in answer.value("customer") or []}
    return found


def add_message(
    client: WecomClient,
    *,
    external_userids: Sequence[str] = (),
    sender: str = "",
    text: str = "",
    attachments: Sequence[Mapping[str, Any]] = (),
) -> Task:
    """A mass message to contacts: a task that staff must confirm, not yet a message."""
    if not external_userids and not sender:
        raise LimitError("name the contacts, or the member of staff whose contacts are meant")
    _no_longer("external_userids", len(external_userids), MOST_RECEIVERS, "contacts")
    if len(set(external_userids)) < len(external_userids):
        raise LimitError("a contact is named twice")
    body: dict[str, Any] = {"chat_type": "single", "external_userid": list(external_userids)}
    body |= {"sender": sender} if sender else {}
    answer = client.post("/externalcontact/add_msg_template", body | _content(text, attachments))
    return Task(str(answer.value("msgid")), tuple(answer.value("fail_list") or ()))


def welcome(
    client: WecomClient, welcome_code: str, *, text: str = "", attachments: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Greet a new contact: once, within twenty seconds of the event that brought the code (41050, 41051)."""
    body = {"welcome_code": welcome_code, **_content(text, attachments)}
    client.post("/externalcontact/send_welcome_msg", body)


def send_to_staff(
    client: WecomClient, agent_id: int, userids: Sequence[str], msgtype: str, content: Mapping[str, Any]
) -> Sent:
    """A message of the application to staff. The vendor drops what goes beyond thirty a minute to one member."""
    if not userids:
        raise LimitError("no receiver")
    _no_longer("userids", len(userids), MOST_STAFF, "members")
    if any("|" in userid for userid in userids):
        raise LimitError("a userid holds a |, which separates receivers")
    if msgtype in ("text", "markdown"):
        _no_longer("content", _bytes(content.get("content")), MOST_TEXT_BYTES, "bytes")
    if msgtype == "textcard":
        _no_longer("title", _bytes(content.get("title")), MOST_TITLE_BYTES, "bytes")
        _no_longer("description", _bytes(content.get("description")), MOST_DESCRIPTION_BYTES, "bytes")
    body = {"touser": "|".join(userids), "msgtype": msgtype, "agentid": agent_id, msgtype: dict(content)}
    # The same words within half an hour are one message: a repeat after a broken connection reaches nobody twice.
    answer = client.post("/message/send", {**body, "enable_duplicate_check": 1, "duplicate_check_interval": 1_800})
    invalid = str(answer.value("invaliduser") or "")
    return Sent(str(answer.value("msgid") or ""), tuple(one for one in invalid.split("|") if one))


def _content(text: str, attachments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not text and not attachments:
        raise LimitError("neither text nor attachment")
    _no_longer("text", _bytes(text), MOST_MESSAGE_BYTES, "bytes")
    _no_longer("attachments", len(attachments), MOST_ATTACHMENTS, "attachments")
    found: dict[str, Any] = {"text": {"content": text}} if text else {}
    return found | ({"attachments": [dict(one) for one in attachments]} if attachments else {})


def _bytes(text: object) -> int:
    return len(str(text or "").encode())


def _no_longer(what: str, given: int, most: int, unit: str) -> None:
    if given > most:
        raise LimitError(f"{what}: {given} {unit}, and WeCom takes {most}")


def _slices(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
