"""The sandbox's WeChat Pay as an independent client sees it: wechatpayv3, unchanged but for the base address.

Its signing, its check of our signatures and its reading of our errors are another author's: a sandbox that only our own
connector understands would prove nothing.
"""

import gzip
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines.sandbox.server import serving
from pipelines.sandbox.wechat_pay import PLATFORM_KEY_ID, SERIAL, Keys, WechatPayFace, create_app
from pipelines.sandbox.wechat_pay_bills import APP_ID, MERCHANT, MerchantBooks
from pipelines.sandbox.world import World
from pipelines.sources.bills.judging import judge
from pipelines.sources.bills.lines import Told
from pipelines.sources.bills.reading import read_bill, unpacked

wechatpayv3 = pytest.importorskip("wechatpayv3", reason="the independent client is not installed (dev group)")

TODAY = datetime.now(UTC)  # the client signs with the real clock


@pytest.fixture(scope="module")
def books() -> MerchantBooks:
    return MerchantBooks.of(World.generate(500, seed=3, ends_on=TODAY.date() + timedelta(days=1), days=60))


@pytest.fixture(scope="module")
def client(books: MerchantBooks) -> Iterator[Any]:
    keys = Keys.make()
    with serving(create_app(WechatPayFace(books, keys))) as address:
        made = wechatpayv3.WeChatPay(
            wechatpay_type=wechatpayv3.WeChatPayType.MINIPROG,
            mchid=MERCHANT,
            private_key=keys.merchant_private.decode(),
            cert_serial_no=SERIAL,
            appid=APP_ID,
            apiv3_key="0" * 32,
            notify_url="https://example.invalid/notify",
            public_key=keys.platform_public.decode(),
            public_key_id=PLATFORM_KEY_ID,
        )
        made._core._gate_way = address  # the only change: the client has no option for it
        yield made


def days(books: MerchantBooks) -> list[str]:
    """Days with payments whose bills are there, newest first."""
    found = books.payments["paid_at"].dt.date().unique().sort(descending=True).to_list()
    last = TODAY.date() - timedelta(days=3)
    return [day.isoformat() for day in found if day <= last][:5]


@pytest.mark.parametrize("kind", ["trade_bill", "fundflow_bill"])
def test_a_bill_is_asked_for_proven_fetched_and_read(client: Any, books: MerchantBooks, kind: str) -> None:
    for day in days(books):
        status, answer = getattr(client, kind)(bill_date=day)
        assert status == 200
        found = json.loads(answer)
        status, packed = client.download_bill(found["download_url"])
        content = gzip.decompress(packed)
        assert status == 200 and hashlib.sha1(content).hexdigest() == found["hash_value"]
        (member,) = unpacked("bill.csv", packed)
        bill = read_bill(member)
        assert bill is not None
        judged = judge(bill, Told(account_id=MERCHANT))
        assert judged.accounting.accepted == judged.accounting.rows > 0


def test_errors_come_as_the_client_expects_them(client: Any) -> None:
    for day, code in (
        (TODAY.date() + timedelta(days=2), "INVALID_REQUEST"),
        (TODAY.date() - timedelta(days=200), "INVALID_REQUEST"),
    ):
        status, answer = client.trade_bill(bill_date=day.isoformat())
        assert (status, json.loads(answer)["code"]) == (400, code)
    status, answer = client.trade_bill(bill_date="yesterday")
    assert (status, json.loads(answer)["code"]) == (400, "PARAM_ERROR")


def test_a_request_that_somebody_else_signed_is_refused(client: Any) -> None:
    own = client._core._private_key
    client._core._private_key = wechatpayv3.utils.load_private_key(Keys.make().merchant_private.decode())
    try:
        status, answer = client.trade_bill(bill_date=(TODAY.date() - timedelta(days=5)).isoformat())
    finally:
        client._core._private_key = own
    assert (status, json.loads(answer)["code"]) == (401, "SIGN_ERROR")
