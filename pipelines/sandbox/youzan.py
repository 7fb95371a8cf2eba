"""Youzan's face of the sandbox: tokens, the gateway, and the APIs of one shop with their windows, paging and ciphers.

Pages of a list are sorted by time of change, newest first: what changes while somebody pages moves everything behind it
one place forward. Times of trades are asked for as civil time, those of refunds in seconds, as on the platform.
"""

import hashlib
import hmac
import json
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipelines.sandbox.faults import Dialect
from pipelines.sandbox.taobao import Records, Unrest
from pipelines.sources.youzan_api import BEIJING, TIME

CLIENT_ID, CLIENT_SECRET, GRANT_ID = "sandbox-youzan", "sandbox-youzan-secret", "42583152"
TOKEN_LIFE = timedelta(days=7)
LONGEST_PAGE, USUAL_PAGE, DEEPEST_PAGE, DEEPEST_REFUND = 100, 20, 100, 3_000
#: By the newer of the vendor's pages; an older one says a year.
LONGEST_WINDOW = timedelta(days=92)
MOST_DIGESTS = 200
CALM = Unrest()

DIALECT = Dialect(
    busy='{"trace_id":"yz7-0a1","code":106100118,"success":false,"message":"请求超时","data":null}'.encode(),
    limit='{"gw_err_resp":{"trace_id":"yz7-0a2","err_msg":"请求太频繁","err_code":4101}}'.encode(),
)


@dataclass
class YouzanShop:
    """One shop as its platform holds it. ``trades``: elements of full_order_info_list by tid; ``refunds``: the whole of
    each refund by number, of which a list shows a part; ``phones``: cipher → phone.

    ``extra``: fields that every record of a list gets from now on; ``renamed``: fields under another name (drift).
    """

    trades: Records
    refunds: Records
    phones: Mapping[str, str]
    kdt_id: str = GRANT_ID
    client_id: str = CLIENT_ID
    extra: dict[str, Any] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    def shown(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A copy, so that what was shown does not change with the shop."""

        def named(found: dict[str, Any]) -> dict[str, Any]:
            return {self.renamed.get(name, name): value for name, value in found.items()}

        copy: dict[str, Any] = json.loads(json.dumps(record), object_hook=named)
        return copy | self.extra


class _RefusalError(Exception):
    """``gateway``: the gateway says it, not the service."""

    def __init__(self, code: int, message: str, *, gateway: bool = False) -> None:
        super().__init__(message)
        self.body: dict[str, Any] = {
            "trace_id": "yz7-0a3",
            "code": code,
            "success": False,
            "message": message,
            "data": None,
        }
        if gateway:
            self.body = {"gw_err_resp": {"trace_id": "yz7-0a3", "err_msg": message, "err_code": code}}


def digest(phone: str) -> str:
    """What the digest API says of a phone, whatever the shop: 6 characters for each of its own."""
    return hmac.new(CLIENT_SECRET.encode(), phone.encode(), hashlib.sha512).hexdigest()[: 6 * len(phone)]


class YouzanFace:
    """``clock``: the platform's time (aware). ``token_calls``: calls until a token ends; None: by its time only."""

    def __init__(
        self,
        shop: YouzanShop,
        unrest: Unrest = CALM,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        token_calls: int | None = None,
    ) -> None:
        self.shop = shop
        self.unrest = unrest
        self.clock = clock
        self.pages = 0
        self.tokens = 0  # given out so far
        self._token_calls = token_calls
        self._token = ""
        self._ends = datetime.min.replace(tzinfo=UTC)
        self._calls = 0
        self._lock = threading.Lock()
        self._last: tuple[object, Sequence[dict[str, Any]], int] | None = None  # window, page and total

    # ------------------------------------------------------------------ token

    def token(self, given: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            if given.get("client_id") != self.shop.client_id:
                return _RefusalError(1103, "Client 不存在").body
            if given.get("client_secret") != CLIENT_SECRET:
                return _RefusalError(1000, "应用信息错误").body
            if given.get("authorize_type") != "silent":
                return _RefusalError(1105, "不支持的应用类型").body
            if given.get("grant_id") != self.shop.kdt_id:
                return _RefusalError(1103, "授权关系不存在").body
            if given.get("refresh") is True or self._ended():
                self.tokens += 1
                self._calls = 0
                self._token = hashlib.sha256(f"token {self.tokens}".encode()).hexdigest()[:31]
                self._ends = self.clock() + TOKEN_LIFE
            data = {
                "expires": int(self._ends.timestamp() * 1000),
                "scope": "trade",
                "access_token": self._token,
                "authority_id": self.shop.kdt_id,
            }
            return {"success": True, "code": 200, "data": data, "message": None}

    def _ended(self) -> bool:
        return self.clock() >= self._ends or (self._token_calls is not None and self._calls >= self._token_calls)

    def _check(self, token: str | None) -> None:
        if not token:
            raise _RefusalError(4201, "非法的请求凭证", gateway=True)
        with self._lock:
            if token != self._token:
                raise _RefusalError(4203, "Token 不存在", gateway=True)
            if self._ended():
                raise _RefusalError(4202, "请求凭证过期", gateway=True)
            self._calls += 1

    # ------------------------------------------------------------------ APIs

    def answer(self, name: str, version: str, token: str | None, given: Any) -> dict[str, Any]:
        answers: dict[tuple[str, str], Callable[[Mapping[str, Any]], Any]] = {
            ("youzan.trades.sold.get", "4.0.4"): self._trades,
            ("youzan.trade.refund.search", "3.0.1"): self._refunds,
            ("youzan.trade.refund.get", "3.0.1"): self._refund,
            ("youzan.cloud.secret.encryptsearch.digest", "1.0.0"): lambda one: self._digest(one.get("source")),
            ("youzan.cloud.secret.encryptsearch.batchdigest", "1.0.0"): self._digests,
        }
        try:
            if (name, version) not in answers:
                raise _RefusalError(4005, "非法的API", gateway=True)
            self._check(token)
            if not isinstance(given, dict):
                raise _RefusalError(4004, "非法的Content", gateway=True)
            data = answers[name, version](given)
        except _RefusalError as refusal:
            return refusal.body
        return {"trace_id": "yz7-0a4", "code": 200, "success": True, "message": "successful", "data": data}

    def _trades(self, given: Mapping[str, Any]) -> dict[str, Any]:
        number, size = given.get("page_no", 1), given.get("page_size", USUAL_PAGE)
        if not isinstance(size, int) or size > LONGEST_PAGE:
            raise _RefusalError(5000, "每页最多显示100条数据")
        if not 1 <= number <= DEEPEST_PAGE:
            raise _RefusalError(5000, "页码最大为100")
        limits = [given.get(name) for name in ("start_update", "end_update")]
        # a pair of which one half is missing counts as none
        start, end = (_civil(one) for one in limits) if all(limits) else (None, None)
        if start is not None and end is not None:
            if start > end:
                raise _RefusalError(5000, "开始时间不能大于结束时间")
            if end - start > LONGEST_WINDOW:
                raise _RefusalError(106000001, "请求超时，请缩小时间范围")
            if end > self.clock() + timedelta(days=7):
                raise _RefusalError(106000003, "结束时间不能超过当前日期后7天")
        rows, total = self._page(self.shop.trades, trade_changed, start, end, number, size)
        return {"total_results": total, "full_order_info_list": [self.shop.shown(one) for one in rows]}

    def _refunds(self, given: Mapping[str, Any]) -> dict[str, Any]:
        number, size = given.get("page_no", 1), given.get("page_size", USUAL_PAGE)
        if not isinstance(size, int) or isinstance(size, bool):
            raise _RefusalError(53002, "page_size type error")
        if number > DEEPEST_PAGE:
            raise _RefusalError(53003, "查询页数超过100")
        if number * size > DEEPEST_REFUND:
            raise _RefusalError(53004, "超过ES搜索最大深度")
        start, end = (_seconds(given.get(name)) for name in ("update_time_start", "update_time_end"))
        if start is None and end is None:  # then by time of the request, and not further back than this
            since = self.clock() - timedelta(days=92)
            held = {k: v for k, v in self.shop.refunds.items() if _civil(v["created"]) >= since}
        else:
            held = self.shop.refunds
        rows, total = self._page(held, refund_changed, start, end, number, size)
        return {"total": total, "refunds": [self.shop.shown(_listed(one)) for one in rows]}

    def _refund(self, given: Mapping[str, Any]) -> dict[str, Any]:
        found = self.shop.refunds.get(str(given.get("refund_id")))
        if found is None:
            raise _RefusalError(103011024, "退款记录不存在")
        return found

    def _digest(self, cipher: Any) -> str:
        return digest(self.shop.phones.get(cipher, cipher))

    def _digests(self, given: Mapping[str, Any]) -> dict[str, str]:
        sources = given.get("sources")
        if not isinstance(sources, list) or len(sources) > MOST_DIGESTS:
            raise _RefusalError(5000, "单次请求最多200个")
        return {one: self._digest(one) for one in sources}

    def _page(
        self,
        held: Records,
        changed: Callable[[Mapping[str, Any]], str],
        start: datetime | None,
        end: datetime | None,
        number: int,
        size: int,
    ) -> tuple[Sequence[dict[str, Any]], int]:
        with self._lock:
            self.pages += 1
            chance = random.Random(f"{self.unrest.seed}:{self.pages}")
            asked = (changed, start, end)
            if self._last is not None and self._last[0] == asked and chance.random() < self.unrest.repeats:
                return self._last[1], self._last[2]
            found = _window(held, changed, start, end)
            if found and chance.random() < self.unrest.moves:
                _touch(chance.choice(found), self.clock(), self.pages)
                found = _window(held, changed, start, end)
            rows = json.loads(json.dumps(found[(number - 1) * size : number * size]))
            self._last = asked, rows, len(found)
            return rows, len(found)


def trade_changed(record: Mapping[str, Any]) -> str:
    return str(record["full_order_info"]["order_info"]["update_time"])


def refund_changed(record: Mapping[str, Any]) -> str:
    return str(record["modified"])


def _window(
    held: Records, changed: Callable[[Mapping[str, Any]], str], start: datetime | None, end: datetime | None
) -> list[dict[str, Any]]:
    low = start.astimezone(BEIJING).strftime(TIME) if start else ""
    high = end.astimezone(BEIJING).strftime(TIME) if end else "9999"
    return sorted((one for one in held.values() if low <= changed(one) <= high), key=changed, reverse=True)


def _touch(record: dict[str, Any], now: datetime, number: int) -> None:
    """Something happens to it: it leaves its window for the one of now."""
    moment = now.astimezone(BEIJING).strftime(TIME)
    if "full_order_info" in record:
        record["full_order_info"]["order_info"]["update_time"] = moment
        record["full_order_info"]["remark_info"]["trade_memo"] = f"改动 {number}"
    else:
        record |= {"modified": moment, "version": record["version"] + 1}


_OF_THE_LIST = ("refund_id", "status", "tid", "kdt_id", "return_goods", "reason", "refund_fee", "created", "modified")


def _listed(refund: Mapping[str, Any]) -> dict[str, Any]:
    return {name: refund[name] for name in _OF_THE_LIST}


def _civil(text: Any) -> datetime:
    try:
        return datetime.strptime(text, TIME).replace(tzinfo=BEIJING)
    except (TypeError, ValueError):
        raise _RefusalError(5001, "系统异常", gateway=True) from None


def _seconds(number: Any) -> datetime | None:
    if number is None:
        return None
    if not isinstance(number, int) or number > 10_000_000_000:  # civil time, or milliseconds
        raise _RefusalError(5001, "系统异常", gateway=True)
    return datetime.fromtimestamp(number, UTC)


def create_app(face: YouzanFace) -> Starlette:
    """``/auth/token`` and ``/api/{name}/{version}``, JSON both ways."""

    async def token(request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return JSONResponse(_RefusalError(1000, "Content type not supported").body)
        return JSONResponse(face.token(await request.json()))

    async def api(request: Request) -> Response:
        name, version = request.path_params["name"], request.path_params["version"]
        try:
            given = json.loads(await request.body())
        except ValueError:
            given = None
        return JSONResponse(face.answer(name, version, request.query_params.get("access_token"), given))

    return Starlette(
        routes=[
            Route("/auth/token", token, methods=["POST"]),
            Route("/api/{name}/{version}", api, methods=["POST"]),
        ]
    )
