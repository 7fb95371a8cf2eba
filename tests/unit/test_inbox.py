"""The drop folder: whole files once, half files not yet, links and tricks never (fault 52)."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.settings import InboxSettings, Settings
from pipelines import inbox
from pipelines.inbox import run_key, take_all, waiting
from pipelines.lake import Lake
from pipelines.workspace import Workspace

ORDERS = """订单编号,行号,店铺编号,订单创建时间,买家手机,商家编码,购买数量,价格,买家实际支付金额
A1,1,SH01,2026-01-05 09:30,13800001111,T1,2,10.00,20.00
A2,1,SH01,2026-01-06 10:00,13800002222,T1,1,10.00,10.00
"""
MAP = """dataset: stores
columns: {store_id: 号, name: 名}
constants: {store_type: direct, region: east}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path / "home", inbox=InboxSettings(settle_seconds=10))
    inbox.prepare(made)
    return made


def later(seconds: float = 60) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def drop(settings: Settings, path: str, text: str = ORDERS) -> Path:
    target = settings.inbox_dir / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target


def listed(settings: Settings, folder: str) -> list[str]:
    root = settings.inbox_dir / folder
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def imports(settings: Settings) -> int:
    return len([entry for entry in Lake(settings.lake_dir).entries() if entry.source.startswith("file:")])


def test_a_file_is_imported_once_and_moved_away(settings: Settings) -> None:
    dropped = drop(settings, "orders/一月.csv")
    (taken,) = take_all(Workspace(settings), later())
    assert (taken.state, taken.rows, taken.accepted) == ("done", 2, 2)
    assert not dropped.exists()
    assert listed(settings, "done") == [f"orders/{taken.seq}-一月.csv"]
    assert take_all(Workspace(settings), later()) == []
    drop(settings, "orders/again.csv")
    assert [one.state for one in take_all(Workspace(settings), later())] == ["repeated"]
    assert imports(settings) == 1


def test_a_file_that_is_still_being_written_is_left_alone(settings: Settings) -> None:
    drop(settings, "orders/a.csv")
    drop(settings, "orders/b.csv.part")
    drop(settings, "orders/.hidden.csv")
    drop(settings, "orders/~$c.xlsx")
    assert take_all(Workspace(settings), datetime.now(UTC)) == []
    assert waiting(settings, datetime.now(UTC)) == ([], 1)
    assert [one.file for one in take_all(Workspace(settings), later())] == ["a.csv"]
    assert listed(settings, "orders") == [".hidden.csv", "b.csv.part", "~$c.xlsx"]


def test_a_file_that_grows_while_it_is_read_is_not_imported(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop(settings, "orders/a.csv")
    real = inbox.shutil.copyfileobj

    def grows(*arguments: object) -> None:
        real(*arguments)
        with path.open("a") as stream:
            stream.write("A3,1,SH01,2026-01-06 10:00,13800002222,T1,1,10.00,10.00\n")

    monkeypatch.setattr(inbox.shutil, "copyfileobj", grows)
    with pytest.raises(inbox.InboxError, match="changed while it was read"):
        take_all(Workspace(settings), later())
    assert imports(settings) == 0
    monkeypatch.undo()
    (taken,) = take_all(Workspace(settings), later())
    assert taken.rows == 3


def test_a_mapping_beside_is_used_and_goes_along(settings: Settings) -> None:
    drop(settings, "stores/s.csv", "号,名\nS1,一店\n")
    drop(settings, "stores/s.map.yaml", MAP)
    (taken,) = take_all(Workspace(settings), later())
    assert (taken.state, taken.accepted) == ("done", 1)
    assert listed(settings, "done") == [f"stores/{taken.seq}-s.csv", f"stores/{taken.seq}-s.map.yaml"]


def test_the_mapping_of_the_folder_serves_every_file_and_stays(settings: Settings) -> None:
    drop(settings, "stores/default.map.yaml", MAP)
    drop(settings, "stores/a.csv", "号,名\nS1,一店\n")
    drop(settings, "stores/b.csv", "号,名\nS2,二店\n")
    assert [one.state for one in take_all(Workspace(settings), later())] == ["done", "done"]
    assert listed(settings, "stores") == ["default.map.yaml"]


def test_a_broken_file_gets_a_note_and_a_proposal_and_does_not_stop_the_others(settings: Settings) -> None:
    drop(settings, "orders/bad.csv", "订单编号,甲,乙\nA1,2,3\n")
    drop(settings, "orders/nul.csv", "a,b\0\n1,2\n")
    drop(settings, "orders/good.csv")
    taken = {one.file: one for one in take_all(Workspace(settings), later())}
    assert {name: one.state for name, one in taken.items()} == {
        "bad.csv": "failed", "nul.csv": "failed", "good.csv": "done",
    }  # fmt: skip
    assert listed(settings, "failed") == [
        "orders/bad.csv", "orders/bad.csv.note.txt", "orders/bad.map.yaml", "orders/nul.csv", "orders/nul.csv.note.txt",
    ]  # fmt: skip
    note = (settings.inbox_dir / "failed/orders/bad.csv.note.txt").read_text(encoding="utf-8")
    assert "bad.csv" in note and "required" in note
    assert "NUL" in (settings.inbox_dir / "failed/orders/nul.csv.note.txt").read_text(encoding="utf-8")


def test_links_pipes_and_strangers_are_refused_and_what_they_point_at_is_untouched(
    settings: Settings, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(ORDERS, encoding="utf-8")
    orders = settings.inbox_dir / "orders"
    (orders / "link.csv").symlink_to(secret)
    (orders / "dangling.csv").symlink_to(tmp_path / "nowhere")
    (orders / "hard.csv").hardlink_to(secret)
    (orders / "etc").symlink_to("/etc")
    os.mkfifo(orders / "pipe.csv")
    drop(settings, "orders/two\nlines.csv")
    drop(settings, "invoices/x.csv")
    drop(settings, "loose.csv")
    drop(settings, "orders/mapped.csv")
    (orders / "mapped.map.yaml").symlink_to(secret)
    (settings.inbox_dir / "stores").rmdir()
    (settings.inbox_dir / "stores").symlink_to(tmp_path)  # a folder that leads out of the inbox
    taken = take_all(Workspace(settings), later())
    assert {one.state for one in taken} == {"failed"}
    assert {one.file for one in taken} == {
        "link.csv", "dangling.csv", "hard.csv", "etc", "pipe.csv", "two\nlines.csv", "x.csv", "loose.csv", "mapped.csv",
        "stores",
    }  # fmt: skip
    assert imports(settings) == 0
    assert secret.read_text(encoding="utf-8") == ORDERS
    assert waiting(settings, later()) == ([], 0), "what was refused must not be refused again and again"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "secret.csv"], "something escaped"


def test_nothing_in_done_is_ever_overwritten(settings: Settings) -> None:
    for _ in range(3):
        drop(settings, "orders/a.csv")
        take_all(Workspace(settings), later())
    assert listed(settings, "done") == ["orders/1-a.csv", "orders/2-1-a.csv", "orders/3-1-a.csv"]


def test_a_death_between_import_and_move_is_mended(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(settings, "orders/a.csv")

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(inbox, "_put_away", dies)
    with pytest.raises(KeyboardInterrupt):
        take_all(Workspace(settings), later())
    assert imports(settings) == 1
    monkeypatch.undo()
    assert [one.state for one in take_all(Workspace(settings), later())] == ["repeated"]
    assert imports(settings) == 1
    assert list((settings.inbox_dir / inbox.WORKING).iterdir()) == []


def test_a_fault_of_the_machine_leaves_the_file_where_it_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop(settings, "orders/a.csv")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(inbox, "import_file", full)
    with pytest.raises(OSError, match="No space"):
        take_all(Workspace(settings), later())
    assert path.exists()
    assert listed(settings, "failed") == []


def test_one_run_is_asked_for_as_long_as_nothing_changes(settings: Settings) -> None:
    path = drop(settings, "orders/a.csv")
    files, _ = waiting(settings, later())
    key = run_key(files, head=3)
    assert run_key(waiting(settings, later(90))[0], head=3) == key
    assert run_key(files, head=4) != key, "after a failed run, news in the lake give another chance"
    path.write_text(ORDERS.replace("20.00", "18.00"), encoding="utf-8")
    assert run_key(waiting(settings, later())[0], head=3) != key
