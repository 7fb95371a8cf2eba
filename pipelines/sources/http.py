"""A thin, careful HTTP client for connectors: time-outs, retries, whole answers, nothing secret in a message or log.

What is retried: 429 (honouring Retry-After), 5xx, failed or broken connections, bodies that are cut short or are not
JSON. Other 3xx and 4xx answers are not. Query strings carry tokens, so no error names more than method and path.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, TypeVar

import httpx
from pyrate_limiter import Duration, Limiter, Rate
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from models.errors import ExpectedError

ATTEMPTS = 8  # with jitter about 40 s in all: most troubles of a server are over by then
LONGEST_WAIT_SECONDS = 60.0  # a Retry-After above this ends the attempts: the caller comes back later
#: One request in all: the time-out counts from byte to byte only. Enough for a bill of 30 MB at 100 KB a second.
LONGEST_ANSWER_SECONDS = 300.0


class SourceError(ExpectedError):
    """An outside system could not be read. The message says what happened and what to do; it holds no secret."""


class UnreachableError(SourceError):
    """No connection, a time-out, an answer without end, or a connection that broke in the middle of an answer."""


class RateLimitedError(SourceError):
    """Too many requests. ``retry_after`` is what the server asked for, in seconds; None: it did not say."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerFailureError(SourceError):
    """HTTP 5xx, or a vendor's own word for it."""


class NotJsonError(SourceError):
    """An answer that is not a whole JSON object: a log-in page, a proxy's error page, a body cut short."""


class RefusedError(SourceError):
    """HTTP 3xx or 4xx other than 429: asking again will not help. ``status`` and ``body``: the vendor's own words."""

    def __init__(self, message: str, status: int = 0, body: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


TRANSIENT = (UnreachableError, RateLimitedError, ServerFailureError, NotJsonError)

Read = TypeVar("Read")


@dataclass(frozen=True)
class Request:
    """One request. At most one of ``json`` and ``form`` is given."""

    method: str
    path: str
    params: Mapping[str, str | int]
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None

    @property
    def shown(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Answer:
    """An answer with a status below 300 to ``shown``. ``server_time``: its Date header, aware UTC; None without one."""

    shown: str
    content: bytes
    headers: Mapping[str, str]
    server_time: datetime | None


class HttpClient:
    """Requests to one base address. ``sleep`` and ``transport`` are for tests. Close it, or use ``with``.

    ``timeout_seconds``: to connect, and from byte to byte; ``answer_seconds``: for a whole answer, whose body trickles
    on. ``per_second``: this credential's own limit of requests, retries included; 0: none.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float = 20.0,
        answer_seconds: float = LONGEST_ANSWER_SECONDS,
        attempts: int = ATTEMPTS,
        per_second: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        # At INFO httpx logs whole addresses, query strings included.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.requests = 0  # sent so far, retries included
        self.server_time: datetime | None = None  # of the newest answer
        self._answer_seconds = max(answer_seconds, timeout_seconds)
        self._attempts = attempts
        self._sleep = sleep
        self._base_url = base_url.rstrip("/")
        self._limiter = _limiter(per_second)
        self._http = httpx.Client(
            timeout=httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, 10.0)),
            transport=transport,
            follow_redirects=False,  # a redirect could carry a token to another host
            headers={"Accept": "application/json"},
        )

    def __enter__(self) -> "HttpClient":
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
        return self.fetch(lambda: Request(method, path, params, json=body), read_object)

    def fetch(self, prepare: Callable[[], Request], read: Callable[[Answer], Read]) -> Read:
        """What ``read`` makes of the answer, asked for until it is whole.

        ``prepare`` is called for each attempt, so that a signature carries a fresh time. ``read`` may raise a transient
        error (try again: msgspec and JSON errors count as a body cut short) or any other SourceError (stop).
        """
        attempts = Retrying(
            retry=retry_if_exception_type(TRANSIENT) & _waits_within_reason,
            stop=stop_after_attempt(self._attempts),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        found: Read = attempts(self._once, prepare, read)
        return found

    def _once(self, prepare: Callable[[], Request], read: Callable[[Answer], Read]) -> Read:
        if self._limiter is not None:
            self._limiter.try_acquire("requests")
        request = prepare()
        self.requests += 1
        response, content = self._send(request)
        answer = Answer(request.shown, content, response.headers, _http_date(response.headers.get("Date")))
        self.server_time = answer.server_time or self.server_time
        _check_status(response, answer)
        try:
            return read(answer)
        except ValueError:  # covers the decoding errors of json, msgspec and UTF-8
            kind = response.headers.get("Content-Type", "no content type")
            raise NotJsonError(
                f"{request.shown}: the answer ({len(content)} bytes, {kind}) is not whole JSON; "
                "a proxy or a log-in page may stand in between, or the connection cuts bodies short"
            ) from None

    def _send(self, request: Request) -> tuple[httpx.Response, bytes]:
        """The answer and its whole body. Raises UnreachableError."""
        deadline = time.monotonic() + self._answer_seconds
        parts: list[bytes] = []
        try:
            with self._http.stream(
                request.method,
                self._base_url + request.path,
                params=dict(request.params),
                json=request.json,
                data=request.form,
                headers=request.headers,
            ) as response:
                for part in response.iter_bytes():
                    parts.append(part)
                    if time.monotonic() > deadline:
                        raise UnreachableError(
                            f"{request.shown}: the answer had not ended after {self._answer_seconds:g} s; "
                            "the server or a proxy sends it too slowly"
                        )
        except httpx.RequestError as error:
            # The text of the error holds no address; the exception itself does, so it does not travel on.
            raise UnreachableError(
                f"{request.shown}: {type(error).__name__} ({error}); check the base address, the network and the proxy"
            ) from None
        return response, b"".join(parts)


#: The name under which callers that speak JSON only know it.
JsonClient = HttpClient


def read_object(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer. Raises ValueError when it is not JSON, NotJsonError when it is no object."""
    content = json.loads(answer.content)
    if not isinstance(content, dict):
        raise NotJsonError(f"{answer.shown}: the answer is JSON but not an object; check the base address")
    return content


def _limiter(per_second: float) -> Limiter | None:
    if per_second <= 0:
        return None
    # a bucket of one second when the rate allows, so that a burst never exceeds what a vendor counts in a second
    if per_second >= 1:
        # the library waits 50 ms longer than needed; at 165 a second that alone would cost a twentieth of the rate
        return Limiter(Rate(int(per_second), Duration.SECOND), buffer_ms=5)
    return Limiter(Rate(1, int(1000 / per_second)))


def _check_status(response: httpx.Response, answer: Answer) -> None:
    status, shown = response.status_code, answer.shown
    if status == httpx.codes.TOO_MANY_REQUESTS:
        wait = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        raise RateLimitedError(f"{shown}: HTTP 429, too many requests; lower the rate or come back later", wait)
    if status >= 500:
        raise ServerFailureError(f"{shown}: HTTP {status}, the server failed; it usually helps to come back later")
    if status >= 300:
        raise RefusedError(
            f"{shown}: HTTP {status}; check the base address and the permissions of the application",
            status,
            answer.content,
        )


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header (seconds or an HTTP date); None when there is none to be read."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return float(header)
    until = _http_date(header)
    return None if until is None else max((until - now).total_seconds(), 0.0)


def _http_date(header: str | None) -> datetime | None:
    if header is None:
        return None
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_jitter = wait_random_exponential(multiplier=0.5, max=20)


def _wait(state: RetryCallState) -> float:
    asked = _asked_wait(state)
    return float(_jitter(state)) if asked is None else asked + float(_jitter(state)) * 0.1


def _waits_within_reason(state: RetryCallState) -> bool:
    return (_asked_wait(state) or 0.0) <= LONGEST_WAIT_SECONDS


def _asked_wait(state: RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error.retry_after if isinstance(error, RateLimitedError) else None
