"""The HTTP client of the connectors and WeCom's API on it: what is tried again, what stops, what is never shown."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from pipelines.sources import http
from pipelines.sources.wecom import WecomOptions
from pipelines.sources.wecom_api import EndlessPagesError, WecomClient


def test_a_circle_with_ever_new_cursors_is_an_error_too(tmp_path: Path) -> None:
    pages = iter(range(1_000))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("gettoken"):
            return httpx.Response(200, json={"errcode": 0, "access_token": "t", "expires_in": 7200})
        entry = {"external_contact": {"external_userid": "wm1"}, "follow_info": {"userid": "u", "createtime": 1}}
        body = {"errcode": 0, "external_contact_list": [entry], "next_cursor": f"c{next(pages)}"}
        return httpx.Response(200, json=body)

    client = _client(answer, tmp_path)
    with pytest.raises(EndlessPagesError):
        list(client.contact_pages(["u"]))
    assert next(pages) < 10


def test_a_missing_list_is_not_an_empty_one(tmp_path: Path) -> None:
    client = _client(lambda _: httpx.Response(200, json={"access_token": "t"}), tmp_path)
    with pytest.raises(http.SourceError, match="has no list or object 'userlist'"):
        client.staff()


def _client(answer: Any, home: Path) -> WecomClient:
    options = WecomOptions(corp_id="c", secret=SecretStr("s"))
    connection = http.JsonClient("http://sandbox.test", transport=httpx.MockTransport(answer), sleep=lambda _: None)
    return WecomClient(options, connection)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("Sat, 04 Jul 2026 00:00:30 GMT", 30.0),
        ("Fri, 03 Jul 2026 00:00:00 GMT", 0.0),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert http.retry_after(header, datetime(2026, 7, 4, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    ("answer", "error", "requests"),
    [
        (httpx.Response(404), http.RefusedError, 1),
        (httpx.Response(302, headers={"Location": "https://elsewhere.test"}), http.RefusedError, 1),
        (httpx.Response(503), http.ServerFailureError, http.ATTEMPTS),
        (httpx.Response(200, json=[1]), http.NotJsonError, http.ATTEMPTS),
        (httpx.Response(429, headers={"Retry-After": "3"}), http.RateLimitedError, http.ATTEMPTS),
        (httpx.Response(429, headers={"Retry-After": "3600"}), http.RateLimitedError, 1),
    ],
)
def test_what_is_tried_again_and_what_is_not(answer: httpx.Response, error: type[Exception], requests: int) -> None:
    naps: list[float] = []
    client = http.JsonClient("http://host.test/a", transport=httpx.MockTransport(lambda _: answer), sleep=naps.append)
    with pytest.raises(error) as raised:
        client.get("/path", {"access_token": "hidden-token"})
    assert client.requests == requests
    assert "GET /path" in str(raised.value)
    assert "hidden-token" not in str(raised.value)
    if answer.status_code == 429:
        assert all(nap >= 3 for nap in naps)


def test_a_dead_address_is_named_without_the_query() -> None:
    client = http.JsonClient("http://127.0.0.1:9", attempts=2, timeout_seconds=2, sleep=lambda _: None)
    with pytest.raises(http.UnreachableError, match="GET /gettoken: ConnectError") as raised:
        client.get("/gettoken", {"corpsecret": "hidden"})
    assert "hidden" not in str(raised.value)
    assert raised.value.__cause__ is None
