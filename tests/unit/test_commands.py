"""The `scrm` command as its user meets it: help, exit codes, one JSON document, one clear message."""

import json
import os
import pty
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner, Result

from pipelines.cli import app
from pipelines.lake import Lake

ORDERS = """订单编号,行号,店铺编号,订单创建时间,买家手机,商家编码,购买数量,价格,买家实际支付金额
A1,1,SH01,2026-01-05 09:30,13800001111,T1,2,10.00,20.00
A1,2,SH01,2026-01-05 09:30,13800001111,T2,-1,39.90,39.90
A2,1,SH01,2026-01-06 10:00,13800002222,T1,1,10.00,10.00
"""
FOREGROUND = {
    "scrm dashboard",
    "scrm up",
    "scrm sandbox serve",
    "scrm jobs work",
}  # they answer with a page, not with data
Scrm = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A company's home and, beside it, the folder in which the user stands."""
    for name in [name for name in os.environ if name.startswith("SCRM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SCRM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def scrm(home: Path) -> Scrm:
    def call(*arguments: str | Path, expect: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == expect, f"{result.exit_code}\n{result.stdout}\n{result.stderr}\n{result.exception!r}"
        return result

    return call


@pytest.fixture
def orders(home: Path) -> Path:
    """What Excel saves on a Chinese Windows."""
    path = home.parent / "一月 orders.csv"
    path.write_bytes(ORDERS.replace("\n", "\r\n").encode("gbk"))
    return path


def landed(home: Path) -> list[tuple[str, str, int]]:
    """(order, line, amount) of the newest batch of each order, as the warehouse reads it."""
    lake = Lake(home / "lake")
    found = pl.concat(
        [
            pl.read_parquet(lake.root / file.path).with_columns(seq=pl.lit(entry.seq))
            for entry, file in lake.files("landed", "orders")
        ]
    )
    newest = found.filter(pl.col("seq") == pl.col("seq").max().over("order_id"))
    return newest.select("order_id", "line_no", "paid_amount").sort("order_id", "line_no").rows()


def answer(result: Result) -> Any:
    """The one JSON document; nothing else may be on stdout."""
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


def commands() -> list[tuple[str, Any]]:
    def leaves(command: Any, path: str) -> list[tuple[str, Any]]:
        if not isinstance(command, TyperGroup):
            return [(path, command)]
        context = typer.Context(command, info_name=path)
        return [
            leaf
            for name in command.list_commands(context)
            for leaf in leaves(command.get_command(context, name), f"{path} {name}")
        ]

    return leaves(typer.main.get_command(app), "scrm")


def test_every_command_has_help_an_example_and_exit_codes_and_answers_in_json() -> None:
    found = dict(commands())
    assert {"scrm import", "scrm run", "scrm quarantine export", "scrm consents withdraw"} <= set(found)
    for path, command in found.items():
        help_ = command.help or ""
        assert len(help_.split("\n")[0]) > 15, f"{path}: no sentence of help"
        assert re.search(rf"^Example: `([A-Z_]+=\S+ )*{path}\b[^`]*`$", help_, re.MULTILINE), f"{path}: no example"
        assert re.search(r"^Exit codes: 0 ", help_, re.MULTILINE), f"{path}: no exit codes"
        options = [option for parameter in command.params for option in parameter.opts]
        assert ("--json" in options) == (path not in FOREGROUND), path
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{path}: {parameter.name} is not explained"


def test_help_and_unknown_commands(scrm: Scrm) -> None:
    assert "quarantine" in scrm("--help").stdout
    assert "--install-completion" not in scrm("import", "--help").stdout
    assert "No such command" in scrm("imprt", expect=2).stderr


def test_an_unattended_import_without_a_map_proposes_one_and_lands_nothing(
    scrm: Scrm, home: Path, orders: Path
) -> None:
    result = scrm("import", orders, "--as", "orders", "--json", expect=3)
    written = orders.with_name("一月 orders.map.yaml")
    assert result.stdout == ""
    assert f"--map '{written}'" in result.stderr, "the command can be copied, with the blank in the name"
    assert not (home / "lake" / "manifest.jsonl").exists()
    report = answer(scrm("import", orders, "--as", "orders", "--map", written, "--json"))
    assert (report["rows"], report["accepted"], report["quarantined"]) == (3, 2, 1)


def test_a_mended_map_is_never_overwritten(scrm: Scrm, orders: Path) -> None:
    scrm("import", orders, "--as", "orders", expect=3)
    written = orders.with_name("一月 orders.map.yaml")
    mended = written.read_text(encoding="utf-8") + "# mended\n"
    written.write_text(mended, encoding="utf-8")
    for _ in range(2):
        assert "一月 orders.map.2.yaml" in scrm("import", orders, "--as", "orders", expect=3).stderr
    assert written.read_text(encoding="utf-8") == mended
    assert len(list(orders.parent.glob("*.map*.yaml"))) == 2


def test_what_is_required_and_missing_needs_a_person_even_with_yes(scrm: Scrm, home: Path) -> None:
    path = home.parent / "few.csv"
    path.write_text("订单编号,商品编号\n1,A\n", encoding="utf-8")
    message = scrm("import", path, "--as", "orders", "--yes", expect=3).stderr
    assert "required and not found: store_id, ordered_at, quantity, unit_price" in message
    assert "# ordered_at:  # REQUIRED" in path.with_name("few.map.yaml").read_text(encoding="utf-8")
    assert not (home / "lake" / "manifest.jsonl").exists()


@pytest.mark.parametrize(("reply", "code"), [("n\n", 3), ("y\n", 0)])
def test_a_person_at_a_terminal_is_asked(
    home: Path, orders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, reply: str, code: int
) -> None:
    """At a real terminal; "no" leaves the proposal to be mended, and nothing lands."""
    master, slave = pty.openpty()
    os.write(master, reply.encode())
    with os.fdopen(slave) as terminal, monkeypatch.context() as patch, pytest.raises(SystemExit) as left:
        patch.setattr("sys.stdin", terminal)
        app(["import", str(orders), "--as", "orders"])
    os.close(master)
    assert left.value.code == code
    assert "Import with this mapping?" in capsys.readouterr().err
    assert (home / "lake" / "manifest.jsonl").exists() == (code == 0)
    assert orders.with_name("一月 orders.map.yaml").exists()


def test_the_same_file_lands_once_under_any_name_and_in_any_order(scrm: Scrm, home: Path, orders: Path) -> None:
    first = answer(scrm("import", orders, "--as", "orders", "--yes", "--json"))
    before = landed(home)
    renamed = orders.rename(orders.with_name("renamed.csv"))
    again = answer(scrm("import", renamed, "--as", "orders", "--yes", "--json"))
    assert (first["repeated"], again["repeated"], again["seq"]) == (False, True, first["seq"])
    header, *rows = ORDERS.strip().split("\n")
    (home.parent / "shuffled.csv").write_text("\n".join([header, *reversed(rows)]) + "\n", encoding="utf-8")
    scrm("import", "shuffled.csv", "--as", "orders", "--yes")
    assert landed(home) == before


def test_a_correction_replaces_the_order_and_leaves_the_others(scrm: Scrm, home: Path, orders: Path) -> None:
    scrm("import", orders, "--as", "orders", "--yes")
    header, first, *_ = ORDERS.split("\n")
    correction = home.parent / "correction.csv"
    correction.write_text(f"{header}\n{first.replace('20.00', '18.00')}\n", encoding="utf-8")
    scrm("import", correction, "--as", "orders", "--yes")
    assert landed(home) == [("A1", "1", 1800), ("A2", "1", 1000)]


def test_what_was_rejected_is_listed_handed_back_repaired_and_the_order_is_whole(
    scrm: Scrm, home: Path, orders: Path
) -> None:
    scrm("import", orders, "--as", "orders", "--yes")
    (rule,) = answer(scrm("quarantine", "list", "--json"))["rules"]
    assert (rule["file"], rule["column"], rule["rows"], rule["example"]) == (orders.name, "quantity", 1, "-1")
    assert "above zero" in scrm("quarantine", "list").stderr
    repair = home.parent / "repair.csv"
    handed = answer(scrm("quarantine", "export", repair, "--json"))
    assert handed == {"rows": 1, "file": str(repair), "map": str(repair.with_name("repair.map.yaml"))}
    text = repair.read_text(encoding="utf-8-sig")
    assert "13800001111" in text, "the person who repairs sees the row as it came"
    repair.write_text(text.replace("T2,-1,", "T2,1,"), encoding="utf-8-sig")
    report = answer(scrm("import", repair, "--as", "orders", "--map", handed["map"], "--json"))
    assert (report["accepted"], report["quarantined"]) == (2, 0)
    assert answer(scrm("quarantine", "list", "--json")) == {"rules": []}
    assert landed(home) == [("A1", "1", 2000), ("A1", "2", 3990), ("A2", "1", 1000)]


def test_a_person_sees_warnings_why_rows_were_skipped_and_what_to_do_next(scrm: Scrm, home: Path) -> None:
    path = home.parent / "a.csv"
    text = ORDERS.replace("13800002222", "138****2222") + "合计,,,,,,2,,69.90\n"
    path.write_text(text, encoding="utf-8")
    result = scrm("import", path, "--as", "orders", "--yes")
    shown = " ".join(result.stderr.split())
    assert result.stdout == ""
    assert "4 rows: 2 accepted, 1 quarantined, 1 skipped (total 1)" in shown
    assert "warning: orders.buyer_phone, 1 row(s): masked" in shown
    assert "scrm quarantine export" in shown


# name → (arguments, environment, exit code, words of the message)
MISTAKES: dict[str, tuple[list[str], dict[str, str], int, str]] = {
    "no such file": (["import", "none.csv", "--as", "orders"], {}, 2, "none.csv"),
    "no such dataset": (["import", "bad.csv", "--as", "invoices"], {}, 2, "files hold orders, refunds"),
    "not a table": (["import", "bad.csv", "--as", "orders"], {}, 1, "bad.csv: line 1 holds a NUL byte"),
    "map of another dataset": (["import", "ok.csv", "--as", "stores", "--map", "m.yaml"], {}, 1, "not for stores"),
    "map that does not hold": (
        ["import", "ok.csv", "--as", "orders", "--map", "bad.yaml"],
        {},
        1,
        "bad.yaml: columns: Field required（缺少必填项）; colums",
    ),
    "map in another encoding": (["import", "ok.csv", "--as", "orders", "--map", "gbk.yaml"], {}, 1, "save it as UTF-8"),
    "map names a column that is gone": (
        ["import", "ok.csv", "--as", "orders", "--map", "m.yaml"], {}, 1, "no column '号', mapped to orders.order_id",
    ),
    "home is a file": (["import", "ok.csv", "--as", "orders", "--yes"], {"SCRM_HOME": "ok.csv"}, 1, "File exists"),
    "home cannot be made": (["import", "ok.csv", "--as", "orders", "--yes"], {"SCRM_HOME": "/proc/x"}, 1, "/proc/x"),
    "setting out of range": (["lake", "batches"], {"SCRM_KEEP_SNAPSHOTS": "1"}, 1, "SCRM_KEEP_SNAPSHOTS"),
    "unknown time zone": (["lake", "batches"], {"SCRM_TIMEZONE": "Mars/Base"}, 1, "not an IANA time zone"),
    "store elsewhere": (["consents", "block", "--phone", "13800001111", "--reason", "r"],
                        {"SCRM_STORE_URL": "nonsense"}, 1, "store_url is not a database URL"),
    "store is no database": (["consents", "block", "--phone", "13800001111", "--reason", "r"],
                             {"SCRM_STORE_URL": "sqlite:///ok.csv"}, 1, "cannot be opened as the store"),
    "not a phone": (["consents", "block", "--phone", "12", "--reason", "r"], {}, 2, "not a phone number"),
    "nobody": (["consents", "withdraw"], {}, 2, "exactly one of --phone"),
    "two people": (["consents", "withdraw", "--phone", "13800001111", "--unionid", "u"], {}, 2, "exactly one"),
    "mistyped purpose": (["consents", "withdraw", "--phone", "13800001111", "--purpose", "x"], {}, 2, "marketing, ser"),
    "mistyped channel": (["consents", "block", "--phone", "13800001111", "--reason", "r", "--channel", "x"], {}, 2,
                         "any, wecom"),
    "not blocked": (["consents", "unblock", "--phone", "13800001111"], {}, 1, "not on the list"),
    "nothing in quarantine": (["quarantine", "export", "r.csv"], {}, 1, "nothing in quarantine matches"),
    "no such date": (["run", "--business-date", "2026-13-45"], {}, 2, "2026-13-45"),
    "unknown version": (["snapshots", "rollback", "20200101-1"], {}, 1, "no snapshot '20200101-1' is kept"),
    "nothing published": (["settlement", "explain", "x"], {}, 1, "nothing is published"),
    "no audience": (["audience", "preview", "x"], {}, 1, "no audience 'x'"),
    "audience without a snapshot": (["audience", "preview", "at_risk_with_consent"], {}, 1, "`scrm run` publishes"),
    "no rulebook": (["settlement", "check"], {"SCRM_RULEBOOKS": "none"}, 1, "settlement.yaml: No such file"),
    "unknown connection": (["sync", "erp"], {}, 1, "no connection is called 'erp'; there are none"),
    "half a range of days": (["sync", "--from", "2026-01-01"], {}, 2, "--from and --to go together"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_message_with_the_remedy_and_no_traceback(
    scrm: Scrm, home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = home.parent
    (folder / "ok.csv").write_text(ORDERS, encoding="utf-8")
    (folder / "bad.csv").write_bytes(b"a,b\0\n1,2\n")
    mapping = "dataset: orders\nconstants: {store_id: S, ordered_at: 2026-01-05, quantity: 1, unit_price: 1}\n"
    (folder / "m.yaml").write_text(mapping + "columns: {order_id: 号, product_id: 商家编码}\n", encoding="utf-8")
    (folder / "gbk.yaml").write_bytes((mapping + "columns: {order_id: 号}\n").encode("gbk"))
    (folder / "bad.yaml").write_text("dataset: orders\ncolums: {}\n", encoding="utf-8")
    arguments, changed, code, words = MISTAKES[name]
    for variable, value in changed.items():
        monkeypatch.setenv(variable, value)
    result = scrm(*arguments, expect=code)
    assert words in " ".join(re.sub("[│╭╮╰╯─]", "", result.stderr).split())
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit | None), "an exception reached the top: a traceback is shown"
    assert not (home / "lake" / "manifest.jsonl").exists()


def test_rejects_of_different_files_ask_for_one_of_them(scrm: Scrm, home: Path, orders: Path) -> None:
    scrm("import", orders, "--as", "orders", "--yes")
    (home.parent / "s.csv").write_text("门店编号,门店名称,门店类型,大区\n,x,direct,y\n", encoding="utf-8")
    scrm("import", "s.csv", "--as", "stores", "--yes")
    assert "name one of them with --from" in scrm("quarantine", "export", "r.csv", expect=1).stderr
    scrm("quarantine", "export", "r.csv", "--from", "s.csv")
    assert "No such file" in scrm("quarantine", "export", "none/r.csv", "--from", "s.csv", expect=1).stderr


def test_a_fault_of_the_program_keeps_its_traceback(scrm: Scrm, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Lake, "entries", breaks)
    result = CliRunner().invoke(app, ["lake", "batches"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_secrets_are_never_printed(scrm: Scrm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRM_CONNECTIONS__IT__SYSTEM", "wecom")
    monkeypatch.setenv("SCRM_CONNECTIONS__IT__SECRET", "hush-hush")
    assert "hush-hush" not in scrm("settings", "--json").stdout
    assert "hush-hush" not in scrm("settings").stderr
    monkeypatch.delenv("SCRM_CONNECTIONS__IT__SYSTEM")
    assert "hush-hush" not in scrm("settings", expect=1).stderr


def test_a_withdrawal_counts_at_once_and_a_home_is_made_when_there_is_none(scrm: Scrm, home: Path) -> None:
    told = answer(scrm("consents", "withdraw", "--phone", "138 0000 1111", "--json"))
    assert told == {
        "withdrawn": "+86138****1111", "identifier_type": "phone", "purpose": "marketing", "channel": "any",
    }  # fmt: skip
    assert (home / "store.db").exists()


@pytest.mark.parametrize("arguments", [["lake", "batches"], ["lake", "verify"], ["snapshots", "list"],
                                       ["quarantine", "list"], ["audience", "list"], ["settings"]])  # fmt: skip
def test_an_empty_home_has_an_answer_and_looking_makes_nothing(scrm: Scrm, home: Path, arguments: list[str]) -> None:
    assert answer(scrm(*arguments, "--json"))
    assert not home.exists()
