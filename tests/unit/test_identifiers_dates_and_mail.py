"""E-mail, dates of birth, gender and licence plates in the spellings of forms, exports and people.

The accident it prevents: ten thousand customers born on 1900-01-01, and thereby one person.
"""

from datetime import date, datetime

import polars as pl
import pytest

from models.identifiers import birth_dates, emails, genders, licence_plates

TODAY = date(2026, 11, 22)
BORN = date(1990, 1, 2)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "1990-01-02",
            "1990/1/2",
            "1990.1.2",
            "19900102",
            "1990年1月2日",
            "1990年01月02号",
            "1990 年 1 月 2 日",
            "90年1月2日",
        ),
        *(
            "１９９０－０１－０２",
            "1990-01-02 00:00:00",
            "1990-01-02T08:30:00Z",
            "19900102 10:00",
            "1990年1月2日 星期二",
            "1990/1/2(公历)",
        ),
        *("2 Jan 1990", "2nd January 1990", "02-Jan-1990", "Jan 2, 1990", "january 2 1990", "32875", "32875.0"),
    ],
)
def test_spellings_of_a_date(written: str) -> None:
    assert birth_dates(pl.Series([written]), TODAY).to_list() == [BORN]


@pytest.mark.parametrize(
    "written",
    [
        *(
            "1900-01-01",
            "1970/1/1",
            "1899-12-30",
            "0000-00-00",
            "0001-01-01",
            "9999-12-31",
            "1990-02-30",
            "1990-13-01",
            "2030-01-01",
        ),
        *(
            "1890-05-05",
            "农历1990年正月初一",
            "属马",
            "1月2日",
            "1990-01",
            "1990",
            "02/01/1990",
            "199O-01-02",
            "未知",
            "",
            "25569",
        ),
    ],
)
def test_what_is_no_date_of_birth(written: str) -> None:
    assert birth_dates(pl.Series([written]), TODAY).to_list() == [None]


def test_day_and_month_need_somebody_who_knows() -> None:
    cells = pl.Series(["02/01/1990", "13/01/1990", "01/13/1990", "03/03/1990"])
    day = [date(1990, 1, 13), date(1990, 1, 13), date(1990, 3, 3)]
    assert birth_dates(cells, TODAY).to_list() == [None, *day]
    assert birth_dates(cells, TODAY, day_first=True).to_list() == [date(1990, 1, 2), *day]
    assert birth_dates(cells, TODAY, day_first=False).to_list() == [date(1990, 2, 1), *day]


def test_two_digits_of_a_year_are_the_last_such_year() -> None:
    cells = pl.Series(["05年3月4日", "26年3月4日", "27年3月4日"])
    assert birth_dates(cells, TODAY).to_list() == [date(2005, 3, 4), date(2026, 3, 4), date(1927, 3, 4)]


def test_a_column_of_dates_is_only_checked() -> None:
    assert birth_dates(pl.Series([BORN, date(1900, 1, 1), None]), TODAY).to_list() == [BORN, None, None]
    assert birth_dates(pl.Series([datetime(1990, 1, 2, 5)]), TODAY).to_list() == [BORN]


@pytest.mark.parametrize(
    ("written", "mail"),
    [
        ("A.Wang@Example.COM", "a.wang@example.com"),
        ("ａ＠ｂ．ｃｏｍ", "a@b.com"),
        (" a @ b.com ", "a@b.com"),
        ("Wang Fang <A@B.com>", "a@b.com"),
        ("mailto:x@y.cn", "x@y.cn"),
        ("a@b.com;", "a@b.com"),
        ("w.a.n.g+shop@gmail.com", "wang@gmail.com"),
        ("Wang@GoogleMail.com", "wang@gmail.com"),
        ("a.b+shop@outlook.com", "a.b+shop@outlook.com"),  # elsewhere a dot and a plus may be another mailbox
        ("a@gamil.com", "a@gamil.com"),  # not mended
        ("12345@qq.com", "12345@qq.com"),
        ("a@公司.中国", "a@公司.中国"),
        ("a***b@qq.com", None),
        ("a@b.com;c@d.com", None),
        ("a..b@c.com", None),
        ("+@gmail.com", None),
        ("a@b", None),
        ("无", None),
        ("@", None),
    ],
)
def test_mail(written: str, mail: str | None) -> None:
    assert emails(pl.Series([written])).to_list() == [mail]


def test_genders() -> None:
    male = ["男", "男性", "M", "male", "1", "1.0", "先生", "♂", "Mr.", "１"]
    female = ["女", "女士", "F", "FEMALE", "2", "小姐", "♀"]
    neither = ["0", "9", "未知", "保密", "x", "", None]
    assert genders(pl.Series(male)).unique().to_list() == ["male"]
    assert genders(pl.Series(female)).unique().to_list() == ["female"]
    assert genders(pl.Series(neither)).unique().to_list() == [None]


@pytest.mark.parametrize(
    ("written", "plate"),
    [
        ("沪A·12345", "沪A12345"),
        ("沪a 12345", "沪A12345"),
        ("滬A12345", "沪A12345"),
        ("车牌：苏E-1Q2W3", "苏E1Q2W3"),
        ("沪AD12345", "沪AD12345"),
        ("粤Z1234港", "粤Z1234港"),
        ("京A12*45", None),
        ("A12345", None),
        ("沪AO1234", None),
        ("沪A123", None),
    ],
)
def test_plates(written: str, plate: str | None) -> None:
    assert licence_plates(pl.Series([written])).to_list() == [plate]
