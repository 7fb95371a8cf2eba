"""Who works in which store on which day."""

import numpy as np
import polars as pl

from pipelines.sandbox.chance import Chance, Ints
from pipelines.sandbox.company import Company

_FOREVER = 1 << 30


class Roster:
    """``staff``: one row per employee and period in a store (userid, phone), in the order of the company's stores."""

    def __init__(self, company: Company) -> None:
        rows = {store_id: number for number, store_id in enumerate(company.stores["store_id"])}
        able = company.staff.filter(pl.col("status") != 2).select("userid", "phone", "position")
        worked = (
            company.staff_stores.join(able, on="userid")
            .with_columns(
                pl.col("store_id").replace_strict(rows, return_dtype=pl.Int64).alias("row"),
                (pl.col("valid_from") - company.starts_on).dt.total_days().alias("first"),
                (pl.col("valid_to") - company.starts_on).dt.total_days().fill_null(_FOREVER).alias("last"),
            )
            .sort("row", pl.col("position") != "店长", "userid", "first")
        )
        row = worked["row"].to_numpy()
        self.staff = worked
        self._start = np.searchsorted(row, np.arange(len(rows)))
        self._count = np.searchsorted(row, np.arange(len(rows)), side="right") - self._start
        self._first, self._last = worked["first"].to_numpy(), worked["last"].to_numpy()

    def on_duty(self, chance: Chance, store: Ints, day: Ints) -> Ints:
        """Somebody (row of ``staff``) of each store (row number) on each day; the head stands in for who was not there
        yet or no more. The head of a store comes first and neither moves nor leaves."""
        seat = self._start[store] + chance.below(len(store), np.maximum(self._count[store], 1))
        there = (self._first[seat] <= day) & (day <= self._last[seat])
        return np.asarray(np.where(there, seat, self._start[store]), dtype=np.int64)
