"""Files by hand and their import into a lake in a temporary folder."""

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from models.documents.mapping import Mapping
from models.settings import Settings
from pipelines.lake import Lake
from pipelines.sources.files.importing import ImportReport, import_file

ORDERS_MAP = """
dataset: orders
constants: {currency: CNY, timezone: Asia/Shanghai, store_id: S1}
columns: {order_id: 订单号, ordered_at: 下单时间, product_id: 货号, quantity: 数量, unit_price: 单价, paid_amount: 实付,
  buyer_phone: 手机}
"""
HEADER = "订单号,下单时间,货号,数量,单价,实付,手机"
LINE = "{order},2026-01-05 09:30:00,SKU-1,1,12.50,12.50,13800001111"


def lines(*orders: str) -> str:
    """A clean orders file with one line per order number."""
    return "\n".join([HEADER, *(LINE.format(order=order) for order in orders)]) + "\n"


@dataclass
class Ledger:
    """Keeps what the importer appends, once per batch, as the store does."""

    batches: dict[str, pl.DataFrame] = field(default_factory=dict)

    def append(self, frame: pl.DataFrame, batch: str, *, phone_region: str) -> int:
        if batch in self.batches:
            return 0
        self.batches[batch] = frame
        return frame.height


@dataclass
class Door:
    """A lake in a folder, and files that are imported into it."""

    folder: Path
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def lake(self) -> Lake:
        return Lake(self.folder / "lake")

    @property
    def settings(self) -> Settings:
        return Settings(home=self.folder)

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def send(self, name: str, content: str | bytes, mapping: str = ORDERS_MAP) -> ImportReport:
        return self.send_file(self.file(name, content), mapping)

    def send_file(self, path: Path, mapping: str = ORDERS_MAP) -> ImportReport:
        document = Mapping.parse(mapping, name="test map")
        return import_file(
            path,
            dataset=document.dataset,
            mapping=document,
            lake=self.lake,
            settings=self.settings,
            consent_ledger=self.ledger,
        )

    def landed(self, dataset: str = "orders") -> pl.DataFrame:
        return self.lake.read("landed", dataset)

    def rejected(self, dataset: str = "orders") -> pl.DataFrame:
        return self.lake.read("quarantine", dataset)
