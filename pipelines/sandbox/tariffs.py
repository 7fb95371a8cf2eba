"""Tables that a company keeps beside its facts: days off, exchange rates, tax rates, costs, promotions."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.sandbox.chance import Chance
from pipelines.sandbox.premises import MINOR

# State Council notices for 2024, 2025 and 2026: days off, and weekend days that are worked instead.
_OFF: tuple[tuple[str, date, date], ...] = (
    ("元旦", date(2024, 1, 1), date(2024, 1, 1)),
    ("春节", date(2024, 2, 10), date(2024, 2, 17)),
    ("清明节", date(2024, 4, 4), date(2024, 4, 6)),
    ("劳动节", date(2024, 5, 1), date(2024, 5, 5)),
    ("端午节", date(2024, 6, 8), date(2024, 6, 10)),
    ("中秋节", date(2024, 9, 15), date(2024, 9, 17)),
    ("国庆节", date(2024, 10, 1), date(2024, 10, 7)),
    ("元旦", date(2025, 1, 1), date(2025, 1, 1)),
    ("春节", date(2025, 1, 28), date(2025, 2, 4)),
    ("清明节", date(2025, 4, 4), date(2025, 4, 6)),
    ("劳动节", date(2025, 5, 1), date(2025, 5, 5)),
    ("端午节", date(2025, 5, 31), date(2025, 6, 2)),
    ("国庆节、中秋节", date(2025, 10, 1), date(2025, 10, 8)),
    ("元旦", date(2026, 1, 1), date(2026, 1, 3)),
    ("春节", date(2026, 2, 15), date(2026, 2, 23)),
    ("清明节", date(2026, 4, 4), date(2026, 4, 6)),
    ("劳动节", date(2026, 5, 1), date(2026, 5, 5)),
    ("端午节", date(2026, 6, 19), date(2026, 6, 21)),
    ("中秋节", date(2026, 9, 25), date(2026, 9, 27)),
    ("国庆节", date(2026, 10, 1), date(2026, 10, 7)),
)
_WORKED = (
    *(date(2024, 2, 4), date(2024, 2, 18), date(2024, 4, 7), date(2024, 4, 28), date(2024, 5, 11), date(2024, 9, 14)),
    *(date(2024, 9, 29), date(2024, 10, 12)),
    *(date(2025, 1, 26), date(2025, 2, 8), date(2025, 4, 27), date(2025, 9, 28), date(2025, 10, 11)),
    *(date(2026, 1, 4), date(2026, 2, 14), date(2026, 2, 28), date(2026, 5, 9), date(2026, 9, 20), date(2026, 10, 10)),
)
# Units of CNY for one unit, about where they stood; illustrative, no rate of any real day.
_RATES = {"HKD": 0.915, "MOP": 0.888, "SGD": 5.45, "JPY": 0.0485, "GBP": 9.45}
_MONTHLY = ("MOP",)  # not in the daily list: a reference rate on the last working day of each month

# jurisdiction, category, tax, rate, source. HK and Macau know no VAT; figures of a demo, no advice.
_TAXES: tuple[tuple[str, str, str | None, str, str], ...] = (
    ("CN", "tea", None, "0.09", "农产品初加工"),
    ("CN", "processed_food", None, "0.13", "一般货物"),
    ("CN", "tea_ware", None, "0.13", "一般货物"),
    ("CN", "services", None, "0.06", "生活服务"),
    ("HK", "*", None, "0", "no VAT"),
    ("MO", "*", None, "0", "no VAT"),
    ("MO", "services", "tourism", "0.05", "tourism tax"),
    ("SG", "*", None, "0.09", "GST"),
    ("JP", "*", None, "0.10", "consumption tax"),
    ("JP", "tea", None, "0.08", "consumption tax, reduced"),
    ("GB", "*", None, "0.20", "VAT"),
    ("GB", "tea", None, "0", "VAT, zero rate"),
)
_TAX_CATEGORY = {"茶具": "tea_ware", "茶点": "processed_food"}

# name, first and last day of the year, per cent off in addition
_PROMOTIONS = (
    ("女神节", (3, 5), (3, 8), 5),
    ("春茶上市", (4, 1), (4, 15), 5),
    ("618 年中大促", (6, 1), (6, 18), 10),
    ("中秋礼遇", (9, 10), (9, 30), 5),
    ("双十一", (10, 31), (11, 11), 15),
    ("双十二", (12, 10), (12, 12), 10),
)


def holidays(starts_on: date, ends_on: date) -> pl.DataFrame:
    """One row per day of mainland China that differs from its weekday: day, name, is_off (false: a weekend day that is
    worked). Known for 2024 to 2026."""
    rows = [
        (first + timedelta(days=n), name, True) for name, first, last in _OFF for n in range((last - first).days + 1)
    ]
    rows += [(day, "调休上班", False) for day in _WORKED]
    frame = pl.DataFrame(rows, schema=["day", "name", "is_off"], orient="row").sort("day")
    return frame.filter(pl.col("day").is_between(starts_on, ends_on))


def _working_days(starts_on: date, ends_on: date) -> pl.DataFrame:
    days = pl.DataFrame({"day": pl.date_range(starts_on, ends_on, eager=True)})
    known = days.join(holidays(starts_on, ends_on), on="day", how="left", maintain_order="left")
    weekday = pl.col("day").dt.weekday() <= 5
    return known.filter(pl.coalesce(~pl.col("is_off"), weekday)).select("day")


def fx_rates(seed: int, starts_on: date, ends_on: date) -> pl.DataFrame:
    """One row per published day and currency: rate_date, base_currency, quote_currency (CNY), rate (text, six places),
    source. Working days only; currencies outside the daily list on the last one of each month."""
    days = _working_days(starts_on - timedelta(days=40), ends_on)
    frames = []
    for currency, middle in _RATES.items():
        steps = Chance(seed, f"fx {currency}").lognormal(days.height, 1.0, 0.002)
        path = np.round(middle * np.cumprod(steps), 6)
        frames.append(days.with_columns(pl.lit(currency).alias("base_currency"), pl.Series("rate", path)))
    month_end = pl.col("day") == pl.col("day").max().over(pl.col("day").dt.truncate("1mo"), "base_currency")
    return (
        pl.concat(frames)
        .filter(~pl.col("base_currency").is_in(_MONTHLY) | month_end)
        .select(
            pl.col("day").alias("rate_date"),
            "base_currency",
            pl.lit("CNY").alias("quote_currency"),
            pl.col("rate").cast(pl.Decimal(20, 10)),
            pl.lit("CFETS").alias("source"),
        )
        .sort("rate_date", "base_currency")
    )


def tax_rates(starts_on: date) -> pl.DataFrame:
    """One row per jurisdiction, category and tax: with rate, source, valid_from."""
    schema = ["jurisdiction", "category", "tax", "rate", "source"]
    return pl.DataFrame(_TAXES, schema=schema, orient="row").with_columns(
        pl.col("rate").cast(pl.Decimal(20, 10)), pl.lit(date(starts_on.year, 1, 1)).alias("valid_from")
    )


def tax_category() -> pl.Expr:
    """The category of the tax table for a product's category."""
    return pl.col("category").replace_strict(_TAX_CATEGORY, default="tea", return_dtype=pl.String)


def costs(products: pl.DataFrame, seed: int, starts_on: date, days: int) -> pl.DataFrame:
    """One row per product and period of a purchase cost: product_id, kind, currency, unit_cost (major units),
    valid_from, valid_to. Costs change once, in the middle of the window."""
    chance = Chance(seed, "costs")
    share = 28 + chance.below(products.height, 25)
    rise = 100 + chance.below(products.height, 12)
    first = products["price_cny"].to_numpy() * share // 100
    turn = starts_on + timedelta(days=days // 2)
    opening = date(starts_on.year - 1, 1, 1)

    def period(cents: np.ndarray, since: date, until: date | None) -> pl.DataFrame:
        return products.select(
            "product_id",
            pl.lit("purchase").alias("kind"),
            pl.lit("CNY").alias("currency"),
            (pl.Series(cents).cast(pl.Decimal(18, 6)) / 100).cast(pl.Decimal(18, 6)).alias("unit_cost"),
            pl.lit(since).alias("valid_from"),
            pl.lit(until, dtype=pl.Date).alias("valid_to"),
        )

    return pl.concat([period(first, opening, turn - timedelta(days=1)), period(first * rise // 100, turn, None)])


def promotions(starts_on: date, ends_on: date) -> pl.DataFrame:
    """One row per promotion: promotion_id, name, starts_on, ends_on, percent (off in addition, whole number)."""
    rows = [
        (f"PR{year}{number:02d}", name, date(year, *first), date(year, *last), percent)
        for year in range(starts_on.year, ends_on.year + 1)
        for number, (name, first, last, percent) in enumerate(_PROMOTIONS, start=1)
    ]
    frame = pl.DataFrame(rows, schema=["promotion_id", "name", "starts_on", "ends_on", "percent"], orient="row")
    return frame.filter((pl.col("ends_on") >= starts_on) & (pl.col("starts_on") <= ends_on))


def price_of(products: pl.DataFrame) -> dict[str, np.ndarray]:
    """Shelf price of every product by currency, minor units."""
    yuan, dollars = products["price_cny"].to_numpy(), products["price_hkd"].to_numpy()
    return {
        "CNY": yuan,
        "HKD": dollars,
        "MOP": dollars,
        "SGD": yuan // 500 * 100,
        "JPY": yuan * 20 // 100 // 10 * 10 * MINOR["JPY"],
        "GBP": yuan // 800 * 100,
    }
