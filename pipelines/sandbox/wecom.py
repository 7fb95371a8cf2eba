"""WeCom's face of the sandbox: the same paths, envelopes, paging and error codes as the real server API.

Business errors come in HTTP 200 with an ``errcode``. Faults are asked for by number of request, so that a test can
say exactly what goes wrong and when. What is behind the interfaces: ``wecom_corp`` (what a corp holds), ``wecom_gate``
(tokens and limits), ``wecom_contacts``, ``wecom_activity`` and ``wecom_writes`` (the interfaces by subject).
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipelines.sandbox import wecom_activity, wecom_contacts, wecom_writes
from pipelines.sandbox.faults import Dialect
from pipelines.sandbox.wecom_contacts import contacts_page, next_contacts_cursor
from pipelines.sandbox.wecom_corp import CORP_ID, SECRET, Corp, WecomState
from pipelines.sandbox.wecom_gate import Gate, Limits
from pipelines.sandbox.wecom_protocol import Body, RefusalError

__all__ = [
    "CORP_ID",
    "DIALECT",
    "SECRET",
    "Corp",
    "Counts",
    "Faults",
    "Limits",
    "WecomFace",
    "WecomState",
    "create_app",
    "serving",
]

#: How WeCom says in HTTP 200 that it did nothing, for the fault layer of any face.
DIALECT = Dialect(
    busy=b'{"errcode":-1,"errmsg":"system busy"}', limit=b'{"errcode":45009,"errmsg":"api freq out of limit"}'
)
_BASE = "/cgi-bin"
_CONTACTS = "/externalcontact/batch/get_by_user"

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


@dataclass
class Counts:
    """What the sandbox was asked for, for tests: requests in all, tokens given, contact pages served, and by path."""

    requests: int = 0
    tokens: int = 0
    pages: int = 0
    paths: dict[str, int] = field(default_factory=dict)


class WecomFace:
    """One running sandbox: its corps, tokens, counters and faults. ``clock`` in seconds, for tokens and limits."""

    def __init__(
        self,
        corps: Iterable[Corp],
        faults: Faults,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.corps = {corp.corp_id: corp for corp in corps}
        self.faults = faults
        self.counts = Counts()
        self.gate = Gate(self.corps, limits=limits or Limits(), token_calls=faults.token_calls, clock=clock)

    def token(self, query: Mapping[str, str]) -> dict[str, Any]:
        given = self.gate.token(query.get("corpid", ""), query.get("corpsecret", ""))
        self.counts.tokens = self.gate.tokens_given
        return given

    def contacts(self, corp: Corp, body: Body) -> dict[str, Any]:
        rows, start, turn, total, owner = contacts_page(corp, body, without_right=self.faults.without_right)
        self.counts.pages += 1
        limit = int(body.get("limit", wecom_contacts.USUAL_PAGE))
        after = start + limit
        if self.faults.repeat_page and turn == 0 and (start // limit + 1) % self.faults.repeat_page == 0:
            return _page(rows, next_contacts_cursor(start, 1, owner))
        if self.faults.endless_from is not None and self.counts.pages >= self.faults.endless_from:
            return _page(rows, next_contacts_cursor(0, 0, owner))
        return _page(rows, next_contacts_cursor(after, 0, owner) if after < total else "")

    def trouble(self, path: str) -> Trouble | None:
        """Counts the request; what is to go wrong with it."""
        self.counts.requests += 1
        self.counts.paths[path] = self.counts.paths.get(path, 0) + 1
        return self.faults.at.get(self.counts.requests)


def _page(rows: list[Any], cursor: str) -> dict[str, Any]:
    return {"external_contact_list": rows, "next_cursor": cursor}


Answer = Callable[[Corp, Body], dict[str, Any]]


def routes(face: WecomFace) -> list[Route]:
    """The paths of this face, under ``/cgi-bin``."""
    listed: tuple[tuple[str, str, Answer], ...] = (
        *wecom_contacts.ANSWERS,
        ("POST", _CONTACTS, face.contacts),
        *wecom_activity.ANSWERS,
        *wecom_writes.ANSWERS,
    )
    return [
        Route(_BASE + "/gettoken", _endpoint(face, "/gettoken", None), methods=["GET"]),
        *(Route(_BASE + path, _endpoint(face, path, answer), methods=[method]) for method, path, answer in listed),
    ]


def _endpoint(face: WecomFace, path: str, answer: Answer | None) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        trouble = face.trouble(path)
        query, body = request.query_params, await request.body()
        try:
            if answer is None:
                content = face.token(query)
            else:
                corp = face.gate.corp_of(query.get("access_token", ""))
                face.gate.count(corp.corp_id, path)
                with face.gate.under_way(corp.corp_id):
                    if trouble == "slow":
                        await run_in_threadpool(time.sleep, face.faults.slow_seconds)
                    if trouble in _BUSINESS:
                        raise RefusalError(*_BUSINESS[trouble])
                    content = answer(corp, _parsed(body) if request.method == "POST" else dict(query))
        except RefusalError as refusal:
            return _response({"errcode": refusal.code, "errmsg": str(refusal)}, trouble)
        return _response({"errcode": 0, "errmsg": "ok", **content}, trouble)

    return endpoint


def _parsed(body: bytes) -> Body:
    if not body:
        return {}
    try:
        content = json.loads(body)
    except ValueError:
        raise RefusalError(47001, "data format error") from None
    if not isinstance(content, dict):
        raise RefusalError(47001, "data format error")
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


def create_app(
    state: WecomState,
    faults: Faults | None = None,
    *,
    more: Iterable[Corp] = (),
    limits: Limits | None = None,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], float] | None = None,
) -> Starlette:
    """An application with WeCom's face; ``app.state.face`` holds the corps and the counters.

    ``state`` is the sandbox's usual corp, ``more`` are further ones. ``clock`` measures tokens and limits, ``now`` is
    the calendar (seconds); without it the calendar stands still at the end of the state.
    """
    return serving([Corp(state, now=now), *more], faults, limits=limits, clock=clock)


def serving(
    corps: Iterable[Corp],
    faults: Faults | None = None,
    *,
    limits: Limits | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Starlette:
    """The same for corps as they are."""
    face = WecomFace(corps, faults or Faults(), limits, clock)
    app = Starlette(routes=routes(face))
    app.state.face = face
    return app
