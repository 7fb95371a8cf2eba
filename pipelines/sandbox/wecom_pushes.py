"""The sandbox's WeCom as the sender of callbacks: the address is tried, events are encrypted, signed and posted.

With a seed, pushes are repeated and put out of order, as the vendor's are when an answer comes late.
"""

import base64
import hashlib
import os
import random
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import httpx
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


@dataclass(frozen=True)
class Push:
    """One HTTP request to a callback address: query and body."""

    query: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Pusher:
    """One callback of one corp. Written without the product's own crypto, so that the two prove each other."""

    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    corp_id: str
    agent_id: str = "1000002"

    def address_check(self, plain: str = "1616140317555161061", *, at: int = 1_782_835_200) -> Push:
        """The GET by which the vendor tries an address; it must be answered with ``plain``."""
        encrypted = self._sealed(plain.encode())
        return Push({**self._signed(encrypted, at), "echostr": encrypted})

    def push(self, event: Mapping[str, str]) -> Push:
        fields = "".join(f"<{name}>{_value(value)}</{name}>" for name, value in event.items())
        encrypted = self._sealed(f"<xml>{fields}</xml>".encode())
        body = (
            f"<xml><ToUserName><![CDATA[{self.corp_id}]]></ToUserName><AgentID><![CDATA[{self.agent_id}]]></AgentID>"
            f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
        )
        return Push(self._signed(encrypted, int(event.get("CreateTime", "0"))), body.encode())

    def disturbed(self, events: Sequence[Mapping[str, str]], seed: int) -> list[Push]:
        """The events as pushes, some twice or three times, in an order of chance."""
        chance = random.Random(seed)
        many = [event for event in events for _ in range(chance.choice((1, 1, 2, 3)))]
        chance.shuffle(many)
        return [self.push(event) for event in many]

    def send(self, address: str, push: Push, timeout_seconds: float = 5.0) -> httpx.Response:
        """POST a push (or GET an address check) to the product's callback address."""
        if push.body:
            return httpx.post(address, params=dict(push.query), content=push.body, timeout=timeout_seconds)
        return httpx.get(address, params=dict(push.query), timeout=timeout_seconds)

    def _signed(self, encrypted: str, at: int) -> dict[str, str]:
        timestamp, nonce = str(at), str(int.from_bytes(os.urandom(4), "big"))
        parts = "".join(sorted([self.token, timestamp, nonce, encrypted]))
        return {"msg_signature": hashlib.sha1(parts.encode()).hexdigest(), "timestamp": timestamp, "nonce": nonce}

    def _sealed(self, message: bytes) -> str:
        key = base64.b64decode(self.aes_key + "=")
        content = os.urandom(16) + struct.pack(">I", len(message)) + message + self.corp_id.encode()
        missing = 32 - len(content) % 32
        cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
        return base64.b64encode(cipher.update(content + bytes([missing]) * missing) + cipher.finalize()).decode()


def _value(text: str) -> str:
    return text if text.isascii() and text.isdigit() else f"<![CDATA[{text}]]>" if "]]>" not in text else escape(text)
