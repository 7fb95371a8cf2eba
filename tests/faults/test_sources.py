"""Faults of systems outside that no face of the sandbox shows (4, 7, 13): the wire itself, many workers, a hole.

What every connector must bear on top of these is tried in tests/contracts/test_connectors_in_trouble.py.
"""

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import httpx
import pytest
from pydantic import SecretStr

from pipelines.sources import http
from pipelines.sources.wecom import WecomOptions
from pipelines.sources.wecom_api import WecomClient
from pipelines.sources.youzan_api import YouzanClient, YouzanOptions
from tests.faults.conftest import Figure

Behaviour = Literal["reset", "silent", "half and silent", "half and reset", "trickling", "good"]
TIMEOUT = 0.3
TRICKLE_SECONDS = 0.05  # between two bytes: each comes well within the time-out
BODY = b'{"whole": true}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
WORKERS = 8

# ------------------------------------------------------------------ the wire (7)


@contextmanager
def misbehaving(behaviours: Sequence[Behaviour]) -> Iterator[str]:
    """A server on a bare socket: the n-th connection meets the n-th behaviour, all later ones the last."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # closed: the test is over
                    return
                behaviour = behaviours[min(len(held), len(behaviours) - 1)]
                held.append(connection)
                if behaviour == "trickling":  # while it does, others are let in
                    threading.Thread(target=_trickle, args=(connection,), daemon=True).start()
                else:
                    _behave(connection, behaviour)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            thread.join(5)
            for connection in held:
                connection.close()


def _behave(connection: socket.socket, behaviour: Behaviour) -> None:
    connection.recv(65_536)
    if behaviour == "good":
        connection.sendall(HEAD % len(BODY) + BODY)
    elif behaviour.startswith("half"):
        connection.sendall(HEAD % len(BODY) + BODY[:5])
    if behaviour.endswith("reset"):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST instead of FIN
    if not behaviour.endswith("silent"):
        connection.close()


def _trickle(connection: socket.socket) -> None:
    """An answer that says it has a million bytes, and sends them one by one until the reader goes."""
    connection.recv(65_536)
    try:
        connection.sendall(HEAD % 1_000_000)
        while True:
            connection.sendall(b" ")
            time.sleep(TRICKLE_SECONDS)
    except OSError:  # the reader has gone, or the test is over
        connection.close()


def test_a_connection_that_is_reset_or_falls_silent_is_left_and_asked_again(figure: Figure) -> None:
    troubles: list[Behaviour] = ["reset", "silent", "half and reset", "half and silent", "reset", "silent"]
    naps: list[float] = []
    with (
        misbehaving([*troubles, "good"]) as address,
        http.HttpClient(address, timeout_seconds=TIMEOUT, sleep=naps.append) as client,
    ):
        begun = time.monotonic()
        assert client.get("/x", {}) == json.loads(BODY)
        seconds = time.monotonic() - begun
        assert client.requests == len(troubles) + 1 == len(naps) + 1
    silent = sum(trouble.endswith("silent") for trouble in troubles)
    assert silent * TIMEOUT <= seconds < silent * TIMEOUT + 5
    figure(requests=client.requests, troubles=len(troubles), hang_seconds=round(seconds / silent, 2))


@pytest.mark.parametrize("behaviour", ["silent", "half and silent", "reset"])
def test_a_server_that_never_answers_ends_the_attempts_in_words(behaviour: Behaviour, figure: Figure) -> None:
    with (
        misbehaving([behaviour]) as address,
        http.HttpClient(address, timeout_seconds=TIMEOUT, sleep=lambda _: None) as client,
    ):
        begun = time.monotonic()
        with pytest.raises(http.UnreachableError, match=r"GET /x: \w+") as raised:
            client.get("/x", {"access_token": "hidden"})
        seconds = time.monotonic() - begun
    assert client.requests == http.ATTEMPTS
    assert seconds < http.ATTEMPTS * TIMEOUT + 5
    assert "hidden" not in str(raised.value)
    figure(requests=client.requests, troubles=client.requests, hang_seconds=round(seconds / http.ATTEMPTS, 2))


def test_an_answer_that_trickles_on_without_end_is_left_and_asked_again(figure: Figure) -> None:
    """Each byte comes in time, so the time-out never ends it: a sync would hang for days."""
    whole = 2 * TIMEOUT
    with (
        misbehaving(["trickling", "trickling", "good"]) as address,
        http.HttpClient(address, timeout_seconds=TIMEOUT, answer_seconds=whole, sleep=lambda _: None) as client,
    ):
        begun = time.monotonic()
        assert client.get("/x", {}) == json.loads(BODY)
        seconds = time.monotonic() - begun
        assert client.requests == 3
    assert 2 * whole <= seconds < 2 * whole + 5
    figure(requests=3, troubles=2, hang_seconds=round(seconds / 2, 2))


def test_a_server_that_only_trickles_ends_the_attempts_in_words(figure: Figure) -> None:
    quick = {"timeout_seconds": TIMEOUT, "answer_seconds": TIMEOUT, "attempts": 2}
    with (
        misbehaving(["trickling"]) as address,
        http.HttpClient(address, sleep=lambda _: None, **quick) as client,
        pytest.raises(http.UnreachableError, match=r"GET /x: the answer had not ended after 0\.3 s") as raised,
    ):
        client.get("/x", {"access_token": "hidden"})
    assert client.requests == 2
    assert "hidden" not in str(raised.value)
    figure(requests=2, troubles=2)


# ------------------------------------------------------------------ eight workers, one token (4)


class Expiring:
    """A server whose first token has ended for all workers at once: none is told so before all have asked with it."""

    def __init__(self, hand_out: Callable[[str], Any], refusal: Any, good: Any) -> None:
        self.hand_out, self.refusal, self.good = hand_out, refusal, good
        self.asked: Counter[str] = Counter()
        self._all_have_asked = threading.Barrier(WORKERS)
        self._lock = threading.Lock()

    def answer(self, request: httpx.Request) -> httpx.Response:
        if "token" in request.url.path:
            with self._lock:
                self.asked["tokens"] += 1
                return httpx.Response(200, json=self.hand_out(f"t{self.asked['tokens']}"))
        token = request.url.params["access_token"]
        with self._lock:
            self.asked[token] += 1
        if token == "t1":
            self._all_have_asked.wait(20)
            return httpx.Response(200, json=self.refusal)
        return httpx.Response(200, json=self.good)


def _wecom(transport: httpx.BaseTransport) -> Callable[[], object]:
    connection = http.HttpClient("https://qyapi.weixin.qq.com/cgi-bin", transport=transport, sleep=lambda _: None)
    client = WecomClient(WecomOptions(corp_id="c", secret=SecretStr("s")), connection)
    return lambda: client.get("/department/simplelist", {})


def _youzan(transport: httpx.BaseTransport) -> Callable[[], object]:
    given = {"client_id": "c", "client_secret": "s", "grant_id": 1, "store_id": "S1"}
    connection = http.HttpClient("https://open.youzanyun.com", transport=transport, sleep=lambda _: None)
    client = YouzanClient(YouzanOptions.model_validate(given), connection)
    return lambda: client.call("youzan.x", "1.0.0", {})


@pytest.mark.parametrize(
    ("connected", "server"),
    [
        (
            _wecom,
            Expiring(
                lambda token: {"errcode": 0, "access_token": token, "expires_in": 7200},
                {"errcode": 42001, "errmsg": "access_token expired"},
                {"errcode": 0, "department_id": []},
            ),
        ),
        (
            _youzan,
            Expiring(
                lambda token: {"success": True, "code": 200, "data": {"access_token": token, "expires": 4e12}},
                {"gw_err_resp": {"err_code": 4203, "err_msg": "token expired"}},
                {"success": True, "code": 200, "data": {}},
            ),
        ),
    ],
    ids=["wecom", "youzan"],
)
def test_eight_workers_whose_token_ended_fetch_one_new_token(
    connected: Callable[[httpx.BaseTransport], Callable[[], object]], server: Expiring, figure: Figure
) -> None:
    call = connected(httpx.MockTransport(server.answer))
    done: list[object] = []
    threads = [threading.Thread(target=lambda: done.append(call())) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(done) == WORKERS
    assert server.asked == {"tokens": 2, "t1": WORKERS, "t2": WORKERS}
    figure(workers=WORKERS, refreshes=server.asked["tokens"] - 1)


# ------------------------------------------------------------------ a hole in the pages (13)


def test_a_page_without_records_in_the_middle_is_not_the_end(figure: Figure) -> None:
    def entry(number: int) -> dict[str, Any]:
        return {"external_contact": {"external_userid": f"wm{number}"}, "follow_info": {"userid": "u"}}

    pages: list[list[dict[str, Any]]] = [[entry(1), entry(2)], [], [], [entry(3)], []]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("gettoken"):
            return httpx.Response(200, json={"errcode": 0, "access_token": "t", "expires_in": 7200})
        number = int(json.loads(request.content).get("cursor") or 0)
        more = {"next_cursor": str(number + 1)} if number + 1 < len(pages) else {}
        return httpx.Response(200, json={"errcode": 0, "external_contact_list": pages[number], **more})

    connection = http.HttpClient("https://host.test", transport=httpx.MockTransport(answer), sleep=lambda _: None)
    client = WecomClient(WecomOptions(corp_id="c", secret=SecretStr("s")), connection)
    found = [record for page in client.contact_pages(["u"]) for record in page.records]
    assert [json.loads(record)["external_contact"]["external_userid"] for record in found] == ["wm1", "wm2", "wm3"]
    figure(empty_pages=sum(not page for page in pages), rows=len(found))
