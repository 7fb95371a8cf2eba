"""The file door: exactly once, fully accounted, routed, keyed, handed back."""

import csv
import json
from pathlib import Path

import polars as pl
import pytest

from models.documents.mapping import Mapping
from models.settings import Settings
from pipelines.lake import Lake, LakeError
from pipelines.sources.files.handing_back import export_rejects, listing
from pipelines.sources.files.importing import FileRefusedError, import_file
from tests.conftest import PROJECT_ROOT, dataset
from tests.factories_files import HEADER, LINE, ORDERS_MAP, Door, lines

NUMBERED_MAP = ORDERS_MAP.replace("{order_id:", "{line_no: 行号, order_id:")
CONSENTS_MAP = """
dataset: consents
constants: {timezone: Asia/Shanghai, purpose: marketing}
columns: {identifier_type: type, identifier: who, channel: channel, state: state, decided_at: at}
"""
CUSTOMERS_MAP = "dataset: customers\ncolumns: {record_id: id, name: name, phone: phone, registered_at: at}\n"


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def test_the_same_bytes_with_the_same_map_are_a_no_op_under_any_name(door: Door) -> None:
    first = door.send("january.csv", lines("1", "2"))
    again = door.send("copy of january.csv", lines("1", "2"))
    assert (first.repeated, again.repeated) == (False, True)
    assert (again.seq, again.rows, again.accepted) == (first.seq, 2, 2)
    assert again.parts == first.parts
    assert door.landed().height == 2


def test_another_map_or_other_defaults_make_another_batch(door: Door) -> None:
    door.send("a.csv", lines("1"))
    assert not door.send("a.csv", lines("1"), ORDERS_MAP.replace("S1", "S2")).repeated
    without = ORDERS_MAP.replace("currency: CNY, ", "")
    assert door.send("a.csv", lines("1"), without).repeated  # the company's currency is CNY
    settings = Settings(home=door.folder, currency="HKD")
    path = door.folder / "a.csv"
    report = import_file(
        path, dataset="orders", mapping=Mapping.parse(without, name="m"), lake=door.lake, settings=settings
    )
    assert not report.repeated


def test_only_the_last_part_of_the_name_is_kept(door: Door) -> None:
    door.send("private.csv", lines("1") + "2,x\n")
    manifest = (door.folder / "lake" / "manifest.jsonl").read_text()
    assert "file:private.csv" in manifest
    assert str(door.folder) not in manifest
    assert door.rejected()["file"].to_list() == ["private.csv"]


def test_the_report_is_json_and_adds_up(door: Door) -> None:
    report = door.send("a.csv", lines("1", "2") + "合计,,,,,,\n\n3\n").as_dict()
    assert json.loads(json.dumps(report)) == report
    assert report["rows"] == 5 == report["accepted"] + report["quarantined"] + report["skipped"]
    assert report["skipped_for"] == {"blank": 1, "total": 1, "duplicate": 0}
    assert report["datasets"] == {"orders": {"accepted": 2, "quarantined": 1}}


def test_unknown_columns_and_the_untouched_cells_live_in_raw(door: Door) -> None:
    door.send("a.csv", HEADER + ",备注\n" + LINE.format(order=" ０１ ") + ",留言\n")
    row = door.landed().row(0, named=True)
    assert row["order_id"] == "01"
    assert json.loads(row["_raw"])["订单号"] == " ０１ "
    assert json.loads(row["_raw"])["备注"] == "留言"
    assert "备注" not in row


def test_duplicates_are_kept_unless_the_map_drops_them(door: Door) -> None:
    twice = lines("1", "1", "2")
    assert door.send("a.csv", twice).accepted == 3
    report = door.send("a.csv", twice, ORDERS_MAP + "duplicates: drop\n")
    assert (report.accepted, report.skipped, report.skipped_for["duplicate"]) == (2, 1, 1)


def test_a_key_that_comes_twice_counts_once_or_goes_to_quarantine_whole(door: Door) -> None:
    """Two rows of one key would break the grain of the warehouse; which of two different ones is right nobody knows."""
    text = "行号," + HEADER + "\n"
    for number, order, product in (("1", "A", "x"), ("1", "A", "x"), ("1", "B", "x"), ("1", "B", "y"), ("2", "B", "x")):
        text += f"{number}," + LINE.format(order=order).replace("SKU-1", product) + "\n"
    report = door.send("a.csv", text, NUMBERED_MAP)
    assert (report.accepted, report.quarantined, report.skipped) == (2, 2, 1)
    assert sorted(door.landed().select("order_id", "line_no").rows()) == [("A", "1"), ("B", "2")]
    assert door.rejected()["row"].to_list() == [3, 4]


def test_rows_are_sorted_out_whatever_their_order(door: Door) -> None:
    rows = [LINE.format(order=str(n)) for n in range(50)] + [LINE.format(order="9").replace(",1,", ",-1,")] * 3
    forward = door.send("a.csv", "\n".join([HEADER, *rows]))
    backward = door.send("b.csv", "\n".join([HEADER, *reversed(rows)]))
    assert (forward.accepted, forward.quarantined) == (backward.accepted, backward.quarantined) == (50, 3)
    columns = [name for name in door.landed().columns if name not in ("_row", "_batch")]
    one, two = (part.select(columns).sort("order_id") for part in door.landed().partition_by("_batch"))
    assert one.equals(two)


def test_a_row_with_several_faults_names_them_all_and_counts_once(door: Door) -> None:
    report = door.send("a.csv", HEADER + "\n1,never,,-1,0,1.005,13800001111\n")
    assert report.quarantined == 1
    assert sorted(door.rejected()["column"]) == ["ordered_at", "paid_amount", "product_id", "quantity", "unit_price"]


def test_what_a_line_must_say_together_is_checked_at_the_door(door: Door) -> None:
    """Each of these would stop a whole run later: an amount below zero, one beyond 64 bits, a refund of nothing."""
    mapping = ORDERS_MAP.replace("buyer_phone: 手机", "discount: 手机")
    cells = ["1,10.00,,10.00", "1,10.00,,10.01", "1,0.995,,1.00", "1,0.9949,,1.00", "1,10.00,3.00,99.00",
             "900000000000,900000000000,3.00,0"]  # fmt: skip
    rows = [f"{n},2026-01-05,A,{quantity_price_paid_discount}" for n, quantity_price_paid_discount in enumerate(cells)]
    report = door.send("a.csv", "\n".join([HEADER, *rows]) + "\n", mapping)
    assert (report.accepted, report.quarantined) == (3, 3)
    assert door.landed()["order_id"].to_list() == ["0", "2", "4"]
    assert door.rejected().select("row", "column").rows() == [(2, "discount"), (4, "discount"), (6, "unit_price")]
    assert door.rejected()["value"].to_list() == ["10.01", "1.00", "900000000000"]
    refunds = "dataset: refunds\nconstants: {currency: CNY}\ncolumns: {refund_id: id, refunded_at: at, quantity: n,"
    text = "id,at,n,price,amount\n1,2026-01-05,1,2,\n2,2026-01-05,,,5\n3,2026-01-05,1,,\n4,2026-01-05,x,2,\n"
    report = door.send("r.csv", text, refunds + " unit_price: price, refund_amount: amount}")
    assert (report.accepted, report.quarantined) == (2, 2)
    assert door.rejected("refunds").select("row", "column").rows() == [(3, "refund_amount"), (4, "quantity")]


def test_the_value_of_a_reject_is_the_cell_and_personal_ones_are_masked(door: Door) -> None:
    door.send("a.csv", lines("1").replace("12.50,12.50", '12.50,"-1,299.50"'))
    assert door.rejected()["value"].to_list() == ["-1,299.50"]
    text = "type,who,channel,state,at\nphone,1380000111,sms,granted,2026-01-05\n"
    door.send("c.csv", text, CONSENTS_MAP)
    assert door.rejected("consents")["value"].to_list() == ["138***0111"]


def test_routes_send_rows_to_another_dataset_with_their_own_columns(door: Door) -> None:
    mapping = (
        ORDERS_MAP
        + """
routes:
  - when: {column: 订单号, starts_with: C}
    dataset: refunds
    columns: {refund_id: 订单号, refunded_at: 下单时间, quantity: {from: 数量, format: negate}, refund_amount: 实付}
"""
    )
    text = lines("1", "C2").replace("C2,2026-01-05 09:30:00,SKU-1,1", "C2,2026-01-05 09:30:00,SKU-1,-3")
    report = door.send("a.csv", text + LINE.format(order="C3") + "\n", mapping)
    assert report.parts == {
        "orders": {"accepted": 1, "quarantined": 0},
        "refunds": {"accepted": 1, "quarantined": 1},
    }
    refund = door.landed("refunds").row(0, named=True)
    assert (refund["refund_id"], int(refund["quantity"]), refund["refund_amount"]) == ("C2", 3, 1250)
    assert (refund["store_id"], refund["currency"], refund["order_id"]) == ("S1", "CNY", None)
    assert door.rejected("refunds")["rule"].to_list() == ["quantity must be above zero"]


def test_consents_go_to_the_ledger_first_and_only_there(door: Door) -> None:
    text = (
        "type,who,channel,state,at\nphone,138 0000 1111,sms,granted,2026-01-05\n"
        "unionid, oABC ,any,withdrawn,2026-01-05\nphone,12345,sms,granted,2026-01-05\nphone,13800001111,sms,maybe,x\n"
    )
    report = door.send("c.csv", text, CONSENTS_MAP)
    assert (report.accepted, report.quarantined) == (2, 2)
    (appended,) = door.ledger.batches.values()
    assert appended["identifier"].to_list() == ["+8613800001111", "oABC"]
    assert {file.zone for entry in door.lake.entries() for file in entry.files} == {"quarantine"}
    assert door.send("c.csv", text, CONSENTS_MAP).repeated
    assert len(door.ledger.batches) == 1


def test_a_crash_between_ledger_and_lake_is_mended_by_importing_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "type,who,channel,state,at\nphone,13800001111,sms,granted,2026-01-05\n"

    def dies(*_: object, **__: object) -> None:
        raise LakeError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "commit", dies)
        with pytest.raises(LakeError):
            door.send("c.csv", text, CONSENTS_MAP)
    assert door.send("c.csv", text, CONSENTS_MAP).accepted == 1
    assert sum(frame.height for frame in door.ledger.batches.values()) == 1


def test_a_missing_column_names_itself_the_header_and_the_remedy(door: Door) -> None:
    with pytest.raises(FileRefusedError) as caught:
        door.send("a.csv", lines("1").replace("实付", "应付"))
    message = str(caught.value)
    for part in ("a.csv", "'实付'", "orders.paid_amount", "应付", "Correct the name"):
        assert part in message


def test_without_a_map_a_clear_file_is_imported_and_an_unclear_one_refused(door: Door) -> None:
    clear = door.file("c.csv", "id,name,phone,registered_at\n1,张三,13800001111,2026-01-05\n")
    report = import_file(clear, dataset="customers", mapping=None, lake=door.lake, settings=door.settings)
    assert report.accepted == 1
    unclear = door.file("d.csv", "a,b\n1,2\n")
    with pytest.raises(FileRefusedError, match=r"record_id, registered_at.*header is: a, b"):
        import_file(unclear, dataset="customers", mapping=None, lake=door.lake, settings=door.settings)


def test_the_map_must_be_for_the_dataset(door: Door) -> None:
    path = door.file("a.csv", lines("1"))
    with pytest.raises(FileRefusedError, match="the mapping is for orders, not for refunds"):
        import_file(
            path,
            dataset="refunds",
            mapping=Mapping.parse(ORDERS_MAP, name="m"),
            lake=door.lake,
            settings=door.settings,
        )


def test_a_repaired_file_of_rejects_lands_and_what_is_not_repaired_comes_back(door: Door) -> None:
    """The order has a good line too: it comes along, because the newest batch replaces the whole order."""
    text = lines("1", "1", "2").replace("SKU-1,1,", "=A1,-1,", 1) + "3,x\n" + LINE.format(order="4") + ",extra\n"
    assert door.send("a.csv", text).quarantined == 3
    repair = door.folder / "repair.csv"
    assert export_rejects(door.lake, repair).rows == 3
    assert repair.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(repair.read_text(encoding="utf-8-sig").splitlines()))
    assert rows[0] == [*HEADER.split(","), "_extra_1", "_problem"]
    assert [row[0] for row in rows[1:]] == ["1", "1", "3", "4"]
    assert [bool(row[-1]) for row in rows[1:]] == [True, False, True, True]
    assert rows[1][2:4] == ["'=A1", "-1"]
    unchanged = door.send_file(repair)
    assert (unchanged.accepted, unchanged.quarantined) == (1, 3)
    fixed = repair.read_text(encoding="utf-8-sig").replace("'=A1,-1,", "'=A1,1,").replace(",extra,", ",,")
    report = door.send("repaired.csv", fixed)
    assert (report.accepted, report.quarantined) == (3, 1)
    newest = door.landed().filter(pl.col("_batch") == door.lake.entries()[-1].key)
    assert sorted(newest["product_id"]) == ["=A1", "SKU-1", "SKU-1"]


def test_what_a_later_file_said_is_not_undone_by_a_repair(door: Door) -> None:
    """Both orders had a bad line; the first came again, corrected: handing it back would bring the old price."""
    bad = lines("1", "1", "2", "2").replace("SKU-1,1,", "SKU-1,-1,", 1)
    head, tail = bad.rsplit("SKU-1,1,", 1)
    door.send("a.csv", f"{head}SKU-1,-1,{tail}")
    assert listing(door.lake)["rows"].to_list() == [2]
    door.send("corrected.csv", lines("1").replace("12.50,12.50", "12.50,11.00"))
    assert listing(door.lake)["rows"].to_list() == [1]
    repair = door.folder / "repair.csv"
    assert export_rejects(door.lake, repair).rows == 1
    text = repair.read_text(encoding="utf-8-sig")
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["2", "2"]
    door.send("still bad.csv", text.replace("-1,", "0,"))
    assert listing(door.lake)["file"].to_list() == ["still bad.csv"], "the newest batch speaks for the order"
    assert export_rejects(door.lake, repair).rows == 1
    door.send("good.csv", repair.read_text(encoding="utf-8-sig").replace(",0,", ",1,"))
    assert listing(door.lake).is_empty()
    assert export_rejects(door.lake, repair).rows == 0


def test_what_is_handed_back_comes_with_the_map_that_reads_it(door: Door) -> None:
    """The source had its header on row 3 and semicolons; what is handed back is a plain CSV."""
    mapping = "format: {header_row: 3, delimiter: ';'}" + ORDERS_MAP
    text = "一月;导出\n\n" + lines("1").replace(",", ";").replace(";1;", ";-1;")
    assert door.send("a.csv", text, mapping).quarantined == 1
    repair = door.folder / "repair.csv"
    handed = export_rejects(door.lake, repair)
    assert handed.mapping is not None
    repair.write_text(repair.read_text(encoding="utf-8-sig").replace(",-1,", ",1,"), encoding="utf-8-sig")
    assert door.send_file(repair, handed.mapping.dump()).accepted == 1


def test_rejects_of_files_with_different_headers_are_not_mixed(door: Door) -> None:
    door.send("a.csv", lines("1") + "2,x\n")
    door.send("c.csv", "id,name,phone,at\n1,x,,never\n", CUSTOMERS_MAP)
    with pytest.raises(FileRefusedError, match=r"a\.csv, c\.csv"):
        export_rejects(door.lake, door.folder / "r.csv")
    assert export_rejects(door.lake, door.folder / "r.csv", dataset="customers").rows == 1
    assert export_rejects(door.lake, door.folder / "r.csv", file="a.csv").rows == 1
    assert export_rejects(door.lake, door.folder / "none.csv", file="z.csv").rows == 0
    assert not (door.folder / "none.csv").exists()


def test_a_better_map_for_the_same_file_replaces_its_rejects(door: Door) -> None:
    text = lines("1").replace("2026-01-05 09:30:00", "05/01/2026")
    assert door.send("a.csv", text).quarantined == 1
    mapping = ORDERS_MAP.replace("ordered_at: 下单时间", "ordered_at: {from: 下单时间, format: '%d/%m/%Y'}")
    assert door.send("a.csv", text, mapping).accepted == 1
    assert export_rejects(door.lake, door.folder / "r.csv").rows == 0


@pytest.mark.slow
def test_a_year_of_a_real_shop_is_accounted_to_the_last_row(door: Door) -> None:
    """541,909 lines: 9,288 cancellations become refunds, 2,517 lines without a positive price go to quarantine."""
    path = dataset("online_retail") / "online_retail.parquet"
    mapping = Mapping.load(PROJECT_ROOT / "data" / "reference" / "maps" / "online_retail.yaml")
    report = import_file(path, dataset="orders", mapping=mapping, lake=door.lake, settings=door.settings)
    assert (report.rows, report.accepted, report.quarantined, report.skipped) == (541_909, 539_392, 2_517, 0)
    assert report.parts["refunds"] == {"accepted": 9_288, "quarantined": 0}
    landed = door.landed()
    truth = pl.read_parquet(path).filter(pl.col("UnitPrice") > 0, pl.col("Quantity") > 0)
    assert landed.height == truth.height
    assert landed["unit_price"].cast(pl.Float64).sum() == pytest.approx(truth["UnitPrice"].sum(), rel=1e-12)
    assert landed["buyer_member_no"].null_count() == truth["CustomerID"].null_count()
    assert landed.filter(pl.col("unit_price").cast(pl.Float64) < 0.01).height == 4
