"""What the kinds of comparison say of two values, and how keys, blocks and documents are read."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from models.documents.identity_files import FileMatching
from models.documents.identity_matching import Certain, Companion, Comparison, Matching
from models.documents.loading import DocumentError
from models.identity.comparing import comparison_settings, pair_column, rule_sql, shape_column
from models.identity.profiles import prepare
from tests.identity_sets import EXAMPLES


def level_of(comparison: Comparison, left: dict[str, str | None], right: dict[str, str | None]) -> str:
    """The label of the level that two profiles reach."""
    levels = comparison_settings(comparison)["comparison_levels"]
    whens = [f"when {one['sql_condition']} then '{one['label_for_charts']}'" for one in levels[:-1]]
    values = {f"{name}_{side}": row.get(name) for side, row in (("l", left), ("r", right)) for name in row}
    columns = ", ".join(f"${name}::varchar as {name}" for name in values)
    with duckdb.connect() as connection:
        sql = f"select case {' '.join(whens)} else 'different' end from (select {columns})"
        return str(connection.execute(sql, values).fetchall()[0][0])


@pytest.mark.parametrize(
    ("kind", "left", "right", "expected"),
    [
        ("exact", "f", "f", "equal"),
        ("exact", "f", "m", "different"),
        ("exact", None, "m", "not stated"),
        ("text", "thomson", "thomson", "equal"),
        ("text", "thomson", "tohmson", "one slip"),
        ("text", "thomson", "thompsen", "similar"),
        ("text", "thomson", "baker", "different"),
        ("tokens", "tom baron chudleigh", "thomas clifford of chudleigh", "a word in common"),
        ("tokens", "thomas 1st baron clifford", "clifford thomas esq", "two words or more in common"),
        ("date", "19900517", "19900517", "equal"),
        ("date", "19900517", "19900571", "one slip"),
        ("date", "19900517", "19901117", "two parts of three"),
        ("date", "19900517", "19901128", "same year"),
        ("date", "19900517", "19611128", "different"),
        ("postcode", "tq13 8df", "tq13 8d", "one slip"),
        ("postcode", "tq13 8df", "tq13 9ab", "same district"),
        ("postcode", "tq13 8df", "tq9 7xx", "first two"),
        ("place", "edinburgh", "city of edinburgh", "similar or within"),
        ("place", "devon", "kent", "different"),
        ("address", "7318 rothman rd", "7318 rothman rd apt 2", "similar"),
        ("phone_mask", "+86138****1234", "+86138****1234", "equal"),
        ("phone_mask", "+86138****1234", "+86139****1234", "last four"),
        ("phone_mask", "+86138****1234", "+86138****1235", "different"),
        ("pinyin", "zhang wei", "zhang wie", "one slip"),
    ],
)
def test_levels_of_a_pair_of_values(kind: str, left: str | None, right: str | None, expected: str) -> None:
    comparison = Comparison.model_validate({"attribute": "value", "kind": kind})
    assert level_of(comparison, {"value": left}, {"value": right}) == expected
    assert level_of(comparison, {"value": right}, {"value": left}) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (("王小明", "wang xiao ming"), ("王小明", "wang xiao ming"), "equal"),
        (("王小明", "wang xiao ming"), ("王晓明", "wang xiao ming"), "sounds equal"),
        (("王小明", "wang xiao ming"), ("王**", None), "one is a mask of the other"),
        (("王小明", "wang xiao ming"), ("*小明", None), "one is a mask of the other"),
        (("王*", None), ("王*", None), "one is a mask of the other"),
        (("王小明", "wang xiao ming"), ("王*", None), "one is a mask of the other"),  # platforms differ in the stars
        (("王小明", "wang xiao ming"), ("王*明", None), "one is a mask of the other"),
        (("王明", "wang ming"), ("王*明", None), "surname equal"),
        (("王小明", "wang xiao ming"), ("王*芳", None), "surname equal"),
        (("王小明", "wang xiao ming"), ("李**", None), "different"),
        (("王小明", "wang xiao ming"), ("王大明", "wang da ming"), "one character"),
        (("王伟", "wang wei"), ("王芳", "wang fang"), "surname equal"),
    ],
)
def test_chinese_names(left: tuple[str, str | None], right: tuple[str, str | None], expected: str) -> None:
    comparison = Comparison(attribute="name", kind="name", partner="pinyin")
    sides = [dict(zip(("name", "pinyin"), side, strict=True)) for side in (left, right)]
    assert level_of(comparison, sides[0], sides[1]) == expected
    assert level_of(comparison, sides[1], sides[0]) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (("ann", "lee"), ("ann", "lee"), "both equal"),
        (("ann", "lee"), ("lee", "ann"), "swapped"),
        (("anna", "leeson"), ("annah", "leesn"), "both similar"),
        (("ann", "lee"), ("bob", "lee"), "surname equal"),
        (("ann", "lee"), ("ann", "smith"), "given name equal"),
        (("ann", None), ("ann", "smith"), "given name equal"),
        ((None, "lee"), ("ann", "lee"), "surname equal"),
        (("ann", None), (None, "lee"), "not stated"),
        (("ann", "lee"), ("bob", "smith"), "different"),
    ],
)
def test_latin_names(left: tuple[str | None, ...], right: tuple[str | None, ...], expected: str) -> None:
    comparison = Comparison(attribute="given", kind="latin_name", partner="surname")
    rows = [
        {"given": given, "surname": surname, "given_and_surname": f"{given} {surname}" if given and surname else None}
        for given, surname in (left, right)
    ]
    assert level_of(comparison, rows[0], rows[1]) == expected


def test_a_family_shares_surname_and_address_together() -> None:
    comparison = Comparison(
        attribute="surname", kind="exact", jointly=Companion(attribute="street", kind="address"), frequency=False
    )
    one = {"surname": "tran", "street": "7318 rothman rd"}
    assert level_of(comparison, one, one) == "equal, street equal"
    assert level_of(comparison, one, {"surname": None, "street": "7318 rothman rd"}) == "not stated, street equal"
    assert level_of(comparison, one, {"surname": "tran", "street": "1 high st"}) == "equal, street different"
    assert level_of(comparison, one, {"surname": "cole", "street": "1 high st"}) == "different"
    assert level_of(comparison, one, {"surname": None, "street": None}) == "not stated"
    levels = comparison_settings(comparison)["comparison_levels"]
    assert len({level["label_for_charts"] for level in levels}) == len(levels) == 3 * 6
    assert [level.get("is_null_level", False) for level in levels] == [True] + [False] * 17


def matching(**changes: object) -> Matching:
    content: dict[str, object] = {
        "comparisons": [
            {"attribute": "name", "kind": "name"},
            {"attribute": "birth_date", "kind": "date"},
            {"attribute": "phone_mask", "kind": "phone_mask"},
        ],
        "blocking": [["phone_mask"], ["name[:1]", "birth_date"], ["name", "phone_mask[-4:]"]],
        "certain": {"rules": [["name", "phone_mask"]], "recall": 0.5},
    }
    return Matching.model_validate(content | changes)


def test_profiles_are_prepared_with_blocks_and_shapes() -> None:
    profiles = pl.DataFrame(
        {
            "unit": ["3", "1", "2", "4"],
            "name": ["王小明", " 王** ", "", "欧阳娜娜"],
            "birth_date": ["1990-05-17", "1990-05-17", None, "1970-01-02"],
        }
    )
    found = prepare(profiles, matching())
    assert found["unit"].to_list() == ["1", "2", "3", "4"]
    assert found["name_shape"].to_list() == ["王*", None, "王*", "欧*"]
    assert found["birth_date"].to_list() == ["19900517", None, "19900517", "19700102"]
    assert found["phone_mask"].null_count() == 4
    assert found["block_0"].null_count() == 4
    assert found["block_1"].to_list() == ["王\x1f19900517", None, "王\x1f19900517", None]  # alone: no block


def test_a_block_that_is_too_large_is_none() -> None:
    profiles = pl.DataFrame({"unit": [str(n) for n in range(5)], "phone_mask": ["a", "a", "a", "b", "b"]})
    found = prepare(profiles, matching(largest_block=2))
    assert found["block_0"].to_list() == [None, None, None, "b", "b"]


def test_blocks_and_rules_cut_keys_alike() -> None:
    """The same key in a blocking rule (polars) and in a training rule (SQL) must mean the same pairs."""
    values = ["", "a", "ab", "abc", "abd", "xbc", "王小明", "王大明"]
    rows = pl.DataFrame({"unit": [f"{n}" for n in range(8)], "name": values})
    for key in ("name", "name[:1]", "name[:2]", "name[-2:]", "name[-4:]"):
        document = matching(blocking=[[key]], training=[["birth_date"], [key]])
        frame = prepare(rows, document)
        with duckdb.connect() as connection:
            connection.register("rows", frame.to_arrow())
            pairs = [
                connection.sql(f"select l.unit, r.unit from rows l join rows r on {on} and l.unit < r.unit").fetchall()
                for on in (rule_sql((key,)), "l.block_0 = r.block_0")
            ]
        assert sorted(pairs[0]) == sorted(pairs[1]), key


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blocking": [["name[1:3]"]]}, "is no key"),
        ({"blocking": [["name; drop table x"]]}, "is no key"),
        ({"weak": ["email"]}, "weak: email is not compared"),
        ({"training": [["name"], ["name[:1]", "birth_date"]]}, "name: every training rule holds it equal"),
        ({"cut": -9.0}, "cut must lie between"),
        ({"review_from": 99.0}, "review_from must lie between"),
        (
            {"comparisons": [{"attribute": "name", "kind": "name"}, {"attribute": "name", "kind": "text"}]},
            "name: compared twice",
        ),
        (
            {"comparisons": [{"attribute": "name", "kind": "latin_name"}, {"attribute": "city", "kind": "place"}]},
            "needs its surname's attribute",
        ),
    ],
)
def test_documents_that_cannot_work_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        matching(**changes)


def test_a_file_must_hold_what_is_compared() -> None:
    text = """
record: id
attributes: {name: name}
matching:
  comparisons: [{attribute: name, kind: name}, {attribute: city, kind: place}]
  blocking: [[name], [city]]
  certain: {rules: [[name, city]], recall: 0.5}
"""
    with pytest.raises(DocumentError, match="city is read and not mapped"):
        FileMatching.parse(text, name="file.yaml")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_ready_configurations_load_and_their_conditions_are_sql(path: Path) -> None:
    config = FileMatching.load(path)
    columns = [
        column for name in config.attributes for column in (f'null::varchar "{name}_l"', f'null::varchar "{name}_r"')
    ]
    derived = [
        f'null::varchar "{derive(one)}_{side}"'
        for one in config.matching.comparisons
        for kind, derive in (("latin_name", pair_column), ("name", shape_column))
        for side in "lr"
        if one.kind == kind
    ]
    with duckdb.connect() as connection:
        connection.execute(f"create table pairs as select {', '.join([*columns, *derived])}")
        for comparison in config.matching.comparisons:
            for level in comparison_settings(comparison)["comparison_levels"][:-1]:
                connection.sql(f"select {level['sql_condition']} from pairs").fetchall()


def test_certain_rules_need_a_share() -> None:
    with pytest.raises(ValueError, match="recall"):
        Certain.model_validate({"rules": [["name"]], "recall": 0})
