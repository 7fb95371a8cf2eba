"""A company straight into a lake: contracts hold, rows add up, parts fit together, processes change no byte."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from models.contracts import BATCH_COLUMN, CONTRACTS, ROW_COLUMN, contract
from pipelines.lake import Lake
from pipelines.sandbox import generating, landing
from pipelines.sandbox.full import FullWorld
from pipelines.sandbox.generating import Order, generate_into
from pipelines.sandbox.switches import Effects, Traits

ORDER = Order(customers=700, seed=9, ends_on=date(2026, 6, 30), days=200, part_people=300)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(tmp_path_factory.mktemp("generated") / "lake")
    generate_into(made, ORDER)
    return made


def hashes(lake: Lake) -> dict[str, tuple[int, str]]:
    return {file.path: (file.rows, file.sha256) for entry in lake.entries() for file in entry.files}


def test_every_batch_adds_up_and_lies_in_its_order(lake: Lake) -> None:
    entries = lake.entries()
    assert [entry.source.removeprefix("sandbox:world/") for entry in entries] == [
        "company", "part-000", "late-000", "part-001", "late-001", "part-002", "late-002", "changes",
    ]  # fmt: skip
    for entry in entries:
        assert entry.accounting is not None
        assert entry.accounting.accepted == entry.accounting.rows == sum(file.rows for file in entry.files)
    assert lake.verify() == []
    assert lake.read("landed", "customers")["record_id"].is_unique().all()


@pytest.mark.parametrize("dataset", sorted({*landing.company(ORDER.company), *landing.changes(ORDER.company)}))
def test_tables_of_the_company_keep_their_contracts(lake: Lake, dataset: str) -> None:
    _keeps_contract(lake, dataset)


def test_facts_of_the_people_keep_their_contracts(lake: Lake) -> None:
    of_people = set(lake.datasets("landed")) - {"stores", "staff"}
    assert {"orders", "refunds", "app_events", "wecom_follows", "visits", "cards", "shop_statements"} <= of_people
    for dataset in sorted(of_people):
        _keeps_contract(lake, dataset)


def _keeps_contract(lake: Lake, dataset: str) -> None:
    of = contract(dataset)
    for _, file in lake.files("landed", dataset):
        rows = pl.read_parquet(lake.root / file.path)
        assert rows.schema == pl.Schema(of.file_dtypes)
        assert rows["_raw"].null_count() == rows.height
        assert rows[ROW_COLUMN].to_list() == list(range(1, rows.height + 1))
        of.schema.validate(rows.select(list(of.dtypes)), lazy=True)
        for rule in of.rules:
            assert rows.filter(rule.when & ~rule.holds.fill_null(False)).height == 0, f"{dataset}: {rule.message}"
        assert rows.select(of.key).is_unique().all(), dataset


def test_parts_share_the_company_and_no_number(lake: Lake) -> None:
    for dataset in set(lake.datasets("landed")) - {"stores", "staff"}:
        of = CONTRACTS[dataset]
        rows = lake.read("landed", dataset)
        assert rows.select(of.key).is_unique().all(), dataset
    phones = [FullWorld.one_part(ORDER.company, part).phones["phone"].unique() for part in range(3)]
    everywhere = pl.concat(phones)
    assert everywhere.is_unique().all()
    stores = lake.read("landed", "orders")["store_id"]
    assert stores.is_in(ORDER.company.stores["store_id"].implode()).all()


def test_every_order_lands_once_and_with_its_amount(lake: Lake) -> None:
    """Through its platform's datasets or as a file, never both."""
    worlds = [FullWorld.one_part(ORDER.company, part).world for part in range(3)]
    lines = pl.concat([world.order_lines for world in worlds]).group_by("store_id").agg(pl.col("paid_amount").sum())
    by_file = lake.read("landed", "orders").select("store_id", "paid_amount")
    by_platform = [
        lake.read("landed", name).select(pl.col("shop_id").alias("store_id"), pl.col("payment").alias("paid_amount"))
        for name in ("taobao_trade_lines", "youzan_trade_lines")
    ]
    landed = pl.concat([by_file, *by_platform]).group_by("store_id").agg(pl.col("paid_amount").sum())
    assert dict(landed.iter_rows()) == dict(lines.iter_rows())
    assert set(by_platform[0]["store_id"]) == {"S021", "S025"}
    for trades, of_lines in (("taobao_trades", "taobao_trade_lines"), ("youzan_trades", "youzan_trade_lines")):
        sums = lake.read("landed", of_lines).group_by("tid").agg(pl.col("payment").sum().alias("sum"))
        whole = lake.read("landed", trades).join(sums, on="tid")
        assert whole.height == lake.read("landed", trades).height > 20
        assert (whole["payment"] == whole["sum"]).all()
    refunds = pl.concat([world.refunds for world in worlds])["refund_amount"].sum()
    given_back = lake.read("landed", "refunds")["refund_amount"].sum() + sum(
        lake.read("landed", name)["refund_fee"].sum() for name in ("taobao_refunds", "youzan_refunds")
    )
    assert given_back == refunds


def test_some_orders_of_tills_come_later(lake: Lake) -> None:
    late = {entry.seq for entry in lake.entries() if "late" in entry.source}
    rows = {True: 0, False: 0}
    for entry, file in lake.files("landed", "orders"):
        frame = pl.read_parquet(lake.root / file.path)
        rows[entry.seq in late] += frame.height
    assert 0 < rows[True] < rows[False] / 50


def test_bills_hold_the_payments_and_their_refunds(lake: Lake) -> None:
    rows = lake.read("landed", "payment_bill_lines")
    assert set(rows["kind"]) == {"payment", "refund"}
    payments = rows.filter(pl.col("kind") == "payment").select(
        "transaction_id", pl.col("amount").alias("paid"), "occurred_at"
    )
    back = rows.filter(pl.col("kind") == "refund").join(payments, on="transaction_id", suffix="_paid")
    assert back.height == rows.filter(pl.col("kind") == "refund").height > 5
    assert (back["amount"] < 0).all()
    assert (-back["amount"] <= back["paid"]).all()
    assert (back["occurred_at"] > back["occurred_at_paid"]).all()
    per_minor = pl.when(pl.col("currency") == "JPY").then(100_000).otherwise(1_000)
    assert rows.filter(pl.col("fee_e5") != pl.col("fee_amount") * per_minor).is_empty()
    # an account settles in one currency
    assert (rows.group_by("account_id").agg(pl.col("currency").n_unique())["currency"] == 1).all()
    assert rows["currency"].n_unique() > 3
    beijing = (rows["occurred_at"] + timedelta(hours=8)).dt.date()
    assert (rows["bill_date"] == beijing).all()


def test_every_line_stands_on_one_bill_of_its_own_delivery_whose_sums_are_theirs(lake: Lake) -> None:
    """The accident: parts that share a bill, of which the warehouse takes the newest delivery and drops the others."""
    lines, bills = lake.read("landed", "payment_bill_lines"), lake.read("landed", "bills")
    amount = pl.col("amount")
    sums = lines.group_by("bill_id", BATCH_COLUMN, "channel", "account_id", "currency", "bill_date").agg(
        pl.len().cast(pl.Int64).alias("lines"),
        amount.clip(lower_bound=0).sum().alias("income_amount"),
        amount.clip(upper_bound=0).sum().alias("expense_amount"),
        pl.col("fee_e5").sum(),
    )
    stated = bills.with_columns(pl.col("starts_on").alias("bill_date")).select(sums.columns)
    assert_frame_equal(stated.sort("bill_id"), sums.sort("bill_id"))
    assert bills.select("channel", "account_id", "starts_on").is_unique().all()
    assert bills[BATCH_COLUMN].n_unique() == ORDER.parts
    assert (bills["ends_on"] == bills["starts_on"]).all()
    assert (bills["declared_lines"] == bills["lines"]).all()
    assert bills["sha256"].is_unique().all()
    named = bills.sort("bill_id").unique("channel", keep="first", maintain_order=True)
    assert named.select("bill_id", "bill_type", "file").rows() == [
        ("alipay:2088500000005501:trade:2025-12-13:2025-12-13", "trade", "20885000000055010156_20251213_业务明细.csv"),
        ("wechat_pay:1900005501:trade_all:2025-12-13:2025-12-13", "trade_all", "trade_bills-2025-12-13.csv"),
    ]
    chat = lake.read("landed", "wecom_payments").join(
        lines.filter(pl.col("kind") == "payment"), left_on="out_trade_no", right_on="order_id"
    )
    assert chat.height > 0
    assert (chat["mch_id"] == chat["account_id"]).all()


def test_what_changes_in_the_window_is_delivered_later(lake: Lake) -> None:
    first, later = (pl.read_parquet(lake.root / file.path) for _, file in lake.files("landed", "stores"))
    kinds = first.join(later, on="store_id").filter(pl.col("store_type") != pl.col("store_type_right"))
    assert set(kinds["store_id"]) == {"S003", "S012", "S015"}
    assert first["closed_on"].count() == 0
    assert later["closed_on"].count() == 1
    assert set(later["store_id"]) - set(first["store_id"]) == {"S031"}


@pytest.mark.slow
def test_two_processes_make_the_same_files_as_one(lake: Lake, tmp_path: Path) -> None:
    other = Lake(tmp_path / "lake")
    heard: list[tuple[int, int]] = []
    made = generate_into(other, ORDER, workers=2, on_part=lambda done, parts: heard.append((done, parts)))
    assert hashes(other) == hashes(lake)
    assert heard == [(1, 3), (2, 3), (3, 3)]
    assert made.batches == 8
    assert made.repeated == 0


@pytest.mark.slow
def test_a_process_that_fails_ends_all_of_them(tmp_path: Path) -> None:
    """The accident: the others wait for a turn that never comes."""
    broken = Lake(tmp_path / "lake")
    (broken.root / "landed").mkdir(parents=True)
    (broken.root / "landed" / "orders").write_text("no folder")
    with pytest.raises((OSError, RuntimeError)):
        generate_into(broken, ORDER, workers=2)
    assert [entry.source for entry in broken.entries()] == ["sandbox:world/company"]


def test_a_stopped_generation_goes_on_and_a_repeat_adds_nothing(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Lake(tmp_path / "lake")
    whole = generating._frames

    def dies(order: Order, number: int) -> dict[str, dict[str, pl.DataFrame]]:
        if number == 1:
            raise OSError("the disk is gone")
        return whole(order, number)

    monkeypatch.setattr(generating, "_frames", dies)
    with pytest.raises(OSError, match="gone"):
        generate_into(other, ORDER)
    assert other.head() == 3
    monkeypatch.setattr(generating, "_frames", whole)
    made = generate_into(other, ORDER)
    assert (made.batches, made.repeated) == (5, 3)
    assert hashes(other) == hashes(lake)
    again = generate_into(other, ORDER)
    assert (again.batches, again.repeated) == (0, 8)
    assert (
        again.rows
        == made.rows
        == {name: sum(file.rows for _, file in lake.files("landed", name)) for name in lake.datasets("landed")}
    )


def test_another_seed_or_switch_is_another_batch() -> None:
    others = [
        Order(700, 10, ORDER.ends_on, ORDER.days, part_people=300),
        Order(700, 9, ORDER.ends_on, ORDER.days, traits=Traits.off(), part_people=300),
        Order(700, 9, ORDER.ends_on, ORDER.days, effects=Effects.off(), part_people=300),
    ]
    assert len({order.key("part-000") for order in (ORDER, *others)}) == 4
    with pytest.raises(ValueError, match="1 to 4,000,000 customers"):
        generate_into(Lake(Path("nowhere")), Order(0, 1, ORDER.ends_on))
