"""Who may call the sandbox's WeCom and how often: tokens by corp, and the vendor's limits by interface.

Limits: 10,000 calls a minute and 150,000 an hour for each corp and interface; who goes beyond one is refused (45009)
for as long as its window. So many calls at a time, else 45033.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipelines.sandbox.wecom_corp import Corp
from pipelines.sandbox.wecom_protocol import RefusalError

TOKEN_SECONDS = 7200


@dataclass(frozen=True)
class Limits:
    """``windows``: (seconds, calls) for each corp and interface; ``at_a_time``: calls under way of one corp."""

    windows: tuple[tuple[float, int], ...] = ((60.0, 10_000), (3_600.0, 150_000))
    at_a_time: int = 400


@dataclass
class _Window:
    started: float = float("-inf")
    calls: int = 0
    blocked_until: float = float("-inf")


class Gate:
    """``clock`` in seconds. ``token_calls``: a token expires after so many calls."""

    def __init__(
        self,
        corps: Mapping[str, Corp],
        *,
        limits: Limits,
        token_calls: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tokens_given = 0
        self._corps = corps
        self._limits = limits
        self._token_calls = token_calls
        self._clock = clock
        self._lock = threading.Lock()
        self._live: dict[str, _Token] = {}  # by corp id
        self._old: set[str] = set()
        self._windows: dict[tuple[str, str, float], _Window] = {}
        self._under_way: dict[str, int] = {}

    def token(self, corp_id: str, secret: str) -> dict[str, object]:
        """A token; while one is valid, the same is given again."""
        corp = self._corps.get(corp_id)
        if corp is None:
            raise RefusalError(40013, "invalid corpid")
        if not secrets.compare_digest(secret, corp.secret):
            raise RefusalError(40001, "invalid credential")
        with self._lock:
            live = self._live.get(corp_id)
            if live is None or not self._valid(live):
                if live is not None:
                    self._old.add(live.text)
                live = _Token(corp_id, self._clock() + TOKEN_SECONDS, self._token_calls)
                self._live[corp_id] = live
                self.tokens_given += 1
            return {"access_token": live.text, "expires_in": round(live.expires - self._clock())}

    def corp_of(self, token: str) -> Corp:
        """Whose token it is; counts the call."""
        with self._lock:
            if token == "":
                raise RefusalError(41001, "access_token missing")
            live = next((one for one in self._live.values() if one.text == token), None)
            if token in self._old or (live is not None and not self._valid(live)):
                raise RefusalError(42001, "access_token expired")
            if live is None:
                raise RefusalError(40014, "invalid access_token")
            if live.calls_left is not None:
                live.calls_left -= 1
            return self._corps[live.corp_id]

    def count(self, corp_id: str, interface: str) -> None:
        """Refuses with 45009 a call beyond a limit, and every call until the window after it has passed."""
        with self._lock:
            now = self._clock()
            for seconds, calls in self._limits.windows:
                window = self._windows.setdefault((corp_id, interface, seconds), _Window())
                if now < window.blocked_until:
                    raise RefusalError(45009, "api freq out of limit")
                if now >= window.started + seconds:
                    window.started, window.calls = now, 0
                window.calls += 1
                if window.calls > calls:
                    window.blocked_until = now + seconds
                    raise RefusalError(45009, "api freq out of limit")

    @contextmanager
    def under_way(self, corp_id: str) -> Iterator[None]:
        """Refuses with 45033 when too many calls of one corp run at a time."""
        with self._lock:
            running = self._under_way.get(corp_id, 0)
            if running >= self._limits.at_a_time:
                raise RefusalError(45033, "api concurrent out of limit")
            self._under_way[corp_id] = running + 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way[corp_id] -= 1

    def _valid(self, token: "_Token") -> bool:
        return token.calls_left != 0 and self._clock() < token.expires


@dataclass
class _Token:
    corp_id: str
    expires: float
    calls_left: int | None
    text: str = field(default_factory=lambda: secrets.token_urlsafe(48))
