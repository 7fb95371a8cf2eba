"""WeCom's interfaces that change something, in the sandbox: tags, remarks, transfers, messages."""

from collections.abc import Mapping
from typing import Any

from pipelines.sandbox.wecom_company import Record, message
from pipelines.sandbox.wecom_corp import Corp
from pipelines.sandbox.wecom_protocol import (
    BAD_PARAMETER,
    BAD_TAG,
    DAY_SECONDS,
    NO_RECEIVER,
    NO_SUCH_USER,
    WELCOME_OVER,
    WELCOME_SENT,
    Body,
    RefusalError,
    paged,
    text,
    texts,
    whole,
)

MOST_RECEIVERS, MOST_TEXT_BYTES = 10_000, 4_000
_MOST_TAGS, _PROTECTED_DAYS, _MOST_TRANSFERS = 3_000, 90, 2
TOO_MANY_TRANSFERS = 40128  # per contact; not verified at the vendor
_A_MINUTE_TO_ONE = 30


# ------------------------------------------------------------------ tags and remarks


def corp_tags(corp: Corp, body: Body) -> Record:
    """All tags that stand; asked for by id, deleted ones too, said to be so."""
    ids, group_ids = texts(body, "tag_id", 1_000, least=0), texts(body, "group_id", 1_000, least=0)
    named = bool(ids or group_ids)
    found = []
    for group in corp.tag_groups:
        tags = [
            tag if named else {name: value for name, value in tag.items() if name != "deleted"}
            for tag in group["tag"]
            if (tag["id"] in ids or group["group_id"] in group_ids if named else not tag["deleted"])
        ]
        if tags:
            shown = {name: value for name, value in group.items() if named or name != "deleted"}
            found.append({**shown, "tag": tags})
    return {"tag_group": found}


def add_corp_tag(corp: Corp, body: Body) -> Record:
    wanted = body.get("tag") or []
    standing = sum(not tag["deleted"] for group in corp.tag_groups for tag in group["tag"])
    if not wanted or standing + len(wanted) > _MOST_TAGS:
        raise RefusalError(BAD_PARAMETER, f"a corp has up to {_MOST_TAGS} tags")
    now = round(corp.now())
    group = _tag_group(corp, body)
    made = [
        {"id": f"etmade{standing + number:08d}", "name": text(tag, "name"), "create_time": now}
        | {"order": int(tag.get("order") or 0), "deleted": False}
        for number, tag in enumerate(wanted)
    ]
    group["tag"].extend(made)
    return {"tag_group": {**group, "tag": made}}


def _tag_group(corp: Corp, body: Body) -> Record:
    for group in corp.tag_groups:
        if body.get("group_id") == group["group_id"] or body.get("group_name") == group["group_name"]:
            return group
    now, name = round(corp.now()), text(body, "group_name")
    made: Record = {"group_id": f"etgroup{len(corp.tag_groups):08d}", "group_name": name, "create_time": now}
    made |= {"order": int(body.get("order") or 0), "tag": [], "deleted": False}
    corp.tag_groups.append(made)
    return made


def edit_corp_tag(corp: Corp, body: Body) -> Record:
    wanted = text(body, "id")
    for group in corp.tag_groups:
        if group["group_id"] == wanted:
            group["group_name"] = body.get("name") or group["group_name"]
            return {}
        for tag in group["tag"]:
            if tag["id"] == wanted:
                tag["name"] = body.get("name") or tag["name"]
                return {}
    raise RefusalError(BAD_TAG, "invalid tagid")


def del_corp_tag(corp: Corp, body: Body) -> Record:
    ids, group_ids = texts(body, "tag_id", 1_000, least=0), texts(body, "group_id", 1_000, least=0)
    for group in corp.tag_groups:
        for tag in group["tag"]:
            if tag["id"] in ids or group["group_id"] in group_ids:
                tag["deleted"] = True
    return {}


def mark_tag(corp: Corp, body: Body) -> Record:
    info = corp.entry(text(body, "userid"), text(body, "external_userid"))["follow_info"]
    add, remove = texts(body, "add_tag", 100, least=0), texts(body, "remove_tag", 100, least=0)
    standing = {tag["id"] for group in corp.tag_groups for tag in group["tag"] if not tag["deleted"]}
    if not (add or remove) or not standing.issuperset(add):
        raise RefusalError(BAD_TAG, "invalid tagid")
    info["tag_id"] = [tag for tag in dict.fromkeys([*info.get("tag_id", ()), *add]) if tag not in remove]
    return {}


def remark(corp: Corp, body: Body) -> Record:
    """Only what is given is changed; an empty first phone clears the phones, as at the vendor."""
    info = corp.entry(text(body, "userid"), text(body, "external_userid"))["follow_info"]
    for name, most in (("remark", 20), ("description", 150), ("remark_company", 20)):
        if name in body:
            if len(str(body[name])) > most:
                raise RefusalError(BAD_PARAMETER, f"{name} is longer than {most} characters")
            info["remark_corp_name" if name == "remark_company" else name] = str(body[name])
    if "remark_mobiles" in body:
        info["remark_mobiles"] = [phone for phone in texts(body, "remark_mobiles", 5) if phone]
    return {}


# ------------------------------------------------------------------ transfers


def _transfer(corp: Corp, body: Body, kind: str) -> Record:
    old, new = text(body, "handover_userid"), text(body, "takeover_userid")
    if old not in corp.staff or new not in corp.follow_users:
        raise RefusalError(NO_SUCH_USER, "userid not found")
    if kind == "active" and old not in corp.follow_users:
        raise RefusalError(NO_SUCH_USER, "the one who hands over has left")
    answers = []
    left = {row["external_userid"] for row in corp.unassigned if row["handover_userid"] == old}
    friends = {entry["external_contact"]["external_userid"] for entry in corp.contacts.get(old, ())}
    for external in texts(body, "external_userid", 100):
        code = 0
        before = [m for m in corp.transfers if m["external_userid"] == external and m["kind"] == "active"]
        recent = [m for m in before if m["asked_at"] > corp.now() - _PROTECTED_DAYS * DAY_SECONDS]
        if external not in (friends if kind == "active" else left):
            code = 40096
        elif kind == "active" and len(recent) >= _MOST_TRANSFERS:
            code = TOO_MANY_TRANSFERS
        else:
            corp.transfers.append(
                {
                    "kind": kind,
                    "handover_userid": old,
                    "takeover_userid": new,
                    "external_userid": external,
                    "status": 2,
                    "asked_at": corp.now(),
                }
            )
        answers.append({"external_userid": external, "errcode": code})
    return {"customer": answers}


def transfer(corp: Corp, body: Body) -> Record:
    return _transfer(corp, body, "active")


def resigned_transfer(corp: Corp, body: Body) -> Record:
    return _transfer(corp, body, "resigned")


def _results(corp: Corp, body: Body, kind: str) -> Record:
    corp.settle_transfers()
    old, new = text(body, "handover_userid"), text(body, "takeover_userid")
    rows = [
        {"external_userid": m["external_userid"], "status": m["status"]}
        | ({"takeover_time": m["takeover_time"]} if "takeover_time" in m else {})
        for m in corp.transfers
        if (m["kind"], m["handover_userid"], m["takeover_userid"]) == (kind, old, new)
    ]
    return paged("customer", rows, {"cursor": body.get("cursor"), "limit": 1_000}, most=1_000, owner=[kind, old, new])


def transfer_result(corp: Corp, body: Body) -> Record:
    return _results(corp, body, "active")


def resigned_transfer_result(corp: Corp, body: Body) -> Record:
    return _results(corp, body, "resigned")


def unassigned(corp: Corp, body: Body) -> Record:
    corp.settle_transfers()
    request = {"limit": whole(body, "page_size", 1, 1_000, 1_000), "cursor": body.get("cursor")}
    page = paged("info", corp.unassigned, request, most=1_000)
    return {**page, "is_last": page["next_cursor"] == ""}


# ------------------------------------------------------------------ messages


def add_message(corp: Corp, body: Body) -> Record:
    """Makes a task that staff must confirm (``Corp.confirms``); contacts that nobody follows are failed."""
    wanted = texts(body, "external_userid", MOST_RECEIVERS, least=0)
    sender = str(body.get("sender") or "")
    if not wanted and not sender:
        raise RefusalError(BAD_PARAMETER, "external_userid and sender are both empty")
    words = _words(body)
    owners: dict[str, str] = {}
    for userid in [sender] if sender else corp.follow_users:
        for entry in corp.contacts.get(userid, ()):
            owners.setdefault(entry["external_contact"]["external_userid"], userid)
    receivers = wanted or list(owners)
    sends: dict[str, dict[str, Record]] = {}
    for external in receivers:
        if external in owners:
            row = {"external_userid": external, "userid": owners[external], "status": 0}
            sends.setdefault(owners[external], {})[external] = row
    if not sends:
        raise RefusalError(41_063, "no valid customer")  # not verified at the vendor
    made = message(f"msgmade{len(corp.messages_made):010d}", sender or "api", round(corp.now()), words, sends)
    corp.messages_made.append(made)
    return {"fail_list": [external for external in receivers if external not in owners], "msgid": made["msgid"]}


def _words(body: Body) -> str:
    content = (body.get("text") or {}).get("content") or ""
    if not content and not body.get("attachments"):
        raise RefusalError(BAD_PARAMETER, "text and attachments are both empty")
    if len(str(content).encode()) > MOST_TEXT_BYTES or len(body.get("attachments") or []) > 9:
        raise RefusalError(BAD_PARAMETER, f"text of up to {MOST_TEXT_BYTES} bytes, up to 9 attachments")
    return str(content)


def welcome(corp: Corp, body: Body) -> Record:
    code = text(body, "welcome_code")
    _words(body)
    state = corp.welcome_code_state(code, use=True)
    if state == "used":
        raise RefusalError(WELCOME_SENT, "welcome msg has been sent")
    if state == "over":
        raise RefusalError(WELCOME_OVER, "invalid or expired welcome_code")
    corp.sent.append({"welcome_code": code, "at": corp.now(), "body": dict(body)})
    return {}


def app_message(corp: Corp, body: Body) -> Record:
    """To staff; more than thirty a minute to one are dropped without a word."""
    if not isinstance(body.get("agentid"), int):
        raise RefusalError(40056, "invalid agentid")
    kind = text(body, "msgtype")
    content = body.get(kind)
    if not isinstance(content, Mapping):
        raise RefusalError(BAD_PARAMETER, f"{kind} is missing")
    _fits(kind, content)
    wanted = [userid for userid in str(body.get("touser") or "").split("|") if userid]
    everybody = wanted == ["@all"]
    if len(wanted) > 1_000:
        raise RefusalError(BAD_PARAMETER, "touser may name up to 1000")
    present = {userid for userid, one in corp.staff.items() if one.get("status") == 1}
    valid = sorted(present) if everybody else [userid for userid in wanted if userid in present]
    if not valid:
        raise RefusalError(NO_RECEIVER, "user & party & tag all invalid")
    now = corp.now()
    for userid in valid:
        lately = sum(one.get("userid") == userid and one["at"] > now - 60 for one in corp.sent)
        if lately < _A_MINUTE_TO_ONE:
            corp.sent.append({"userid": userid, "at": now, "msgtype": kind, "content": dict(content)})
    bad = [] if everybody else [userid for userid in wanted if userid not in present]
    return {"invaliduser": "|".join(bad), "invalidparty": "", "invalidtag": "", "unlicenseduser": ""} | {
        "msgid": f"app{len(corp.sent):012d}"
    }


def _fits(kind: str, content: Mapping[str, Any]) -> None:
    if kind in ("text", "markdown"):
        text(content, "content", most_bytes=2_048)
    if kind == "textcard":
        text(content, "title", most_bytes=128)
        text(content, "description", most_bytes=512)
        text(content, "url")


ANSWERS = (
    ("POST", "/externalcontact/get_corp_tag_list", corp_tags),
    ("POST", "/externalcontact/add_corp_tag", add_corp_tag),
    ("POST", "/externalcontact/edit_corp_tag", edit_corp_tag),
    ("POST", "/externalcontact/del_corp_tag", del_corp_tag),
    ("POST", "/externalcontact/mark_tag", mark_tag),
    ("POST", "/externalcontact/remark", remark),
    ("POST", "/externalcontact/transfer_customer", transfer),
    ("POST", "/externalcontact/transfer_result", transfer_result),
    ("POST", "/externalcontact/resigned/transfer_customer", resigned_transfer),
    ("POST", "/externalcontact/resigned/transfer_result", resigned_transfer_result),
    ("POST", "/externalcontact/get_unassigned_list", unassigned),
    ("POST", "/externalcontact/add_msg_template", add_message),
    ("POST", "/externalcontact/send_welcome_msg", welcome),
    ("POST", "/message/send", app_message),
)
