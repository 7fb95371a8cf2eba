"""What Taobao, Youzan and the payment channels hold of the full company.

Accidents it prevents: a trade that waits for its buyer for years; one that is finished before it came; a bill in two
currencies; a refund without a line; a cipher of the week by which a person could be followed.
"""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from pipelines.sandbox import merchants, notation, platform_orders, taobao_shop, youzan_shop
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.wechat_pay_bills import FLOAT, MerchantBooks

ENDS = date(2026, 6, 30)


@pytest.fixture(scope="module")
def full() -> FullWorld:
    return FullWorld.generate(900, 11, ENDS, days=150)


def test_amounts_and_moments_as_the_platforms_write_them() -> None:
    assert [notation.yuan(fen) for fen in (0, 5, 100, 123_456)] == ["0.00", "0.05", "1.00", "1234.56"]
    moment = datetime(2026, 6, 30, 16, 0, 1, tzinfo=UTC).replace(tzinfo=None)
    assert notation.civil(moment) == "2026-07-01 00:00:01"


@pytest.mark.parametrize("platform", platform_orders.PLATFORMS)
def test_a_trade_stands_where_its_parcel_does(full: FullWorld, platform: str) -> None:
    state = platform_orders.taobao_state() if platform == "taobao" else platform_orders.youzan_state()
    trades = platform_orders.trades(full, platform).with_columns(state.alias("state"))
    ends = pl.lit(ENDS).cast(pl.Datetime("us")) + pl.duration(hours=16)
    waiting = trades.filter(pl.col("state") == "WAIT_BUYER_PAY")
    assert waiting.filter(pl.col("ordered_at") < ends - platform_orders.UNPAID_CLOSES_AFTER).is_empty()
    closed = trades.filter(pl.col("closed_at").is_not_null())
    assert closed.height > 0
    assert closed["state"].str.starts_with("TRADE_CLOSED").all()
    assert closed["paid_at"].null_count() == closed.height
    assert (closed["modified_at"] >= closed["closed_at"]).all()
    finished = trades.filter(pl.col("state").is_in(["TRADE_FINISHED", "TRADE_SUCCESS"]))
    assert finished["received_at"].null_count() == 0
    on_the_way = trades.filter(pl.col("state") == "WAIT_BUYER_CONFIRM_GOODS")
    assert on_the_way.filter(pl.col("shipped_at").is_null() | pl.col("received_at").is_not_null()).is_empty()
    packed = trades.filter(pl.col("state") == "WAIT_SELLER_SEND_GOODS")
    assert packed.filter(pl.col("paid_at").is_null() | pl.col("shipped_at").is_not_null()).is_empty()


def test_a_trade_that_went_back_whole_is_closed_at_youzan(full: FullWorld) -> None:
    shop = youzan_shop.branch(full)
    given_back: dict[str, int] = {}
    for refund in shop.refunds.values():
        given_back[refund["tid"]] = given_back.get(refund["tid"], 0) + _fen(refund["refund_fee"])
    seen = set()
    for tid, trade in shop.trades.items():
        info, paid = trade["full_order_info"]["order_info"], _fen(trade["full_order_info"]["pay_info"]["payment"])
        back = given_back.get(tid, 0)
        expected = 12 if back >= paid else 2 if back else 0
        assert info["refund_state"] == expected
        assert (info["status"] == "TRADE_CLOSED" and info["close_type"] == 2) == (expected == 12)
        seen.add(expected)
    assert seen == {0, 2, 12}


def test_lines_and_refunds_add_up_to_their_trade(full: FullWorld) -> None:
    for store_id in (taobao_shop.STORE_ID, taobao_shop.CLUB_STORE_ID):
        shop = taobao_shop.shop(full, store_id)
        for trade in shop.trades.values():
            lines = trade["orders"]["order"]
            assert _fen(trade["payment"]) == sum(_fen(line["payment"]) for line in lines)
            assert _fen(trade["total_fee"]) - _fen(trade["discount_fee"]) == _fen(trade["payment"])
            for line in lines:
                gross = _fen(line["price"]) * line["num"]
                assert _fen(line["total_fee"]) == gross - _fen(line["discount_fee"])
                assert (line["refund_status"] == "SUCCESS") == ("refund_id" in line)
            refunded = sum(_fen(one["refund_fee"]) for one in shop.refunds.values() if one["tid"] == trade["tid"])
            finished = trade["status"] == "TRADE_FINISHED"
            assert _fen(trade["received_payment"]) == (_fen(trade["payment"]) - refunded if finished else 0)
        oids = {line["oid"] for trade in shop.trades.values() for line in trade["orders"]["order"]}
        for refund in shop.refunds.values():
            assert refund["oid"].startswith(refund["tid"])
            assert (refund["oid"] in oids) == (refund["tid"] in shop.trades)
            assert refund["buyer_open_uid"]
        amount = full.world.refunds.filter(pl.col("store_id") == store_id)["refund_amount"].sum()
        assert sum(_fen(one["refund_fee"]) for one in shop.refunds.values()) == amount


def test_the_cipher_of_a_receiver_says_nothing_of_the_person(full: FullWorld) -> None:
    trades = platform_orders.trades(full, "taobao").with_columns(platform_orders.oaid().alias("oaid"))
    number = trades["receiver_person_id"].str.slice(1).str.strip_chars_start("0")
    assert not any(
        text.endswith(person) for text, person in zip(trades["oaid"], number, strict=True) if len(person) > 2
    )
    known = ["receiver_person_id", "store_id"]
    weeks = trades.group_by(known).agg(
        pl.col("oaid").n_unique(), (pl.col("ordered_at") + pl.duration(hours=8)).dt.truncate("1w").n_unique()
    )
    assert (weeks["oaid"] == weeks["ordered_at"]).all()
    assert weeks["oaid"].max() > 2
    assert trades.group_by("oaid").agg(pl.struct(known).n_unique().alias("n"))["n"].max() == 1


def test_an_account_settles_in_one_currency_and_refunds_give_their_fee_back(full: FullWorld) -> None:
    paid = merchants.payments(full)
    assert (paid.group_by("account_id").agg(pl.col("currency").n_unique())["currency"] == 1).all()
    assert set(paid["channel"]) == {"wechat_pay", "alipay"}
    back = merchants.given_back(full, paid)
    of_payment = paid.select("transaction_id", pl.col("amount").alias("whole"), pl.col("fee").alias("of_whole"))
    both = back.join(of_payment, on="transaction_id")
    assert both.height == back.height > 20
    assert (both["fee"] <= both["of_whole"]).all()
    exact = both["of_whole"] * both["amount"] / both["whole"]
    assert ((both["fee"] - exact).abs() <= 0.5).all()
    yen = paid.filter(pl.col("currency") == "JPY")
    assert yen.height > 0
    assert (yen["fee_e5"] == yen["fee"] * 100_000).all()
    with pytest.raises(KeyError):
        merchants.account("wechat_pay", "USD")


def test_the_merchants_account_holds_what_came_and_did_not_go(full: FullWorld) -> None:
    books = MerchantBooks.of_company(full)
    assert books.merchant_id == merchants.account("wechat_pay", "CNY")
    paid = full.payments.filter((pl.col("channel") == "wechat_pay") & (pl.col("currency") == "CNY"))
    assert sorted(books.payments["transaction_id"]) == sorted(paid["transaction_id"])
    assert books.splits.is_empty()
    signs = pl.when(pl.col("direction") == "收入").then(1).otherwise(-1)
    assert books.movements["balance"][-1] == FLOAT + books.movements.select((pl.col("amount") * signs).sum()).item()
    day = ENDS - timedelta(days=20)
    text = books.trade_bill(day, "ALL")
    assert text is not None
    assert text.count("`MICROPAY") + text.count("`JSAPI") == len(text.splitlines()) - 3
    shops = {line.split(",`")[21] for line in text.splitlines()[1:-2]}
    assert shops <= set(full.company.stores["store_id"])
    assert len(shops) > 3


def _fen(yuan: str) -> int:
    whole, rest = yuan.split(".")
    return int(whole) * 100 + int(rest)
