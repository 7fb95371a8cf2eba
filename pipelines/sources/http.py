"""A thin, careful HTTP client for connectors: time-outs, retries, JSON only, and nothing secret in a message or log.

What is retried: 429 (honouring Retry-After), 5xx, failed or broken connections, bodies that are cut short or are not
JSON. Other 3xx and 4xx answers are not. Query strings carry tokens, so no error names more than method and path.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from models.errors import ExpectedError

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 60.0  # a Retry-After above this ends the attempts: the caller comes back later


class SourceError(ExpectedError):
    """An outside system could not be read. The message says what happened and what to do; it holds no secret."""


class UnreachableError(SourceError):
    """No connection, a time-out, or a connection that broke in the middle of an answer."""


class RateLimitedError(SourceError):
    """HTTP 429. ``retry_after`` is what the server asked for, in seconds."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerFailureError(SourceError):
    """HTTP 5xx."""


class NotJsonError(SourceError):
    """An answer that is not a whole JSON object: a log-in page, a proxy's error page, a body cut short."""


class RefusedError(SourceError):
    """HTTP 3xx or 4xx other than 429: asking again will not help."""


_TRANSIENT = (UnreachableError, RateLimitedError, ServerFailureError, NotJsonError)


class JsonClient:
    """Requests to one base address. ``sleep`` and ``transport`` are for tests. Close it, or use ``with``."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float = 20.0,
        attempts: int = ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        # At INFO httpx logs whole addresses, query strings included.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.requests = 0  # sent so far, retries included
        self._attempts = attempts
        self._sleep = sleep
        self._base_url = base_url.rstrip("/")
        self._http = httpx.Client(
            timeout=httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, 10.0)),
            transport=transport,
            follow_redirects=False,  # a redirect could carry a token to another host
            headers={"Accept": "application/json"},
        )

    def __enter__(self) -> "JsonClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, params: Mapping[str, str | int]) -> dict[str, Any]:
        return self.request("GET", path, params)

    def post(self, path: str, params: Mapping[str, str | int], body: Mapping[str, Any]) -> dict[str, Any]:
        return self.request("POST", path, params, body)

    def request(
        self, method: str, path: str, params: Mapping[str, str | int], body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The JSON object of the answer. Raises a SourceError when the attempts are used up or cannot help."""
        attempts = Retrying(
            retry=retry_if_exception_type(_TRANSIENT) & _waits_within_reason,
            stop=stop_after_attempt(self._attempts),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        return attempts(self._once, method, path, params, body)

    def _once(
        self, method: str, path: str, params: Mapping[str, str | int], body: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        shown = f"{method} {path}"
        self.requests += 1
        try:
            response = self._http.request(method, self._base_url + path, params=dict(params), json=body)
        except httpx.RequestError as error:
            # The text of the error holds no address; the exception itself does, so it does not travel on.
            raise UnreachableError(
                f"{shown}: {type(error).__name__} ({error}); check the base address, the network and the proxy"
            ) from None
        _check_status(response, shown)
        return _object(response, shown)


def _check_status(response: httpx.Response, shown: str) -> None:
    status = response.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS:
        wait = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        raise RateLimitedError(f"{shown}: HTTP 429, too many requests; lower the rate or come back later", wait)
    if status >= 500:
        raise ServerFailureError(f"{shown}: HTTP {status}, the server failed; it usually helps to come back later")
    if status >= 300:
        raise RefusedError(f"{shown}: HTTP {status}; check the base address and the permissions of the application")


def _object(response: httpx.Response, shown: str) -> dict[str, Any]:
    try:
        answer = json.loads(response.content)
    except ValueError:  # covers JSONDecodeError and UnicodeDecodeError
        kind = response.headers.get("Content-Type", "no content type")
        raise NotJsonError(
            f"{shown}: the answer ({len(response.content)} bytes, {kind}) is not whole JSON; "
            "a proxy or a log-in page may stand in between, or the connection cuts bodies short"
        ) from None
    if not isinstance(answer, dict):
        raise NotJsonError(f"{shown}: the answer is JSON but not an object; check the base address")
    return answer


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header (seconds or an HTTP date); None when there is none to be read."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max((until - now).total_seconds(), 0.0)


_jitter = wait_random_exponential(multiplier=0.5, max=20)


def _wait(state: RetryCallState) -> float:
    asked = _asked_wait(state)
    return float(_jitter(state)) if asked is None else asked + float(_jitter(state)) * 0.1


def _waits_within_reason(state: RetryCallState) -> bool:
    return (_asked_wait(state) or 0.0) <= LONGEST_WAIT_SECONDS


def _asked_wait(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error.retry_after if isinstance(error, RateLimitedError) else None
