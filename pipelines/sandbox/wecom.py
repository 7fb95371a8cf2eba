"""WeCom's face of the sandbox: the same paths, envelopes, paging and error codes as the real server API.

Business errors come in HTTP 200 with an ``errcode``. Faults are asked for by number of request, so that a test can
say exactly what goes wrong and when.
"""

import base64
import binascii
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

#: Credentials of the sandbox's corp. They open nothing but the sandbox.
CORP_ID = "ww-sandbox-siyu-0001"
SECRET = "sandbox-corp-secret"
TOKEN_SECONDS = 7200
LONGEST_PAGE, USUAL_PAGE, LARGEST_GROUP = 100, 50, 100
BAD_PARAMETER = 40058
_BASE = "/cgi-bin"

Trouble = Literal["busy", "frequency", "concurrency", "ip", "html", "truncated", "cut", "http_500", "http_429", "slow"]
_BUSINESS: dict[str, tuple[int, str]] = {
    "busy": (-1, "system busy"),
    "frequency": (45009, "api freq out of limit"),
    "concurrency": (45033, "api concurrent out of limit"),
    "ip": (60020, "not allow to access from your ip"),
}


@dataclass(frozen=True)
class Faults:
    """What goes wrong. ``at`` names a trouble for the n-th request (from 1; requests for tokens count too).

    ``token_calls``: a token expires after so many calls. ``endless_from``: from this page on, next_cursor repeats.
    ``repeat_page``: every n-th page is followed by a page with the same rows. ``without_right``: staff who are listed
    but lost the right to contacts (84074).
    """

    at: Mapping[int, Trouble] = field(default_factory=dict)
    token_calls: int | None = None
    endless_from: int | None = None
    repeat_page: int | None = None
    without_right: frozenset[str] = frozenset()
    slow_seconds: float = 0.2


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


@dataclass
class Counts:
    """What the sandbox was asked for, for tests: requests in all, tokens given, contact pages served."""

    requests: int = 0
    tokens: int = 0
    pages: int = 0


class _RefusalError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class WecomFace:
    """The state of one running sandbox: its tokens, counters and faults."""

    def __init__(self, state: WecomState, faults: Faults, clock: Callable[[], float] = time.monotonic) -> None:
        self.state = state
        self.faults = faults
        self.counts = Counts()
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._token_expires = 0.0
        self._calls_left: int | None = None
        self._old_tokens: set[str] = set()

    # ------------------------------------------------------------------ tokens

    def token(self, corp_id: str, secret: str) -> dict[str, Any]:
        if corp_id != CORP_ID:
            raise _RefusalError(40013, "invalid corpid")
        if not secrets.compare_digest(secret, SECRET):
            raise _RefusalError(40001, "invalid credential")
        with self._lock:
            if not self._valid():  # while a token is valid, the same one is given again
                self._old_tokens.add(self._token)
                self._token = secrets.token_urlsafe(48)
                self._token_expires = self._clock() + TOKEN_SECONDS
                self._calls_left = self.faults.token_calls
                self.counts.tokens += 1
            seconds = round(self._token_expires - self._clock())
            return {"access_token": self._token, "expires_in": seconds}

    def _valid(self) -> bool:
        return self._token != "" and self._calls_left != 0 and self._clock() < self._token_expires

    def check_token(self, token: str) -> None:
        with self._lock:
            if token == "":
                raise _RefusalError(41001, "access_token missing")
            if token in self._old_tokens or (token == self._token and not self._valid()):
                raise _RefusalError(42001, "access_token expired")
            if token != self._token:
                raise _RefusalError(40014, "invalid access_token")
            if self._calls_left is not None:
                self._calls_left -= 1

    # ------------------------------------------------------------------ contacts

    def contacts_page(self, body: Mapping[str, Any]) -> dict[str, Any]:
        userids, limit = body.get("userid_list"), body.get("limit", USUAL_PAGE)
        if not isinstance(userids, list) or not 1 <= len(userids) <= LARGEST_GROUP:
            raise _RefusalError(BAD_PARAMETER, f"userid_list must hold 1 to {LARGEST_GROUP} members")
        if not isinstance(limit, int) or not 1 <= limit <= LONGEST_PAGE:
            raise _RefusalError(BAD_PARAMETER, f"limit must be 1 to {LONGEST_PAGE}")
        known = {member["userid"] for member in self.state.staff}
        if any(userid not in known for userid in userids):
            raise _RefusalError(60111, "userid not found")
        if any(userid in self.faults.without_right or userid not in self.state.follow_users for userid in userids):
            raise _RefusalError(84074, "no permission of external contact")
        lists = [self.state.contacts.get(userid, ()) for userid in userids]
        bounds = [0, *accumulate(len(one) for one in lists)]
        if bounds[-1] == 0:
            raise _RefusalError(84061, "not external contact relation")
        stamp = hashlib.sha256(json.dumps([userids, limit]).encode()).hexdigest()[:12]
        start, turn = _read_cursor(body.get("cursor") or "", stamp)
        with self._lock:
            self.counts.pages += 1
            page = self.counts.pages
        rows = [
            entry
            for one, low in zip(lists, bounds, strict=False)
            for entry in one[max(start - low, 0) : max(start + limit - low, 0)]
        ]
        after = start + limit
        if self.faults.repeat_page and turn == 0 and (start // limit + 1) % self.faults.repeat_page == 0:
            return _page(rows, _write_cursor(start, 1, stamp))
        if self.faults.endless_from is not None and page >= self.faults.endless_from:
            return _page(rows, _write_cursor(0, 0, stamp))
        return _page(rows, _write_cursor(after, 0, stamp) if after < bounds[-1] else "")

    def trouble(self) -> Trouble | None:
        with self._lock:
            self.counts.requests += 1
            return self.faults.at.get(self.counts.requests)


def _page(rows: list[Mapping[str, Any]], cursor: str) -> dict[str, Any]:
    return {"external_contact_list": rows, "next_cursor": cursor}


def _write_cursor(start: int, turn: int, stamp: str) -> str:
    return base64.urlsafe_b64encode(f"{stamp}:{start}:{turn}".encode()).decode()


def _read_cursor(cursor: str, stamp: str) -> tuple[int, int]:
    """Opaque to the caller; one of another request is refused."""
    if not cursor:
        return 0, 0
    try:
        owner, start, turn = base64.urlsafe_b64decode(cursor).decode().split(":")
        place = int(start), int(turn)
    except (binascii.Error, ValueError):
        raise _RefusalError(BAD_PARAMETER, "invalid cursor") from None
    if owner != stamp:
        raise _RefusalError(BAD_PARAMETER, "cursor of another request")
    return place


Answer = Callable[[Request, Mapping[str, Any]], dict[str, Any]]


def routes(face: WecomFace) -> list[Route]:
    """The paths of this face, under ``/cgi-bin``."""

    def token(request: Request, _: Mapping[str, Any]) -> dict[str, Any]:
        return face.token(request.query_params.get("corpid", ""), request.query_params.get("corpsecret", ""))

    def departments(_: Request, __: Mapping[str, Any]) -> dict[str, Any]:
        return {"department": list(face.state.departments)}

    def staff(request: Request, _: Mapping[str, Any]) -> dict[str, Any]:
        department = int(request.query_params.get("department_id", "0"))
        below = request.query_params.get("fetch_child") == "1"
        wanted = {d["id"] for d in face.state.departments if d["id"] == department or (below and department == 1)}
        return {"userlist": [one for one in face.state.staff if wanted.intersection(one["department"])]}

    def follow_users(_: Request, __: Mapping[str, Any]) -> dict[str, Any]:
        return {"follow_user": list(face.state.follow_users)}

    def contacts(_: Request, body: Mapping[str, Any]) -> dict[str, Any]:
        return face.contacts_page(body)

    listed: tuple[tuple[str, str, Answer], ...] = (
        ("GET", "/department/list", departments),
        ("GET", "/user/list", staff),
        ("GET", "/externalcontact/get_follow_user_list", follow_users),
        ("POST", "/externalcontact/batch/get_by_user", contacts),
    )
    return [
        Route(_BASE + "/gettoken", _endpoint(face, token, checks_token=False), methods=["GET"]),
        *(Route(_BASE + path, _endpoint(face, answer), methods=[method]) for method, path, answer in listed),
    ]


def _endpoint(face: WecomFace, answer: Answer, *, checks_token: bool = True) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        trouble = face.trouble()
        body = await request.body()

        def work() -> dict[str, Any]:
            if checks_token:
                face.check_token(request.query_params.get("access_token", ""))
            if trouble in _BUSINESS:
                raise _RefusalError(*_BUSINESS[trouble])
            return answer(request, _parsed(body))

        if trouble == "slow":
            await run_in_threadpool(time.sleep, face.faults.slow_seconds)
        try:
            content = {"errcode": 0, "errmsg": "ok", **work()}
        except _RefusalError as refusal:
            content = {"errcode": refusal.code, "errmsg": str(refusal)}
        return _response(content, trouble)

    return endpoint


def _parsed(body: bytes) -> Mapping[str, Any]:
    if not body:
        return {}
    try:
        content = json.loads(body)
    except ValueError:
        raise _RefusalError(47001, "data format error") from None
    if not isinstance(content, dict):
        raise _RefusalError(47001, "data format error")
    return content


def _response(content: Mapping[str, Any], trouble: Trouble | None) -> Response:
    whole = JSONResponse(content)
    if trouble == "html":
        return Response("<html><title>Sign in</title>please sign in</html>", media_type="text/html")
    if trouble == "truncated":
        return Response(bytes(whole.body)[: len(whole.body) // 2], media_type="application/json")
    if trouble == "cut":  # announces more than it sends: the connection breaks in the middle of the body
        return Response(
            bytes(whole.body)[: len(whole.body) // 2],
            media_type="application/json",
            headers={"Content-Length": str(len(whole.body))},
        )
    if trouble == "http_500":
        return Response("upstream failed", status_code=500)
    if trouble == "http_429":
        return Response("slow down", status_code=429, headers={"Retry-After": "1"})
    return whole


def create_app(state: WecomState, faults: Faults | None = None) -> Starlette:
    """An application with WeCom's face; ``app.state.face`` holds the counters."""
    face = WecomFace(state, faults or Faults())
    app = Starlette(routes=routes(face))
    app.state.face = face
    return app
