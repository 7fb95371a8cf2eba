"""Exports: no live formula, nobody who withdrew, every file audited, nothing outside the folder."""

import csv
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import openpyxl
import polars as pl
import pytest
from typer.testing import CliRunner

from models.audiences.selection import AudienceRefusedError, select
from models.documents.audience import AudienceDocument, load_audiences
from models.serving import Snapshots, Viewer, read_pointer, write_pointer
from models.settings import PROJECT_ROOT
from models.store import ExportedFile, LedgerPosition, Store, StoreError
from models.store.exports import ExportAudit
from pipelines.channels.file import ExportError, ExportReport, export_audience
from pipelines.commands import audiences, consents
from tests.factories_snapshot import build_snapshot
from tests.unit.test_formulas import CANARIES

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 7, 1)
OWNER = Viewer.owner_of_the_company()
PEOPLE = 30


@pytest.fixture
def published(tmp_path: Path) -> Path:
    build_snapshot(tmp_path / "published", customers=PEOPLE)
    return tmp_path / "published"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Everybody agreed to marketing by SMS."""
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        decide(opened, "granted", range(PEOPLE))
        yield opened


def republish(folder: Path, *statements: str, parameters: Mapping[str, object] | None = None) -> None:
    """Change the published tables and publish the changed file."""
    pointer = read_pointer(folder)
    assert pointer is not None
    with duckdb.connect(folder / pointer.file) as connection:
        for statement in statements:
            connection.execute(statement, parameters or {})
    content = (folder / pointer.file).read_bytes()
    changed = replace(
        pointer,
        publication=pointer.publication + 1,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
    )
    write_pointer(folder, changed)


def decide(store: Store, state: str, numbers: Any, channel: str = "sms", purpose: str = "marketing") -> None:
    rows = pl.DataFrame({"n": list(numbers)}).select(
        pl.col("n").alias("_row"),
        pl.lit("phone").alias("identifier_type"),
        pl.lit("+86138").add(pl.col("n").cast(pl.String).str.zfill(8)).alias("identifier"),
        pl.lit(purpose).alias("purpose"),
        pl.lit(channel).alias("channel"),
        pl.lit(state).alias("state"),
        pl.lit(datetime(2026, 1, 1) if state == "granted" else NOW).alias("decided_at"),
    )
    store.consents.append(rows, f"{state}-{channel}-{purpose}-{sorted(numbers)}")


def everybody(**given: Any) -> AudienceDocument:
    defaults = {
        "name": "everybody",
        "title": {"zh": "=所有人", "en": "=1+1 everybody"},
        "purpose": "marketing",
        "channel": "sms",
        "identifier": "phone",
        "conditions": {"field": "customer_id", "op": "not_null"},
        "columns": ["name", "score_ppm", "birth_date", "is_wecom_contact", "last_order_at"],
    }
    return AudienceDocument.model_validate({**defaults, **given})


@pytest.fixture
def export(published: Path, store: Store, tmp_path: Path) -> Callable[..., ExportReport]:
    def run(document: AudienceDocument | None = None, **given: Any) -> ExportReport:
        settings: dict[str, Any] = {
            "source": Snapshots(published),
            "store": store,
            "viewer": OWNER,
            "folder": tmp_path / "exports",
            "now": NOW,
            "zone": SHANGHAI,
        }
        return export_audience(document or everybody(), **{**settings, **given})

    return run


def csv_rows(report: ExportReport) -> list[dict[str, str]]:
    content = report.files[0].path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(content.decode("utf-8-sig").splitlines(keepends=True), strict=True))


def xlsx_cells(report: ExportReport) -> list[list[Any]]:
    return [list(row) for row in openpyxl.load_workbook(report.files[-1].path).active.iter_rows()]


# ------------------------------------------------------------------ formulas


def test_no_cell_of_an_export_is_a_live_formula(published: Path, export: Callable[..., ExportReport]) -> None:
    for number, (value, _) in enumerate(CANARIES):
        republish(
            published,
            "update customers set name = $name where customer_id = $customer_id",
            parameters={"name": value, "customer_id": f"C{number:06d}"},
        )
    republish(published, "update churn_scores set score_ppm = -score_ppm")
    report = export()
    expected = {
        f"C{number:06d}": ("'" + value if guarded else value) for number, (value, guarded) in enumerate(CANARIES)
    }
    rows = {row["customer_id"]: row for row in csv_rows(report)}
    cells = {row[0].value: row for row in xlsx_cells(report)[1:]}
    assert len(rows) == len(cells) == PEOPLE == report.rows
    for customer, name in expected.items():
        assert rows[customer]["name"] == name
        if "\r" not in name:  # XML readers turn a carriage return into a line feed
            assert cells[customer][2].value == name
    for row in cells.values():
        assert [cell.data_type for cell in row if cell.value is not None] == ["s", "s", "s", "n", "d", "b", "d"]
        assert row[3].value < 0
    assert all(int(row["score_ppm"]) < 0 for row in rows.values())
    assert all(row["phone"].startswith("'+86138") for row in rows.values())


def test_phones_can_be_plain_digits(export: Callable[..., ExportReport]) -> None:
    report = export(everybody(phone_format="digits"))
    assert all(row["phone"].startswith("86138") for row in csv_rows(report))


def test_times_are_civil_and_early_days_survive_a_workbook(
    published: Path, export: Callable[..., ExportReport]
) -> None:
    republish(
        published,
        "update customer_totals set last_order_at = timestamp '2026-06-28 20:30:00' where customer_id = 'C000001'",
        "update customers set birth_date = date '1899-12-31' where customer_id = 'C000001'",
    )
    report = export()
    row = next(row for row in csv_rows(report) if row["customer_id"] == "C000001")
    cells = next(row for row in xlsx_cells(report) if row[0].value == "C000001")
    assert (row["last_order_at"], cells[6].value) == ("2026-06-29 04:30:00", datetime(2026, 6, 29, 4, 30))
    assert row["birth_date"] == cells[4].value == "1899-12-31"


# ------------------------------------------------------------------ permission


def test_a_withdrawal_after_the_build_holds_in_the_next_export(
    export: Callable[..., ExportReport], store: Store, published: Path
) -> None:
    document = load_audiences(PROJECT_ROOT / "data" / "rulebooks")["at_risk_with_consent"]
    before = export(document)
    assert before.rows == before.members > 1
    gone = int(csv_rows(before)[0]["customer_id"][1:])
    decide(store, "withdrawn", [gone])
    after = export(document)
    assert (after.rows, after.left_out["withdrawn"]) == (before.rows - 1, 1)
    assert f"C{gone:06d}" not in {row["customer_id"] for row in csv_rows(after)}
    assert f"C{gone:06d}" not in {row[0].value for row in xlsx_cells(after)}


def test_a_withdrawal_while_the_file_is_written_still_holds(
    export: Callable[..., ExportReport], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = ExportAudit.record
    attempts: list[int] = []

    def somebody_withdraws_first(self: ExportAudit, files: list[ExportedFile], prepared_at: LedgerPosition) -> None:
        attempts.append(files[0].rows)
        if len(attempts) == 1:
            decide(store, "withdrawn", [3])
        record(self, files, prepared_at)

    monkeypatch.setattr(ExportAudit, "record", somebody_withdraws_first)
    report = export()
    assert attempts == [PEOPLE, PEOPLE - 1]
    assert "C000003" not in {row["customer_id"] for row in csv_rows(report)}
    assert store.exports.rows().height == 2


def test_ledgers_that_never_stand_still_end_in_an_error_without_files(
    export: Callable[..., ExportReport], store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    position = ExportAudit.position

    def always_behind(self: ExportAudit) -> LedgerPosition:
        return replace(position(self), consents=-1)

    monkeypatch.setattr(ExportAudit, "position", always_behind)
    with pytest.raises(ExportError, match="consents changed"):
        export()
    assert list((tmp_path / "exports").iterdir()) == []
    assert store.exports.rows().is_empty()


def test_consent_for_sms_is_none_for_wecom(export: Callable[..., ExportReport]) -> None:
    report = export(everybody(channel="wecom", identifier="external_userid"))
    assert (report.rows, report.left_out["no_consent"]) == (0, PEOPLE)


def test_consent_for_service_is_none_for_marketing(tmp_path: Path, export: Callable[..., ExportReport]) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'service.db'}") as service:
        decide(service, "granted", range(PEOPLE), channel="any", purpose="service")
        report = export(store=service)
        assert (report.rows, report.left_out["no_consent"]) == (0, PEOPLE)


def test_a_viewer_exports_only_customers_in_scope_and_only_with_the_right_to_see_them(
    export: Callable[..., ExportReport], store: Store, published: Path
) -> None:
    manager = Viewer("m", "店长", frozenset({"store_manager"}), frozenset({"S01"}), sees_personal=True)
    report = export(viewer=manager)
    assert 0 < report.members == report.rows < PEOPLE
    stores = duckdb.connect(published / read_pointer(published).file, read_only=True)  # type: ignore[union-attr]
    visible = {
        id_ for (id_,) in stores.sql("select customer_id from customer_stores where store_id = 'S01'").fetchall()
    }
    stores.close()
    assert {row["customer_id"] for row in csv_rows(report)} == visible
    # withdrawn under an identifier that came from a shop out of scope
    republish(
        published,
        "insert into customer_identifiers by name "
        "select $c as customer_id, 'unionid' as identifier_type, 'hidden' as identifier",
        parameters={"c": min(visible)},
    )
    store.consents.append(
        pl.DataFrame(
            {"_row": [1], "identifier_type": ["unionid"], "identifier": ["hidden"], "purpose": ["marketing"]}
        ).with_columns(channel=pl.lit("any"), state=pl.lit("withdrawn"), decided_at=NOW),
        "hidden",
    )
    assert min(visible) not in {row["customer_id"] for row in csv_rows(export(viewer=manager))}
    for refused in (replace(manager, sees_personal=False), replace(OWNER, sees_personal=False)):
        with pytest.raises(AudienceRefusedError, match="personal data"):
            export(viewer=refused)


# ------------------------------------------------------------------ files and audit


def test_equal_content_has_equal_bytes_and_every_file_its_audit(
    export: Callable[..., ExportReport], store: Store, tmp_path: Path
) -> None:
    first, second = export(export_id="aaa1"), export(export_id="bbb2", now=NOW + timedelta(hours=1))
    assert [file.sha256 for file in first.files] == [file.sha256 for file in second.files]
    audit = store.exports.rows()
    for report, at in ((first, NOW), (second, NOW + timedelta(hours=1))):
        for file in report.files:
            content = file.path.read_bytes()
            assert hashlib.sha256(content).hexdigest() == file.sha256
            assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
            line = audit.row(by_predicate=pl.col("file_name") == file.path.name, named=True)
            assert (line["file_sha256"], line["rows"], line["created_at"]) == (file.sha256, PEOPLE, at)
            assert (line["requested_by"], line["purpose"], line["channel"]) == ("owner", "marketing", "sms")
            assert (line["audience_version"], line["publication"]) == (everybody().version, "2026-06-30-1")
            assert sum(json.loads(line["suppressed"]).values()) == 0
    assert sorted(path.name for path in (tmp_path / "exports").iterdir()) == [
        "everybody-aaa1.csv", "everybody-aaa1.xlsx", "everybody-bbb2.csv", "everybody-bbb2.xlsx"
    ]  # fmt: skip


def test_a_repeated_export_id_writes_nothing(export: Callable[..., ExportReport]) -> None:
    first = export(export_id="aaa1").files[0].path
    before = first.stat().st_mtime_ns
    with pytest.raises(StoreError, match="made before"):
        export(export_id="aaa1")
    assert first.stat().st_mtime_ns == before


@pytest.mark.parametrize("hostile", ["../../escaped", "/escaped", "a/b", "a\\b", "a\0b", "..", ""])
def test_an_export_id_or_format_cannot_leave_the_folder(
    export: Callable[..., ExportReport], tmp_path: Path, hostile: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    if hostile:
        with pytest.raises(ExportError, match="export id"):
            export(export_id=hostile)
    with pytest.raises(ExportError, match="unknown format"):
        export(formats=[hostile])
    with pytest.raises(ExportError, match="unknown format"):
        export(formats=[])
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in before and "store.db" not in path.name] == []


def test_a_symlink_in_the_folder_is_replaced_not_followed(export: Callable[..., ExportReport], tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "everybody-aaa1.csv").symlink_to(victim)
    assert export(export_id="aaa1").rows == PEOPLE
    assert victim.read_text() == "untouched"


def test_a_disk_that_fails_leaves_no_file_and_no_audit(
    export: Callable[..., ExportReport], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.channels.file.fsync_file", full)
    with pytest.raises(OSError, match="No space"):
        export()
    assert list((tmp_path / "exports").iterdir()) == []
    assert store.exports.rows().is_empty()


def test_what_a_dead_export_left_is_swept_but_not_a_living_one(
    export: Callable[..., ExportReport], tmp_path: Path
) -> None:
    (tmp_path / "exports").mkdir()
    dead, alive = (tmp_path / "exports" / f".{name}.csv.1.writing" for name in ("dead", "alive"))
    for path in (dead, alive):
        path.write_text("+8613800000001")
    os.utime(dead, (0, 0))
    export()
    assert (dead.exists(), alive.exists()) == (False, True)


# ------------------------------------------------------------------ commands


def test_the_commands_from_preview_to_withdrawal_to_export(
    published: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRM_HOME", str(tmp_path))
    run = CliRunner()

    def answer(app: Any, *arguments: str) -> Any:
        done = run.invoke(app, [*arguments, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    assert "at_risk_with_consent" in [a["name"] for a in answer(audiences.app, "list")["audiences"]]
    before = answer(audiences.app, "preview", "at_risk_with_consent")
    assert before["members"] == before["contactable"] > 1
    snapshot = Snapshots(published).current()
    document = load_audiences(PROJECT_ROOT / "data" / "rulebooks")["at_risk_with_consent"]
    found = select(document, snapshot, store, OWNER, datetime.now(UTC).replace(tzinfo=None), SHANGHAI)
    phones = found.contactable.kept["phone"].to_list()
    done = answer(consents.app, "withdraw", "--phone", phones[0].removeprefix("+86"))
    assert phones[0] not in json.dumps(done)
    answer(consents.app, "block", "--phone", phones[1], "--reason", "complaint")
    exported = answer(audiences.app, "export", "at_risk_with_consent", "--out", str(tmp_path / "out"))
    assert exported["rows"] == before["contactable"] - 2
    assert (exported["left_out"]["withdrawn"], exported["left_out"]["suppressed"]) == (1, 1)
    assert [Path(file["path"]).suffix for file in exported["files"]] == [".csv", ".xlsx"]
    answer(consents.app, "unblock", "--phone", phones[1])
    again = answer(audiences.app, "export", "at_risk_with_consent", "--format", "csv")
    assert again["rows"] == before["contactable"] - 1
    assert Path(again["files"][0]["path"]).parent == tmp_path / "exports"
