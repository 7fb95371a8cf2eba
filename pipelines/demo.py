"""The demo company, the whole way: generate, sandbox, sync, import, run. Also how tests load the sample."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from models.documents.mapping import Mapping
from models.settings import PROJECT_ROOT, ConnectionSettings, Settings
from pipelines.sandbox import till
from pipelines.sandbox.files import write_files
from pipelines.sandbox.server import SANDBOX_CORP, SANDBOX_SECRET, serve
from pipelines.sandbox.world import World
from pipelines.sources import connections, syncing
from pipelines.sources.bills.importing import import_bills
from pipelines.sources.files.importing import import_file
from pipelines.workspace import Workspace

CUSTOMERS = 20_000
SEED = 20260630
ENDS_ON = date(2026, 6, 30)
COMPANY = "四季茶铺 Four Seasons Tea"
DEMO_HOME = PROJECT_ROOT / "data" / "demo"
#: File name → dataset, in the order in which a company would hand them over.
FILES = {"stores": "stores", "customers": "customers", "orders": "orders", "refunds": "refunds", "consents": "consents"}
#: Only a generated company has them.
PAYMENTS = {till.PAYMENTS: "payments"}

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class Loaded:
    """What entered the lake: contacts synced, and the accounting of every file."""

    follows: int
    files: dict[str, dict[str, Any]]


def demo_settings(home: Path = DEMO_HOME) -> Settings:
    """Settings of the demo company: its own home, never the user's; a fixed id key so that ids repeat."""
    return Settings(home=home, company=COMPANY, id_key=SecretStr("demo"))


def generate(folder: Path, customers: int = CUSTOMERS, seed: int = SEED) -> None:
    """Write the company's files, bills and the state of its WeCom into a folder; the same seed gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    world = World.generate(customers=customers, seed=seed, ends_on=ENDS_ON)
    write_files(world, folder)
    till.write_payments(world, folder)


def load(settings: Settings, folder: Path, on_step: OnStep) -> Loaded:
    """Sync WeCom from a sandbox that serves the folder's state, and import the folder's files by their maps."""
    workspace = Workspace(settings)
    with serve(folder / "wecom.json") as base_url:
        on_step("sync WeCom contacts from the sandbox")
        options = {"base_url": base_url, "corp_id": SANDBOX_CORP, "secret": SANDBOX_SECRET, "requests_per_second": 0}
        corp = connections.Named("wecom", ConnectionSettings.model_validate({"system": "wecom", **options}))
        reports = syncing.sync(workspace, [corp], datetime.now(UTC))
    syncing.raise_failures(reports)
    files = {}
    has_payments = (folder / f"{till.PAYMENTS}.csv").exists()
    for name, dataset in (FILES | PAYMENTS if has_payments else FILES).items():
        on_step(f"import {name}.csv")
        imported = import_file(
            folder / f"{name}.csv",
            dataset=dataset,
            mapping=Mapping.load(folder / f"{name}.map.yaml"),
            lake=workspace.lake,
            settings=settings,
            consent_ledger=workspace.store.consents,
        )
        files[name] = imported.as_dict()
    if has_payments:
        on_step("import the bills of WeChat Pay")
        for bill in sorted((folder / till.BILLS).iterdir()):
            import_bills(bill, lake=workspace.lake)
    return Loaded(follows=next(report.landed for report in reports if report.stream == "contacts"), files=files)
