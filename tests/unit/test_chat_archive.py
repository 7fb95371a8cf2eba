"""The chat archive: every form of message lands once, numbers are checked on every record, and no word leaks.

The accidents it prevents: a position that stops at the last message of a known kind; a message without msgtime that is
dropped; a file handed in twice that doubles the talk; a complaint that stands in a log.
"""

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from models.settings import PROJECT_ROOT, Settings
from pipelines import inbox
from pipelines.cli import app
from pipelines.lake import Lake
from pipelines.sandbox.chat import messages, write_archive
from pipelines.sandbox.wecom import CORP_ID, WecomState
from pipelines.sources import chat_archive
from pipelines.sources.chat_archive import gaps, import_chat
from pipelines.sources.files.table import FileRefusedError
from pipelines.workspace import Workspace

CONTACT = "wmAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture(scope="module")
def state() -> WecomState:
    return WecomState.read(PROJECT_ROOT / "data" / "sample" / "wecom.json")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def written(path: Path, *lines: Any) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def text(seq: int, words: str = "hello", **changes: Any) -> dict[str, Any]:
    return {
        "seq": seq,
        "corp_id": "c",
        "msgid": f"m{seq}_external",
        "action": "send",
        "from": CONTACT,
        "tolist": ["ann"],
        "roomid": "",
        "msgtime": 1_782_000_000_000 + seq,
        "msgtype": "text",
        "text": {"content": words},
        **changes,
    }


def landed(lake: Lake) -> pl.DataFrame:
    return lake.read("landed", "chat_messages").sort("seq")


def test_the_sandboxs_archive_lands_row_for_row(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    count = write_archive(state, tmp_path / "archive.jsonl")
    truth = {message["msgid"]: message for message in messages(state)}
    report = import_chat(tmp_path / "archive.jsonl", lake)
    assert (report.rows, report.accepted, report.quarantined, report.skipped) == (count, count, 0, 0)
    found = landed(lake)
    assert dict(found.select("msgid", "seq").iter_rows()) == {m: one["seq"] for m, one in truth.items()}
    assert set(found["corp_id"]) == {CORP_ID}
    said = {m: one["text"]["content"] for m, one in truth.items() if one.get("msgtype") == "text"}
    assert dict(found.filter(kind="text").select("msgid", "text").iter_rows()) == said
    receivers = lake.read("landed", "chat_receivers")
    assert receivers.height == report.receivers == sum(len(set(m.get("tolist", ()))) for m in truth.values())
    assert (report.archive_seq, report.gaps, report.unknown_kinds) == (count, [], ["hologram"])


def test_every_form_finds_its_columns(state: WecomState, tmp_path: Path, lake: Lake) -> None:
    write_archive(state, tmp_path / "archive.jsonl")
    import_chat(tmp_path / "archive.jsonl", lake)
    found = landed(lake)

    def one(**where: str) -> dict[str, Any]:
        return found.filter(**where).row(0, named=True)

    switch = one(action="switch")
    assert (switch["from_kind"], switch["kind"], switch["receivers_count"]) == ("staff", None, 0)
    assert switch["sent_at"] is not None
    recall = one(action="recall")
    assert found.filter(msgid=recall["recalled_msgid"]).height == 1
    assert one(kind="mixed")["text"] is not None
    assert one(kind="voice")["play_seconds"] == 6
    assert one(kind="file")["title"] == "订货单.xlsx"
    assert one(kind="image")["media_id"].startswith("sdk")
    assert one(kind="markdown")["text"] == "**周末**试饮"
    assert one(kind="agree")["agreed_by"] == one(kind="agree")["from_id"]
    assert "layers" in one(kind="hologram")["_raw"]
    group = lake.read("landed", "chat_receivers").filter(msgid=one(kind="markdown")["msgid"])
    assert sorted(group["receiver_kind"]) == ["external", "robot", "staff"]
    assert one(kind="markdown")["room_id"].startswith("wr")


def test_milliseconds_and_kinds_of_sender(tmp_path: Path, lake: Lake) -> None:
    import_chat(written(tmp_path / "a.jsonl", text(1), text(2, **{"from": "wmli"})), lake)
    assert landed(lake)["sent_at"].dt.epoch("ms").to_list() == [1_782_000_000_001, 1_782_000_000_002]
    assert landed(lake)["from_kind"].to_list() == ["external", "staff"]  # a member may be called wmli


def test_the_same_file_again_and_the_same_messages_in_another_add_nothing(tmp_path: Path, lake: Lake) -> None:
    first = import_chat(written(tmp_path / "a.jsonl", text(1), text(2)), lake)
    again = import_chat(tmp_path / "a.jsonl", lake)
    overlap = import_chat(written(tmp_path / "b.jsonl", text(2), text(3)), lake)
    assert (first.repeated, again.repeated, overlap.repeated) == (False, True, False)
    assert (again.accepted, again.skipped, overlap.accepted, overlap.skipped) == (0, 2, 1, 1)
    assert landed(lake)["seq"].to_list() == [1, 2, 3]
    assert lake.read("landed", "chat_receivers").height == 3


def test_the_position_counts_every_record_and_gaps_are_named(tmp_path: Path, lake: Lake) -> None:
    source = chat_archive.source_name("c")
    import_chat(written(tmp_path / "a.jsonl", text(5), text(6), text(9, msgtype="never-seen")), lake)
    assert lake.cursor(source) == {"seq": 9, "through": "9"}
    report = import_chat(written(tmp_path / "b.jsonl", text(14), text(12), text(15, msgtime="soon")), lake)
    assert report.gaps == [(10, 11), (13, 13)]
    assert report.quarantined == 1
    assert lake.cursor(source) == {"seq": 15, "through": "15"}  # also of the one that was refused
    old = import_chat(written(tmp_path / "c.jsonl", text(1)), lake)
    assert (old.gaps, old.archive_seq) == ([], 15)


@given(st.sets(st.integers(1, 60)), st.integers(1, 60))
def test_gaps_are_what_is_missing(known: set[int], first: int) -> None:
    inside = {seq for seq in known if seq >= first}
    missing = set(range(first, max(inside, default=first - 1) + 1)) - inside
    found = gaps(pl.Series(sorted(known), dtype=pl.Int64), first)
    assert {seq for low, high in found for seq in range(low, high + 1)} == missing


def test_bad_lines_are_set_apart_and_no_word_of_a_message_is_shown(
    tmp_path: Path, lake: Lake, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "我的银行卡密码是4711"
    path = tmp_path / "bad.jsonl"
    good = [json.dumps(text(seq), ensure_ascii=False) for seq in range(1, 7)]
    broken = [
        json.dumps(text(7, secret), ensure_ascii=False)[:-9],  # cut
        json.dumps(text(8, secret, msgtime="later"), ensure_ascii=False),
        json.dumps([secret], ensure_ascii=False),  # no object
        json.dumps(text(9, text=secret), ensure_ascii=False),  # text is an object at the vendor
    ]
    path.write_bytes(
        "\n".join([*good, *broken, ""]).encode() + text(10, secret)["text"]["content"].encode("gbk") + b"\n"
    )
    report = import_chat(path, lake, corp_id="c")
    assert (report.accepted, report.quarantined) == (6, 5)
    assert lake.read("quarantine", "chat_messages")["row"].n_unique() == 5
    shown = lake.read("quarantine", "chat_messages").drop("raw")
    out, err = capfd.readouterr()
    said = str(shown.to_dicts()) + lake.manifest.read_text() + caplog.text + out + err + str(report.as_dict())
    assert secret not in said
    assert "4711" not in said


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, lake: Lake) -> None:
    with pytest.raises(FileRefusedError, match="no message"):
        import_chat(written(tmp_path / "empty.jsonl", ""), lake)
    nobodys = {name: value for name, value in text(1).items() if name != "corp_id"}
    with pytest.raises(FileRefusedError, match="whose"):
        import_chat(written(tmp_path / "a.jsonl", nobodys), lake)
    assert import_chat(tmp_path / "a.jsonl", lake, corp_id="other").accepted == 1
    assert landed(lake)["corp_id"].to_list() == ["other"]


def test_an_envelope_and_a_byte_order_mark_are_taken(tmp_path: Path, lake: Lake) -> None:
    inner = {name: value for name, value in text(3).items() if name not in ("seq", "corp_id")}
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"seq": 3, "publickey_ver": 1, "message": inner}).encode())
    assert import_chat(path, lake, corp_id="c").accepted == 1
    assert landed(lake).select("seq", "msgid", "text").row(0) == (3, "m3_external", "hello")


def test_two_corps_in_one_file_keep_their_own_position(tmp_path: Path, lake: Lake) -> None:
    import_chat(written(tmp_path / "a.jsonl", text(1), text(7, corp_id="d"), text(2)), lake)
    positions = [lake.cursor(chat_archive.source_name(corp)) for corp in ("c", "d")]
    assert positions == [{"seq": 2, "through": "2"}, {"seq": 7, "through": "7"}]


def test_many_batches_of_one_file_go_on_after_a_death(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_archive, "LINES_PER_BATCH", 10)
    path = written(tmp_path / "a.jsonl", *(text(seq) for seq in range(1, 36)))
    commit, calls = Lake.commit, []

    def dying(self: Lake, **batch: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return commit(self, **batch)

    monkeypatch.setattr(Lake, "commit", dying)
    with pytest.raises(KeyboardInterrupt):
        import_chat(path, lake)
    assert landed(lake).height == 20
    report = import_chat(path, lake)
    assert (report.accepted, report.skipped, report.gaps) == (15, 20, [])
    assert landed(lake)["seq"].to_list() == list(range(1, 36))


def test_a_file_in_the_inbox_is_imported_and_the_command_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRM_HOME", str(tmp_path / "home"))
    settings = Settings(home=tmp_path / "home", connections={"it": {"system": "wecom", "corp_id": "c"}})  # type: ignore[dict-item]
    folder = inbox.prepare(settings) / "chat_messages"
    nobodys = {name: value for name, value in text(1).items() if name != "corp_id"}
    written(folder / "today.jsonl", nobodys, text(3))
    written(folder / "broken.jsonl", "")
    workspace = Workspace(settings)
    taken = inbox.take_all(workspace, datetime.now(UTC) + timedelta(hours=1))
    assert {(one.file, one.state, one.accepted) for one in taken} == {
        ("today.jsonl", "done", 2),
        ("broken.jsonl", "failed", 0),
    }
    assert landed(workspace.lake)["corp_id"].to_list() == ["c", "c"]  # the connected corp
    again = CliRunner().invoke(app, ["import-chat", str(written(tmp_path / "a.jsonl", text(3), text(5))), "--json"])
    assert again.exit_code == 0, again.output
    answer = json.loads(again.stdout)
    assert (answer["accepted"], answer["skipped"], answer["gaps"]) == (1, 1, [[4, 4]])
