"""Numbers of a part of a large population: no part takes what another takes."""

from dataclasses import dataclass

import polars as pl

PART_PEOPLE = 50_000  # what fits in memory with two years of events: 3 GB
MOST_PARTS = 80  # phones of Hong Kong have six free digits


@dataclass(frozen=True)
class Numbering:
    """Which numbers a part of a large population takes, so that no two parts take the same.

    ``seed`` is the company's, the same for all parts; ``part`` counts from 0, each of at most ``people``; ``spare``: a
    second helping of phone numbers for the same part.
    """

    seed: int
    part: int = 0
    spare: bool = False
    people: int = PART_PEOPLE

    @property
    def first_person(self) -> int:
        return self.part * self.people

    def first_phone(self, share: float) -> int:
        """The first number of this part in a country that has at most this share of the population, well counted."""
        return (2 * self.part + self.spare) * (round(self.people * share) + 20)


def serial(prefix: str, part: int, digits: int) -> pl.Expr:
    """Running numbers of a frame's rows, in their order: the prefix, the part, the row."""
    return pl.lit(f"{prefix}{part:03d}") + pl.int_range(pl.len()).cast(pl.String).str.zfill(digits)
