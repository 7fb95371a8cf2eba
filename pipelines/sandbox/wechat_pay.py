"""WeChat Pay's face of the sandbox: the API v3 of bills for one merchant, with its signing, readiness and limits.

Signatures are checked with the merchant's public key and answers are signed with the platform's own, both made for
this sandbox; a time more than five minutes off is refused. A bill is there from 10:00 Beijing time of the next day.
"""

import base64
import gzip
import hashlib
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipelines.sandbox.faults import Dialect
from pipelines.sandbox.wechat_pay_bills import MerchantBooks

SCHEMA = "WECHATPAY2-SHA256-RSA2048"
SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
PLATFORM_KEY_ID = "PUB_KEY_ID_0119000220012026010100112233445566"
TIME_OFF = timedelta(minutes=5)
BEIJING = ZoneInfo("Asia/Shanghai")
_MADE_AT, _READY_AT = 9, 10
_HEADER = re.compile(r'(\w+)="([^"]*)"')

DIALECT = Dialect(
    busy='{"code":"SYSTEM_ERROR","message":"系统异常，请稍后重试"}'.encode(),
    limit='{"code":"FREQUENCY_LIMITED","message":"频率限制，请降低请求接口频率"}'.encode(),
)


@dataclass(frozen=True)
class Keys:
    """PEM texts: the merchant's private key, and both sides of the platform's. They open nothing but a sandbox."""

    merchant_private: bytes
    merchant_public: bytes
    platform_private: rsa.RSAPrivateKey
    platform_public: bytes

    @classmethod
    def make(cls) -> "Keys":
        merchant, platform = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
        return cls(_private(merchant), _public(merchant), platform, _public(platform))

    def write(self, folder: Path) -> tuple[Path, Path]:
        """``apiclient_key.pem`` and ``pub_key.pem``, as the merchant's console gives them; returns their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        private, public = folder / "apiclient_key.pem", folder / "pub_key.pem"
        private.touch(mode=0o600)
        private.write_bytes(self.merchant_private)
        public.write_bytes(self.platform_public)
        return private, public


@dataclass
class Counts:
    """What the sandbox was asked for, for tests."""

    addresses: int = 0
    files: int = 0
    refused: int = 0


@dataclass
class BillDesk:
    """What is out of the ordinary. ``late``: days whose bill is not there yet; ``changed``: text of a bill (kind, day)
    as it is now; ``damaged``: so many of the next files are cut short; ``tokens_end``: an address is good once;
    ``edit``: what is done to the text of every bill (a new column, a renamed one)."""

    late: set[date] = field(default_factory=set)
    changed: dict[tuple[str, date], str] = field(default_factory=dict)
    damaged: int = 0
    tokens_end: bool = False
    edit: Callable[[str], str] | None = None


class _RefusalError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class WechatPayFace:
    """``clock``: the platform's time (aware UTC). ``address``: the base address that download addresses begin with."""

    def __init__(
        self,
        books: MerchantBooks,
        keys: Keys,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        desk: BillDesk | None = None,
    ) -> None:
        self.books, self.keys, self.clock = books, keys, clock
        self.desk = desk or BillDesk()
        self.counts = Counts()
        self.download_host: str | None = None  # a test may send a client elsewhere
        self._files: dict[str, bytes] = {}
        self._merchant_key = _loaded(keys.merchant_public)

    # ------------------------------------------------------------------ asking

    def address(self, request: Request, kind: str) -> dict[str, str]:
        """The answer to a request for a bill's address."""
        self.check_signature(request)
        self.counts.addresses += 1
        day = self._day(request.query_params.get("bill_date", ""))
        text = self.desk.changed.get((kind, day)) or self._bill(request, kind, day)
        if text is None:
            raise _RefusalError(400, "NO_STATEMENT_EXIST", "账单文件不存在")
        content = (self.desk.edit(text) if self.desk.edit else text).encode()
        packed = request.query_params.get("tar_type", "")
        if packed not in ("", "GZIP"):
            raise _RefusalError(400, "PARAM_ERROR", "tar_type 只支持 GZIP")
        token = secrets.token_urlsafe(24)
        self._files[token] = gzip.compress(content, mtime=0) if packed else content
        base = self.download_host or f"{request.url.scheme}://{request.url.netloc}"
        return {
            "download_url": f"{base}/v3/billdownload/file?token={token}",
            "hash_type": "SHA1",
            "hash_value": hashlib.sha1(content).hexdigest(),
        }

    def file(self, request: Request) -> bytes:
        """The file behind an address."""
        self.check_signature(request)
        self.counts.files += 1
        token = request.query_params.get("token", "")
        content = self._files.pop(token, None) if self.desk.tokens_end else self._files.get(token)
        if content is None:
            raise _RefusalError(400, "INVALID_REQUEST", "账单地址已失效，请重新获取")
        if self.desk.damaged > 0:
            self.desk.damaged -= 1
            self._files[token] = content
            return content[: len(content) // 2]
        return content

    def _bill(self, request: Request, kind: str, day: date) -> str | None:
        now = self.clock().astimezone(BEIJING)
        today = now.date()
        if day >= today or day < _three_months_before(today):
            raise _RefusalError(400, "INVALID_REQUEST", "bill_date 不在可下载范围内")
        if day in self.desk.late or (day == today - timedelta(days=1) and now.hour < _READY_AT):
            code = "STATEMENT_CREATING" if now.hour >= _MADE_AT else "NO_STATEMENT_EXIST"
            raise _RefusalError(400, code, "账单生成中")
        params = request.query_params
        if kind == "trade":
            bill_type = params.get("bill_type", "ALL")
            if bill_type not in ("ALL", "SUCCESS", "REFUND"):
                raise _RefusalError(400, "PARAM_ERROR", "bill_type 取值错误")
            return self.books.trade_bill(day, bill_type)
        if kind == "fund":
            account_type = params.get("account_type", "BASIC")
            if account_type not in ("BASIC", "OPERATION", "FEES"):
                raise _RefusalError(400, "PARAM_ERROR", "account_type 取值错误")
            return self.books.fund_bill(day, account_type)
        return self.books.split_bill(day)

    def _day(self, text: str) -> date:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise _RefusalError(400, "PARAM_ERROR", "bill_date 格式应为 yyyy-MM-DD")
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise _RefusalError(400, "PARAM_ERROR", "bill_date 不是一个日期") from None

    # ------------------------------------------------------------------ signing

    def check_signature(self, request: Request) -> None:
        """As API v3 does: the signature covers method, path with query, time, nonce and body (empty here)."""
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        given = dict(_HEADER.findall(rest))
        if scheme != SCHEMA or given.keys() != {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}:
            raise _RefusalError(
                401, "SIGN_ERROR", "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"
            )
        if given["mchid"] != self.books.merchant_id:
            raise _RefusalError(401, "SIGN_ERROR", "商户号与签名不符")
        if given["serial_no"].upper() != SERIAL:
            raise _RefusalError(401, "SIGN_ERROR", "商户证书序列号有误。请使用签名私钥匹配的证书序列号")
        if (
            not given["timestamp"].isdigit()
            or abs(self.clock().timestamp() - int(given["timestamp"])) > TIME_OFF.seconds
        ):
            raise _RefusalError(401, "SIGN_ERROR", "时间戳过期，请检查系统时间")
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        message = f"{request.method}\n{target}\n{given['timestamp']}\n{given['nonce_str']}\n\n".encode()
        try:
            signature = base64.b64decode(given["signature"], validate=True)
            self._merchant_key.verify(signature, message, PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            raise _RefusalError(401, "SIGN_ERROR", "错误的签名，验签失败") from None

    def answered(self, status: int, body: bytes) -> Response:
        """JSON signed by the platform."""
        moment, nonce = str(int(self.clock().timestamp())), secrets.token_hex(16)
        message = f"{moment}\n{nonce}\n".encode() + body + b"\n"
        signature = self.keys.platform_private.sign(message, PKCS1v15(), SHA256())
        headers = {
            "Wechatpay-Timestamp": moment,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": PLATFORM_KEY_ID,
            "Wechatpay-Signature": base64.b64encode(signature).decode(),
            "Wechatpay-Signature-Type": SCHEMA,
            "Request-ID": secrets.token_hex(8),
        }
        return Response(body, status, headers, media_type="application/json; charset=utf-8")

    def refused(self, error: _RefusalError) -> Response:
        self.counts.refused += 1
        body = {"code": error.code, "message": str(error)}
        return self.answered(error.status, json.dumps(body, ensure_ascii=False).encode())


def create_app(face: WechatPayFace) -> Starlette:
    """The face as an application."""

    def bill(kind: str) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            try:
                return face.answered(200, json.dumps(face.address(request, kind)).encode())
            except _RefusalError as error:
                return face.refused(error)

        return endpoint

    def download(request: Request) -> Response:
        try:
            return Response(face.file(request), media_type="application/octet-stream")
        except _RefusalError as error:
            return face.refused(error)

    app = Starlette(
        routes=[
            Route("/v3/bill/tradebill", bill("trade"), methods=["GET"]),
            Route("/v3/bill/fundflowbill", bill("fund"), methods=["GET"]),
            Route("/v3/profitsharing/bills", bill("split"), methods=["GET"]),
            Route("/v3/billdownload/file", download, methods=["GET"]),
        ]
    )
    app.state.face = face
    return app


def _three_months_before(day: date) -> date:
    year, month = (day.year, day.month - 3) if day.month > 3 else (day.year - 1, day.month + 9)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month, last)
        except ValueError:
            continue
    raise ValueError(day)


def _private(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _loaded(pem: bytes) -> rsa.RSAPublicKey:
    key = load_pem_public_key(pem)
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError(key)
    return key
