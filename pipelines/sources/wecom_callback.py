"""What WeCom pushes to a callback address: signature, decryption, safe XML, events as rows; and the answer to it.

Facts: vendor documentation 90930 and 90968 (crypto), 92130 and 92277 (events of customer contact). A signature is the
SHA-1 over the sorted token, time, nonce and cipher text; the cipher is AES-256-CBC whose first 16 key bytes are the
vector, with PKCS#7 padding to 32 bytes; the plain text is 16 random bytes, the length as four bytes (network order),
the message, and whose it is. Pushes come more than once and out of order: an event is known by its content.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import polars as pl
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from models.contracts import ROW_COLUMN, contract
from models.errors import ExpectedError
from pipelines.sources import records
from pipelines.sources import wecom_frames as frames
from pipelines.sources.records import TEXT

_BLOCK = 32
_HEAD = 20  # 16 random bytes and the length
MOST_BYTES = 1 << 20  # far more than any event; what is larger is not read
_DECLARATION = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


class CallbackError(ExpectedError):
    """A push that is not from WeCom, not for this corp, or not whole. Nothing of its content is in the message."""


@dataclass(frozen=True)
class CallbackKey:
    """What the admin console shows for one callback: ``token`` and ``aes_key`` (43 characters); and whose it is.

    Raises CallbackError when the key is none.
    """

    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    receive_id: str

    def __post_init__(self) -> None:
        _ = self.key

    @property
    def key(self) -> bytes:
        try:
            found = base64.b64decode(self.aes_key + "=", validate=True)
        except (binascii.Error, ValueError):
            found = b""
        if len(found) != 32:
            raise CallbackError("the EncodingAESKey must be the 43 letters and digits of the admin console")
        return found


def signature(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    """msg_signature of a push or of an answer."""
    return hashlib.sha1("".join(sorted((token, timestamp, nonce, encrypted))).encode()).hexdigest()


def verify_address(key: CallbackKey, query: Mapping[str, str]) -> str:
    """The answer to the GET by which WeCom tries the address. Raises CallbackError."""
    return opened(key, query, query.get("echostr", "")).decode()


def read_push(key: CallbackKey, query: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The event of a POST, its fields by name (lists of items as JSON text). Raises CallbackError."""
    outer = parse_xml(body)
    return parse_xml(opened(key, query, outer.get("Encrypt", "")))


def opened(key: CallbackKey, query: Mapping[str, str], encrypted: str) -> bytes:
    """The message inside a cipher text whose signature is right and which is for this corp."""
    expected = signature(key.token, query.get("timestamp", ""), query.get("nonce", ""), encrypted)
    if not encrypted or not hmac.compare_digest(expected.encode(), query.get("msg_signature", "").encode()):
        raise CallbackError("the signature is wrong: it is not from WeCom, or the token is another one")
    message, receive_id = decrypt(key, encrypted)
    if receive_id != key.receive_id:
        raise CallbackError("the message is for another corp; check the corp id of this callback")
    return message


def decrypt(key: CallbackKey, encrypted: str) -> tuple[bytes, str]:
    """(message, whose it is). Raises CallbackError when the key does not fit."""
    try:
        data = base64.b64decode(encrypted, validate=True)
    except (binascii.Error, ValueError):
        raise CallbackError("the cipher text is not base64") from None
    if not data or len(data) % 16:
        raise CallbackError("the cipher text is not whole")
    worker = Cipher(algorithms.AES(key.key), modes.CBC(key.key[:16])).decryptor()
    plain = worker.update(data) + worker.finalize()
    padding = plain[-1]
    if not 1 <= padding <= _BLOCK or len(plain) < _HEAD + padding or plain[-padding:] != bytes([padding]) * padding:
        raise CallbackError("the EncodingAESKey does not fit")
    content = plain[:-padding]
    (length,) = struct.unpack(">I", content[16:_HEAD])
    if _HEAD + length > len(content):
        raise CallbackError("the EncodingAESKey does not fit")
    return content[_HEAD : _HEAD + length], content[_HEAD + length :].decode("utf-8", "replace")


def encrypt(key: CallbackKey, message: bytes, *, random: bytes | None = None) -> str:
    """The cipher text of a message. ``random``: 16 bytes, for tests."""
    head = os.urandom(16) if random is None else random
    content = head + struct.pack(">I", len(message)) + message + key.receive_id.encode()
    padding = _BLOCK - len(content) % _BLOCK
    worker = Cipher(algorithms.AES(key.key), modes.CBC(key.key[:16])).encryptor()
    data = worker.update(content + bytes([padding]) * padding) + worker.finalize()
    return base64.b64encode(data).decode()


def reply(key: CallbackKey, message: bytes, timestamp: str, nonce: str) -> bytes:
    """The body of a passive answer, encrypted and signed."""
    encrypted = encrypt(key, message)
    return (
        f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt>"
        f"<MsgSignature><![CDATA[{signature(key.token, timestamp, nonce, encrypted)}]]></MsgSignature>"
        f"<TimeStamp>{timestamp}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
    ).encode()


def parse_xml(body: bytes) -> dict[str, str]:
    """The fields of a flat XML document by name; a field with children is JSON text of them.

    A document type or an entity is refused before anything is parsed: WeCom sends none, and they can blow up memory or
    read files. Raises CallbackError.
    """
    if len(body) > MOST_BYTES:
        raise CallbackError(f"a push of {len(body)} bytes is no event")
    if _DECLARATION.search(body) or b"\x00" in body:  # a NUL: UTF-16, in which a declaration would not be found
        raise CallbackError("the XML declares a document type or an entity; it is not from WeCom")
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise CallbackError("the body is not whole XML") from None
    return {child.tag: _content(child) for child in root}


def _content(element: ElementTree.Element) -> str:
    children = list(element)
    if not children:
        return element.text or ""
    return json.dumps([[child.tag, _content(child)] for child in children], ensure_ascii=False)


# ------------------------------------------------------------------ events as rows

_NAMES = (
    *("ToUserName", "Event", "ChangeType", "UserID", "ExternalUserID", "ChatId", "Id", "LinkId", "State", "Source"),
    *("FailReason", "CreateTime"),
)
_FIELDS = (
    records.Field("corp_id", "ToUserName", TEXT),
    records.Field("event_id", "event_id", TEXT),
    records.Field("event", "Event", TEXT),
    records.Field("change_type", "ChangeType", TEXT),
    records.Field("userid", "UserID", TEXT),
    records.Field("external_userid", "ExternalUserID", TEXT),
    records.Field("chat_id", "ChatId", TEXT),
    records.Field("object_id", pl.coalesce("Id", "LinkId"), TEXT),
    records.Field("state", "State", TEXT),
    records.Field("source", "Source", TEXT),
    records.Field("fail_reason", "FailReason", TEXT),
    records.Field("occurred_at", "CreateTime", frames.SECONDS),
)
#: A welcome code opens a chat for twenty seconds and is worth nothing later: it is not kept.
_NOT_KEPT = ("WelcomeCode",)


def events(pushes: Sequence[Mapping[str, Any]], file: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``wecom_events``: one row per different push, in the order of arrival; rejects of those that are no event.

    ``event_id`` is the same for the same content, whenever and however often it is pushed.
    """
    kept = [
        json.dumps({k: v for k, v in push.items() if k not in _NOT_KEPT}, ensure_ascii=False, sort_keys=True).encode()
        for push in pushes
    ]
    frame = records.decode(kept, dict.fromkeys(_NAMES, pl.String()))
    ids = pl.Series("event_id", [hashlib.sha256(push).hexdigest()[:32] for push in kept], pl.String)
    once = frame.with_columns(ids).unique("event_id", keep="first", maintain_order=True)
    numbered = once.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(ROW_COLUMN))
    return records.table(numbered, contract("wecom_events"), _FIELDS, file=file)


def new_events(found: pl.DataFrame, landed: pl.DataFrame) -> pl.DataFrame:
    """The events that the lake does not hold yet."""
    known = landed.select("corp_id", "event_id")
    return found.join(known, on=["corp_id", "event_id"], how="anti", maintain_order="left")
