"""Files that people hand in: names are data (fault 52), nothing half-written stays, old ones go."""

import os
import time
from io import BytesIO
from pathlib import Path

import pytest

from models import uploads


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "C:\\x\\a.csv", "a\0b.csv", "..", ".", "", "   ",
     "\u202egpj.exe", "x" * 5000 + ".csv", "😀" * 200 + ".csv", ".hidden", "a\nb.csv", "orders.csv/", "文件 名.csv"],
)  # fmt: skip
def test_a_name_never_leads_out_of_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "home" / "uploads"
    upload = uploads.keep(BytesIO(b"a,b\n1,2\n"), name, folder, 100)
    path = uploads.located(folder, upload.sha256, upload.name)
    assert path.resolve().parent.parent == folder.resolve()
    assert path.read_bytes() == b"a,b\n1,2\n"
    assert len(upload.name.encode()) <= uploads.NAME_BYTES
    assert [p.name for p in folder.iterdir()] == [upload.sha256], "no draft is left"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home"]


@pytest.mark.parametrize(("sha256", "name"), [("../x", "a.csv"), ("0" * 64, "../../store.db"), ("0" * 63, "a.csv")])
def test_a_forged_name_of_an_upload_is_refused(tmp_path: Path, sha256: str, name: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.csv").write_text("a")
    with pytest.raises(uploads.UploadError):
        uploads.located(tmp_path, sha256, name)


def test_a_link_in_the_place_of_an_upload_is_refused(tmp_path: Path) -> None:
    upload = uploads.keep(BytesIO(b"x"), "a.csv", tmp_path / "up", 10)
    path = uploads.located(tmp_path / "up", upload.sha256, upload.name)
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(uploads.UploadError, match="not a plain file"):
        uploads.located(tmp_path / "up", upload.sha256, upload.name)


def test_too_large_and_empty_files_leave_nothing(tmp_path: Path) -> None:
    for content, words in ((b"x" * 101, "larger than"), (b"", "empty")):
        with pytest.raises(uploads.UploadError, match=words):
            uploads.keep(BytesIO(content), "a.csv", tmp_path / "up", 100)
    assert list((tmp_path / "up").iterdir()) == []


def test_old_uploads_go_and_fresh_ones_stay(tmp_path: Path) -> None:
    old = uploads.keep(BytesIO(b"old"), "a.csv", tmp_path, 10)
    fresh = uploads.keep(BytesIO(b"fresh"), "b.csv", tmp_path, 10)
    assert uploads.keep(BytesIO(b"fresh"), "c.csv", tmp_path, 10).repeated
    (tmp_path / f"{uploads.UNFINISHED}left").write_bytes(b"half")
    week_ago = time.time() - 8 * 86_400
    for name in (old.sha256, f"{uploads.UNFINISHED}left"):
        os.utime(tmp_path / name, (week_ago, week_ago))
    assert uploads.sweep(tmp_path, days=7) == 2
    assert [path.name for path in tmp_path.iterdir()] == [fresh.sha256]
