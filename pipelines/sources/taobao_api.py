"""Calls of the Taobao open platform (TOP): signing, envelopes and error codes.

Facts: open.taobao.com documents 101617 (signature, common parameters) and the pages of the two list APIs. Times of a
call are civil time at +08:00; the server refuses a timestamp that is ten minutes off.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

import msgspec
from pydantic import Field, SecretStr

from pipelines.sources.connector import ConnectionOptions, Verdict
from pipelines.sources.http import (
    Answer,
    HttpClient,
    RateLimitedError,
    Request,
    ServerFailureError,
    SourceError,
)

BEIJING = timezone(timedelta(hours=8))
TIME = "%Y-%m-%d %H:%M:%S"
ENVELOPE = "_response"
#: Codes of the gateway. Those of the platform's services carry a sub_code: isp.* is their failure, isv.* ours.
LIMITED, FLOW_LIMITED, SERVICE_FAILED = 7, 50, 15
_REMEDIES = {
    11: "the application has no right to this API; apply for it on its console",
    12: "the application may not call from here; order APIs answer to machines in the platform's own cloud only",
    25: "the signature was refused; check app_secret and sign_method",
    26: "no session was sent; set session",
    27: "the session has ended or was taken back; let the shop authorise the application again and set the new session",
    28: "app_key is missing; set it",
    29: "app_key is unknown; copy it from the application's console",
    40: "a parameter is missing; report it, the connector has to be mended",
    41: "a parameter was refused; report it, the connector has to be mended",
}


class TaobaoOptions(ConnectionOptions):
    """One shop, as one application sees it."""

    base_url: str = "https://gw.api.taobao.com/router/rest"
    app_key: str
    app_secret: SecretStr
    session: SecretStr = Field(description="the shop's authorisation, about a year")
    store_id: str = Field(description="the shop's store number in the company")
    sign_method: Literal["md5", "hmac", "hmac-sha256"] = "hmac-sha256"


class TaobaoError(SourceError):
    """The platform refused a call. ``code`` is the gateway's, ``sub_code`` the service's."""

    def __init__(self, code: int, sub_code: str, method: str, said: str) -> None:
        remedy = _REMEDIES.get(code, "look the code up on the API's page")
        shown = f"{code} {sub_code}".strip()
        super().__init__(f"Taobao {method}: code {shown} ({said}); {remedy}")
        self.code = code
        self.sub_code = sub_code


def sign(params: Mapping[str, str], secret: str, method: str) -> str:
    """Upper hex over the sorted names and values; empty ones and ``sign`` do not count."""
    text = "".join(f"{name}{params[name]}" for name in sorted(params) if name != "sign" and params[name] != "")
    if method == "md5":
        return hashlib.md5(f"{secret}{text}{secret}".encode()).hexdigest().upper()
    digest = "md5" if method == "hmac" else "sha256"
    return hmac.new(secret.encode(), text.encode(), digest).hexdigest().upper()


class TaobaoClient:
    """Calls of one shop. Raises TaobaoError for a refusal and other SourceErrors for the network."""

    def __init__(self, options: TaobaoOptions, http: HttpClient) -> None:
        self.options = options
        self.http = http

    def call(self, method: str, params: Mapping[str, str], path: Sequence[str]) -> tuple[list[bytes], int]:
        """(records under ``path`` in the answer, ``total_results``), each record as its untouched bytes."""

        def read(answer: Answer) -> tuple[list[bytes], int]:
            return self._read(answer.content, method, path)

        return self.http.fetch(lambda: self._request(method, params), read)

    def check(self) -> Verdict:
        """The shop's own nick, the cheapest call that needs the session."""
        params = {"fields": "nick,user_id"}
        self.http.fetch(
            lambda: self._request("taobao.user.seller.get", params),
            lambda answer: self._envelope(answer.content, "taobao.user.seller.get"),
        )
        return Verdict("ok", f"shop {self.options.store_id}: the session is good")

    def _request(self, method: str, params: Mapping[str, str]) -> Request:
        given = {
            "method": method,
            "app_key": self.options.app_key,
            "session": self.options.session.get_secret_value(),
            "timestamp": datetime.now(UTC).astimezone(BEIJING).strftime(TIME),
            "v": "2.0",
            "format": "json",
            "sign_method": self.options.sign_method,
            **params,
        }
        given["sign"] = sign(given, self.options.app_secret.get_secret_value(), self.options.sign_method)
        return Request("POST", "", {}, form=given)

    def _read(self, body: bytes, method: str, path: Sequence[str]) -> tuple[list[bytes], int]:
        fields = self._envelope(body, method)
        if "total_results" not in fields:
            raise SourceError(f"Taobao {method}: the answer has no total_results; its format changed, the sync stops")
        total = _number(fields["total_results"], method)
        for name in path[:-1]:
            if name not in fields:  # the platform leaves an empty list out
                return [], total
            fields = msgspec.json.decode(fields[name], type=dict[str, msgspec.Raw])
        if path[-1] not in fields:
            return [], total
        found = msgspec.json.decode(fields[path[-1]], type=list[msgspec.Raw])
        return [bytes(record) for record in found], total

    def _envelope(self, body: bytes, method: str) -> dict[str, msgspec.Raw]:
        """What stands in the answer's one envelope. Raises what its error says, ValueError when it is no JSON."""
        answer = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        if "error_response" in answer:
            self._refuse(msgspec.json.decode(answer["error_response"], type=dict), method)
        name = method.removeprefix("taobao.").replace(".", "_") + ENVELOPE
        if name not in answer:
            raise SourceError(f"Taobao {method}: the answer has no {name}; its format changed, the sync stops here")
        return msgspec.json.decode(answer[name], type=dict[str, msgspec.Raw])

    def _refuse(self, error: Mapping[str, object], method: str) -> None:
        code, sub_code = int(str(error.get("code") or 0)), str(error.get("sub_code") or "")
        said = self._without_secrets(str(error.get("sub_msg") or error.get("msg") or "no message")[:200])
        if code in (LIMITED, FLOW_LIMITED):
            raise RateLimitedError(f"Taobao {method}: the call limit is used up ({said})", None)
        if code == SERVICE_FAILED and sub_code.startswith("isp."):
            raise ServerFailureError(f"Taobao {method}: {sub_code} ({said}); it usually helps to come back later")
        raise TaobaoError(code, sub_code, method, said)

    def _without_secrets(self, said: str) -> str:
        for hidden in (self.options.app_secret, self.options.session):
            if hidden.get_secret_value():
                said = said.replace(hidden.get_secret_value(), "***")
        return said


def civil(moment: datetime) -> str:
    """Aware → ``2026-06-30 23:59:59`` at +08:00."""
    return moment.astimezone(BEIJING).strftime(TIME)


def _number(raw: msgspec.Raw, method: str) -> int:
    found = msgspec.json.decode(raw)
    if isinstance(found, str) and found.isascii() and found.isdigit():
        return int(found)
    if isinstance(found, int):
        return found
    raise SourceError(f"Taobao {method}: total_results is no number; its format changed, the sync stops here")
