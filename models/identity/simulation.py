"""What a draft would change: customers as they are beside customers as they would be."""

from dataclasses import dataclass

import polars as pl

EXAMPLES = 10
_ENDS = ["left_persona", "right_persona"]
_GONE = "no such link any more"
#: What changes of one order: amounts are what was paid less what was given back, in minor units.
ORDERS_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(("order_key", "currency", "before", "after"), pl.String()),
    "amount": pl.Int64(),
}


@dataclass(frozen=True)
class Example:
    """One customer that would become several, or several that would become one. ``because``: most links first."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    personas: int
    orders_moved: int
    because: tuple[str, ...]


@dataclass(frozen=True)
class Moved:
    """Sold orders of one currency that would be another customer's (or nobody's), and what they brought in."""

    currency: str
    orders: int
    amount: int


@dataclass(frozen=True)
class Difference:
    """merges: customers that several would become; splits: customers that would fall apart. customers_affected:
    customers of today that would not have the same records. Examples: the largest, by personas."""

    customers_before: int
    customers_after: int
    merges: int
    splits: int
    customers_affected: int
    moved: tuple[Moved, ...]
    merge_examples: tuple[Example, ...]
    split_examples: tuple[Example, ...]


def compare(
    before: pl.DataFrame,
    after: pl.DataFrame,
    orders: pl.DataFrame,
    links_before: pl.DataFrame,
    links_after: pl.DataFrame,
) -> Difference:
    """before, after: persona_id, customer_id. orders: ORDERS_SCHEMA, sold ones. links_before, links_after:
    left_persona, right_persona, rule, refusal (null: accepted), of today and of the draft."""
    shares = _shares(before, after)
    known = shares.drop_nulls()
    merged = known.filter(pl.col("before").n_unique().over("after") > 1)
    fallen = known.filter(pl.col("after").n_unique().over("before") > 1)
    same = known.filter((pl.col("personas") == pl.col("size_before")) & (pl.col("personas") == pl.col("size_after")))
    customers = before["customer_id"].n_unique()
    changed = orders.filter(pl.col("before").ne_missing(pl.col("after")))
    return Difference(
        customers_before=customers,
        customers_after=after["customer_id"].n_unique(),
        merges=merged["after"].n_unique(),
        splits=fallen["before"].n_unique(),
        customers_affected=customers - same.height,
        moved=_moved(changed),
        merge_examples=_examples(merged, "after", changed, _new_links(links_after, before, after)),
        split_examples=_examples(fallen, "before", changed, _lost_links(links_before, links_after, before, after)),
    )


def _shares(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """before, after (null: nobody's), personas of both, size_before, size_after."""
    both = before.rename({"customer_id": "before"}).join(
        after.rename({"customer_id": "after"}), on="persona_id", how="full", coalesce=True
    )
    return (
        both.group_by("before", "after")
        .agg(personas=pl.len())
        .with_columns(
            size_before=pl.col("personas").sum().over("before"), size_after=pl.col("personas").sum().over("after")
        )
    )


def _moved(changed: pl.DataFrame) -> tuple[Moved, ...]:
    sums = changed.drop_nulls("currency").group_by("currency").agg(pl.len(), pl.col("amount").sum()).sort("currency")
    return tuple(Moved(*row) for row in sums.iter_rows())


def _new_links(links: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """after, because: rules whose links of the draft join what are two customers today, the most links first."""
    accepted = links.filter(pl.col("refusal").is_null()).select(*_ENDS, "rule")
    joined = _with(_with(accepted, before, "before"), after, "after").filter(
        pl.col("left_before").ne_missing(pl.col("right_before")) & (pl.col("left_after") == pl.col("right_after"))
    )
    return _reasons(joined.select(customer="left_after", because="rule"))


def _lost_links(
    links: pl.DataFrame, links_after: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame
) -> pl.DataFrame:
    """before, because: links of today between what would be two customers, and why the draft has them no more."""
    accepted = links.filter(pl.col("refusal").is_null()).select(*_ENDS, "rule")
    torn = _with(_with(accepted, before, "before"), after, "after").filter(
        (pl.col("left_before") == pl.col("right_before")) & pl.col("left_after").ne_missing(pl.col("right_after"))
    )
    then = links_after.group_by(*_ENDS, "rule").agg(
        refusal=pl.col("refusal").min(), is_accepted=pl.col("refusal").is_null().any()
    )
    told = torn.join(then, on=[*_ENDS, "rule"], how="left").filter(~pl.col("is_accepted").fill_null(value=False))
    words = pl.concat_str("rule", pl.lit(": "), pl.col("refusal").fill_null(_GONE))
    return _reasons(told.select(customer="left_before", because=words))


def _with(links: pl.DataFrame, customers: pl.DataFrame, name: str) -> pl.DataFrame:
    for side in ("left", "right"):
        of = customers.select(
            pl.col("persona_id").alias(f"{side}_persona"), pl.col("customer_id").alias(f"{side}_{name}")
        )
        links = links.join(of, on=f"{side}_persona", how="left")
    return links


def _reasons(told: pl.DataFrame) -> pl.DataFrame:
    """customer, because (list of text)."""
    counted = told.group_by("customer", "because").len().sort(["len", "because"], descending=[True, False])
    return counted.group_by("customer", maintain_order=True).agg("because")


def _examples(shares: pl.DataFrame, one: str, changed: pl.DataFrame, reasons: pl.DataFrame) -> tuple[Example, ...]:
    """The largest customers of ``one`` side with all that they have to do with on the other."""
    other = "before" if one == "after" else "after"
    moved = changed.group_by(pl.col(one).alias("customer")).agg(orders=pl.len())
    found = (
        shares.group_by(pl.col(one).alias("customer"))
        .agg(others=pl.col(other).unique().sort(), personas=pl.col("personas").sum())
        .sort(["personas", "customer"], descending=[True, False])
        .head(EXAMPLES)
        .join(moved, on="customer", how="left", maintain_order="left")
        .join(reasons, on="customer", how="left", maintain_order="left")
    )
    return tuple(
        Example(
            before=tuple(row["others"]) if one == "after" else (row["customer"],),
            after=(row["customer"],) if one == "after" else tuple(row["others"]),
            personas=row["personas"],
            orders_moved=row["orders"] or 0,
            because=tuple(row["because"] or ()),
        )
        for row in found.iter_rows(named=True)
    )
