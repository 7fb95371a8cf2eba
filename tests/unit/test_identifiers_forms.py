"""A document names a canonical form; the column comes back in it."""

from datetime import date

import polars as pl
import pytest

from models.identifiers import FORMS, in_form

TODAY = date(2026, 1, 1)
SEEN = {
    "phone": ("138 0000-1234", "+8613800001234"),
    "phone_mask": ("13800001234", "+86138****1234"),
    "email": (" Wang.Fang@Example.COM ", "wang.fang@example.com"),
    "gender": ("女士", "female"),
    "birth_date": ("1990年1月2日", "1990-01-02"),
    "name": ("王芳女士", "王芳"),
    "surname": ("王芳", "王"),
    "given_name": ("王芳", "芳"),
    "name_pinyin": ("王芳", "wang fang"),
    "name_sound": ("王方", "wan fan"),
    "name_mask": ("王芳", "王*"),
    "province": ("浙江杭州余杭文一西路969号", "浙江省"),
    "city": ("浙江杭州余杭文一西路969号", "杭州市"),
    "district": ("浙江杭州余杭文一西路969号", "余杭区"),
    "road": ("浙江杭州余杭文一西路969号", "文一西路"),
    "number": ("浙江杭州余杭文一西路969号", "969"),
    "door": ("浙江杭州余杭文一西路969号3-5-1202", "3-5-1202"),
}


@pytest.mark.parametrize("form", SEEN)
def test_each_form_reads_what_its_name_says(form: str) -> None:
    written, read = SEEN[form]
    found = in_form(pl.Series("x", [written, None, "???"]), form, region="CN", today=TODAY)
    assert found[0] == read
    assert found[1] is None
    assert found.name == "x"


def test_every_form_gives_text_and_keeps_the_rows() -> None:
    values = pl.Series("x", ["王芳", "13800001234", None, ""])
    for form in FORMS:
        found = in_form(values, form, region="CN", today=TODAY)
        assert (found.dtype, found.len()) == (pl.String, 4), form


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(KeyError):
        in_form(pl.Series(["x"]), "shoe_size", region="CN", today=TODAY)
