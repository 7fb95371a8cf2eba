"""WeCom's interfaces of staff, external contacts and customer groups in the sandbox."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from pipelines.sandbox.wecom_company import Record
from pipelines.sandbox.wecom_corp import Corp
from pipelines.sandbox.wecom_protocol import (
    BAD_CONTACT,
    BAD_PARAMETER,
    NO_RELATION,
    NO_RIGHT,
    NO_SUCH_USER,
    OWNER_NEEDED,
    Body,
    RefusalError,
    paged,
    read_cursor,
    stamp,
    text,
    texts,
    whole,
    write_cursor,
)

LONGEST_PAGE, USUAL_PAGE, LARGEST_GROUP = 100, 50, 100
_FOLLOWERS_A_PAGE = 500
_STAFF_WITHOUT_OWNER_FILTER = 1_000


def departments(corp: Corp, body: Body) -> Record:
    """A department and all below it; without an id, every one."""
    given = str(body.get("id") or "")
    wanted = _and_below(corp, int(given)) if given else {d["id"] for d in corp.state.departments}
    return {"department": [d for d in corp.state.departments if d["id"] in wanted]}


def staff(corp: Corp, body: Body) -> Record:
    department = int(str(body.get("department_id", "0")) or 0)
    wanted = _and_below(corp, department) if str(body.get("fetch_child", "0")) == "1" else {department}
    return {"userlist": [one for one in corp.state.staff if wanted.intersection(one["department"])]}


def _and_below(corp: Corp, department: int) -> set[int]:
    wanted = {department}
    while more := {d["id"] for d in corp.state.departments if d["parentid"] in wanted} - wanted:
        wanted |= more
    return wanted


def one_of_staff(corp: Corp, body: Body) -> Record:
    found = corp.staff.get(str(body.get("userid", "")))
    if found is None:
        raise RefusalError(NO_SUCH_USER, "userid not found")
    return dict(found)


def staff_ids(corp: Corp, body: Body) -> Record:
    rows = [{"userid": s["userid"], "department": d} for s in corp.state.staff for d in s["department"]]
    return paged("dept_user", rows, body, most=10_000)


def follow_users(corp: Corp, _: Body) -> Record:
    return {"follow_user": list(corp.follow_users)}


def contact_list(corp: Corp, body: Body) -> Record:
    userid = str(body.get("userid", ""))
    _must_follow(corp, [userid])
    found = [entry["external_contact"]["external_userid"] for entry in corp.contacts.get(userid, ())]
    if not found:
        raise RefusalError(NO_RELATION, "not external contact relation")
    return {"external_userid": found}


def contact(corp: Corp, body: Body) -> Record:
    """One contact with its followers; here tags are objects, where batch/get_by_user gives ids."""
    external = str(body.get("external_userid", ""))
    entries = [
        entry
        for rows in corp.contacts.values()
        for entry in rows
        if entry.get("external_contact", {}).get("external_userid") == external
    ]
    if not entries:
        raise RefusalError(BAD_CONTACT, "invalid external_userid")
    names = {t["id"]: (g["group_name"], t["name"]) for g in corp.tag_groups for t in g["tag"]}
    followers = []
    for entry in entries:
        info = {name: value for name, value in entry["follow_info"].items() if name != "tag_id"}
        info["tags"] = [
            {"group_name": names[tag][0], "tag_name": names[tag][1], "tag_id": tag, "type": 1}
            for tag in entry["follow_info"].get("tag_id", ())
        ]
        followers.append(info)
    request = {"limit": _FOLLOWERS_A_PAGE, "cursor": body.get("cursor")}
    page = paged("follow_user", followers, request, most=_FOLLOWERS_A_PAGE, owner=[external])
    return {"external_contact": entries[0]["external_contact"], **page}


def contacts_page(corp: Corp, body: Body, *, without_right: frozenset[str]) -> tuple[list[Any], int, int, int, str]:
    """(rows, place, turn, rows in all, owner of the cursor) of batch/get_by_user: the face writes the next cursor."""
    # An older client sends one `userid`; the vendor's server still takes it.
    userids = body.get("userid_list") or ([body["userid"]] if isinstance(body.get("userid"), str) else None)
    limit = body.get("limit", USUAL_PAGE)
    if not isinstance(userids, list) or not 1 <= len(userids) <= LARGEST_GROUP:
        raise RefusalError(BAD_PARAMETER, f"userid_list must hold 1 to {LARGEST_GROUP} members")
    if not isinstance(limit, int) or not 1 <= limit <= LONGEST_PAGE:
        raise RefusalError(BAD_PARAMETER, f"limit must be 1 to {LONGEST_PAGE}")
    _must_follow(corp, userids, without_right)
    lists = [corp.contacts.get(userid, ()) for userid in userids]
    bounds = [0, *accumulate(len(one) for one in lists)]
    if bounds[-1] == 0:
        raise RefusalError(NO_RELATION, "not external contact relation")
    owner = stamp(userids, limit)
    start, turn = read_cursor(str(body.get("cursor") or ""), owner)
    rows = [
        entry
        for one, low in zip(lists, bounds, strict=False)
        for entry in one[max(start - low, 0) : max(start + limit - low, 0)]
    ]
    return rows, start, turn, bounds[-1], owner


def next_contacts_cursor(start: int, turn: int, owner: str) -> str:
    return write_cursor(start, turn, owner)


def _must_follow(corp: Corp, userids: list[str], without_right: frozenset[str] = frozenset()) -> None:
    if any(userid not in corp.staff for userid in userids):
        raise RefusalError(NO_SUCH_USER, "userid not found")
    if any(userid in without_right or userid not in corp.follow_users for userid in userids):
        raise RefusalError(NO_RIGHT, "no permission of external contact")


# ------------------------------------------------------------------ groups


def groups(corp: Corp, body: Body) -> Record:
    owners = texts(body.get("owner_filter") or {}, "userid_list", 100, least=0)
    if not owners and len(corp.state.staff) > _STAFF_WITHOUT_OWNER_FILTER:
        raise RefusalError(OWNER_NEEDED, "owner_filter needed")
    status = whole(body, "status_filter", 0, 3, 0)
    rows = [
        {"chat_id": group["chat_id"], "status": group["status"]}
        for group in corp.company.groups
        if (not owners or group["owner"] in owners) and status in (0, group["status"])
    ]
    return paged("group_chat_list", rows, body, most=1_000, usual=100, owner=[owners, status])


def group(corp: Corp, body: Body) -> Record:
    chat_id = text(body, "chat_id")
    for found in corp.company.groups:
        if found["chat_id"] == chat_id:
            names = body.get("need_name") == 1
            return {"group_chat": {n: v for n, v in found.items() if n not in ("status", "member_list")}
                    | {"member_list": [_shown(member, names) for member in found["member_list"]]}}  # fmt: skip
    raise RefusalError(BAD_PARAMETER, "invalid chat_id")


def group_statistics(corp: Corp, body: Body) -> Record:
    """By owner: groups, members and new ones; the figures of one day."""
    begin = whole(body, "day_begin_time", 1, 2**40)
    owners = texts(body.get("owner_filter") or {}, "userid_list", 100, least=0)
    if begin < corp.now() - 180 * 86_400:
        raise RefusalError(BAD_PARAMETER, "day_begin_time is more than 180 days ago")
    by_owner: dict[str, list[Mapping[str, Any]]] = {}
    for one in corp.company.groups:
        if (not owners or one["owner"] in owners) and one["create_time"] <= begin + 86_399:
            by_owner.setdefault(one["owner"], []).append(one)
    offset, limit = whole(body, "offset", 0, 2**31, 0), whole(body, "limit", 1, 1_000, 500)
    items = [{"owner": owner, "data": _group_figures(found, begin)} for owner, found in sorted(by_owner.items())]
    return {"total": len(items), "next_offset": offset + limit, "items": items[offset : offset + limit]}


def _group_figures(found: list[Mapping[str, Any]], begin: int) -> Record:
    joins = [member["join_time"] for one in found for member in one["member_list"]]
    return {
        "new_chat_cnt": sum(begin <= one["create_time"] < begin + 86_400 for one in found),
        "chat_total": len(found),
        "chat_has_msg": len(found),
        "new_member_cnt": sum(begin <= join < begin + 86_400 for join in joins),
        "member_total": sum(join < begin + 86_400 for join in joins),
        "member_has_msg": 0,
        "msg_total": 0,
    }


def _shown(member: Mapping[str, Any], names: bool) -> Record:
    return {name: value for name, value in member.items() if names or name != "name"}


ANSWERS = (
    ("GET", "/department/list", departments),
    ("GET", "/user/list", staff),
    ("GET", "/user/get", one_of_staff),
    ("POST", "/user/list_id", staff_ids),
    ("GET", "/externalcontact/get_follow_user_list", follow_users),
    ("GET", "/externalcontact/list", contact_list),
    ("GET", "/externalcontact/get", contact),
    ("POST", "/externalcontact/groupchat/list", groups),
    ("POST", "/externalcontact/groupchat/get", group),
    ("POST", "/externalcontact/groupchat/statistic", group_statistics),
)
