"""Hand-made workbooks of the sandbox go through the ordinary door: every receipt, none of the sums."""

import polars as pl
import pytest

from models.documents.mapping import Mapping
from models.settings import Settings
from pipelines.lake import Lake
from pipelines.sandbox.workbooks import receipts, write_workbooks
from pipelines.sandbox.world import World, sample
from pipelines.sources.files.importing import ImportReport, import_file


@pytest.fixture(scope="module")
def world() -> World:
    return sample()


@pytest.fixture(scope="module")
def imported(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, dict[str, ImportReport]]:
    folder = tmp_path_factory.mktemp("workbooks")
    settings = Settings(home=folder / "home")
    lake = Lake(settings.lake_dir)
    reports = {}
    for name, dataset in write_workbooks(world, folder).items():
        mapping = Mapping.load((folder / name).with_suffix(".map.yaml"))
        reports[name] = import_file(folder / name, dataset=dataset, mapping=mapping, lake=lake, settings=settings)
    return lake, reports


@pytest.mark.parametrize("store", ["S001", "S017"])
def test_every_receipt_of_a_register_lands_and_no_sum_does(
    store: str, world: World, imported: tuple[Lake, dict[str, ImportReport]]
) -> None:
    lake, reports = imported
    sold = receipts(world, store)
    landed = lake.read("landed", "orders").filter(pl.col("store_id") == store)
    assert landed.height == sold.height > 0
    assert landed["paid_amount"].sum() == sold["paid_amount"].sum()
    assert sorted(landed["order_id"].unique()) == sorted(sold["order_id"].unique())
    report = reports[f"pos-{store}.xlsx"]
    assert report.rows == report.accepted + report.quarantined + report.skipped
    assert report.quarantined == 1  # the remark below the table is no receipt, and is not dropped either
    rejected = lake.read("quarantine", "orders").filter(pl.col("file") == f"pos-{store}.xlsx")
    assert rejected["raw"].str.contains("制表").all()
    # merged dates reach every receipt of their day; a mainland phone typed as a number is the phone
    local = landed["ordered_at"].dt.offset_by("8h").dt.date()
    assert sorted(local.unique()) == sorted(sold["day"].unique())


def test_phones_typed_as_numbers_are_the_buyers(world: World, imported: tuple[Lake, dict[str, ImportReport]]) -> None:
    landed = imported[0].read("landed", "orders").filter(pl.col("store_id") == "S001")
    sold = receipts(world, "S001").drop_nulls("buyer_phone").filter(pl.col("buyer_phone").str.starts_with("+86"))
    assert set(sold["buyer_phone"]) <= set(landed["buyer_phone"].drop_nulls())


def test_members_and_stores_land_as_they_are(world: World, imported: tuple[Lake, dict[str, ImportReport]]) -> None:
    lake, reports = imported
    assert set(lake.read("landed", "members")["member_no"]) == set(world.members["member_no"].drop_nulls())
    stores = lake.read("landed", "stores").select("store_id", "store_type", "region", "opened_on").sort("store_id")
    assert stores.rows() == world.stores.select("store_id", "store_type", "region", "opened_on").sort("store_id").rows()
    assert {reports[name].quarantined for name in ("members.xlsx", "stores.xlsx")} == {0}
