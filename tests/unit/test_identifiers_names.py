"""Names as platforms mask them and as staff write them, and the guard that asks whether two can be one person's.

The accidents it prevents: 王芳 merged with 王丽 by the family's phone; 王芳-3店-已付 taken for somebody else.
"""

import duckdb
import jinja2
import polars as pl
import pytest

from models.identifiers import NAME_COLUMNS, names_agree, person_names
from models.settings import PROJECT_ROOT


def read(value: str | None) -> dict[str, str | None]:
    return person_names(pl.Series([value], dtype=pl.String)).row(0, named=True)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "王芳",
            "王芳女士",
            "王芳 小姐",
            "王芳老师",
            "王芳经理",
            "王芳收",
            "王芳（团长）",
            "(团长)王芳",
            "【老客】王芳",
            "王芳-3店-已付",
        ),
        *(
            "王芳3店已付",
            "3店王芳",
            "A王芳",
            "VIP-王芳",
            "🌸王芳🌸",
            "王芳❤️",
            "王 芳",
            "　王　芳　",
            "王芳，李强",
            "新客户王芳",
            "王芳_13800001111",
        ),
        *("王芳~Fang", "王\u200b芳", "收货人：王芳", "王芳(李强老婆)", "王芳[1234]", "朵朵（王芳）"),
    ],
)
def test_a_full_name_in_what_stands_around_it(written: str) -> None:
    assert read(written) == {
        **{"name": "王芳", "surname": "王", "given_name": "芳", "name_kind": "full"},
        **{"name_pinyin": "wang fang", "name_sound": "wan fan", "name_mask": "王*"},
    }


@pytest.mark.parametrize(
    ("written", "surname", "given", "spoken"),
    [
        ("欧阳娜娜", "欧阳", "娜娜", "ouyang nana"),
        ("諸葛孔明", "诸葛", "孔明", "zhuge kongming"),
        ("司马懿", "司马", "懿", "sima yi"),
        ("尉迟恭", "尉迟", "恭", "yuchi gong"),
        ("单雄信", "单", "雄信", "shan xiongxin"),
        ("曾國藩", "曾", "国藩", "zeng guofan"),
        ("解晓东", "解", "晓东", "xie xiaodong"),
        ("仇英", "仇", "英", "qiu ying"),
        ("朴树", "朴", "树", "piao shu"),
        ("查良鏞", "查", "良镛", "zha liangyong"),
        ("任重", "任", "重", "ren zhong"),
        ("陳大文", "陈", "大文", "chen dawen"),
        ("葉問", "叶", "问", "ye wen"),
        ("李乾", "李", "乾", "li qian"),  # 乾 is right in both scripts: not 干
        ("吕布", "吕", "布", "lv bu"),
        ("王建国总", "王", "建国", "wang jianguo"),
    ],
)
def test_surname_given_name_and_reading(written: str, surname: str, given: str, spoken: str) -> None:
    found = read(written)
    assert (found["name_kind"], found["surname"], found["given_name"], found["name_pinyin"]) == (
        "full",
        surname,
        given,
        spoken,
    )


@pytest.mark.parametrize(
    ("written", "kind", "name", "surname", "mask"),
    [
        ("王女士", "surname_title", "王", "王", "王*"),
        ("王总", "surname_title", "王", "王", "王*"),
        ("刘姐", "surname_title", "刘", "刘", "刘*"),
        ("老王", "surname_title", "王", "王", "王*"),
        ("欧阳先生", "surname_title", "欧阳", "欧阳", "欧*"),
        ("Amy 王小姐", "surname_title", "王", "王", "王*"),
        ("张", "surname_title", "张", "张", "张*"),
        ("张*", "masked", "张*", "张", "张*"),
        ("张**", "masked", "张**", "张", "张*"),
        ("张＊＊", "masked", "张**", "张", "张*"),
        ("张 *", "masked", "张*", "张", "张*"),
        ("张XX", "masked", "张**", "张", "张*"),
        ("张某某", "masked", "张**", "张", "张*"),
        ("张●●", "masked", "张**", "张", "张*"),
        ("陳**", "masked", "陈**", "陈", "陈*"),
        ("张*先生", "masked", "张*", "张", "张*"),
        ("王*明", "masked", "王*明", "王", "王*"),
        ("*芳", "masked", "*芳", None, "*芳"),
        ("**芳", "masked", "**芳", None, "*芳"),
        ("欧**", "masked", "欧**", None, "欧*"),  # 欧 or 欧阳
        ("欧阳*", "masked", "欧阳*", "欧阳", "欧*"),
        ("小芳", "nickname", "小芳", None, None),
        ("小王", "nickname", "小王", None, None),
        ("朵朵妈妈", "nickname", "朵朵妈妈", None, None),
        ("王芳妈妈", "nickname", "王芳妈妈", None, None),  # not 王芳
        ("向日葵", "nickname", "向日葵", None, None),
        ("高兴", "nickname", "高兴", None, None),
        ("乐乐", "nickname", "乐乐", None, None),
        ("爱生活的小仙女", "nickname", "爱生活的小仙女", None, None),
        ("Amy", "nickname", "amy", None, None),
        ("J*** S***", "nickname", "j***s***", None, None),
        ("买买提·艾力", "full", "买买提·艾力", None, "买*"),
        ("さくら", "other", "さくら", None, None),
        ("김철수", "other", "김철수", None, None),
        ("12345", None, None, None, None),
        ("***", None, None, None, None),
        ("", None, None, None, None),
        (None, None, None, None, None),
    ],
)
def test_kinds(written: str | None, kind: str | None, name: str | None, surname: str | None, mask: str | None) -> None:
    found = read(written)
    assert (found["name_kind"], found["name"], found["surname"], found["name_mask"]) == (kind, name, surname, mask)


@pytest.mark.parametrize(
    ("written", "surname", "given", "spoken"),
    [
        ("Wang Fang", "wang", "fang", "wang fang"),
        ("WANG Xiaoming", "wang", "xiaoming", "wang xiaoming"),
        ("Xiaoming WANG", "wang", "xiaoming", "wang xiaoming"),
        ("Xiao Ming LI", "li", "xiaoming", "li xiaoming"),
        ("Li Xiao-Ming", "li", "xiaoming", "li xiaoming"),
        ("Ouyang Nana", "ouyang", "nana", "ouyang nana"),
        ("John Smith", "smith", "john", "smith john"),
        ("Smith, John", "smith", "john", "smith john"),
        ("Mr. John Smith Jr.", "smith", "john", "smith john"),
        ("Dr John Smith III", "smith", "john", "smith john"),
        ("Smith Jr., John", "smith", "john", "smith john"),
        ("John A. Smith", "smith", "john a", "smith johna"),
        ("José Núñez", "nunez", "jose", "nunez jose"),
        ("Ｊｏｈｎ　Ｓｍｉｔｈ", "smith", "john", "smith john"),
        ("O'Brien-Lee, Mary", "obrienlee", "mary", "obrienlee mary"),
        ("Søren Łukasiewicz", "lukasiewicz", "soren", "lukasiewicz soren"),
    ],
)
def test_latin_names(written: str, surname: str, given: str, spoken: str) -> None:
    found = read(written)
    assert (found["name_kind"], found["surname"], found["given_name"], found["name_pinyin"]) == (
        "latin",
        surname,
        given,
        spoken,
    )


AGREEMENT = [
    ("王芳", "王芳女士", "agree"),
    ("陳大文", "陈大文", "agree"),
    ("王芳", "Wang Fang", "agree"),
    ("王芳", "Fang Wang", "agree"),
    ("John Smith", "Smith, John", "agree"),
    ("Fang Wang", "Wang Fang", "agree"),
    ("买买提·艾力", "买买提·艾力", "agree"),
    ("さくら", "さくら", "agree"),
    ("王芳", "王方", "compatible"),  # a name heard, and typed by somebody else
    ("王芳", "王*", "compatible"),
    ("王小明", "王*明", "compatible"),
    ("王芳", "*芳", "compatible"),
    ("王芳", "王女士", "compatible"),
    ("王*", "王女士", "compatible"),
    ("王*明", "王小*", "compatible"),
    ("欧阳娜", "欧**", "compatible"),
    ("欧阳先生", "欧**", "compatible"),
    ("王芳", "小可爱", "compatible"),
    ("王芳", "Amy", "compatible"),
    ("王芳", "Amy Wong", "compatible"),
    ("王芳", "さくら", "compatible"),
    ("小可爱", "小可爱", "compatible"),  # half the girls of a city
    ("John Smith", "J. Smith", "compatible"),
    ("John Smith", "John A. Smith", "compatible"),
    ("John Smith", "Jon Smyth", "compatible"),
    ("Catherine Lee", "Cathrine Lee", "compatible"),
    ("王芳", "王丽", "contradict"),
    ("王芳", "李芳", "contradict"),
    ("王芳", "李女士", "contradict"),
    ("王芳", "李*", "contradict"),
    ("王芳", "*丽", "contradict"),
    ("王小明", "王*华", "contradict"),
    ("王*", "李*", "contradict"),
    ("欧小明", "欧阳先生", "contradict"),
    ("John Smith", "Jane Smith", "contradict"),
    ("John A. Smith", "John B. Smith", "contradict"),
    ("John Smith", "John Jones", "contradict"),
    ("Li Xiaoming", "Li Xiaohong", "contradict"),
    ("买买提·艾力", "买买提·江", "contradict"),
    ("王芳", None, None),
    ("12345", "王芳", None),
]


def pairs() -> pl.DataFrame:
    """All pairs of the names above, left_ and right_ columns."""
    names = list(dict.fromkeys(name for left, right, _ in AGREEMENT for name in (left, right)))
    known = pl.DataFrame({"written": names}).hstack(person_names(pl.Series(names)))
    left, right = (known.rename(lambda column, side=side: f"{side}_{column}") for side in ("left", "right"))
    return left.join(right, how="cross").with_columns(names_agree().alias("said"))


@pytest.mark.parametrize(("left", "right", "expected"), AGREEMENT)
def test_two_names_agree(left: str, right: str | None, expected: str | None) -> None:
    known = person_names(pl.Series([left, right]))
    sides = [
        known[row : row + 1].rename(lambda column, side=side: f"{side}_{column}")
        for row, side in enumerate(("left", "right"))
    ]
    for one, other in (("left_", "right_"), ("right_", "left_")):
        assert pl.concat(sides, how="horizontal").select(names_agree(one, other)).item() == expected


def test_the_guard_says_the_same_in_sql() -> None:
    macros = (PROJECT_ROOT / "dbt_project" / "macros" / "identity_keys.sql").read_text(encoding="utf-8")
    said = jinja2.Environment(autoescape=False).from_string(macros).module.names_agree("p.left_", "p.right_")
    frame = pairs()
    in_sql = pl.from_arrow(
        duckdb.sql(f"select left_written, right_written, said, {said} as in_sql from frame as p").to_arrow_table()
    )
    assert in_sql.height == frame.height > 1000
    assert in_sql.filter(~pl.col("said").eq_missing(pl.col("in_sql"))).rows() == []


def test_a_pattern_of_a_phone_says_the_same_in_sql() -> None:
    macros = (PROJECT_ROOT / "dbt_project" / "macros" / "identity_keys.sql").read_text(encoding="utf-8")
    fits = jinja2.Environment(autoescape=False).from_string(macros).module.phone_fits("pattern", "phone")
    pairs = (
        ("+861380***1234", "+8613805551234"),
        ("+861380***1234", "+8613815551234"),
        ("+86138****1234", "+861385555123"),
    )
    cases = ", ".join(map(str, pairs))
    assert duckdb.sql(f"select {fits} from (values {cases}) as t (pattern, phone)").fetchall() == [
        (True,),
        (False,),
        (False,),
    ]


def test_columns_and_order() -> None:
    found = person_names(pl.Series(["王芳", None, "张*", "王芳"]))
    assert tuple(found.columns) == NAME_COLUMNS
    assert found["name"].to_list() == ["王芳", None, "张*", "王芳"]
    assert set(found.dtypes) == {pl.String}
