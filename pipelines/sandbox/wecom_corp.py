"""One corp as the sandbox's server keeps it: what it was loaded with, and what calls and people have changed since.

Changes made by calls bring no callback, as at the vendor; changes that people make in the app return the event that
the server would push.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipelines.sandbox.wecom_company import Company, Follow, Record
from pipelines.sandbox.wecom_protocol import BAD_CONTACT, DAY_SECONDS, NO_RELATION, RefusalError, midnight

#: Credentials of the sandbox's corp. They open nothing but the sandbox.
CORP_ID = "ww-sandbox-siyu-0001"
SECRET = "sandbox-corp-secret"
_WELCOME_SECONDS = 20
_EMPTY_CORP_ENDS = 1_782_835_200  # 2026-07-01 in Beijing


@dataclass(frozen=True)
class WecomState:
    """What the corp holds: departments, staff and, by userid, its contacts as batch/get_by_user gives them."""

    departments: tuple[Mapping[str, Any], ...]
    staff: tuple[Mapping[str, Any], ...]
    follow_users: tuple[str, ...]
    contacts: Mapping[str, Sequence[Mapping[str, Any]]]

    @classmethod
    def read(cls, path: Path) -> "WecomState":
        """From ``wecom.json``: departments, staff, follow_users, contacts (profiles), follows (userid + profile id)."""
        content = json.loads(path.read_text("utf-8"))
        profiles = {profile["external_userid"]: profile for profile in content["contacts"]}
        by_user: dict[str, list[Mapping[str, Any]]] = {}
        for follow in content["follows"]:
            info = {name: value for name, value in follow.items() if name != "external_userid"}
            entry = {"external_contact": profiles[follow["external_userid"]], "follow_info": info}
            by_user.setdefault(follow["userid"], []).append(entry)
        return cls(tuple(content["departments"]), tuple(content["staff"]), tuple(content["follow_users"]), by_user)

    @property
    def ends_at(self) -> int:
        """The midnight in Beijing after the newest follow-up, in seconds: the sandbox's "now" unless told otherwise."""
        times = [_since(entry) for entries in self.contacts.values() for entry in entries]
        return midnight(max(times)) + DAY_SECONDS if any(times) else _EMPTY_CORP_ENDS


def _since(entry: Mapping[str, Any]) -> int:
    created = entry.get("follow_info", {}).get("createtime")
    return created if isinstance(created, int) else 0


#: corp, staff, follow-ups, seconds of now → what the corp holds besides.
Holdings = Callable[[str, Sequence[Mapping[str, Any]], Sequence[Follow], int], Company]


class Corp:
    """``now``: seconds of the calendar. What the state's trunk does not hold comes from ``holdings``, drawn on first
    use where nothing else is said."""

    def __init__(
        self,
        state: WecomState,
        corp_id: str = CORP_ID,
        secret: str = SECRET,
        now: Callable[[], float] | None = None,
        holdings: Holdings = Company,
    ) -> None:
        self.corp_id = corp_id
        self.secret = secret
        self.state = state
        started = state.ends_at
        self.now: Callable[[], float] = now or (lambda: started)
        self.follow_users = list(state.follow_users)
        follows = [
            Follow(userid, entry["external_contact"], _since(entry), str(entry["follow_info"].get("state") or ""))
            for userid, entries in state.contacts.items()
            for entry in entries
            if "external_contact" in entry
        ]
        self.company = holdings(corp_id, state.staff, follows, round(self.now()))
        self.sent: list[Record] = []  # app messages, one entry a receiver
        self.transfers: list[Record] = []
        self.messages_made: list[Record] = []
        self._codes: dict[str, tuple[float, bool]] = {}  # welcome code → (given at, used)

    @cached_property
    def contacts(self) -> dict[str, list[dict[str, Any]]]:
        """By userid, the entries of batch/get_by_user, with the tags that the company's staff gave."""
        tags = iter(self.company.follow_tags)
        return {
            userid: [_tagged(entry, tags) if "external_contact" in entry else dict(entry) for entry in entries]
            for userid, entries in self.state.contacts.items()
        }

    @cached_property
    def staff(self) -> dict[str, Mapping[str, Any]]:
        return {str(one["userid"]): one for one in self.state.staff}

    @cached_property
    def tag_groups(self) -> list[Record]:
        return deepcopy(self.company.tag_groups)  # these may be changed; the follow-ups' first tags hang on those

    @cached_property
    def known_contacts(self) -> set[str]:
        return {
            str(entry["external_contact"]["external_userid"])
            for entries in self.contacts.values()
            for entry in entries
            if "external_contact" in entry
        }

    @cached_property
    def links(self) -> dict[str, Record]:
        return {str(link["link"]["link_id"]): link for link in self.company.links}

    @cached_property
    def unassigned(self) -> list[Record]:
        return list(self.company.unassigned)

    @property
    def messages(self) -> list[Record]:
        return [*self.company.messages, *self.messages_made]

    def message(self, msgid: str) -> Record:
        for made in self.messages:
            if made["msgid"] == msgid:
                return made
        raise RefusalError(41_048, "msgid not found")

    def entry(self, userid: str, external_userid: str) -> dict[str, Any]:
        """The follow-up of a member of staff and a contact, to be read or changed."""
        for entry in self.contacts.get(userid, ()):
            if entry.get("external_contact", {}).get("external_userid") == external_userid:
                return entry
        if external_userid not in self.known_contacts:
            raise RefusalError(BAD_CONTACT, "invalid external_userid")
        raise RefusalError(NO_RELATION, "not external contact relation")

    # ------------------------------------------------------------------ what people do in the app

    def adds(self, userid: str, profile: Mapping[str, Any], *, state: str = "", way: int = 1) -> dict[str, str]:
        """A contact is added; the event carries a welcome code that is good for twenty seconds and one message."""
        now = round(self.now())
        info = {"userid": userid, "remark": profile.get("name", ""), "description": "", "createtime": now}
        info |= {"tag_id": [], "remark_mobiles": [], "oper_userid": userid, "add_way": way, "state": state}
        self.contacts.setdefault(userid, []).append({"external_contact": dict(profile), "follow_info": info})
        self.known_contacts.add(str(profile["external_userid"]))
        code = f"WELCOME-{len(self._codes) + 1}-{now}"
        self._codes[code] = (self.now(), False)
        event = self._event("add_external_contact", userid, str(profile["external_userid"]))
        return event | {"State": state, "WelcomeCode": code}

    def leaves(self, userid: str, external_userid: str, *, by_staff: bool = False) -> dict[str, str]:
        """The customer deletes the member of staff (or the other way round)."""
        self.contacts[userid].remove(self.entry(userid, external_userid))
        return self._event("del_external_contact" if by_staff else "del_follow_user", userid, external_userid)

    def confirms(self, msgid: str, userid: str) -> int:
        """A member of staff sends the mass message that waits; returns how many contacts got it."""
        rows = self.message(msgid)["sends"].get(userid, {})
        waiting = [row for row in rows.values() if row["status"] == 0]
        friends = {e["external_contact"]["external_userid"] for e in self.contacts.get(userid, ())}
        for row in waiting:
            if row["external_userid"] in friends:
                row |= {"status": 1, "send_time": round(self.now())}
            else:
                row["status"] = 2
        return sum(row["status"] == 1 for row in waiting)

    def welcome_code_state(self, code: str, *, use: bool) -> str:
        """good, over (unknown or too old) or used."""
        given, used = self._codes.get(code, (float("-inf"), False))
        if used:
            return "used"
        if self.now() - given > _WELCOME_SECONDS:
            return "over"
        self._codes[code] = (given, use)
        return "good"

    def settle_transfers(self) -> None:
        """A transfer that waited a day is done: the follow-up belongs to the new member of staff."""
        for move in self.transfers:
            if move["status"] != 2 or self.now() < move["asked_at"] + DAY_SECONDS:
                continue
            move |= {"status": 1, "takeover_time": round(self.now())}
            old = self.contacts.get(move["handover_userid"], [])
            for entry in [e for e in old if e["external_contact"]["external_userid"] == move["external_userid"]]:
                old.remove(entry)
                info = {**entry["follow_info"], "userid": move["takeover_userid"], "add_way": 202}
                info |= {"oper_userid": move["takeover_userid"], "createtime": round(self.now())}
                new = {"external_contact": entry["external_contact"], "follow_info": info}
                self.contacts.setdefault(move["takeover_userid"], []).append(new)
            self.unassigned[:] = [
                row
                for row in self.unassigned
                if (row["handover_userid"], row["external_userid"])
                != (move["handover_userid"], move["external_userid"])
            ]

    def _event(self, change: str, userid: str, external_userid: str) -> dict[str, str]:
        return {
            "ToUserName": self.corp_id,
            "FromUserName": "sys",
            "CreateTime": str(round(self.now())),
            "MsgType": "event",
            "Event": "change_external_contact",
            "ChangeType": change,
            "UserID": userid,
            "ExternalUserID": external_userid,
        }


def _tagged(entry: Mapping[str, Any], tags: Any) -> dict[str, Any]:
    given = next(tags)
    info = entry["follow_info"]
    return {**entry, "follow_info": {**info, "tag_id": given} if not info.get("tag_id") else dict(info)}
