"""Calls of Youzan's open platform: token, gateway, envelopes and error codes.

Facts: doc.youzanyun.com (access tokens, global error codes, the pages of the called APIs). Errors come in HTTP 200, in
three forms: ``{code, success, message}`` of a service and of /auth/token, ``{gw_err_resp: {err_code, err_msg}}`` of the
gateway, ``{error_response: {code, msg}}`` of old services. Nothing here was tried against a live shop.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

import msgspec
import polars as pl
from pydantic import Field, SecretStr

from pipelines.sources import records
from pipelines.sources.connector import ConnectionOptions, FormatChangedError, Verdict
from pipelines.sources.http import Answer, HttpClient, RateLimitedError, Request, ServerFailureError, SourceError
from pipelines.sources.records import Reader
from pipelines.sources.tokens import TokenCache

BEIJING = timezone(timedelta(hours=8))
TIME = "%Y-%m-%d %H:%M:%S"
_CIVIL, _EPOCH = records.civil("Asia/Shanghai"), records.epoch("s")
#: Times of records are civil time, those with which refunds are asked for are seconds: either may come back.
EITHER_TIME = Reader(
    lambda text: pl.coalesce(_CIVIL.parse(text), _EPOCH.parse(text)), "a time such as 2026-06-30 23:59:59, or seconds"
)
DONE = 200
#: An API is its name and its version: other versions have other fields.
TRADES, TRADES_VERSION = "youzan.trades.sold.get", "4.0.4"
REFUNDS, REFUNDS_VERSION = "youzan.trade.refund.search", "3.0.1"
REFUND, REFUND_VERSION = "youzan.trade.refund.get", "3.0.1"
DIGESTS, DIGESTS_VERSION = "youzan.cloud.secret.encryptsearch.batchdigest", "1.0.0"
DIGESTS_AT_ONCE = 200

LIMITED = frozenset({4101, 500100004, 123000042})
#: The vendor's advice for the first pause; who asks faster all the same may lose the right to call.
LIMIT_PAUSE_SECONDS = 3.0
STALE_TOKEN = frozenset({4201, 4202, 4203})
#: 106000001 is said for a search that took too long, and for a window that is too long: ours never are.
BUSY = frozenset({5001, 5002, 5003, 106000001, 106100118})
#: No such refund, a number that is none, or a refund of a shop that this token may not see.
NO_REFUND = frozenset({103011024, 103010052, 103010054})
_REMEDIES = {
    1000: "client_secret is wrong; copy it again from the application's page",
    1004: "the shop's authorisation has ended; let the shop authorise the application again",
    1103: "client_id is unknown, or the shop has not authorised this application; check client_id and grant_id",
    1105: "the application is of another type; a shop's own application is needed",
    4005: "this API does not exist (any more); report it, the connector has to be mended",
    4007: "this machine may not call; add its address to the application's list of trusted addresses",
    4201: "the shop took its authorisation back; let it authorise the application again",
    4202: "the token ended again at once; check that no other program renews it all the time",
    4203: "the token was refused twice; check that no other program renews it all the time",
    4204: "the application has no right to this API; apply for it on its console",
    5000: "a parameter was refused; report it, the connector has to be mended",
    106000003: "the window ends in the future; set this machine's clock right",
}
_SHORTEST_LIFE_SECONDS = 60.0

Read = TypeVar("Read")


class YouzanOptions(ConnectionOptions):
    """One shop, as the company's own application sees it."""

    base_url: str = "https://open.youzanyun.com"
    client_id: str
    client_secret: SecretStr
    grant_id: str = Field(description="the shop's kdt_id", coerce_numbers_to_str=True)
    store_id: str = Field(description="the shop's store number in the company")
    refund_details: bool = Field(default=True, description="one more call per refund: which line, and what was asked")
    digest_phones: bool = Field(default=False, description="the buyers' phones as digests that all shops share")


class YouzanError(SourceError):
    """The platform refused a call. ``code`` is the gateway's or the service's; ``body`` the untouched answer."""

    def __init__(self, code: int, call: str, said: str, body: bytes = b"") -> None:
        remedy = _REMEDIES.get(code, "look the code up on the API's page")
        super().__init__(f"Youzan {call}: code {code} ({said}); {remedy}")
        self.code = code
        self.body = body


class StaleTokenError(YouzanError):
    """The token is no token, or has ended."""


class YouzanClient:
    """Calls of one shop. Raises YouzanError for a refusal and other SourceErrors for the network."""

    def __init__(self, options: YouzanOptions, http: HttpClient) -> None:
        self.options = options
        self.http = http
        self.tokens = TokenCache(self._fetch_token)

    def call(self, name: str, version: str, body: Mapping[str, Any]) -> msgspec.Raw:
        """``data`` of the answer, not read yet. A token that ended is renewed once and the same call made again."""
        return self._with_token(name, version, body, lambda answer: self._data(answer, name))

    def page(
        self, name: str, version: str, body: Mapping[str, Any], listed: str, total: str
    ) -> tuple[list[bytes], int]:
        """(records of the list ``listed``, the whole number ``total``) of the data, each record as its bytes.

        Raises FormatChangedError when one of them is missing: a missing list is not an empty one.
        """

        def read(answer: Answer) -> tuple[list[bytes], int]:
            fields = _object(self._data(answer, name), name)
            announced = _read(fields, total)
            if not str(announced).isdigit():
                raise _changed(name, total)
            count = int(announced)
            if count == 0 and _read(fields, listed) is None:
                return [], 0
            try:
                found = msgspec.json.decode(fields[listed], type=list[msgspec.Raw])
            except (KeyError, msgspec.ValidationError):
                raise _changed(name, listed) from None
            return [bytes(record) for record in found], count

        return self._with_token(name, version, body, read)

    def digests(self, ciphers: Iterable[str]) -> dict[str, str]:
        """Cipher → digest, the same for one phone in all shops of the application. Parameter names: unverified."""
        found: dict[str, str] = {}
        asked = sorted(set(ciphers))
        for start in range(0, len(asked), DIGESTS_AT_ONCE):
            some = asked[start : start + DIGESTS_AT_ONCE]
            answer = msgspec.json.decode(self.call(DIGESTS, DIGESTS_VERSION, {"sources": some}))
            if not isinstance(answer, dict) or not all(isinstance(answer.get(one), str) for one in some):
                raise _changed(DIGESTS, "digests")
            found |= {one: answer[one] for one in some}
        return found

    def check(self) -> Verdict:
        """A token, and the smallest page that needs the right to read trades."""
        self.page(TRADES, TRADES_VERSION, {"page_no": 1, "page_size": 1}, "full_order_info_list", "total_results")
        return Verdict(
            "ok", f"shop {self.options.store_id}: Youzan shop {self.options.grant_id} lets its trades be read"
        )

    # ------------------------------------------------------------------ one call

    def _with_token(self, name: str, version: str, body: Mapping[str, Any], read: Callable[[Answer], Read]) -> Read:
        token = self.tokens.get()
        try:
            return self._send(name, version, body, token, read)
        except StaleTokenError:
            return self._send(name, version, body, self.tokens.refresh(token), read)

    def _send(
        self, name: str, version: str, body: Mapping[str, Any], token: str, read: Callable[[Answer], Read]
    ) -> Read:
        # the gateway takes the token from the query only: in a header or in the body it counts as none
        request = Request("POST", f"/api/{name}/{version}", {"access_token": token}, json=body)
        return self.http.fetch(lambda: request, read)

    def _data(self, answer: Answer, call: str) -> msgspec.Raw:
        """``data`` of a good answer. Raises what an error says, ValueError when the body is no JSON."""
        fields = _object(answer.content, call)
        for envelope, code, said in (("gw_err_resp", "err_code", "err_msg"), ("error_response", "code", "msg")):
            if envelope in fields:
                error = msgspec.json.decode(fields[envelope], type=dict[str, Any])
                raise self._refusal(_number(error.get(code)), call, error.get(said), error.get("trace_id"), answer)
        said_code = _number(_read(fields, "code"))
        if said_code != DONE or _read(fields, "success") is False:
            message = _read(fields, "message") or _read(fields, "msg")
            raise self._refusal(said_code, call, message, _read(fields, "trace_id"), answer)
        if "data" not in fields:
            raise _changed(call, "data")
        return fields["data"]

    def _refusal(self, code: int, call: str, message: object, trace: object, answer: Answer) -> SourceError:
        said = self._without_secrets(str(message or "no message")[:200]) + (f", trace {trace}" if trace else "")
        if code in LIMITED:
            return RateLimitedError(f"Youzan {call}: the call limit is used up ({said})", LIMIT_PAUSE_SECONDS)
        if code in BUSY:
            return ServerFailureError(f"Youzan {call}: code {code} ({said}); it usually helps to come back later")
        kind = StaleTokenError if code in STALE_TOKEN else YouzanError
        return kind(code, call, said, answer.content)

    def _without_secrets(self, said: str) -> str:
        secret = self.options.client_secret.get_secret_value()
        return said.replace(secret, "***") if secret else said

    # ------------------------------------------------------------------ token

    def _fetch_token(self, refused: str) -> tuple[str, float]:
        """The token that the application and the shop have; a new one only when that is the refused one.

        Two programs that always asked for a new one would take each other's away for ever.
        """
        token, seconds = self._ask_for_token(renew=False)
        return self._ask_for_token(renew=True) if token == refused else (token, seconds)

    def _ask_for_token(self, *, renew: bool) -> tuple[str, float]:
        body = {
            "client_id": self.options.client_id,
            "client_secret": self.options.client_secret.get_secret_value(),
            "authorize_type": "silent",
            "grant_id": self.options.grant_id,
            "refresh": renew,
        }

        def read(answer: Answer) -> tuple[str, float]:
            data = msgspec.json.decode(self._data(answer, "/auth/token"))
            if not isinstance(data, dict) or not isinstance(data.get("access_token"), str):
                raise _changed("/auth/token", "access_token")
            # `expires` is the moment at which it ends, in milliseconds, by the platform's clock
            now = answer.server_time or datetime.now(UTC)
            seconds = _number(data.get("expires")) / 1000 - now.timestamp()
            return data["access_token"], max(seconds, _SHORTEST_LIFE_SECONDS)

        return self.http.fetch(lambda: Request("POST", "/auth/token", {}, json=body), read)


def civil(moment: datetime) -> str:
    """Aware → ``2026-06-30 23:59:59`` at +08:00, the form in which trades are asked for."""
    return moment.astimezone(BEIJING).strftime(TIME)


def seconds(moment: datetime) -> int:
    """Aware → seconds since 1970, the form in which refunds are asked for."""
    return int(moment.timestamp())


def _object(content: bytes | msgspec.Raw, call: str) -> dict[str, msgspec.Raw]:
    """The names of an object. Raises FormatChangedError when it is something else, ValueError when it is no JSON."""
    try:
        return msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        raise _changed(call, "object") from None


def _read(fields: Mapping[str, msgspec.Raw], name: str) -> Any:
    found = fields.get(name)
    return None if found is None else msgspec.json.decode(found)


def _number(found: object) -> int:
    """A number that some services write as text; anything else is 0, which is no code of theirs."""
    if isinstance(found, str) and found.isascii() and found.isdigit():
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _changed(call: str, name: str) -> FormatChangedError:
    return FormatChangedError(f"Youzan {call}: the answer has no good {name}; its format changed, this stream stops")
