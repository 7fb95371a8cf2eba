"""What goes wrong between a connector and an outside system, seeded: a layer in front of any face of the sandbox.

The n-th request meets the same trouble for the same seed. Troubles of the wire are the same for all vendors; what a
vendor says itself when it is busy or a limit is used up comes from its ``Dialect``.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Trouble = Literal[
    "http_429",  # too many requests, with Retry-After
    "http_500",
    "http_502",
    "http_503",
    "busy",  # the vendor's own word, in HTTP 200
    "limit",  # the vendor's own word for its rate limit, in HTTP 200
    "html",  # a log-in page with HTTP 200
    "truncated",  # JSON cut in the middle, with a right Content-Length
    "cut",  # the connection breaks in the middle of the body
    "slow",  # a late answer
]
TROUBLES: tuple[Trouble, ...] = Trouble.__args__  # type: ignore[attr-defined]
_STATUS = {"http_500": 500, "http_502": 502, "http_503": 503}


@dataclass(frozen=True)
class Dialect:
    """Bodies with which a vendor answers HTTP 200 although it did nothing."""

    busy: bytes
    limit: bytes


@dataclass(frozen=True)
class FaultPlan:
    """``rate``: share of requests that meet a trouble, drawn by ``seed`` from ``kinds``. ``at``: a trouble for the n-th
    request (from 1), whatever the rate. ``clock_ahead``: how far the server's Date header is off."""

    seed: int = 0
    rate: float = 0.0
    kinds: tuple[Trouble, ...] = TROUBLES
    at: Mapping[int, Trouble] = field(default_factory=dict)
    retry_after_seconds: int = 0
    slow_seconds: float = 0.05
    clock_ahead: timedelta = timedelta()

    def trouble(self, number: int) -> Trouble | None:
        if number in self.at:
            return self.at[number]
        chance = random.Random(f"{self.seed}:{number}")
        return chance.choice(self.kinds) if chance.random() < self.rate else None


class FaultLayer:
    """An ASGI application before another one. ``met``: troubles so far, by kind; ``requests``: all of them."""

    def __init__(self, app: ASGIApp, plan: FaultPlan, dialect: Dialect) -> None:
        self.app = app
        self.plan = plan
        self.dialect = dialect
        self.requests = 0
        self.met: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.requests += 1
        trouble = self.plan.trouble(self.requests)
        if trouble is None:
            await self.app(scope, receive, self._dated(send))
            return
        self.met[trouble] += 1
        if trouble == "slow":
            await asyncio.sleep(self.plan.slow_seconds)
            await self.app(scope, receive, self._dated(send))
        elif trouble in ("truncated", "cut"):
            await self._spoilt(scope, receive, self._dated(send), whole_length=trouble == "cut")
        else:
            await self._instead(trouble, self._dated(send))

    async def _instead(self, trouble: Trouble, send: Send) -> None:
        """An answer of the layer's own; the application is not asked, as when a gateway stands before it."""
        if trouble == "http_429":
            headers = [(b"retry-after", str(self.plan.retry_after_seconds).encode())]
            await _answer(send, 429, b"too many requests", b"text/plain", headers)
        elif trouble == "html":
            await _answer(send, 200, b"<!DOCTYPE html><html><body>Please sign in</body></html>", b"text/html", [])
        elif trouble in _STATUS:
            await _answer(send, _STATUS[trouble], b"upstream failed", b"text/plain", [])
        else:
            body = self.dialect.busy if trouble == "busy" else self.dialect.limit
            await _answer(send, 200, body, b"application/json", [])

    async def _spoilt(self, scope: Scope, receive: Receive, send: Send, *, whole_length: bool) -> None:
        """The application's answer without its second half."""
        start: Message = {}
        body = b""

        async def hold(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
            else:
                body += message.get("body", b"")

        await self.app(scope, receive, hold)
        half = body[: len(body) // 2]
        length = len(body) if whole_length else len(half)
        others = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        await send({**start, "headers": [*others, (b"content-length", str(length).encode())]})
        await send({"type": "http.response.body", "body": half, "more_body": False})

    def _dated(self, send: Send) -> Send:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = datetime.now(UTC) + self.plan.clock_ahead
                date = (b"date", format_datetime(now, usegmt=True).encode())
                message = {**message, "headers": [*message["headers"], date]}
            await send(message)

        return dated


async def _answer(send: Send, status: int, body: bytes, kind: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    start: dict[str, Any] = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [(b"content-type", kind), length, *headers]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
