"""Calls of Youzan: tokens, the three forms of an error, pushes.

Accidents it prevents: a sync that dies because its token ended, two programs that take each other's token away for
ever, an error inside HTTP 200 read as an empty shop, and a forged push believed.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from pipelines.sandbox import youzan as face_of
from pipelines.sandbox.youzan_shop import cipher
from pipelines.sources.connector import FormatChangedError
from pipelines.sources.http import HttpClient, RateLimitedError, ServerFailureError, SourceError
from pipelines.sources.youzan_api import DIGESTS_AT_ONCE, StaleTokenError, YouzanClient, YouzanError, YouzanOptions
from pipelines.sources.youzan_push import BadPushError, Push, read_push, sign

SECRET = "the-secret-of-the-shop"
Answers = Callable[[str, dict[str, Any]], Any]


def client(answers: Answers, naps: list[float] | None = None) -> YouzanClient:
    """A client whose calls are answered by ``answers(token, body)``; /auth/token gives t1, t2, … and keeps the last."""
    given = [1]

    def handle(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path == "/auth/token":
            given[0] += body["refresh"]
            data = {"access_token": f"t{given[0]}", "expires": 4_102_444_800_000, "authority_id": "1"}
            return httpx.Response(200, json={"success": True, "code": 200, "data": data, "message": None})
        return httpx.Response(200, json=answers(request.url.params["access_token"], body))

    options = YouzanOptions.model_validate(
        {"client_id": "cid", "client_secret": SECRET, "grant_id": 42, "store_id": "S1"}
    )
    transport = httpx.MockTransport(handle)
    slept = [] if naps is None else naps
    return YouzanClient(options, HttpClient("https://open.youzanyun.com", sleep=slept.append, transport=transport))


def good(data: Any) -> dict[str, Any]:
    return {"trace_id": "yz7-1", "code": 200, "success": True, "message": "successful", "data": data}


def gateway(code: int) -> dict[str, Any]:
    return {"gw_err_resp": {"trace_id": "yz7-2", "err_msg": "said", "err_code": code}}


def read(youzan: YouzanClient) -> Any:
    return msgspec.json.decode(youzan.call("youzan.x", "1.0.0", {"a": 1}))


# ------------------------------------------------------------------ token


@pytest.mark.parametrize("code", [4201, 4202, 4203])
def test_a_token_that_ended_is_renewed_once_and_the_call_made_again(code: int) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    def answers(token: str, body: dict[str, Any]) -> Any:
        asked.append((token, body))
        return good("done") if token == "t2" else gateway(code)

    youzan = client(answers)
    assert read(youzan) == read(youzan) == "done"
    assert asked == [("t1", {"a": 1}), ("t2", {"a": 1}), ("t2", {"a": 1})]


def test_a_token_that_is_refused_twice_stops_with_words() -> None:
    asked: list[str] = []

    def answers(token: str, _: Any) -> Any:
        asked.append(token)
        return gateway(4203)

    with pytest.raises(StaleTokenError, match="no other program"):
        read(client(answers))
    assert asked == ["t1", "t2"]


def test_a_program_that_renewed_first_is_followed_not_fought() -> None:
    """Another program has the new token already: asking for the current one is enough."""
    asks: list[bool] = []

    def handle(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path == "/auth/token":
            asks.append(body["refresh"])
            token = "old" if len(asks) == 1 else "theirs"
            return httpx.Response(200, json=good({"access_token": token, "expires": 4_102_444_800_000}))
        known = request.url.params["access_token"] == "theirs"
        return httpx.Response(200, json=good("done") if known else gateway(4203))

    youzan = client(lambda *_: None)
    youzan.http = HttpClient("https://open.youzanyun.com", transport=httpx.MockTransport(handle))
    assert read(youzan) == "done"
    assert asks == [False, False]


def test_the_moment_at_which_a_token_ends_is_no_number_of_seconds() -> None:
    """``expires`` is in milliseconds since 1970: taken for seconds to live it would be good for 50,000 years."""
    _, seconds = client(lambda *_: good(1))._ask_for_token(renew=False)
    assert 60 * 365 * 86_400 < seconds < 80 * 365 * 86_400  # until 2100


# ------------------------------------------------------------------ errors inside HTTP 200


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (gateway(4204), r"code 4204 \(said, trace yz7-2\); the application has no right"),
        (gateway(4007), "list of trusted addresses"),
        ({"code": 106000003, "success": False, "message": "said", "data": {"full_order_info_list": []}}, "clock right"),
        ({"code": "103099999", "success": False, "message": "said", "data": None}, "look the code up"),
        ({"code": 200, "success": False, "message": "said", "data": {}}, "code 200"),
        ({"error_response": {"code": 50000, "msg": "said"}}, "code 50000"),
        ({"code": 777, "success": False, "message": f"wrong {SECRET}", "data": None}, r"wrong \*\*\*"),
    ],
)
def test_a_refusal_says_what_to_do_and_is_not_asked_again(answer: dict[str, Any], words: str) -> None:
    asked: list[int] = []

    def answers(*_: Any) -> Any:
        asked.append(1)
        return answer

    with pytest.raises(YouzanError, match=words) as raised:
        read(client(answers))
    assert SECRET not in str(raised.value)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (gateway(4101), RateLimitedError),
        ({"code": 123000042, "success": False, "message": "请求被限流"}, RateLimitedError),
        ({"msg": "请求被限流", "code": 500100004}, RateLimitedError),
        (gateway(5001), ServerFailureError),
        ({"code": 106100118, "success": False, "message": "请求超时"}, ServerFailureError),
    ],
)
def test_a_busy_platform_is_asked_again(answer: dict[str, Any], kind: type[SourceError]) -> None:
    left, naps = [3], list[float]()

    def answers(*_: Any) -> Any:
        left[0] -= 1
        return answer if left[0] >= 0 else good("done")

    assert read(client(answers, naps)) == "done"
    assert len(naps) == 3
    assert kind is ServerFailureError or min(naps) >= 3
    with pytest.raises(kind):
        read(client(lambda *_: answer))


@pytest.mark.parametrize(
    "data", [None, [], "text", {}, {"total": "many", "rows": []}, {"total": 3}, {"total": 1, "rows": 1}]
)
def test_a_page_of_another_form_is_not_an_empty_one(data: Any) -> None:
    with pytest.raises(FormatChangedError, match="format changed"):
        client(lambda *_: good(data)).page("youzan.x", "1.0.0", {}, "rows", "total")


@pytest.mark.parametrize("data", [{"total": 0}, {"total": 0, "rows": None}, {"total": "0", "rows": []}])
def test_an_empty_page(data: Any) -> None:
    assert client(lambda *_: good(data)).page("youzan.x", "1.0.0", {}, "rows", "total") == ([], 0)


def test_records_of_a_page_are_the_untouched_bytes() -> None:
    youzan = client(lambda *_: None)
    body = b'{"code":200,"success":true,"data":{"total":2,"rows":[{"a" : 1.50},  {"b":"\xe4\xb8\xad"}]}}'

    def handle(request: httpx.Request) -> httpx.Response:
        token = good({"access_token": "t", "expires": 4_102_444_800_000})
        return httpx.Response(200, json=token) if "auth" in request.url.path else httpx.Response(200, content=body)

    youzan.http = HttpClient("https://open.youzanyun.com", transport=httpx.MockTransport(handle))
    assert youzan.page("youzan.x", "1.0.0", {}, "rows", "total") == ([b'{"a" : 1.50}', '{"b":"中"}'.encode()], 2)


def test_digests_are_asked_for_in_parts_and_once_each() -> None:
    asked: list[int] = []

    def answers(_: str, body: dict[str, Any]) -> Any:
        asked.append(len(body["sources"]))
        return good({one: one[::-1] for one in body["sources"]})

    ciphers = [f"${number:06}$1$" for number in range(DIGESTS_AT_ONCE + 5)]
    found = client(answers).digests([*ciphers, *ciphers])
    assert asked == [DIGESTS_AT_ONCE, 5]
    assert found == {one: one[::-1] for one in ciphers}
    with pytest.raises(FormatChangedError):
        client(lambda *_: good({})).digests(["$1$1$"])


def test_one_phone_has_a_cipher_in_each_shop_and_one_digest() -> None:
    ours, theirs = cipher("13800138000", "1"), cipher("13800138000", "2")
    assert ours != theirs
    assert ours.startswith("$") and ours.endswith("$1$")
    faces = [face_of.YouzanFace(face_of.YouzanShop({}, {}, {one: "13800138000"})) for one in (ours, theirs)]
    digests = [face._digest(one) for face, one in zip(faces, (ours, theirs), strict=True)]
    assert digests[0] == digests[1]
    assert len(digests[0]) == 66


# ------------------------------------------------------------------ pushes


def test_the_signature_of_a_push() -> None:
    """The vector of the vendor's algorithm, calculated apart from this code."""
    assert sign(b'{"tid":"E1"}', "cid", "SECRET") == "7acf957567b2f5d4e83f9d0ea353a490"
    push = read_push(b'{"tid":"E1"}', "7ACF957567B2F5D4E83F9D0EA353A490", "cid", "SECRET")
    assert push == Push(event="", tid="E1", refund_id="", version=0, kdt_id="", message_id="")


@pytest.mark.parametrize("signature", ["", "7acf957567b2f5d4e83f9d0ea353a491", "ü"])
def test_a_push_with_another_signature_is_refused(signature: str) -> None:
    with pytest.raises(BadPushError, match="wrong signature"):
        read_push(b'{"tid":"E1"}', signature, "cid", "SECRET")
    with pytest.raises(BadPushError, match="wrong signature"):
        read_push(b'{"tid": "E1"}', "7acf957567b2f5d4e83f9d0ea353a490", "cid", "SECRET")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {
                "type": "trade_TradeClose",
                "id": "E20200525201253074004153",
                "msg": quote(json.dumps({"tid": "E20200525201253074004153", "close_reason": "买家 取消"})),
                "msg_id": "6dc15f0b",
                "kdt_id": 56232,
                "version": 1621946649,
            },
            Push("trade_TradeClose", "E20200525201253074004153", "", 1621946649, "56232", "6dc15f0b"),
        ),
        (
            {
                "type": "trade_TradeBuyerPay",
                "msg": quote(json.dumps({"full_order_info": {"order_info": {"tid": "E7"}}})).replace("%20", "+"),
                "version": "12",
            },
            Push("trade_TradeBuyerPay", "E7", "", 12, "", ""),
        ),
        (
            {"type": "youzan_trade_RefundSuccess", "msg": {"tid": "E8", "refund_id": "2019"}, "version": 3},
            Push("youzan_trade_RefundSuccess", "E8", "2019", 3, "", ""),
        ),
        # its id is a person's, not a trade's
        ({"type": "SCRM_CUSTOMER_EVENT", "id": "13800138000"}, Push("SCRM_CUSTOMER_EVENT", "", "", 0, "", "")),
    ],
)
def test_both_forms_of_a_message(body: dict[str, Any], expected: Push) -> None:
    entity = json.dumps(body).encode()
    assert read_push(entity, sign(entity, "cid", SECRET), "cid", SECRET) == expected


@pytest.mark.parametrize("entity", [b"[]", b"not json", b'{"msg":"%7Bnot"}', b'{"msg":"1"}'])
def test_a_signed_push_of_another_form_is_refused(entity: bytes) -> None:
    with pytest.raises(BadPushError, match="form has changed"):
        read_push(entity, sign(entity, "cid", SECRET), "cid", SECRET)
