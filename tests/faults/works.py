"""What the drill interrupts: five pieces of work, each with its preparation, its state and what must always hold.

A work is idempotent as its command is: done again after a death, it ends in the state of a clean one. Module functions,
because a child process gets them by name.
"""

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from models.contracts import BATCH_COLUMN
from models.contracts.published import PUBLISHED
from models.documents.audience import AudienceDocument
from models.documents.mapping import Mapping
from models.files import file_sha256
from models.serving import Snapshots, Viewer, read_pointer
from models.settings import Settings
from models.store import Store
from pipelines.channels.file import export_audience
from pipelines.lake import Lake
from pipelines.landing_store import land_store
from pipelines.sources.files.importing import import_file
from pipelines.warehouse import digests
from tests.factories_snapshot import build_snapshot
from tests.faults import shop, tiny_company
from tests.faults.tiny_company import TinyCompany

MARTS = {name for name, table in PUBLISHED.items() if table.in_digest}
PEOPLE = 12
NOW = datetime(2026, 7, 1)
ORDERS_MAP = Mapping.parse(
    "dataset: orders\nconstants: {currency: CNY, timezone: Asia/Shanghai, store_id: S1}\n"
    "columns: {order_id: order, ordered_at: at, buyer_phone: phone, product_id: sku, quantity: pieces,"
    " unit_price: price}\n",
    name="orders",
)
CONSENTS_MAP = Mapping.parse(
    "dataset: consents\nconstants: {timezone: Asia/Shanghai, purpose: marketing, channel: sms, state: granted,"
    " identifier_type: phone}\ncolumns: {identifier: phone, decided_at: at}\n",
    name="consents",
)
EVERYBODY = AudienceDocument.model_validate(
    {
        "name": "everybody",
        "title": {"zh": "所有人", "en": "everybody"},
        "purpose": "marketing",
        "channel": "sms",
        "identifier": "phone",
        "conditions": {"field": "customer_id", "op": "not_null"},
        "columns": ["name", "birth_date"],
    }
)


def marts(folder: Path) -> dict[str, str]:
    """Row digests of the published marts that must not depend on when or how often was run."""
    pointer = read_pointer(folder)
    assert pointer is not None
    return {name: digest for name, digest in digests(folder / pointer.file).items() if name in MARTS}


@dataclass(frozen=True)
class Work:
    """``prepare(home)`` before, ``act(home)`` to be interrupted and done again, ``state(home)`` a digest of all that
    it leaves, ``holds(home)`` raises when something is torn, at any time."""

    name: str
    prepare: Callable[[Path], None]
    act: Callable[[Path], None]
    state: Callable[[Path], str]
    holds: Callable[[Path], None]


# ------------------------------------------------------------------ import


def prepare_files(home: Path) -> None:
    """A file of orders (one line in ten breaks a rule), a file of consents, and a batch that is there already."""
    home.mkdir(parents=True)
    numbers = range(200)
    with (home / "orders.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("order", "at", "phone", "sku", "pieces", "price"))
        rows.writerows(
            (f"O{i}", "2026-06-01 10:00:00", f"138{i:08d}", "P", "-1" if i % 10 == 7 else "1", "9.90") for i in numbers
        )
    with (home / "consents.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("phone", "at"))
        rows.writerows((f"138{i:08d}", "2026-06-01 10:00:00") for i in range(50))
    TinyCompany(home).land(1)
    dead = home / "lake" / "landed" / "orders" / "000000000002-9.parquet"
    dead.write_bytes(b"of a writer that died: for the sweep to delete")


def import_files(home: Path) -> None:
    """As ``scrm import`` twice, then the landing that a run begins with, then the sweep of dead writers."""
    settings = Settings(home=home)
    lake = Lake(settings.lake_dir)
    with Store.open(settings.store_address) as store:
        for dataset, mapping in (("orders", ORDERS_MAP), ("consents", CONSENTS_MAP)):
            import_file(
                home / f"{dataset}.csv",
                dataset=dataset,
                mapping=mapping,
                lake=lake,
                settings=settings,
                consent_ledger=store.consents,
            )
        land_store(lake, store)
    lake.sweep()


def imported(home: Path) -> str:
    """Every row of lake and ledger, whatever number its batch got."""
    settings = Settings(home=home)
    lake = Lake(settings.lake_dir)
    frames = [lake.read("landed", name) for name in ("orders", "consents")] + [lake.read("quarantine", "orders")]
    with Store.open(settings.store_address) as store:
        frames.append(store.consents.rows_after(0))
    left = sorted(path.name for path in (lake.root / "writing").iterdir())
    return _digest(*frames) + f" {lake.head()} {left}"


def whole_batches(home: Path) -> None:
    """Each batch is there with all its rows or not at all; files are what the manifest says."""
    lake = Lake(home / "lake")
    assert lake.verify() == []
    assert lake.read("landed", "orders").height in (1, 181)
    assert lake.read("quarantine", "orders").height in (0, 20)
    assert lake.read("landed", "consents").height in (0, 50)


# ------------------------------------------------------------------ the store


def prepare_nothing(home: Path) -> None:
    home.mkdir(parents=True)


def write_store(home: Path) -> None:
    """A store from nothing, consents in two batches, suppressions, one of them lifted."""
    with Store.open(f"sqlite:///{home / 'store.db'}") as store:
        for batch in range(2):
            store.consents.append(_consents(range(batch * 20, batch * 20 + 20)), f"batch {batch}", NOW)
        for number in range(3):
            store.suppressions.add("phone", f"+86138{number:08d}", "sms", "asked", NOW)


def written(home: Path) -> str:
    with Store.open(f"sqlite:///{home / 'store.db'}") as store:
        return _digest(store.consents.rows_after(0), store.suppressions.active())


def whole_store(home: Path) -> None:
    """A store that opens, with whole batches and numbers without gaps."""
    if not (home / "store.db").exists():
        return
    with Store.open(f"sqlite:///{home / 'store.db'}") as store:
        assert store.consents.rows_after(0)["seq"].to_list() in ([], list(range(1, 21)), list(range(1, 41)))


# ------------------------------------------------------------------ an export


def prepare_audience(home: Path) -> None:
    build_snapshot(home / "published", customers=PEOPLE, orders=30)
    with Store.open(f"sqlite:///{home / 'store.db'}") as store:
        store.consents.append(_consents(range(PEOPLE)), "everybody agreed", NOW)


def export(home: Path) -> None:
    """One audience to CSV and XLSX. A death after the audit leaves a line without files: the repeat is a new export."""
    with Store.open(f"sqlite:///{home / 'store.db'}") as store:
        export_audience(
            EVERYBODY,
            source=Snapshots(home / "published"),
            store=store,
            viewer=Viewer.owner_of_the_company(),
            folder=home / "exports",
            now=NOW,
            zone=ZoneInfo("Asia/Shanghai"),
        )


def exported(home: Path) -> str:
    """The newest export's files, by what is in them."""
    with Store.open(f"sqlite:///{home / 'store.db'}") as store:
        lines = store.exports.rows()
    newest = lines.filter(pl.col("export_id") == lines["export_id"][-1])
    return " ".join(sorted(file_sha256(home / "exports" / name) for name in newest["file_name"]))


def audited_files(home: Path) -> None:
    """No file without its line in the audit, none that is not what the line says."""
    with Store.open(f"sqlite:///{home / 'store.db'}") as store:
        audit = {row["file_name"]: row["file_sha256"] for row in store.exports.rows().to_dicts()}
    for path in (home / "exports").glob("everybody-*"):
        assert audit[path.name] == file_sha256(path)


# ------------------------------------------------------------------ a run's own steps


def run_generation(home: Path, generation: int, kept: Path) -> None:
    """Sweep, land, build, write the candidate anew, decide and publish a generation."""
    tiny_company.keep_in(kept)
    TinyCompany(home).run(generation, fresh=True)


def _consents(numbers: range) -> pl.DataFrame:
    return pl.DataFrame({"_row": list(numbers)}).select(
        "_row",
        identifier_type=pl.lit("phone"),
        identifier=pl.format("+86138{}", pl.col("_row").cast(pl.String).str.zfill(8)),
        purpose=pl.lit("marketing"),
        channel=pl.lit("sms"),
        state=pl.lit("granted"),
        decided_at=pl.lit(datetime(2026, 1, 1)),
    )


def _digest(*frames: pl.DataFrame) -> str:
    digest = hashlib.sha256()
    for frame in frames:
        rows = frame.drop(BATCH_COLUMN, strict=False)
        digest.update(f"{rows.height} {rows.columns}".encode())
        digest.update(rows.sort(pl.all()).write_ndjson().encode())
    return digest.hexdigest()


DOOR = Work("import", prepare_files, import_files, imported, whole_batches)
STORE = Work("store", prepare_nothing, write_store, written, whole_store)
EXPORT = Work("export", prepare_audience, export, exported, audited_files)
SHOP = Work("sync", prepare_nothing, shop.sync, shop.synced, shop.whole_rows)
WORKS = {work.name: work for work in (DOOR, STORE, EXPORT, SHOP)}
