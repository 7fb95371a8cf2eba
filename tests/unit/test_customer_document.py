"""The customer document: what it refuses, in both languages, its tables, and how cells of own fields are read."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from models.contracts import contract
from models.customers.rule_tables import rule_tables
from models.documents.customer import FIELDS, CustomerDocument
from models.documents.loading import DocumentError
from models.files import write_parquet
from models.settings import PROJECT_ROOT
from pipelines.custom_values import custom_values

SHIPPED = (PROJECT_ROOT / "data" / "rulebooks" / "customer.yaml").read_text(encoding="utf-8")
SKIN = {
    "id": "skin_type",
    "label": {"zh": "肤质", "en": "Skin type"},
    "kind": "choice",
    "choices": [
        {"id": "dry", "label": {"zh": "干性", "en": "Dry"}},
        {"id": "oily", "label": {"zh": "油性", "en": "Oily"}},
    ],
    "from": [{"dataset": "customers", "column": "肤质"}],
}


def edited(**changes: Any) -> CustomerDocument:
    return CustomerDocument.parse(yaml.safe_dump({**yaml.safe_load(SHIPPED), **changes}), name="customer.yaml")


def own(kind: str, column: str = "c", **more: Any) -> dict[str, Any]:
    source = {"dataset": "customers", "column": column, **{k: v for k, v in more.items() if k == "format"}}
    return {"id": "own", "label": {"zh": "自", "en": "Own"}, "kind": kind, "from": [source]}


def test_every_table_of_the_shipped_document_says_what_the_document_says() -> None:
    tables = rule_tables(edited(custom=[SKIN]))
    rules = tables["customer_field_rules"]
    assert rules["field"].to_list() == [*FIELDS, "skin_type"]
    assert rules.filter(field="phone").row(0)[2:] == ("verified", "most_recent", "most_frequent", None, None)
    trusted = tables["customer_field_sources"].filter(field="phone").sort("trust")
    assert trusted["source"].to_list() == yaml.safe_load(SHIPPED)["trust"]
    assert trusted.filter("is_verified")["source"].to_list() == ["members", "wecom_follows"]
    cleared = tables["customer_cleared_values"]
    assert cleared.filter(value="微信用户")["field"].to_list() == ["name"], "a city may be called anything else"
    assert set(cleared.filter(value="无")["field"]) == {*FIELDS, "skin_type"}
    assert tables["customer_rules"].filter(subject="home_store")["rule"].to_list() == ["stated", "first_order"]
    assert tables["custom_fields"].select("field", "choice", "zh").rows() == [
        *(("skin_type", "", "肤质"), ("skin_type", "dry", "干性"), ("skin_type", "oily", "油性"))
    ]


def test_a_field_may_trust_sources_of_its_own() -> None:
    fields = [one | ({"trust": ["leads", "members"]} if one["field"] == "city" else {}) for one in edited_fields()]
    table = rule_tables(edited(fields=fields))["customer_field_sources"]
    assert table.filter(field="city").sort("trust")["source"].to_list() == ["leads", "members"]
    assert table.filter(field="name").height == len(yaml.safe_load(SHIPPED)["trust"])


def edited_fields() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(SHIPPED)["fields"]
    return found


@pytest.mark.parametrize(
    ("changes", "en", "zh"),
    [
        ({"trust": ["members", "members"]}, "the source members is listed twice", "来源 members 重复"),
        ({"fields": edited_fields()[1:]}, "fields lacks name", "fields 缺少 name"),
        ({"clear": [{"fields": ["nickname"], "values": ["x"]}]}, "clear names nickname", "没有这个字段"),
        ({"verified": [{"source": "members", "fields": ["skin"]}]}, "verified of members names skin", "没有这个字段"),
        ({"custom": [{**SKIN, "choices": []}]}, "a choice needs choices", "必须填写 choices"),
        ({"custom": [{**SKIN, "id": "phone"}]}, "phone is a field of every customer", "请换一个 id"),
        ({"custom": [SKIN, SKIN]}, "the custom field skin_type is listed twice", "自定义字段 skin_type 重复"),
        ({"owner": ["declared", "declared"]}, "owner: the rule declared is listed twice", "重复"),
        ({"owner": ["whoever"]}, "owner.0", "应为以下之一"),
        (
            {"fields": [{**edited_fields()[0], "criteria": ["longest", "longest"]}, *edited_fields()[1:]]},
            "the criterion longest is listed twice",
            "判定规则 longest 重复",
        ),
        (
            {"custom": [{**SKIN, "choices": [*SKIN["choices"], {"id": "three", "label": {"zh": "干性", "en": "T"}}]}]},
            "the label 干性 is listed twice",
            "选项名称 干性 重复",
        ),
    ],
)
def test_what_does_not_hold_is_told_in_both_languages(changes: dict[str, Any], en: str, zh: str) -> None:
    with pytest.raises(DocumentError) as told:
        edited(**changes)
    assert en in str(told.value) and zh in str(told.value)


def landed(inputs: Path, rows: list[dict[str, str]], dataset: str = "customers", batch: str = "b1") -> None:
    path = inputs / dataset / f"{batch}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    empty = contract(dataset).empty()
    frame = pl.DataFrame(
        {
            "_row": range(1, len(rows) + 1),
            "_raw": [json.dumps(row, ensure_ascii=False) for row in rows],
            "_batch": [batch] * len(rows),
        },
        schema={name: empty.schema[name] for name in ("_row", "_raw", "_batch")},
    )
    write_parquet(frame, path)


@pytest.mark.parametrize(
    ("field", "cells", "read"),
    [
        (own("text"), [" 干 ", "", "ＡＢ"], {1: "干", 3: "AB"}),
        (own("number"), ["1,299.50", "12", "twelve", "￥5", "-0.00", "100"], {1: "1299.5", 2: "12", 5: "0", 6: "100"}),
        (own("date"), ["2026/1/5", "2026-13-01", "20260105"], {1: "2026-01-05", 3: "2026-01-05"}),
        (own("date", format="%d/%m/%Y"), ["05/01/2026"], {1: "2026-01-05"}),
        (own("date"), ["05/01/2026"], {}),
        (
            {**SKIN, "from": [{"dataset": "customers", "column": "c"}]},
            ["干性", "OILY", "dry", "x"],
            {1: "dry", 2: "oily", 3: "dry"},
        ),
    ],
    ids=["text", "number", "date", "date of a form", "day or month", "choice"],
)
def test_a_cell_is_read_as_its_kind_and_states_nothing_when_it_is_none(
    tmp_path: Path, field: dict[str, Any], cells: list[str], read: dict[int, str]
) -> None:
    landed(tmp_path, [{"c": cell, "other": "1"} for cell in cells])
    found = custom_values(tmp_path, edited(custom=[field]), "Asia/Shanghai")
    assert dict(found.select("row_no", "value").rows()) == read


def test_of_two_columns_the_first_that_is_filled_counts_and_other_files_say_nothing(tmp_path: Path) -> None:
    places = [{"dataset": "customers", "column": "肤质"}, {"dataset": "customers", "column": "Skin"}]
    landed(tmp_path, [{"肤质": "干性", "Skin": "Oily"}, {"肤质": "", "Skin": "Oily"}, {"else": "1"}])
    landed(tmp_path, [{"肤质": "油性"}], dataset="leads")
    found = custom_values(tmp_path, edited(custom=[{**SKIN, "from": places}]), "Asia/Shanghai")
    assert found.select("dataset", "row_no", "value").rows() == [("customers", 1, "dry"), ("customers", 2, "oily")]
    assert custom_values(tmp_path, edited(), "Asia/Shanghai").is_empty()
