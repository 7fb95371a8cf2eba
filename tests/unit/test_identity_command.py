"""``scrm identity resolve`` and ``evaluate``: a file of people by the engine of a run, and how good it was."""

import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from tests.conftest import dataset
from tests.identity_sets import EXAMPLES

CLI = CliRunner()
CONFIG = """
record: id
truth: person
attributes: {first_name: first, surname: last, birth_date: born, email: mail, card: card}
registry:
  identifiers:
    - {name: card, unique: true}
    - {name: email, blocked: ["none@example.com"]}
  attributes: [birth_date]
  rules:
    - {name: same_card, same: [card], certain: true}
    - {name: same_email, same: [email], guards: [{type: birth_date, kind: date, tolerance: 1}]}
  anonymous: false
matching:
  comparisons:
    - {attribute: first_name, kind: text}
    - {attribute: surname, kind: text}
    - {attribute: birth_date, kind: date}
  blocking: [[surname], [birth_date], [first_name]]
  certain: {rules: [[first_name, surname, birth_date]], recall: 0.6}
  sample_pairs: 20000
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRM_HOME", str(tmp_path / "home"))


def people() -> pl.DataFrame:
    """200 people with two or three records each: with a card, by mail, or with neither; the till writes none@."""
    draw = random.Random(7)
    letters = "abcdefghijklmnopqrstuvwxyz"
    rows: list[dict[str, str | None]] = []
    for person in range(200):
        first, last = ("".join(draw.choices(letters, k=8)) for _ in range(2))
        born = f"{draw.randint(1950, 2005)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}"
        said: dict[str, str | None] = {"person": f"P{person}", "first": first, "last": last, "born": born}
        rows.append({**said, "card": f"C{person}", "mail": f"{first}@example.com"})
        rows.append({**said, "first": None, "last": None, "mail": f"{first}@example.com"})
        if person % 2:
            rows.append({**said, "first": first[:-1] + "x", "mail": "none@example.com"})
    return pl.DataFrame([{"id": f"r{n}", **row} for n, row in enumerate(rows)])


def run(*arguments: str, code: int = 0) -> dict[str, Any]:
    done = CLI.invoke(app, ["identity", *arguments, "--json"])
    assert done.exit_code == code, done.output
    found: dict[str, Any] = json.loads(done.stdout) if code == 0 else {"words": done.output}
    return found


@pytest.fixture
def files(tmp_path: Path) -> Path:
    people().write_csv(tmp_path / "people.csv")
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def test_rules_then_likeness_and_the_measure_of_both(files: Path) -> None:
    config, out = str(files / "config.yaml"), files / "out.csv"
    found = run(
        "resolve", str(files / "people.csv"), "--config", config, "--out", str(out), "--pairs", str(files / "pairs.csv")
    )
    assert found["records"] == people().height
    assert found["after_rules"] == 300, "the till's mail links nobody"
    quality = run("evaluate", str(out), "--truth", "person")
    assert quality["f1"] > 0.98, quality
    assert quality["largest"] == 3
    assert pl.read_csv(files / "pairs.csv").height
    resolved = pl.read_csv(out)
    assert resolved.columns == [*people().columns, "customer_id"]


def test_the_order_of_rows_and_a_second_time_change_nothing(files: Path) -> None:
    config = str(files / "config.yaml")
    people().sample(fraction=1, shuffle=True, seed=3).write_csv(files / "turned.csv")
    for name in ("people", "turned"):
        run("resolve", str(files / f"{name}.csv"), "--config", config, "--out", str(files / f"{name}.parquet"))
    one, other = (pl.read_parquet(files / f"{name}.parquet").sort("id") for name in ("people", "turned"))
    assert one["customer_id"].equals(other["customer_id"])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"record: id": "record: nr"}, "column(s) nr; there are"),
        ({"record: id": "record: person"}, "person: each record needs a name of its own"),
        ({"born, email": "birthday, email"}, "column(s) birthday"),
        ({"recall: 0.6": "recal: 0.6"}, "config.yaml: matching.certain.recal"),
    ],
)
def test_what_does_not_hold_is_named(files: Path, changed: dict[str, str], words: str) -> None:
    text = CONFIG
    for old, new in changed.items():
        text = text.replace(old, new)
    (files / "config.yaml").write_text(text, encoding="utf-8")
    arguments = ("--config", str(files / "config.yaml"), "--out", str(files / "out.csv"))
    answer = run("resolve", str(files / "people.csv"), *arguments, code=1)
    assert words in " ".join(answer["words"].split())
    assert not (files / "out.csv").exists()


def test_a_file_that_was_resolved_before_keeps_its_column(files: Path) -> None:
    people().with_columns(customer_id=pl.lit("C1")).write_csv(files / "people.csv")
    arguments = ("--config", str(files / "config.yaml"), "--out", str(files / "out.csv"))
    answer = run("resolve", str(files / "people.csv"), *arguments, code=1)
    assert "there is a column customer_id already" in " ".join(answer["words"].split())


def test_a_file_that_cannot_be_read_is_named(files: Path) -> None:
    (files / "broken.parquet").write_bytes(b"PAR1 but no parquet")
    arguments = ("--config", str(files / "config.yaml"), "--out", str(files / "out.csv"))
    assert "broken.parquet: " in run("resolve", str(files / "broken.parquet"), *arguments, code=1)["words"]
    assert "people.xls: no such file" in run("resolve", str(files / "people.xls"), *arguments, code=1)["words"]
    assert (
        "no column who" in run("evaluate", str(files / "people.csv"), "--truth", "who", "--by", "id", code=1)["words"]
    )


def test_a_row_of_another_width_is_set_aside_and_named(files: Path) -> None:
    text = (files / "people.csv").read_text(encoding="utf-8")
    header, first, second, *rest = text.splitlines(keepends=True)
    (files / "people.csv").write_text("".join([header, first, "r1,P0\n", *rest]), encoding="gb18030")
    arguments = ("--config", str(files / "config.yaml"), "--out", str(files / "out.csv"))
    found = run("resolve", str(files / "people.csv"), *arguments)
    assert (found["records"], found["set_aside"]) == (people().height - 1, 1)
    assert second.startswith("r1,")
    assert "r1" not in pl.read_csv(files / "out.csv")["id"].to_list()


def test_columns_are_brought_into_the_forms_that_the_document_names(files: Path) -> None:
    """The same phone in four spellings is one: no rule of the file's owner has to clean it first."""
    spelled = ["13800001234", "138 0000 1234", "+86-138-0000-1234", "１３８００００１２３４"]
    rows = people().with_columns(phone=pl.lit(None, pl.String), born=pl.col("born").str.replace_all("-", "/"))
    four = rows.filter(pl.col("id").is_in(["r4", "r9", "r14", "r19"])).with_columns(phone=pl.Series(spelled))
    rows.update(four, on="id").write_csv(files / "people.csv")
    changed = CONFIG.replace(
        "birth_date: born", "birth_date: {column: born, form: birth_date}, phone: {column: phone, form: phone}"
    )
    changed = changed.replace("  attributes: [birth_date]", "    - {name: phone}\n  attributes: [birth_date]")
    changed = changed.replace("  anonymous", "    - {name: same_phone, same: [phone]}\n  anonymous")
    config = files / "config.yaml"
    config.write_text(changed, encoding="utf-8")
    arguments = ("--config", str(config), "--out", str(files / "out.csv"))
    assert "as_of: say the day" in run("resolve", str(files / "people.csv"), *arguments, code=1)["words"]
    config.write_text(f"as_of: 2026-01-01\n{changed}", encoding="utf-8")
    run("resolve", str(files / "people.csv"), *arguments)
    resolved = pl.read_csv(files / "out.csv").filter(pl.col("id").is_in(["r4", "r9", "r14", "r19"]))
    assert resolved["customer_id"].n_unique() == 1
    config.write_text(f"as_of: 2026-01-01\n{changed.replace('form: phone', 'form: shoe')}", encoding="utf-8")
    assert "shoe is no form" in run("resolve", str(files / "people.csv"), *arguments, code=1)["words"]


@pytest.mark.slow
def test_two_files_one_to_one_as_the_shipped_configuration_says(tmp_path: Path) -> None:
    folder = dataset("identity")
    out = tmp_path / "linked.csv"
    config = str(EXAMPLES / "febrl4.yaml")
    run("resolve", str(folder / "dataset4a.csv"), str(folder / "dataset4b.csv"), "--config", config, "--out", str(out))
    assert run("evaluate", str(out), "--truth", "rec_id", "--pattern", r"rec-(\d+)-")["f1"] >= 0.9999
