"""Records of an API as rows: nothing guessed, nothing dropped, whatever one of them looks like."""

from datetime import datetime

import polars as pl
import pytest

from models.contracts import RAW_COLUMN, ROW_COLUMN, contract
from pipelines.sources import records
from pipelines.sources.connector import FormatChangedError
from pipelines.sources.records import BOOLEAN, INTEGER, MAJOR, TEXT, Field, civil, epoch

SCHEMA = {"id": pl.String(), "n": pl.String()}


def test_records_are_cut_as_the_bytes_they_came_in() -> None:
    body = b'{"a": {"rows": [{"id": 1,  "x":"\xe8\x8c\xb6"}, {"id":"2"}]}}'
    assert records.cut(body, ("a", "rows")) == [b'{"id": 1,  "x":"\xe8\x8c\xb6"}', b'{"id":"2"}']
    assert records.cut(body, ("a", "other")) == []
    with pytest.raises(ValueError, match="truncated"):
        records.cut(body[:-4], ("a", "rows"))


def test_numbers_keep_every_digit_and_leading_zeros_stay() -> None:
    frame = records.decode([b'{"id": 123456789012345678, "n": "007"}', b'{"id": true, "n": null}'], SCHEMA)
    assert frame.select("id", "n").rows() == [("123456789012345678", "007"), ("true", None)]
    assert frame[ROW_COLUMN].to_list() == [1, 2]
    assert frame[RAW_COLUMN][0] == '{"id": 123456789012345678, "n": "007"}'


def test_a_record_of_another_form_is_empty_and_the_others_are_read() -> None:
    many = [b'{"id": "%d", "n": "x"}' % n for n in range(20)]
    frame = records.decode([*many[:7], b"7", b"[1]", *many[7:]], SCHEMA)
    assert frame.height == 22
    assert frame.filter(pl.col("id").is_null())[ROW_COLUMN].to_list() == [8, 9]


def test_a_record_over_several_lines_is_one_record() -> None:
    frame = records.decode([b'{\n "id": "1",\r\n "n": "a\\nb"\n}', b'{"id":"2"}'], SCHEMA)
    assert frame["id"].to_list() == ["1", "2"]
    assert frame["n"][0] == "a\nb"


def test_lists_inside_records_are_found_or_said_to_be_missing() -> None:
    raws = pl.Series(['{"o":{"l":[{"a":1},{"a":2}]}}', '{"o":{"l":[]}}', '{"o":[]}', '{"o":null}', "{}"])
    found = records.inner(raws, ("o", "l"))
    assert [None if one is None else [bytes(element) for element in one] for one in found] == [
        [b'{"a":1}', b'{"a":2}'],
        [],
        None,
        None,
        None,
    ]
    assert records.inner(pl.Series([], dtype=pl.String), ("o", "l")) == []


@pytest.mark.parametrize(
    ("reader", "text", "value"),
    [
        (MAJOR, "12.30", 1230),
        (MAJOR, "-0.05", -5),
        (MAJOR, "1.50000", 150),
        (MAJOR, "999999999999999.99", 99_999_999_999_999_999),
        (MAJOR, "1.005", None),
        (MAJOR, "12,3", None),
        (MAJOR, "1e3", None),
        (MAJOR, "１２", None),
        (INTEGER, "42", 42),
        (INTEGER, "4.2", None),
        (BOOLEAN, "true", True),
        (BOOLEAN, "0", False),
        (BOOLEAN, "yes", None),
        (civil("Asia/Shanghai"), "2026-01-01 07:59:59", datetime(2025, 12, 31, 23, 59, 59)),
        (civil("Asia/Shanghai"), "2026-02-29 00:00:00", None),
        (epoch("s"), "1719705600", datetime(2024, 6, 30)),
        (epoch("s"), "0", None),
        (epoch("ms"), "1719705600123", datetime(2024, 6, 30, 0, 0, 0, 123_000)),
    ],
)
def test_texts_are_read_exactly_or_not_at_all(reader: records.Reader, text: str, value: object) -> None:
    assert pl.select(reader.parse(pl.lit(text))).item() == value


FIELDS = (
    Field("store_id", "id", TEXT),
    Field("name", "name", TEXT),
    Field("store_type", "kind", TEXT),
    Field("region", "region", TEXT),
    Field("opened_on", "opened", records.Reader(lambda text: text.str.to_date(strict=False), "a day")),
)
STORES = {str(field.source): pl.String() for field in FIELDS}


def _store(number: int, **changed: str) -> bytes:
    given = {"id": f"S{number}", "name": "n", "kind": "direct", "region": "r", "opened": "2020-01-01"} | changed
    return ("{" + ",".join(f'"{k}":"{v}"' for k, v in given.items()) + "}").encode()


def test_a_cell_that_cannot_be_read_sets_its_record_apart_with_column_rule_and_value() -> None:
    frame = records.decode([_store(n) for n in range(9)] + [_store(9, opened="soon")], STORES)
    good, rejects = records.table(frame, contract("stores"), FIELDS, file="it")
    assert good.height == 9
    assert rejects.select("file", "row", "column", "rule", "value").rows() == [
        ("it", 10, "opened_on", "opened_on must be a day", "soon")
    ]
    assert good["timezone"].null_count() == 9  # a column that nobody names


def test_most_records_of_another_form_are_a_new_format_and_few_are_not() -> None:
    bad = [_store(n, opened="soon") for n in range(6)]
    with pytest.raises(FormatChangedError, match="6 of 10 records do not fit stores any more"):
        records.table(
            records.decode([*bad, *(_store(n) for n in range(4))], STORES), contract("stores"), FIELDS, file="i"
        )
    good, rejects = records.table(records.decode(bad[:4], STORES), contract("stores"), FIELDS, file="i")
    assert (good.height, rejects.height) == (0, 4)
