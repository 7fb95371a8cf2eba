"""Taobao's face of the sandbox: the router of the open platform for one shop, with its signing, windows and paging.

Pages of a list are sorted by time of change, newest first, as the platform's are: what changes while somebody pages
moves everything behind it one place forward.
"""

import random
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipelines.sandbox.faults import Dialect
from pipelines.sources.taobao_api import BEIJING, TIME, sign

APP_KEY, APP_SECRET, SESSION = "12345678", "sandbox-taobao-secret", "sandbox-taobao-session"
PATH = "/router/rest"
LONGEST_PAGE, USUAL_PAGE = 100, 40
LONGEST_WINDOW = timedelta(days=1)
HISTORY = timedelta(days=93)
TIMESTAMP_OFF = timedelta(minutes=10)

DIALECT = Dialect(
    busy=b'{"error_response":{"code":15,"msg":"Remote service error","sub_code":"isp.top-remote-connection-timeout",'
    b'"sub_msg":"remote connection timeout"}}',
    limit=b'{"error_response":{"code":7,"msg":"App Call Limited",'
    b'"sub_code":"accesscontrol.limited-by-api-access-count","sub_msg":"This ban will last for 1 more seconds"}}',
)


Records = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Unrest:
    """What changes while it is being read. ``moves``: share of page answers before which one record of the window
    changes; ``repeats``: share of page answers that are the page of the
    request before, if that was of the same window."""

    seed: int = 0
    moves: float = 0.0
    repeats: float = 0.0


@dataclass
class TaobaoShop:
    """One shop as its platform holds it: trades and refunds as the API gives them, by number, to one application.

    ``extra``: fields that every record gets from now on (a new column); ``renamed``: fields under another name (drift).
    """

    trades: Records
    refunds: Records
    app_key: str = APP_KEY
    extra: dict[str, Any] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)


class _RefusalError(Exception):
    def __init__(self, code: int, message: str, sub_code: str = "", sub_message: str = "") -> None:
        super().__init__(message)
        self.body = {"code": code, "msg": message}
        if sub_code:
            self.body |= {"sub_code": sub_code, "sub_msg": sub_message}


class TaobaoFace:
    """``clock``: the platform's time (aware). ``session_ends_after``: calls until the authorisation is taken back."""

    def __init__(
        self,
        shop: TaobaoShop,
        unrest: Unrest = Unrest(),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        session_ends_after: int | None = None,
    ) -> None:
        self.shop = shop
        self.unrest = unrest
        self.clock = clock
        self.pages = 0
        self._calls_left = session_ends_after
        self._lock = threading.Lock()
        self._last: tuple[Any, dict[str, Any]] | None = None

    def answer(self, given: Mapping[str, str]) -> dict[str, Any]:
        method = given.get("method", "")
        try:
            self._check(given)
            answers: dict[str, Callable[[], dict[str, Any]]] = {
                "taobao.trades.sold.increment.get": lambda: self._page(given, self.shop.trades, "trades", "trade"),
                "taobao.refunds.receive.get": lambda: self._page(given, self.shop.refunds, "refunds", "refund"),
                "taobao.user.seller.get": lambda: {"user": {"nick": "四季茶铺旗舰店", "user_id": 1}},
            }
            if method not in answers:
                raise _RefusalError(22, "Invalid Method")
            name = method.removeprefix("taobao.").replace(".", "_") + "_response"
            return {name: answers[method]()}
        except _RefusalError as refusal:
            return {"error_response": refusal.body}

    def _check(self, given: Mapping[str, str]) -> None:
        if given.get("app_key") != self.shop.app_key:
            raise _RefusalError(29, "Invalid App Key")
        if given.get("sign") != sign(given, APP_SECRET, given.get("sign_method", "md5")):
            raise _RefusalError(25, "Invalid Signature")
        if abs(_moment(given.get("timestamp", ""), "timestamp") - datetime.now(UTC)) > TIMESTAMP_OFF:
            raise _RefusalError(31, "Invalid Timestamp")
        with self._lock:
            if given.get("session") != SESSION or self._calls_left == 0:
                raise _RefusalError(27, "Invalid session")
            if self._calls_left is not None:
                self._calls_left -= 1

    def _page(
        self, given: Mapping[str, str], held: dict[str, dict[str, Any]], outer: str, inner: str
    ) -> dict[str, Any]:
        number, size = int(given.get("page_no", "1")), int(given.get("page_size", USUAL_PAGE))
        if not 1 <= size <= LONGEST_PAGE or number < 1:
            raise _bad("page_size", f"between 1 and {LONGEST_PAGE}")
        if not given.get("fields"):
            raise _RefusalError(40, "Missing required arguments:fields")
        start, end = (_moment(given.get(name, ""), name) for name in ("start_modified", "end_modified"))
        now = self.clock()
        if end < start or end - start > LONGEST_WINDOW:
            raise _bad("end_modified", "within one day after start_modified")
        if start < now - HISTORY:
            raise _bad("start_modified", "within three months")
        with self._lock:
            self.pages += 1
            chance = random.Random(f"{self.unrest.seed}:{self.pages}")
            asked = (given["method"], start, end)
            if self._last is not None and self._last[0] == asked and chance.random() < self.unrest.repeats:
                return self._last[1]
            found = self._window(held, start, end)
            if found and chance.random() < self.unrest.moves:
                self._touch(chance.choice(found), now)
                found = self._window(held, start, end)
            rows = [self._shown(one, given["fields"]) for one in found[(number - 1) * size : number * size]]
            answer: dict[str, Any] = {outer: {inner: rows}} if rows else {}
            if given.get("use_has_next") == "true":
                answer["has_next"] = number * size < len(found)
            else:
                answer["total_results"] = len(found)
            self._last = asked, answer
            return answer

    def _window(self, held: Mapping[str, dict[str, Any]], start: datetime, end: datetime) -> Sequence[dict[str, Any]]:
        ordered = sorted(held.values(), key=lambda one: one["modified"])
        times = [one["modified"] for one in ordered]
        low = bisect_left(times, start.astimezone(BEIJING).strftime(TIME))
        high = bisect_right(times, end.astimezone(BEIJING).strftime(TIME))
        return ordered[low:high][::-1]

    def _touch(self, record: dict[str, Any], now: datetime) -> None:
        """Something happens to it: it leaves its window for the one of now."""
        record["modified"] = now.astimezone(BEIJING).strftime(TIME)
        record["seller_memo" if "tid" in record and "orders" in record else "reason"] = f"改动 {self.pages}"

    def _shown(self, record: Mapping[str, Any], fields: str) -> dict[str, Any]:
        wanted = set(fields.split(","))
        chosen = {name: value for name, value in record.items() if name in wanted}
        if "buyer_nick" not in wanted:
            chosen.pop("buyer_open_uid", None)  # given only to who asks for the nick
        return {self.shop.renamed.get(name, name): value for name, value in (chosen | self.shop.extra).items()}


def create_app(face: TaobaoFace) -> Starlette:
    """The router at ``/router/rest``, for forms and query strings alike."""

    async def router(request: Request) -> Response:
        form = parse_qsl((await request.body()).decode(), keep_blank_values=True)
        given = {**request.query_params, **dict(form)}
        return JSONResponse(face.answer(given))

    return Starlette(routes=[Route(PATH, router, methods=["GET", "POST"])])


def _moment(text: str, name: str) -> datetime:
    try:
        return datetime.strptime(text, TIME).replace(tzinfo=BEIJING)
    except ValueError:
        raise _bad(name, "yyyy-MM-dd HH:mm:ss") from None


def _bad(name: str, rule: str) -> _RefusalError:
    return _RefusalError(41, f"Invalid arguments:{name}", "isv.invalid-parameter", f"{name} must be {rule}")
