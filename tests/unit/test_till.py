"""The demo's payments and bills: what differs between them is what was planted, and both import without a bad row."""

from pathlib import Path

import polars as pl

from models.documents.mapping import Mapping
from models.settings import Settings
from pipelines.lake import Lake
from pipelines.sandbox import till
from pipelines.sandbox.world import sample
from pipelines.sources.bills.importing import import_bills
from pipelines.sources.files.importing import import_file


def _rows(lake: Lake, dataset: str) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(lake.root / one.path) for _, one in lake.files("landed", dataset)])


def test_the_bills_of_the_demo_differ_from_its_payments_where_it_was_planted(tmp_path: Path) -> None:
    folder, lake = tmp_path / "company", Lake(tmp_path / "lake")
    folder.mkdir()
    bills = till.write_payments(sample(), folder)
    assert sum(report.quarantined for bill in bills for report in import_bills(bill, lake=lake)) == 0
    mapping, settings = Mapping.load(folder / "payments.map.yaml"), Settings(home=tmp_path / "home")
    told = import_file(folder / "payments.csv", dataset="payments", mapping=mapping, lake=lake, settings=settings)
    assert told.quarantined == 0
    ours = _rows(lake, "payments").with_columns(pl.coalesce("platform_refund_id", "transaction_id").alias("entry_id"))
    billed = _rows(lake, "payment_bill_lines")
    both = ours.join(billed, on=("kind", "entry_id"), suffix="_billed")
    found = {
        "not_on_bill": ours.height - both.height,
        "not_in_ours": billed.height - both.height,
        "failed_in_ours": both.filter(pl.col("status") == "failed").height,
        "more_in_ours": both.filter(pl.col("amount") - pl.col("amount_billed").abs() == 100).height,
        "other_fee": both.filter(pl.col("fee_amount").abs() != pl.col("fee_amount_billed").abs()).height,
    }
    assert found == dict.fromkeys(till.DIFFERENCES, 2)
    assert both.filter(pl.col("amount") != pl.col("amount_billed").abs()).height == 2
