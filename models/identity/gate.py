"""The quality gate: what a run found out about who is who, beside what the registry lets it publish unseen."""

from dataclasses import dataclass

import polars as pl

from models.documents.identity import IdentityGate
from models.errors import ExpectedError
from models.identity.history import PERSONA, Before
from models.identity.ids import IDENTIFIER

#: Names of the figures: asset checks that stop the publication.
FIGURES = (
    "largest_customer",
    "unique_conflicts",
    "cut_links",
    "moved_identifiers",
    "gone_customers",
    "consolidation_change",
    "consolidation",
)


class IdentityGateError(ExpectedError):
    """Who is who changed more, or is stranger, than the registry's gate allows; the message names each figure."""


@dataclass(frozen=True)
class Figure:
    """One figure of the gate. ``most``: above it nothing is published; null: it is only reported."""

    name: str
    value: float
    most: float | None

    @property
    def passed(self) -> bool:
        return self.most is None or self.value <= self.most


def figures(
    customers: pl.DataFrame,
    identifiers: pl.DataFrame,
    conflicts: int,
    cut_share: float,
    before: Before,
    gate: IdentityGate,
) -> list[Figure]:
    """Figures of a resolution, in the order of the document.

    customers: persona_id, customer_id. identifiers: identifier_type, identifier, customer_id, is_new (not decided so
    before). conflicts: customers that hold two values of a unique identifier without a person's word. cut_share: of all
    accepted links, those that the repair cut. before: what earlier runs decided. What is measured against them is not
    judged below ``judged_from`` customers: there a single family is a percent.
    """
    ids_before = before.owners["previous_id"].unique()
    moved, gone = 0, 0
    if ids_before.len():
        new = identifiers.lazy().filter("is_new").select(IDENTIFIER).collect()
        moved = new.join(before.owners, on=IDENTIFIER, how="semi").height
        gone = int((~ids_before.is_in(identifiers["customer_id"].unique().implode())).sum())
    judged = ids_before.len() >= gate.judged_from
    sizes = customers.group_by("customer_id").len()
    return [
        Figure("largest_customer", float(sizes["len"].max() or 0), gate.largest_customer),  # type: ignore[arg-type]
        Figure("unique_conflicts", float(conflicts), 0),
        Figure("cut_links", round(cut_share, 6), gate.cut_links),
        Figure(
            "moved_identifiers",
            _share(moved, identifiers.height - int(identifiers["is_new"].sum()) + moved),
            gate.moved_identifiers if judged else None,
        ),
        Figure(
            "gone_customers",
            _share(gone, ids_before.len()),
            gate.gone_customers if judged else None,
        ),
        Figure(
            "consolidation_change",
            _consolidation_change(customers, before.owners),
            gate.consolidation_change if judged else None,
        ),
        Figure("consolidation", _consolidation(sizes.height, customers.height), None),
    ]


def stop_when_broken(found: list[Figure]) -> None:
    """Raises IdentityGateError when a figure is above what the gate allows."""
    if broken := [figure for figure in found if not figure.passed]:
        told = "; ".join(f"{figure.name} is {figure.value:g}, the gate allows {figure.most:g}" for figure in broken)
        raise IdentityGateError(
            f"identity gate: {told}. Nothing was published. Look at what changed last in the sources and in "
            "identity.yaml (`scrm identity simulate`); when it is meant, raise it under `gate:` there and run again"
        )


def conflicts_of(
    observations: pl.DataFrame, customers: pl.DataFrame, said: pl.DataFrame, unique: list[str]
) -> pl.DataFrame:
    """customer_id, identifier_type of customers with two values of a unique identifier.

    observations: persona_id, identifier_type, identifier of usable values (text, or its number). said: left_persona of
    what people said is the same: such customers may hold two.
    """
    stated = observations.filter(pl.col("identifier_type").is_in(unique)).join(customers, on="persona_id")
    of_people = customers.join(said.select(persona_id="left_persona"), on="persona_id", how="semi")
    return (
        stated.group_by("customer_id", "identifier_type")
        .agg(least=pl.col("identifier").min(), greatest=pl.col("identifier").max())
        .filter(pl.col("least") != pl.col("greatest"))
        .join(of_people, on="customer_id", how="anti")
        .select("customer_id", "identifier_type")
        .sort("customer_id", "identifier_type")
    )


def _consolidation(customers: int, personas: int) -> float:
    """1 − customers ÷ personas: how much of what records state is of somebody who is known already."""
    return round(1 - customers / personas, 6) if personas else 0.0


def _consolidation_change(customers: pl.DataFrame, owners: pl.DataFrame) -> float:
    """Of the personas that were there before: how far their consolidation is from what it was."""
    # what an older release called a persona is no number
    number = pl.col("identifier").cast(pl.Int64, strict=False)
    earlier = owners.filter(pl.col("identifier_type") == PERSONA).select("previous_id", persona_id=number)
    both = customers.join(earlier, on="persona_id")
    now, then = (_consolidation(both[ids].n_unique(), both.height) for ids in ("customer_id", "previous_id"))
    return round(abs(now - then), 6)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0
