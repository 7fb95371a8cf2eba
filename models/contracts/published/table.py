"""What a published table is, and how one is written down."""

from dataclasses import dataclass

TEXT, BIGINT, INTEGER, BOOLEAN, DATE, TIMESTAMP = "VARCHAR", "BIGINT", "INTEGER", "BOOLEAN", "DATE", "TIMESTAMP"
QUANTITY, PRICE = "DECIMAL(18,3)", "DECIMAL(18,6)"


@dataclass(frozen=True)
class Table:
    """One published table. ``in_digest``: part of the marts' row hash, which must not depend on when or how
    the batches arrived; accounting of batches and figures about a run are not."""

    name: str
    ordered_by: tuple[str, ...]
    columns: dict[str, str]
    in_digest: bool = True


def promise(name: str, ordered_by: str, *groups: str, in_digest: bool = True) -> Table:
    """``groups`` read ``TYPE: column column``, in the order of the columns."""
    columns: dict[str, str] = {}
    for group in groups:
        kind, _, names = group.partition(": ")
        columns.update(dict.fromkeys(names.split(), kind))
    return Table(name, tuple(ordered_by.split()), columns, in_digest)
