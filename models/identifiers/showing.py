"""Personal values as people see them who need to recognise, not to know them."""

import polars as pl


def masked(value: str | None) -> str | None:
    """A personal value for people who need to recognise, not to know it: ``+8613800001111`` → ``+86138****1111``.

    At most three characters after the country code and four at the end are shown.
    """
    if not value:
        return value
    prefix = "+86" if value.startswith("+86") else ""
    rest = value[len(prefix) :]
    first, last = _shown(len(rest))
    return prefix + rest[:first] + "*" * (len(rest) - first - last) + rest[len(rest) - last :]


def masked_all(values: pl.Expr) -> pl.Expr:
    """The same for a column of text."""
    has_prefix = values.str.starts_with("+86")
    rest = pl.when(has_prefix).then(values.str.slice(3)).otherwise(values)
    length = rest.str.len_chars().cast(pl.Int64)
    first = pl.when(length > 8).then(3).when(length > 6).then(2).when(length > 1).then(1).otherwise(0)
    last = pl.when(length > 8).then(4).when(length > 6).then(2).when(length > 2).then(1).otherwise(0)
    stars = pl.lit("*").repeat_by(length - first - last).list.join("")
    hidden = pl.concat_str(
        pl.when(has_prefix).then(pl.lit("+86")).otherwise(pl.lit("")),
        rest.str.slice(0, first),
        stars,
        rest.str.slice(length - last, last),
    )
    return pl.when(values == "").then(values).otherwise(hidden)


def _shown(length: int) -> tuple[int, int]:
    """How many characters are shown at the start and at the end of a value of a length."""
    if length > 8:
        return 3, 4
    if length > 6:
        return 2, 2
    return int(length > 1), int(length > 2)
