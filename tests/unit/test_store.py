"""The store: its ledgers keep everything, count nothing twice, and several processes can write at once."""

import sqlite3
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from models.documents.settlement import SettlementDocument
from models.store import ExportedFile, LedgerMovedError, StatementKey, Store, StoreError
from models.store.database import MIGRATIONS
from models.store.identity_decisions import Anchor
from models.store.reconciliation import Difference
from models.store.tables import APPEND_ONLY, HEAD, metadata
from pipelines.lake import Lake, LakeError
from pipelines.landing_store import CONSENTS_SOURCE, land_store

NOON = datetime(2026, 5, 1, 12)
NOW = datetime(2026, 7, 1)


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'home' / 'store.db'}"


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    with Store.open(address) as opened:
        yield opened


def file_of(address: str) -> Path:
    return Path(address.removeprefix("sqlite:///"))


def decisions(*rows: tuple[str, str, str, str, datetime], purpose: str = "marketing") -> pl.DataFrame:
    """Rows of (identifier_type, identifier, channel, state, decided_at)."""
    columns = ["identifier_type", "identifier", "channel", "state", "decided_at"]
    return (
        pl.DataFrame(rows, schema=columns, orient="row")
        .with_columns(pl.lit(purpose).alias("purpose"))
        .with_row_index("_row", offset=1)
    )


def one(
    state: str = "granted", at: datetime = NOON, channel: str = "sms", phone: str = "+8613800000001"
) -> pl.DataFrame:
    return decisions(("phone", phone, channel, state, at))


# ------------------------------------------------------------------ opening


def test_a_store_is_created_private_and_opened_again_without_alembic(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(address).close()
    assert stat.S_IMODE(file_of(address).stat().st_mode) == 0o600
    monkeypatch.setitem(sys.modules, "alembic", None)  # importing it fails from here on
    with Store.open(address) as opened:
        assert opened.consents.head() == 0


def test_migrations_give_exactly_the_declared_tables(address: str) -> None:
    Store.open(address).close()
    engine = sa.create_engine(address)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        triggers = connection.exec_driver_sql("select name from sqlite_master where type = 'trigger'").scalars().all()
    engine.dispose()
    assert sorted(triggers) == sorted(f"{table}_no_{act}" for table in APPEND_ONLY for act in ("delete", "update"))
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_the_tables_can_be_declared_in_postgresql() -> None:
    for table in metadata.sorted_tables:
        declared = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert ("BIGSERIAL" in declared) == ("seq" in table.c)


def test_a_store_of_a_newer_release_is_refused_and_left_alone(address: str) -> None:
    Store.open(address).close()
    with closing(sqlite3.connect(file_of(address))) as plain:
        plain.execute("update alembic_version set version_num = '9999'")
        plain.commit()
    with pytest.raises(StoreError, match="another release"):
        Store.open(address)
    with closing(sqlite3.connect(file_of(address))) as plain:
        assert plain.execute("select version_num from alembic_version").fetchone() == ("9999",)


@pytest.mark.parametrize("bad", ["sqlite://", "sqlite:///:memory:", "postgresql://somewhere/db"])
def test_an_address_that_processes_cannot_share_is_refused(bad: str) -> None:
    with pytest.raises(StoreError, match="store"):
        Store.open(bad)


def at_once(people: int, act: Callable[[int], None]) -> list[BaseException]:
    """Run ``act`` in so many threads at the same time; what failed."""
    failures: list[BaseException] = []
    together = threading.Barrier(people)

    def run(number: int) -> None:
        together.wait()
        try:
            act(number)
        except Exception as error:  # noqa: BLE001 - handed to the asserting thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_first_comers_at_once_make_one_store(address: str) -> None:
    def come(_: int) -> None:
        with Store.open(address) as opened:
            opened.consents.append(one(), "same")

    assert at_once(6, come) == []
    with Store.open(address) as opened:
        assert opened.consents.head() == 1


def test_writers_wait_for_each_other_instead_of_failing(address: str) -> None:
    """The accident: a transaction that reads, then writes, gets "database is locked" at once, whatever the time-out."""
    Store.open(address).close()

    def write(number: int) -> None:
        with Store.open(address) as opened:
            for turn in range(25):
                opened.consents.append(one(), f"{number}-{turn}")

    assert at_once(4, write) == []
    with Store.open(address) as opened:
        assert opened.consents.rows_after(0)["seq"].to_list() == list(range(1, 101))


# ------------------------------------------------------------------ consents


def test_a_batch_counts_once(store: Store) -> None:
    both = decisions(("phone", "+8613800000001", "sms", "granted", NOON), ("unionid", "u1", "any", "withdrawn", NOON))
    assert store.consents.append(both, "b1") == 2
    assert store.consents.append(both, "b1") == 0
    assert store.consents.append(both, "b2") == 2
    assert store.consents.rows_after(2)["identifier"].to_list() == ["+8613800000001", "u1"]


def test_a_batch_with_a_bad_row_leaves_nothing(store: Store) -> None:
    bad = pl.concat([one(), one(state="perhaps").with_columns(pl.lit(2, dtype=pl.UInt32).alias("_row"))])
    with pytest.raises(sa.exc.IntegrityError):
        store.consents.append(bad, "b1")
    assert store.consents.head() == 0


def test_phones_are_recorded_in_one_spelling(store: Store) -> None:
    store.consents.append(one(phone="138 0000-0001"), "b1")
    store.consents.append(decisions(("member_no", "13800000001", "sms", "granted", NOON)), "b2")
    assert store.consents.rows_after(0)["identifier"].to_list() == ["+8613800000001", "13800000001"]


@pytest.mark.parametrize("statement", ["update {} set seq = seq + 9", "delete from {}"])
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_ledgers_refuse_change_and_removal(store: Store, address: str, table: str, statement: str) -> None:
    store.consents.append(one(), "b1")
    store.exports.record([exported()], store.exports.position())
    store.audit.record("u1", "signed_in", "session", "s1", {}, NOON)
    store.identity_decisions.decide(
        "same", Anchor("unionid", "u1"), Anchor("member_no", "m1"), reason="asked", author="cli:me", at=NOON
    )
    difference = Difference("ours:payment:alipay:1", "CHANNEL_MISSING", "CNY", 1)
    store.reconciliation_decisions.decide("accept", difference, reason="asked", author="cli:me", at=NOON)
    of_hq = StatementKey("2026-06", "hq", "CNY")
    store.statements.mark(of_hq, "issued", due=1, actor="cli:me", happened_on=NOON.date(), at=NOON)
    text = "name: July\ndefault: {id: all, components: [{role: hq, residual: true}]}"
    store.rulebooks.propose(
        SettlementDocument.parse(text, name="July"),
        text,
        effective_from=NOON.date(),
        reason="",
        actor="cli:me",
        at=NOON,
    )
    with (
        closing(sqlite3.connect(file_of(address))) as plain,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        plain.execute(statement.format(table))
    assert store.consents.rows_after(0)["channel"].to_list() == ["sms"]


def test_a_row_cannot_be_replaced_either(store: Store) -> None:
    store.consents.append(one(), "b1")
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), store._database.writing() as connection:
        connection.exec_driver_sql("insert or replace into consents select * from consents")


def test_the_newest_decision_holds_and_a_tie_goes_to_withdrawn(store: Store) -> None:
    later = NOON + timedelta(days=1)
    store.consents.append(one("withdrawn"), "b1")
    store.consents.append(one("granted", later), "b2")
    assert store.consents.current("marketing", NOW)["state"].to_list() == ["granted"]
    store.consents.append(one("withdrawn", later), "b3")
    store.consents.append(one("granted", later), "b4")
    current = store.consents.current("marketing", NOW)
    assert current.rows() == [("phone", "+8613800000001", "sms", "withdrawn", later)]
    assert store.consents.current("service", NOW).is_empty()


def test_a_grant_dated_in_the_future_does_not_outvote_a_withdrawal(store: Store) -> None:
    store.consents.append(one("granted", datetime(2062, 1, 1)), "b1")
    assert store.consents.current("marketing", NOW).is_empty()
    store.consents.append(one("withdrawn", NOON), "b2")
    assert store.consents.current("marketing", NOW)["state"].to_list() == ["withdrawn"]


# ------------------------------------------------------------------ suppressions and exports


def test_an_identifier_is_on_the_list_until_lifted(store: Store) -> None:
    assert store.suppressions.add("phone", "+8613800000001", "sms", "complaint", NOON)
    assert not store.suppressions.add("phone", "+8613800000001", "sms", "again", NOON)
    assert not store.suppressions.lift("phone", "+8613800000001", "any", NOON)
    assert store.suppressions.active().rows() == [("phone", "+8613800000001", "sms", "complaint", NOON)]
    assert store.suppressions.lift("phone", "+8613800000001", "sms", NOON)
    assert store.suppressions.active().is_empty()


def exported(name: str = "e1.csv") -> ExportedFile:
    return ExportedFile(
        export_id="e1",
        file_name=name,
        file_sha256="0" * 64,
        audience="a",
        audience_version="1",
        requested_by="cli:me",
        purpose="marketing",
        channel="sms",
        recipient="in-house",
        rows=3,
        suppressed={"withdrawn": 1},
        publication="20260701-5-1",
        created_at=NOON,
    )


def test_the_audit_is_refused_when_somebody_decided_in_between(store: Store) -> None:
    before = store.exports.position()
    store.consents.append(one("withdrawn"), "b1")
    with pytest.raises(LedgerMovedError):
        store.exports.record([exported()], before)
    assert store.exports.rows().is_empty()
    store.exports.record([exported(), exported("e1.xlsx")], store.exports.position())
    assert store.exports.rows()["suppressed"].to_list() == ['{"withdrawn": 1}'] * 2
    with pytest.raises(StoreError, match="made before"):
        store.exports.record([exported()], store.exports.position())


# ------------------------------------------------------------------ landing in the lake


def test_consents_land_once_and_in_order(store: Store, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    assert land_store(lake, store) == []
    store.consents.append(one(), "b1")
    store.consents.append(one("withdrawn"), "b2")
    (first,) = land_store(lake, store)
    assert (first.entry.source, first.entry.cursor) == (CONSENTS_SOURCE, {"seq": 2})
    assert land_store(Lake(tmp_path / "lake"), store) == []
    store.consents.append(one(phone="+8613800000002"), "b3")
    assert land_store(lake, store) != []
    landed = lake.read("landed", "consents")
    assert landed["_row"].to_list() == [1, 2, 3]
    assert landed["state"].to_list() == ["granted", "withdrawn", "granted"]
    assert '"seq":3' in landed["_raw"][2]


def test_a_store_older_than_the_lake_is_refused(store: Store, tmp_path: Path) -> None:
    """The accident: a restored store gives new rows numbers that the lake passed already, and they never land."""
    lake = Lake(tmp_path / "lake")
    store.consents.append(one(), "b1")
    store.consents.append(one("withdrawn"), "b2")
    land_store(lake, store)
    with Store.open(f"sqlite:///{tmp_path / 'restored.db'}") as restored:
        restored.consents.append(one(), "b1")
        with pytest.raises(LakeError, match="older backup"):
            land_store(lake, restored)
