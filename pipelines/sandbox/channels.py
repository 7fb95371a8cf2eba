"""Under which names the channels know a person: openids by app, buyer ids by app key, visitor ids before a sign-in.

``identities`` is the answer to identity resolution: every identifier that may stand on any fact, whose it is, and when.
"""

from datetime import date

import numpy as np
import polars as pl

from pipelines.sandbox import premises
from pipelines.sandbox.chance import Chance, distinct_numbers
from pipelines.sandbox.company import Company
from pipelines.sandbox.households import ALWAYS, Settled
from pipelines.sandbox.numbering import Numbering
from pipelines.sandbox.switches import Traits

_TAOBAO = ("23100001", "23100002")
#: Columns of ``accounts`` that hold an identifier: its type and its scope (the app, app key or corp that gave it).
ACCOUNTS: dict[str, tuple[str, str | None]] = {
    "mall_openid": ("openid", premises.MINI_PROGRAM),
    "club_openid": ("openid", premises.MEMBER_CENTRE),
    "taobao_buyer": ("buyer_open_uid", _TAOBAO[0]),
    "taobao_club_buyer": ("buyer_open_uid", _TAOBAO[1]),
    "yz_open_id": ("yz_open_id", "44635512"),
    "doudian_open_id": ("doudian_open_id", "DY4463312"),
    "jd_buyer": ("open_id_buyer", "JD880123"),
    "alipay_account": ("alipay_account", None),
    "visitor_id": ("visitor_id", None),
}


def accounts(
    people: pl.DataFrame, wants: pl.DataFrame, traits: Traits, seed: int, numbering: Numbering
) -> pl.DataFrame:
    """One row per person: person_id, corp_id of the contact, second_corp_id and second_external_userid (null: none),
    and the columns of ACCOUNTS. Nobody shares one; a platform's id exists whether or not the person buys there."""
    chance = Chance(seed, "accounts")
    size = people.height
    openids = [pl.Series(chance.codes(size, "o", 27)) for _ in range(2)]
    buyers = [pl.Series(chance.codes(size, "AAH", 25)) for _ in range(2)]
    second = people["external_userid"].is_not_null() & pl.Series(chance.happens(size, traits.second_corp))
    overseas = people["country"] != "CN"
    home, other = premises.MAINLAND_CORP, premises.OVERSEAS_CORP
    number = distinct_numbers(size, numbering.seed, 12, 5, numbering.first_person)
    return people.select("person_id").with_columns(
        pl.select(pl.when(overseas).then(pl.lit(other)).otherwise(pl.lit(home))).to_series().alias("corp_id"),
        pl.select(pl.when(second).then(pl.when(overseas).then(pl.lit(home)).otherwise(pl.lit(other))))
        .to_series()
        .alias("second_corp_id"),
        pl.select(pl.when(second).then(pl.Series(chance.codes(size, "wm", 30))))
        .to_series()
        .alias("second_external_userid"),
        pl.select(pl.when(wants["uses_app"]).then(openids[0])).to_series().alias("mall_openid"),
        pl.select(pl.when(wants["uses_club"]).then(openids[1])).to_series().alias("club_openid"),
        buyers[0].alias("taobao_buyer"),
        buyers[1].alias("taobao_club_buyer"),
        (pl.lit("yz") + pl.Series(number + 7_000_000_000_000).cast(pl.String)).alias("yz_open_id"),
        (pl.lit("1@#") + pl.Series(chance.codes(size, "", 24))).alias("doudian_open_id"),
        (pl.lit("jd") + pl.Series(chance.codes(size, "", 22))).alias("jd_buyer"),
        pl.format("2088{}", pl.Series(number).cast(pl.String).str.zfill(12)).alias("alipay_account"),
        (pl.lit("v-") + pl.Series(chance.codes(size, "", 20))).alias("visitor_id"),
    )


def identities(company: Company, settled: Settled, accounts_of: pl.DataFrame, mistakes: pl.DataFrame) -> pl.DataFrame:
    """One row per identifier, scope, owner and period: person_id,
    identifier_type, scope (corp, app or app key; null: one of the world), identifier, valid_from, valid_to (civil days;
    null: open), relation (own, household: used by a member of the household, mistake: not the person's, but
    written where his was meant). Phones of the staff, which stand on orders too, are the company's ``staff``.

    ``mistakes``: person_id, identifier (phone), first_day, as facts hold them.
    """
    people = settled.people.join(accounts_of, on="person_id", maintain_order="left")
    nothing = pl.lit(None, dtype=pl.String)
    whose: list[tuple[str, str, pl.Expr]] = [
        ("unionid", "unionid", nothing),
        ("member_no", "member_no", nothing),
        ("external_userid", "external_userid", pl.col("corp_id")),
        ("second_external_userid", "external_userid", pl.col("second_corp_id")),
        *((name, kind, pl.lit(scope, dtype=pl.String)) for name, (kind, scope) in ACCOUNTS.items()),
    ]
    owned = [
        _identity(people.filter(pl.col(name).is_not_null()), kind, name, scope=scope) for name, kind, scope in whose
    ]
    since, until = _civil(company.starts_on, "first_day"), _civil(company.starts_on, "last_day")
    phones = _identity(settled.phones, "phone", "phone", since, until, pl.col("relation"))
    once = mistakes.unique(["person_id", "identifier"], keep="first", maintain_order=True)
    wrong = _identity(once, "phone", "identifier", since, relation=pl.lit("mistake"))
    return pl.concat([phones, *owned, wrong])


_NEVER = pl.lit(None, dtype=pl.Date)


def _identity(
    rows: pl.DataFrame,
    kind: str,
    column: str,
    since: pl.Expr = _NEVER,
    until: pl.Expr = _NEVER,
    relation: pl.Expr | None = None,
    scope: pl.Expr | None = None,
) -> pl.DataFrame:
    return rows.select(
        "person_id",
        pl.lit(kind).alias("identifier_type"),
        (pl.lit(None) if scope is None else scope).cast(pl.String).alias("scope"),
        pl.col(column).alias("identifier"),
        since.alias("valid_from"),
        until.alias("valid_to"),
        (pl.lit("own") if relation is None else relation).alias("relation"),
    )


def _civil(first: date, day: str) -> pl.Expr:
    return pl.when(pl.col(day) > ALWAYS).then((pl.lit(first) + pl.duration(days=pl.col(day))).cast(pl.Date))


def masked_phone(phone: str) -> pl.Expr:
    """As platforms show it: three digits, four stars, four digits; a country code other than +86 stays."""
    bare = pl.col(phone).str.strip_prefix("+86")
    return bare.str.slice(0, bare.str.len_chars() - 8) + pl.lit("****") + bare.str.slice(-4)


def masked_name(name: str) -> pl.Expr:
    """The first character and stars for the others."""
    return pl.col(name).str.slice(0, 1) + pl.lit("*").repeat_by(pl.col(name).str.len_chars() - 1).list.join("")


def swapped_digits(phone: pl.Series, chance: Chance) -> pl.Series:
    """Phones with two neighbouring digits of the last six in each other's place; equal neighbours stay as they are."""
    place = -6 + chance.below(len(phone), 5)
    at = pl.Series(np.where(place == -2, -3, place))
    text = pl.DataFrame({"phone": phone, "at": at})
    length = pl.col("phone").str.len_chars().cast(pl.Int64)
    start = length + pl.col("at")
    return text.select(
        pl.col("phone").str.slice(0, start)
        + pl.col("phone").str.slice(start + 1, 1)
        + pl.col("phone").str.slice(start, 1)
        + pl.col("phone").str.slice(start + 2)
    ).to_series()
