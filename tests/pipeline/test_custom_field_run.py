"""A column that no dataset has, from an imported file to the published customer.

The accident it prevents: a field that only files imported after its declaration have.
"""

import shutil
from collections.abc import Callable

import duckdb
import pytest

from models.serving.pointer import read_pointer
from models.settings import PROJECT_ROOT
from tests.conftest import Company

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MAPPING = """dataset: customers
constants: {timezone: Asia/Shanghai}
columns: {record_id: 编号, phone: 手机, registered_at: 登记时间}
"""
PEOPLE = """编号,手机,登记时间,肤质,首次到店
X1,13911112222,2026-01-05 10:00,干性,2026/1/5
X2,13911113333,2026-01-06 10:00,不清楚,2026/1/6
"""
CUSTOM = """custom:
  - id: skin_type
    label: {zh: 肤质, en: Skin type}
    kind: choice
    choices:
      - {id: dry, label: {zh: 干性, en: Dry}}
    from: [{dataset: customers, column: 肤质}]
  - id: first_visit
    label: {zh: 首次到店, en: First visit}
    kind: date
    from: [{dataset: customers, column: 首次到店}]
"""


def test_a_column_becomes_a_field_also_of_files_imported_before_it_was_declared(
    copied_sample: Callable[[], Company],
) -> None:
    company = copied_sample()
    file, mapping = company.home.parent / "people.csv", company.home.parent / "people.map.yaml"
    file.write_text(PEOPLE, encoding="utf-8")
    mapping.write_text(MAPPING, encoding="utf-8")
    company.scrm("import", str(file), "--as", "customers", "--map", str(mapping))
    rulebooks = company.home.parent / "rulebooks"
    shutil.copytree(PROJECT_ROOT / "data" / "rulebooks", rulebooks)
    document = rulebooks / "customer.yaml"
    text = document.read_text(encoding="utf-8")
    assert text.count("custom: []\n") == 1
    document.write_text(text.replace("custom: []\n", CUSTOM), encoding="utf-8")
    company.scrm("run", SCRM_RULEBOOKS=str(rulebooks))
    pointer = read_pointer(company.settings.published_dir)
    assert pointer is not None
    with duckdb.connect(str(company.settings.published_dir / pointer.file), read_only=True) as connection:
        found = connection.sql(
            "select customers.phone, field, value, source, record_id from customer_fields "
            "join customers using (customer_id) where field in ('skin_type', 'first_visit') order by all"
        ).fetchall()
        words = connection.sql("select field, choice, en from custom_fields order by all").fetchall()
    assert found == [
        ("+8613911112222", "first_visit", "2026-01-05", "customers", "customers:X1"),
        ("+8613911112222", "skin_type", "dry", "customers", "customers:X1"),
        ("+8613911113333", "first_visit", "2026-01-06", "customers", "customers:X2"),
    ], "what is no choice says nothing"
    assert words == [("first_visit", "", "First visit"), ("skin_type", "", "Skin type"), ("skin_type", "dry", "Dry")]
