"""E-mail addresses, dates of birth, gender and licence plates in one form."""

from datetime import date

import polars as pl

from models.identifiers.text import clean, distinct, simplified, spread

_MAIL = r"([a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9\p{L}](?:[a-z0-9\p{L}.-]*[a-z0-9\p{L}])?\.[a-z\p{L}][a-z0-9\p{L}-]*)"
# what nearly all addresses look like; they need no more than small letters
_USUAL_MAIL = r"^[a-z0-9](?:[a-z0-9._-]*[a-z0-9_-])?@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z][a-z0-9-]*$"
_GMAIL = r"@(?:gmail|googlemail)\.com$"

#: Days that forms and systems write where nobody said anything: the zero days of Excel, SQL Server, Unix, Java and
#: MySQL.
PLACEHOLDERS = (
    date(1900, 1, 1),
    date(1899, 12, 30),
    date(1899, 12, 31),
    date(1901, 1, 1),
    date(1970, 1, 1),
    date(1753, 1, 1),
)
_OLDEST_YEARS = 120
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIME = r"(?:[t ]\s*[0-9]{1,2}[:时点].*)?$"

_MALE = ("男", "男性", "男士", "男生", "先生", "m", "male", "man", "mr", "1", "♂", "boy")
_FEMALE = ("女", "女性", "女士", "女生", "小姐", "太太", "f", "female", "woman", "mrs", "ms", "miss", "2", "♀", "girl")

_PROVINCES_OF_PLATES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"


def emails(values: pl.Series) -> pl.Series:
    """One form: small letters, half width, without name and brackets (``Wang <A@B.com>``) and ``mailto:``. Of Gmail,
    which ignores both, dots and what follows a plus are left out, and googlemail.com is gmail.com. A domain with a slip
    is a different address and is not mended. Null: no address, several, or a masked one."""
    known = distinct(values).alias("text").to_frame().with_columns(pl.col("text").str.to_lowercase().alias("mail"))
    usual = pl.col("mail").str.contains(_USUAL_MAIL) & ~pl.col("mail").str.contains("gmail|googlemail|\\.\\.")
    known = known.with_columns(usual.alias("usual"))
    rest = known.filter(~pl.col("usual")).select("text")
    return spread(values, pl.concat([known.filter("usual").select("text", "mail"), _read_mail(rest)]))["mail"].alias(
        values.name
    )


def _read_mail(known: pl.DataFrame) -> pl.DataFrame:
    """text and mail of any text (column text)."""
    plain = clean(pl.col("text")).str.to_lowercase().str.replace_all(r"\s*@\s*", "@").str.replace(r"^mailto:", "")
    bracketed = pl.coalesce(plain.str.extract(r"<([^<>]+)>\s*$", 1), plain)
    found = bracketed.str.strip_chars(" \t'\"<>()[],;.。，；").str.extract(rf"^{_MAIL}$", 1)
    # a star is allowed in a local part and nobody has one
    found = pl.when(~found.str.contains(r"\*|\.\.|^\.|\.@")).then(found)
    local = (
        pl.col("found").str.extract(r"^([^@]*)@", 1).str.replace(r"\+.*$", "").str.replace_all(".", "", literal=True)
    )
    gmail = pl.when(local != "").then(local + "@gmail.com")
    return known.with_columns(found.alias("found")).select(
        "text", pl.when(pl.col("found").str.contains(_GMAIL)).then(gmail).otherwise("found").alias("mail")
    )


def birth_dates(values: pl.Series, today: date, *, day_first: bool | None = None) -> pl.Series:
    """Dates of birth of many spellings: 1990-01-02, 1990/1/2, 1990.1.2, 19900102, 1990年1月2日, 90年1月2日, 2 Jan 1990,
    Jan 2 1990, 13/01/1990, an Excel day number (32874), each with a time of day or without.

    A year of two digits is the last such year before ``today``. 02/01/1990 is read when ``day_first`` says how. Null:
    no date, a month and a day only, a day and a month that could be either, a lunar date (农历), a day that is no date,
    after ``today`` or more than 120 years before it, and the placeholders of systems (:data:`PLACEHOLDERS`)."""
    if values.dtype == pl.Date or values.dtype == pl.Datetime:
        return _believable(values.cast(pl.Date).to_frame("date"), today).alias(values.name)
    known = distinct(values).alias("text").to_frame()
    text = clean(pl.col("text")).str.to_lowercase().str.replace(r"\(.*\)$|周.$|星期.$", "").str.strip_chars()
    text = pl.when(~text.str.contains(r"农历|農曆|阴历|陰曆|[正腊臘冬闰閏初]")).then(text)
    parts = known.with_columns(text.alias("clean")).with_columns(_parts(pl.col("clean"), today, day_first))
    dated = parts.select(
        "text",
        pl.coalesce(
            pl.format("{}-{}-{}", "year", "month", "day").str.to_date("%Y-%m-%d", strict=False),
            _of_serial(pl.col("clean")),
        ).alias("date"),
    )
    dated = dated.with_columns(_believable(dated, today))
    return spread(values, dated)["date"].alias(values.name)


def genders(values: pl.Series) -> pl.Series:
    """``male``, ``female`` or null: 男 女 先生 女士 M F male female ♂ ♀ and 1 2 (WeChat, ISO 5218); 0, 9, 未知 and 保密
    say nothing."""
    known = distinct(values).alias("text").to_frame()
    plain = simplified(
        known.select(clean(pl.col("text")).str.to_lowercase().str.strip_chars(".。 ").str.replace(r"\.0$", ""))["text"]
    )
    words = dict.fromkeys(_MALE, "male") | dict.fromkeys(_FEMALE, "female")
    known = known.with_columns(plain.replace_strict(words, default=None, return_dtype=pl.String).alias("gender"))
    return spread(values, known)["gender"].alias(values.name)


def licence_plates(values: pl.Series) -> pl.Series:
    """Mainland licence plates: province, capital letter, five or six places, without separators: ``沪A·12345`` →
    ``沪A12345``.

    Six places are a new-energy car's; the last may be 学 警 港 澳 挂 领. Letters I and O, which no plate has behind the
    second place, are not mended. Null: no plate, or a masked one."""
    known = distinct(values).alias("text").to_frame()
    plain = simplified(
        known.select(
            clean(pl.col("text")).str.to_uppercase().str.replace_all(r"[\s·•.\-_・]", "").str.replace(r"^车牌号?:?", "")
        )["text"]
    )
    pattern = rf"^([{_PROVINCES_OF_PLATES}][A-Z][A-HJ-NP-Z0-9]{{4,5}}[A-HJ-NP-Z0-9学警港澳挂领])$"
    known = known.with_columns(plain.str.extract(pattern, 1).alias("plate"))
    return spread(values, known)["plate"].alias(values.name)


def _parts(text: pl.Expr, today: date, day_first: bool | None) -> list[pl.Expr]:
    """year, month and day as text."""
    ymd = [
        rf"^([0-9]{{4}})\s*[-/.年]\s*([0-9]{{1,2}})\s*[-/.月]\s*([0-9]{{1,2}})\s*[日号]?\s*{_TIME}",
        rf"^([0-9]{{4}})([0-9]{{2}})([0-9]{{2}})\s*{_TIME}",
        r"^([0-9]{2})年\s*([0-9]{1,2})月\s*([0-9]{1,2})[日号]?$",
    ]
    # a number over twelve can only be the day; of two that could be either, only who knows the source can tell
    dmy = rf"^([0-9]{{1,2}})\s*[-/.]\s*([0-9]{{1,2}})\s*[-/.]\s*([0-9]{{4}})\s*{_TIME}"
    first, second = (text.str.extract(dmy, place).cast(pl.Int64, strict=False) for place in (1, 2))
    months = {name: f"{number:02d}" for number, name in enumerate(_MONTHS, start=1)}
    day_month = rf"^([0-9]{{1,2}})(?:st|nd|rd|th)?[\s\-/.]*{_MONTH}[\s\-/.,]*([0-9]{{4}})\s*{_TIME}"
    month_day = rf"^{_MONTH}\s*([0-9]{{1,2}})(?:st|nd|rd|th)?[\s,]+([0-9]{{4}})\s*{_TIME}"
    named = pl.coalesce(text.str.extract(day_month, 2), text.str.extract(month_day, 1))
    year = pl.coalesce(
        *(text.str.extract(pattern, 1) for pattern in ymd),
        *(text.str.extract(p, 3) for p in (dmy, day_month, month_day)),
    )
    is_day = pl.when(first > 12).then(True).when((second > 12) | (first == second)).then(False).otherwise(day_first)
    month = pl.when(is_day).then(second).when(~is_day).then(first)
    day = pl.when(is_day).then(first).when(~is_day).then(second)
    return [
        _whole_year(year, today).alias("year"),
        pl.coalesce(
            *(text.str.extract(pattern, 2) for pattern in ymd),
            month.cast(pl.String),
            named.replace_strict(months, default=None, return_dtype=pl.String),
        ).alias("month"),
        pl.coalesce(
            *(text.str.extract(pattern, 3) for pattern in ymd),
            day.cast(pl.String),
            text.str.extract(day_month, 1),
            text.str.extract(month_day, 2),
        ).alias("day"),
    ]


def _whole_year(year: pl.Expr, today: date) -> pl.Expr:
    number = year.cast(pl.Int64, strict=False)
    century = today.year - today.year % 100
    last = pl.when(number <= today.year % 100).then(number + century).otherwise(number + century - 100)
    return pl.when(year.str.len_chars() == 2).then(last.cast(pl.String)).otherwise(year)


def _of_serial(text: pl.Expr) -> pl.Expr:
    """Excel counts days from 1899-12-30; five digits from 1927 on are such a number."""
    serial = text.str.extract(r"^([1-4][0-9]{4})(?:\.0+)?$", 1).cast(pl.Int64, strict=False)
    return pl.lit(date(1899, 12, 30)) + pl.duration(days=serial)


def _believable(dated: pl.DataFrame, today: date) -> pl.Series:
    """The column date, null where nobody alive was born."""
    oldest = date(today.year - _OLDEST_YEARS, 1, 1)
    real = pl.col("date").is_between(oldest, today) & ~pl.col("date").is_in(list(PLACEHOLDERS))
    return dated.select(pl.when(real).then(pl.col("date")).alias("date"))["date"]
