"""Normalisers of people's values on any input: none raises, a second pass changes nothing, a mask meets its number.

The accident it prevents: one odd cell that stops the night's run; a value that drifts with every pass and so loses its
customer.
"""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.identifiers import (
    addresses,
    birth_dates,
    emails,
    genders,
    licence_plates,
    names_agree,
    person_names,
    phone_facts,
    phone_fits,
    phone_mask,
    phone_masks,
    phone_pattern,
    phones_e164,
    phones_of,
    simplified,
)

TODAY = date(2026, 11, 22)
# pieces that the rules look for, between anything at all
_PIECES = (
    "王 芳 欧阳 李 张* ** 先生 女士 老 小 总 收 团长 （ ） ( ) - · / 、 , ; 🌸 ❤️ 𠮷 陳 臺 某 x X ● 3店 已付 妈妈 "
    "Wang SMITH Mr. O'Brien é ﬁ 广东 广东省 深圳市 南山 上海 市辖区 县 九龙 高新区 人民路 12号 *号 3-5-1202 镇 "
    "街道 粤 沪 138 00001234 +86 0086 转 ext **** @ a@b.com gmail.com 1990 年 月 日 -01-02 农历 男 F 1 沪A 12345"
)
PIECES = st.sampled_from([*_PIECES.split(), "\u200b", "\ufeff", "　", " ", "\n", "\x1e", "\x00"])
TEXT = st.one_of(st.text(max_size=20), st.lists(st.one_of(PIECES, st.text(max_size=3)), max_size=6).map("".join))
# many cells and few examples: a call costs the same for one cell as for a thousand
CELLS = st.lists(st.one_of(st.none(), TEXT), min_size=10, max_size=60)

TEXT_TO_TEXT: dict[str, Callable[[pl.Series], pl.Series]] = {
    "phones_e164": phones_e164,
    "phone_mask": phone_mask,
    "phone_pattern": phone_pattern,
    "emails": emails,
    "genders": genders,
    "licence_plates": licence_plates,
    "simplified": simplified,
    "name": lambda values: person_names(values)["name"],
    "address": lambda values: addresses(values)["address"],
}


def cells(values: list[str | None]) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


@pytest.mark.parametrize("name", TEXT_TO_TEXT)
@settings(max_examples=15, deadline=None)
@given(CELLS)
def test_a_second_pass_changes_nothing(name: str, values: list[str | None]) -> None:
    once = TEXT_TO_TEXT[name](cells(values))
    assert len(once) == len(values)
    assert TEXT_TO_TEXT[name](once).to_list() == once.to_list()


@settings(max_examples=20, deadline=None)
@given(CELLS)
def test_a_name_read_again_says_the_same(values: list[str | None]) -> None:
    once = person_names(cells(values))
    again = person_names(once["name"])
    assert again.rows() == once.rows()


@settings(max_examples=20, deadline=None)
@given(CELLS)
def test_the_rest_takes_any_text(values: list[str | None]) -> None:
    given_cells = cells(values)
    for found in (
        phone_facts(given_cells),
        phone_masks(given_cells),
        phones_of(given_cells),
        birth_dates(given_cells, TODAY),
    ):
        assert len(found) == len(values)
    dates = birth_dates(given_cells, TODAY)
    assert birth_dates(dates.cast(pl.String), TODAY).to_list() == dates.to_list()


@settings(max_examples=20, deadline=None)
@given(CELLS, st.randoms(use_true_random=False))
def test_a_value_is_read_alone_as_in_company(values: list[str | None], random) -> None:
    """No value's reading depends on the others: the distinct values come back to their own rows."""
    shuffled = list(values)
    random.shuffle(shuffled)
    for read in (person_names, addresses, phone_facts):
        together = dict(zip(shuffled, read(cells(shuffled)).rows(), strict=True))
        assert [together[value] for value in values] == read(cells(values)).rows()


MOBILES = st.integers(min_value=13_000_000_000, max_value=19_999_999_999).map(str)
STARS = st.sampled_from(
    ["****", "xxxx", "XXXX", "●●●●", "••••", "....", " **** ", "-****-", "＊＊＊＊", "***", "*****"]
)
CODES = st.sampled_from(["", "+86", "+86 ", "+86-", "0086", "86", "86-"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(MOBILES, STARS, CODES), min_size=10, max_size=40))
def test_the_mask_of_a_number_is_that_of_its_masked_spelling(spelled: list[tuple[str, str, str]]) -> None:
    mobiles = [mobile for mobile, _, _ in spelled]
    expected = [f"+86{mobile[:3]}****{mobile[7:]}" for mobile in mobiles]
    masked = cells([f"{code}{mobile[:3]}{stars}{mobile[7:]}" for mobile, stars, code in spelled])
    shown_four = cells([f"{code}{mobile[:4]}***{mobile[7:]}" for mobile, _, code in spelled])
    for spelling in (masked, shown_four, cells(list(mobiles)), cells([f"+86{mobile}" for mobile in mobiles])):
        assert phone_mask(spelling).to_list() == expected
        ends = phone_masks(cells([f"尾号{mobile[7:]}" for mobile in mobiles])).to_list()
        assert all(end[0] in masks for end, masks in zip(ends, phone_masks(spelling).to_list(), strict=True))
    numbers = pl.Series("number", [f"+86{mobile}" for mobile in mobiles])
    for spelling in (masked, shown_four):
        fits = pl.DataFrame({"pattern": phone_pattern(spelling), "number": numbers})
        assert fits.select(phone_fits(pl.col("pattern"), pl.col("number"))).to_series().all()


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(min_value=51_000_000, max_value=69_999_999).map(str), min_size=5),
    st.sampled_from(["852", "853"]),
)
def test_masks_of_hong_kong_and_macau_meet_their_numbers(numbers: list[str], code: str) -> None:
    expected = [f"+{code}****{number[4:]}" for number in numbers]
    for before in (f"+{code}", f"+{code} ", f"{code}-", f"00{code} "):
        assert phone_mask(cells([f"{before}{number[0]}***{number[4:]}" for number in numbers])).to_list() == expected
    full = phone_mask(cells([f"+{code}{number}" for number in numbers])).to_list()
    # null where no such number was ever given out
    assert all(mask in (one, None) for mask, one in zip(full, expected, strict=True))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=10, max_size=40))
def test_agreement_knows_no_order_and_nobody_contradicts_himself(pairs: list[tuple[str, str]]) -> None:
    left, right = (person_names(cells([pair[side] for pair in pairs])) for side in (0, 1))

    def said(one: pl.DataFrame, other: pl.DataFrame) -> list[str | None]:
        sides = [one.select(pl.all().name.prefix("left_")), other.select(pl.all().name.prefix("right_"))]
        return pl.concat(sides, how="horizontal").select(names_agree()).to_series().to_list()

    assert said(left, right) == said(right, left)
    assert set(said(left, left)) <= {"agree", "compatible", None}
