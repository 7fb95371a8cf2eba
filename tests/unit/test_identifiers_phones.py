"""Phones of people: kinds, masks and the several numbers of a cell, as people and platforms write them.

The accidents it prevents: a platform's lent number that makes one customer of its hundred borrowers; a mask that never
meets the number it hides.
"""

import polars as pl
import pytest

from models.identifiers import (
    phone_e164,
    phone_facts,
    phone_fits,
    phone_mask,
    phone_masks,
    phone_pattern,
    phones_e164,
    phones_of,
)

USUAL = "+86138****1234"
TAIL = "+86*******1234"


def one(found: pl.Series) -> object:
    return found.to_list()[0]


@pytest.mark.parametrize(
    ("written", "phone", "kind", "extension"),
    [
        ("13800001234", "+8613800001234", "mobile", None),
        ("１３８ 0000 1234", "+8613800001234", "mobile", None),
        ("+86-138-0000-1234", "+8613800001234", "mobile", None),
        ("17012345678", "+8617012345678", "mobile", None),  # a virtual operator's customer is a person
        ("17012345678-1234", None, "virtual", "1234"),
        ("17012345678转1234", None, "virtual", "1234"),
        ("17012345678 转 1234", None, "virtual", "1234"),
        ("17012345678,1234", None, "virtual", "1234"),
        ("18412345678 ext 1234", None, "virtual", "1234"),
        ("18412345678x1234", None, "virtual", "1234"),
        ("+8617012345678分机56", None, "virtual", "56"),
        ("021-58881234", "+862158881234", "landline", None),
        ("(010)65001234", "+861065001234", "landline", None),
        ("021-58881234-801", "+862158881234", "landline", "801"),
        ("021-58881234转801", "+862158881234", "landline", "801"),
        ("400-820-8888", "+864008208888", "service", None),
        ("+852 5123 4567", "+85251234567", "mobile", None),
        ("+853 6212 3456", "+85362123456", "mobile", None),
        ("+886 912 345 678", "+886912345678", "mobile", None),
        ("+1 650 253 0000", "+16502530000", "either", None),
        ("138****1234", None, None, None),
        ("1380000123", None, None, None),
        ("王芳", None, None, None),
    ],
)
def test_a_number_and_its_kind(written: str, phone: str | None, kind: str | None, extension: str | None) -> None:
    assert phone_facts(pl.Series([written])).rows() == [(phone, kind, extension)]
    assert phone_e164(written) == phone
    assert phones_e164(pl.Series([written])).to_list() == [phone]


@pytest.mark.parametrize(
    "written",
    [
        *("138****1234", "138xxxx1234", "138XXXX1234", "138 **** 1234", "138-****-1234", "138**1234", "138***1234"),
        *(
            "138....1234",
            "138●●●●1234",
            "138××××1234",
            "138••••1234",
            "138----1234",
            "１３８＊＊＊＊１２３４",
            "138####1234",
        ),
        *("+86-138****1234", "+86 138****1234", "86138****1234", "0086138****1234", "1380***1234", "13800**1234"),
        *("1380000*234", "13800001234", "+86 138 0000 1234"),
    ],
)
def test_every_spelling_of_a_mask_meets_the_number(written: str) -> None:
    expected = "+86138****1234" if written != "1380000*234" else None  # three digits at the end are too few
    assert one(phone_mask(pl.Series([written]))) == expected
    assert one(phone_masks(pl.Series([written]))) == ([expected, TAIL] if expected else None)


@pytest.mark.parametrize("written", ["*******1234", "****1234", "尾号1234", "手机尾号：1234", "1**********1234"[-8:]])
def test_where_only_the_end_is_known_the_end_meets(written: str) -> None:
    assert one(phone_masks(pl.Series([written]))) == [TAIL]
    assert TAIL in phone_masks(pl.Series(["13800001234"])).to_list()[0]


@pytest.mark.parametrize(
    ("written", "region", "mask"),
    [
        ("5***1234", "HK", "+852****1234"),
        ("51231234", "HK", "+852****1234"),
        ("+8525***1234", "CN", "+852****1234"),
        ("852-5***1234", "CN", "+852****1234"),
        ("+852****1234", "CN", "+852****1234"),  # as the sandbox's platforms show it
        ("6***1234", "MO", "+853****1234"),
        ("0912***678", "TW", "+886912***678"),
        ("+886 912345678", "CN", "+886912***678"),
        ("+16502530000", "CN", "+1****0000"),
        ("021-58881234", "CN", "+86*******1234"),  # of a landline only the end can be compared
        ("5***1234", "CN", None),  # eight places are no mainland mobile, and of which city nobody says
        ("138******34", "CN", None),
        ("17012345678-1234", "CN", None),
        ("184****5678-1234", "CN", None),  # a lent number, masked
        ("13800001111x1234", "CN", None),
        ("138****12345678", "CN", None),
        ("++86*1", "CN", None),
        ("***", "CN", None),
        ("无", "CN", None),
    ],
)
def test_masks_of_other_countries_and_what_is_none(written: str, region: str, mask: str | None) -> None:
    assert one(phone_mask(pl.Series([written]), region)) == mask


def test_a_pattern_keeps_every_known_digit_and_refuses_another_number() -> None:
    frame = pl.DataFrame(
        [
            ("1380***1234", "+8613805551234", True),
            ("1380***1234", "+8613815551234", False),
            ("138****1234", "+8613815551234", True),
            ("138******34", "+8613815551234", True),
            ("138******34", "+8613815551243", False),
            ("+8525***1234", "+85251231234", True),
            ("+8525***1234", "+85261231234", False),
            ("尾号1234", "+8613815551234", None),  # no places, no pattern
            ("138****1234", None, None),
        ],
        schema=["mask", "phone", "fits"],
        orient="row",
    )
    patterns = frame.with_columns(phone_pattern(frame["mask"]).alias("pattern"))
    assert (
        patterns.select(phone_fits(pl.col("pattern"), pl.col("phone"))).to_series().to_list() == frame["fits"].to_list()
    )


@pytest.mark.parametrize(
    ("cell", "phones"),
    [
        ("13800001234/13900005678", ["+8613800001234", "+8613900005678"]),
        ("13800001234、13900005678", ["+8613800001234", "+8613900005678"]),
        ("13800001234 13900005678", ["+8613800001234", "+8613900005678"]),
        ("13800001234;13800001234", ["+8613800001234"]),
        ("手机13800001234 座机021-58881234", ["+8613800001234", "+862158881234"]),
        ("13800001234（家）", ["+8613800001234"]),
        ("13800001234王芳", ["+8613800001234"]),
        ("17012345678-1234", []),
        ("17012345678-1234,13800001234", ["+8613800001234"]),
        ("+852 5123 4567", ["+85251234567"]),
        ("无", []),
        (None, None),
    ],
)
def test_every_number_of_a_cell(cell: str | None, phones: list[str] | None) -> None:
    assert phones_of(pl.Series([cell], dtype=pl.String)).to_list() == [phones]


def test_a_column_is_read_in_its_order() -> None:
    cells = pl.Series("phone", ["138****1234", None, "13800001234", "138****1234", "x"])
    assert phone_mask(cells).to_list() == [USUAL, None, USUAL, USUAL, None]
    assert phone_mask(cells).name == "phone"
    assert phone_facts(cells)["phone"].to_list() == [None, None, "+8613800001234", None, None]
