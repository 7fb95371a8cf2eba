"""What every frame promises, declared once."""

from models.contracts.contract import BATCH_COLUMN, RAW_COLUMN, ROW_COLUMN, Column, Contract, RowRule
from models.contracts.decided import DECIDED
from models.contracts.landed import LANDED

__all__ = [
    "BATCH_COLUMN",
    "CONTRACTS",
    "DECIDED",
    "LANDED",
    "RAW_COLUMN",
    "ROW_COLUMN",
    "Column",
    "Contract",
    "RowRule",
    "contract",
]

CONTRACTS: dict[str, Contract] = {**LANDED, **DECIDED}


def contract(dataset: str) -> Contract:
    """The contract of a dataset. Raises KeyError with the known names."""
    try:
        return CONTRACTS[dataset]
    except KeyError:
        raise KeyError(f"unknown dataset {dataset!r}; known: {', '.join(sorted(CONTRACTS))}") from None
