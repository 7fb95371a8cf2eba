"""Who of an audience may be contacted now. The live ledger decides, not the published snapshot.

Each member is left out for the first reason that applies:

==================== ==================================================================================
``under_14``          birth date less than 14 years before today (PIPL art. 28, 31: separate consent)
``withdrawn``         any identifier of the person withdrew this purpose on this channel, or on ``any``
``no_consent``        no identifier of the person has a current grant for it
``no_profiling``      the audience uses a score, and the person refused profiling (PIPL art. 24)
``suppressed``        an identifier is on the do-not-contact list for this channel, or for ``any``
``no_identifier``     nothing to address the person by on this channel
``duplicate``         another member, earlier in the order, is reached by the same identifier
``over_limit``        the document's limit was reached
==================== ==================================================================================
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from models.documents.audience import AudienceDocument

REASONS = (
    "under_14",
    "withdrawn",
    "no_consent",
    "no_profiling",
    "suppressed",
    "no_identifier",
    "duplicate",
    "over_limit",
)
ANY_CHANNEL = "any"
PROFILING = "profiling"
ADULT_ENOUGH = 14
# Columns of a member that are identifiers of the person, beside those of the identity graph.
_OWN_IDENTIFIERS = ("phone", "unionid", "external_userid", "member_no", "email")


@dataclass(frozen=True)
class Ledgers:
    """The live state. ``consents``: of the audience's purpose, ``profiling``: of that purpose; both as
    ``Store.consents.current``. ``suppressions`` as ``Store.suppressions.active``."""

    consents: pl.DataFrame
    profiling: pl.DataFrame
    suppressions: pl.DataFrame


@dataclass(frozen=True)
class Contactable:
    """``kept``: members that may be contacted, in order. ``left_out``: members by reason, every reason named."""

    kept: pl.DataFrame
    left_out: dict[str, int]


def contactable(
    document: AudienceDocument, members: pl.DataFrame, identifiers: pl.DataFrame, ledgers: Ledgers, today: date
) -> Contactable:
    """Split the members of an audience (from ``models.audiences.members``).

    ``identifiers``: customer_id, identifier_type, identifier of the whole company, also those that the viewer may not
    see. ``today``: the company's civil date. Members kept plus members left out are the members.
    """
    known = _identifiers(members, identifiers)
    channels = [document.channel, ANY_CHANNEL]
    on_channel = pl.col("channel").is_in(channels)
    withdrawn = _having(known, ledgers.consents.filter(on_channel & (pl.col("state") == "withdrawn")))
    granted = _having(known, ledgers.consents.filter(on_channel & (pl.col("state") == "granted")))
    suppressed = _having(known, ledgers.suppressions.filter(on_channel))
    refused = known.clear().get_column("customer_id")
    if document.uses_profiling:
        refused = _having(known, ledgers.profiling.filter(pl.col("state") == "withdrawn"))
    customer, address = pl.col("customer_id"), pl.col(document.identifier)
    reason = (
        pl.when(_age(today) < ADULT_ENOUGH)
        .then(pl.lit("under_14"))
        .when(customer.is_in(withdrawn.implode()))
        .then(pl.lit("withdrawn"))
        .when(~customer.is_in(granted.implode()))
        .then(pl.lit("no_consent"))
        .when(customer.is_in(refused.implode()))
        .then(pl.lit("no_profiling"))
        .when(customer.is_in(suppressed.implode()))
        .then(pl.lit("suppressed"))
        .when(address.is_null() | (address.str.strip_chars() == ""))
        .then(pl.lit("no_identifier"))
    )
    judged = _limited(document, members.with_columns(reason.alias("_reason")))
    counts = dict(judged.drop_nulls("_reason").group_by("_reason").len().iter_rows())
    return Contactable(
        kept=judged.filter(pl.col("_reason").is_null()).drop("_reason"),
        left_out={name: counts.get(name, 0) for name in REASONS},
    )


def _limited(document: AudienceDocument, judged: pl.DataFrame) -> pl.DataFrame:
    """What depends on who else is kept: nobody is reached twice, and the document's limit."""
    kept = pl.col("_reason").is_null()
    repeated = kept & (kept.cast(pl.Int64).cum_sum().over(document.identifier) > 1)
    judged = judged.with_columns(pl.when(repeated).then(pl.lit("duplicate")).otherwise("_reason").alias("_reason"))
    if document.limit is None:
        return judged
    beyond = kept & (kept.cast(pl.Int64).cum_sum() > document.limit)
    return judged.with_columns(pl.when(beyond).then(pl.lit("over_limit")).otherwise("_reason").alias("_reason"))


def _identifiers(members: pl.DataFrame, identifiers: pl.DataFrame) -> pl.DataFrame:
    """Every identifier of every member: customer_id, identifier_type, identifier."""
    own = [
        members.select("customer_id", pl.lit(name).alias("identifier_type"), pl.col(name).alias("identifier"))
        for name in _OWN_IDENTIFIERS
        if name in members.columns
    ]
    graph = identifiers.select("customer_id", "identifier_type", "identifier").join(
        members, on="customer_id", how="semi"
    )
    return pl.concat([graph, *own]).drop_nulls().unique()


def _having(known: pl.DataFrame, decisions: pl.DataFrame) -> pl.Series:
    """The customers of whom any identifier is among the decisions."""
    found = known.join(decisions, on=["identifier_type", "identifier"], how="semi")
    return found.get_column("customer_id").unique()


def _age(today: date) -> pl.Expr:
    """Whole years; null without a birth date. Born on 29 February: a year older on 1 March."""
    birth = pl.col("birth_date")
    before_birthday = (birth.dt.month() > today.month) | (
        (birth.dt.month() == today.month) & (birth.dt.day() > today.day)
    )
    return pl.lit(today.year) - birth.dt.year() - before_birthday.cast(pl.Int32)
