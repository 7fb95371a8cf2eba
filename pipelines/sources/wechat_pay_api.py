"""WeChat Pay's API v3 as a connector of bills needs it: signed requests, proven answers, addresses and files of bills.

Facts: vendor documentation of signing (WECHATPAY2-SHA256-RSA2048), of the trade bill (get-trade-bill), the fund
bill and the split bill (merchant/4012529628). Errors come with HTTP 4xx and a JSON object of ``code`` and
``message``. The file of a bill is not signed: its hash stands in the answer that gave its address.
"""

import base64
import gzip
import hashlib
import io
import json
import secrets
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate
from pydantic import Field, field_validator, model_validator

from pipelines.sources.connector import ConnectionOptions
from pipelines.sources.http import (
    Answer,
    HttpClient,
    NotJsonError,
    RateLimitedError,
    RefusedError,
    Request,
    ServerFailureError,
    SourceError,
)

Read = TypeVar("Read")

SCHEMA = "WECHATPAY2-SHA256-RSA2048"
HOSTS = ("api.mch.weixin.qq.com", "api2.mch.weixin.qq.com", "api.wechatpay.cn", "api2.wechatpay.cn")
LARGEST_BILL = 1024**3
#: A request whose time is further off than five minutes is refused; a little less, because it travels.
CLOCK_OFF_SECONDS = 240.0

_UNREADABLE_REFUSALS = 5

NO_BILL, BEING_MADE = "NO_STATEMENT_EXIST", "STATEMENT_CREATING"
#: The words of the first version of this API, which some accounts still get.
_SAME = {"NO_BILL_EXIST": NO_BILL, "No Bill Exist": NO_BILL, "SIGNERROR": "SIGN_ERROR", "SYSTEMERROR": "SYSTEM_ERROR"}
_BUSY = ("SYSTEM_ERROR", "BANK_ERROR")
_LIMITS = ("FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED", "RATELIMIT_EXCEEDED")
_REMEDIES = {
    "SIGN_ERROR": "check that certificate_serial belongs to the key in key_file, that merchant_id is its merchant, and "
    "the clock of this machine",
    "NO_AUTH": "the merchant may not read this bill; switch the API on in the merchant's console",
    "PARAM_ERROR": "the request was refused; check merchant_id and the bills that are asked for",
    "INVALID_REQUEST": "the day or the kind of bill was refused; bills go back three months",
    "MCH_NOT_EXISTS": "check merchant_id",
    "RESOURCE_NOT_EXISTS": "check certificate_serial and that the certificate has not ended",
}


class WechatPayError(SourceError):
    """WeChat Pay refused a call. ``code`` is its word."""

    def __init__(self, code: str, call: str, said: str) -> None:
        remedy = _REMEDIES.get(code, "look the code up in WeChat Pay's list of error codes")
        super().__init__(f"WeChat Pay {call}: {code} ({said}); {remedy}")
        self.code = code


class NotReadyError(SourceError):
    """There is no bill of that day (yet). ``being_made``: the platform says that it will come."""

    def __init__(self, message: str, *, being_made: bool) -> None:
        super().__init__(message)
        self.being_made = being_made


class SignatureError(SourceError):
    """An answer that was not signed by the configured key: nobody may believe it."""


class WechatPayOptions(ConnectionOptions):
    """One merchant."""

    base_url: str = "https://api.mch.weixin.qq.com"
    requests_per_second: float = Field(default=5.0, ge=0, description="this credential's own limit; 0: none")
    merchant_id: str = Field(pattern="^[0-9]{8,12}$", description="mchid")
    certificate_serial: str = Field(pattern="^[0-9A-Fa-f]{16,40}$", description="serial of the merchant's certificate")
    key_file: Path = Field(description="apiclient_key.pem, the merchant's private key")
    platform_key_file: Path | None = Field(
        default=None, description="WeChat Pay's public key or platform certificate (PEM): answers are proven with it"
    )
    platform_key_id: str = Field(default="", description="PUB_KEY_ID_… of that key; empty: not compared")
    bills: tuple[str, ...] = Field(
        default=("trade_bills", "fund_bills"), description="which bills are read, by the names of their streams"
    )
    starts_on: date | None = Field(default=None, description="first day; empty: three months back")
    recheck_days: int = Field(default=10, ge=0, le=90, description="days for which a missing bill is asked for again")
    lookback_days: int = Field(default=2, ge=0, le=31, description="landed days whose bill is compared again")

    @field_validator("bills", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        """From the environment: names with commas between."""
        return tuple(name.strip() for name in given.split(",")) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _readable(self) -> "WechatPayOptions":
        for path in (self.key_file, self.platform_key_file):
            if path is not None and not path.expanduser().is_file():
                raise ValueError(f"{path} is no file")
        return self


@dataclass(frozen=True)
class BillAddress:
    """Where a bill lies, and the hash of its unpacked bytes."""

    path: str
    params: Mapping[str, str]
    hash_value: str


class WechatPayClient:
    """Calls of one merchant. ``clock`` gives seconds since 1970. Raises SourceErrors, WechatPayError for a refusal."""

    def __init__(
        self,
        options: WechatPayOptions,
        http: HttpClient,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.options = options
        self.http = http
        self._clock = clock
        self._sleep = sleep
        self._ahead = 0.0  # of the server's clock
        self._key = private_key(options.key_file.expanduser().read_bytes())
        self._platform_key = (
            public_key(options.platform_key_file.expanduser().read_bytes()) if options.platform_key_file else None
        )

    def now(self) -> datetime:
        """The time by which requests are signed, aware UTC."""
        return datetime.fromtimestamp(self._clock() + self._ahead, UTC)

    def bill_address(self, path: str, params: Mapping[str, str]) -> BillAddress:
        """Ask where a bill lies. Raises NotReadyError when there is none (yet)."""
        return self._called(path, params, self._read_address)

    def bill(self, address: BillAddress) -> bytes:
        """The unpacked bytes of a bill; what does not have the promised hash is fetched again."""

        def read(answer: Answer) -> bytes:
            content = _unpacked(answer.content)
            if content is None or hashlib.sha1(content).hexdigest() != address.hash_value.lower():
                raise ServerFailureError(
                    f"WeChat Pay {address.path}: the bill ({len(answer.content)} bytes) does not have the promised hash"
                )
            return content

        return self._called(address.path, address.params, read)

    def _called(self, path: str, params: Mapping[str, str], read: Callable[[Answer], Read]) -> Read:
        """One call; when the signature was refused and the clocks differ, once more by the server's clock.

        A refusal whose words cannot be read was cut short on its way, or is somebody else's: it is asked for again.
        """

        def prepare() -> Request:
            return Request("GET", path, params, headers={"Authorization": self.authorization("GET", path, params)})

        for attempt in range(_UNREADABLE_REFUSALS):
            try:
                return self.http.fetch(prepare, read)
            except RefusedError as error:
                words = _words(error)
                if words is None:
                    self._sleep(2.0**attempt)
                elif words[0] != "SIGN_ERROR" or not self._adjusted():
                    _raise(*words, path)
        raise NotJsonError(
            f"WeChat Pay {path}: refusals that are not WeChat Pay's words; check base_url, the network and the proxy"
        )

    def authorization(self, method: str, path: str, params: Mapping[str, str], body: str = "") -> str:
        """The header of a request that is sent now."""
        target = f"{path}?{httpx.QueryParams(dict(params))}" if params else path
        moment, nonce = str(int(self.now().timestamp())), secrets.token_hex(16).upper()
        signature = signed(self._key, method, target, moment, nonce, body)
        parts = {
            "mchid": self.options.merchant_id,
            "nonce_str": nonce,
            "signature": signature,
            "timestamp": moment,
            "serial_no": self.options.certificate_serial,
        }
        return f"{SCHEMA} " + ",".join(f'{name}="{value}"' for name, value in parts.items())

    def _adjusted(self) -> bool:
        """Take the server's clock over ours when they differ too much; True when that changed something."""
        if self.http.server_time is None or self._ahead:
            return False
        ahead = self.http.server_time.timestamp() - self._clock()
        if abs(ahead) < CLOCK_OFF_SECONDS:
            return False
        self._ahead = ahead
        return True

    def _read_address(self, answer: Answer) -> BillAddress:
        content = json.loads(answer.content)
        if not isinstance(content, dict) or "download_url" not in content:
            _raise_unsure(answer, content)
        self._prove(answer)
        parts = urlsplit(str(content["download_url"]))
        own = urlsplit(self.options.base_url)
        if parts.netloc != own.netloc and parts.netloc not in HOSTS:
            raise SourceError(
                f"{answer.shown}: the bill lies on another host ({parts.hostname}); nothing was sent there. "
                "Report it to WeChat Pay"
            )
        if content.get("hash_type") != "SHA1" or not content.get("hash_value"):
            raise SourceError(f"{answer.shown}: the bill has no SHA1 hash, so that it could not be proven")
        return BillAddress(parts.path, dict(httpx.QueryParams(parts.query)), str(content["hash_value"]))

    def _prove(self, answer: Answer) -> None:
        """Raises SignatureError unless the answer is signed by the configured key; without one, nothing is proven."""
        if self._platform_key is None:
            return
        headers = answer.headers
        serial = headers.get("Wechatpay-Serial", "")
        if self.options.platform_key_id and serial != self.options.platform_key_id:
            raise SignatureError(
                f"{answer.shown}: the answer is signed by key {serial or 'none'}, not by platform_key_id; download the "
                "new public key in the merchant's console"
            )
        message = f"{headers.get('Wechatpay-Timestamp', '')}\n{headers.get('Wechatpay-Nonce', '')}\n".encode()
        try:
            signature = base64.b64decode(headers.get("Wechatpay-Signature", ""), validate=True)
            self._platform_key.verify(signature, message + answer.content + b"\n", PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            raise SignatureError(
                f"{answer.shown}: the answer's signature does not match platform_key_file; something stands in between "
                "or the key was changed: download the new one in the merchant's console"
            ) from None


def signed(key: RSAPrivateKey, method: str, target: str, moment: str, nonce: str, body: str) -> str:
    """The signature of a request, base64."""
    message = f"{method}\n{target}\n{moment}\n{nonce}\n{body}\n".encode()
    return base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def private_key(pem: bytes) -> RSAPrivateKey:
    """Raises SourceError when the text is no private RSA key."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise SourceError(
            f"key_file is no private key in PEM ({type(error).__name__}); use apiclient_key.pem"
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise SourceError("key_file is no RSA key; use apiclient_key.pem")
    return key


def public_key(pem: bytes) -> RSAPublicKey:
    """Of a public key or of a certificate. Raises SourceError when the text is neither."""
    try:
        key = load_pem_x509_certificate(pem).public_key() if b"BEGIN CERTIFICATE" in pem else load_pem_public_key(pem)
    except ValueError:
        raise SourceError("platform_key_file is neither a public key nor a certificate in PEM") from None
    if not isinstance(key, RSAPublicKey):
        raise SourceError("platform_key_file holds no RSA key")
    return key


def _unpacked(content: bytes) -> bytes | None:
    """A bill as it was before gzip; None when it is cut short or too large."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            found = stream.read(LARGEST_BILL + 1)
    except (OSError, EOFError, zlib.error):
        return None
    return found if len(found) <= LARGEST_BILL else None


def _words(error: RefusedError) -> tuple[str, str] | None:
    """(code, message) of a refusal; None when it is not WeChat Pay's, or was cut short."""
    try:
        body = json.loads(error.body)
    except ValueError:
        body = None
    if not isinstance(body, dict) or "code" not in body:
        return None
    code = str(body["code"])
    return _SAME.get(code, code), str(body.get("message", ""))[:200]


def _raise(code: str, said: str, path: str) -> NoReturn:
    if code in (NO_BILL, BEING_MADE):
        raise NotReadyError(f"WeChat Pay {path}: {code}", being_made=code == BEING_MADE)
    raise WechatPayError(code, path, said)


def _raise_unsure(answer: Answer, content: Any) -> NoReturn:
    """HTTP 200 without what was asked for: busy, limited, or nothing that is known."""
    code = str(content.get("code", "")) if isinstance(content, dict) else ""
    if code in _LIMITS:
        raise RateLimitedError(f"{answer.shown}: {code}; lower requests_per_second or come back later", None)
    if code in _BUSY:
        raise ServerFailureError(f"{answer.shown}: {code}; it usually helps to come back later")
    raise SourceError(f"{answer.shown}: the answer holds no download_url; check base_url")
