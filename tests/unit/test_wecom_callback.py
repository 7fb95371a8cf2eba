"""Callbacks of WeCom: proven by the vendor's sample, safe against hostile XML, the same however often pushed."""

import random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.settings import PROJECT_ROOT
from pipelines.sandbox.wecom import CORP_ID, Corp, WecomState
from pipelines.sandbox.wecom_pushes import Pusher
from pipelines.sources.wecom_callback import (
    CallbackError,
    CallbackKey,
    decrypt,
    encrypt,
    events,
    new_events,
    parse_xml,
    read_push,
    reply,
    signature,
    verify_address,
)

AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
#: The sample of the vendor's documentation, and the one that a public client tests itself with (plain text added).
VECTORS = {
    "the vendor's sample": (
        CallbackKey("QDG6eK", AES_KEY, "wx5823bf96d3bd56c7"),
        {
            "msg_signature": "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
            "timestamp": "1409659589",
            "nonce": "263014780",
            "echostr": "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
        },
        "1616140317555161061",
    ),
    "another client's": (
        CallbackKey("123456", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR", "wx49f0ab532d5d035a"),
        {
            "msg_signature": "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96",
            "timestamp": "1411443780",
            "nonce": "437374425",
            "echostr": "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q==",
        },
        "5927782489442352469",
    ),
}
KEY = CallbackKey("token", AES_KEY, CORP_ID)
PUSHER = Pusher("token", AES_KEY, CORP_ID)
EVENT = {
    "ToUserName": CORP_ID,
    "CreateTime": "1782800000",
    "MsgType": "event",
    "Event": "change_external_contact",
    "ChangeType": "del_follow_user",
    "UserID": "ann",
    "ExternalUserID": "wm1",
}


@pytest.mark.parametrize("name", VECTORS)
def test_vectors(name: str) -> None:
    key, query, plain = VECTORS[name]
    assert signature(key.token, query["timestamp"], query["nonce"], query["echostr"]) == query["msg_signature"]
    assert verify_address(key, query) == plain


@pytest.mark.parametrize("changed", ["msg_signature", "timestamp", "nonce", "echostr"])
def test_whatever_is_changed_is_refused(changed: str) -> None:
    key, query, _ = VECTORS["the vendor's sample"]
    with pytest.raises(CallbackError, match="signature"):
        verify_address(key, {**query, changed: query[changed][:-4] + "0000"})


def test_another_corps_message_is_refused() -> None:
    key, query, _ = VECTORS["the vendor's sample"]
    with pytest.raises(CallbackError, match="another corp"):
        verify_address(CallbackKey(key.token, key.aes_key, "wx0"), query)


def test_a_key_that_does_not_fit_is_said_so_and_never_shown() -> None:
    other = CallbackKey("token", "A" * 43, CORP_ID)
    with pytest.raises(CallbackError, match="does not fit"):
        decrypt(other, encrypt(KEY, b"hello", random=b"0" * 16))
    with pytest.raises(CallbackError, match="43 letters"):
        CallbackKey("token", "too short", CORP_ID)
    assert AES_KEY not in repr(KEY)
    assert "token'" not in repr(KEY)


@given(st.binary(max_size=400))
def test_what_is_encrypted_comes_back(message: bytes) -> None:
    sealed = encrypt(KEY, message)
    assert decrypt(KEY, sealed) == (message, CORP_ID)


@settings(max_examples=200)
@given(st.binary(min_size=0, max_size=96))
def test_noise_is_refused_in_words(noise: bytes) -> None:
    with pytest.raises(CallbackError):
        read_push(KEY, {"msg_signature": "0" * 40, "timestamp": "1", "nonce": "1"}, noise)


def test_a_push_of_the_sandbox_is_read_and_answered() -> None:
    push = PUSHER.push(EVENT)
    assert read_push(KEY, push.query, push.body) == EVENT
    assert verify_address(KEY, PUSHER.address_check("1234").query) == "1234"
    outer = parse_xml(reply(KEY, b"<xml><MsgType>text</MsgType></xml>", "1782800001", "77"))
    assert outer["MsgSignature"] == signature("token", "1782800001", "77", outer["Encrypt"])
    assert decrypt(KEY, outer["Encrypt"]) == (b"<xml><MsgType>text</MsgType></xml>", CORP_ID)


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>',
        b'<?xml version="1.0"?><! DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>',
        b'<!doctype x [<!entity e SYSTEM "http://127.0.0.1/">]><xml>&e;</xml>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x []><xml/>'.encode("utf-16"),
        b"<xml><Encrypt>" + b"A" * (2 << 20) + b"</Encrypt></xml>",
        b"<xml><Encrypt>",
        b"",
    ],
)
def test_hostile_or_broken_xml_is_refused(body: bytes) -> None:
    with pytest.raises(CallbackError):
        parse_xml(body)


# ------------------------------------------------------------------ events


@pytest.fixture(scope="module")
def life() -> list[dict[str, str]]:
    """What happens in a corp: contacts come and go, one of them twice."""
    corp = Corp(WecomState.read(PROJECT_ROOT / "data" / "sample" / "wecom.json"))
    moment = [corp.now()]
    corp.now = lambda: moment[0]
    found = []
    for userid in sorted(corp.state.contacts)[:6]:
        external = corp.contacts[userid][0]["external_contact"]
        moment[0] += 60
        found.append(corp.leaves(userid, external["external_userid"]))
        moment[0] += 60
        found.append(corp.adds(userid, external, state="store-qr"))
    found.append({**EVENT, "Event": "change_external_tag", "ChangeType": "delete", "Id": "et1", "TagType": "tag"})
    found.append({**EVENT, "Event": "change_of_tomorrow", "ChangeType": "unheard"})
    return found


def pushed(life: list[dict[str, str]], seed: int) -> list[dict[str, str]]:
    return [read_push(KEY, push.query, push.body) for push in PUSHER.disturbed(life, seed)]


def rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.drop("_row").sort("event_id").to_dicts()


@pytest.mark.parametrize("seed", range(5))
def test_events_are_the_same_however_often_and_in_whatever_order(life: list[dict[str, str]], seed: int) -> None:
    calm, refused = events(life, "calm")
    assert (calm.height, refused.height) == (len(life), 0)
    assert calm["event_id"].is_unique().all()
    disturbed, refused = events(pushed(life, seed), "disturbed")
    assert refused.height == 0
    assert rows(disturbed) == rows(calm)
    half = random.Random(seed).sample(life, len(life) // 2)
    landed, _ = events(half, "first")
    assert new_events(disturbed, landed).height == len(life) - len(half)


def test_an_event_has_its_columns_and_no_welcome_code(life: list[dict[str, str]]) -> None:
    found, _ = events(life, "file")
    added = found.filter(change_type="add_external_contact").row(0, named=True)
    assert (added["corp_id"], added["state"], added["event"]) == (CORP_ID, "store-qr", "change_external_contact")
    assert added["occurred_at"].year == 2026
    assert "WELCOME" not in str(found.to_dicts())
    assert found.filter(event="change_external_tag")["object_id"].to_list() == ["et1"]
    assert found.filter(event="change_of_tomorrow").height == 1  # an open list


def test_a_push_without_a_time_is_set_apart() -> None:
    broken = {name: value for name, value in EVENT.items() if name != "CreateTime"}
    found, refused = events([EVENT, broken], "file")
    assert found.height == 1
    assert refused["rule"].to_list() == ["occurred_at is required"]
