"""Rule documents land by content, once; the key of customer ids is made once; the store's rows land once."""

import multiprocessing
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from models.documents.churn import ChurnDocument
from models.documents.loading import DocumentError
from models.settings import PROJECT_ROOT, Settings
from models.store import Store
from pipelines.documents import publish_documents, published, published_audiences
from pipelines.lake import Lake
from pipelines.landing_store import land_store
from pipelines.workspace import Workspace


@pytest.fixture
def rulebooks(tmp_path: Path) -> Path:
    folder = tmp_path / "rulebooks"
    shutil.copytree(PROJECT_ROOT / "data" / "rulebooks", folder)
    return folder


def horizon(folder: Path, days: int) -> None:
    path = folder / "churn.yaml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    found = [number for number, line in enumerate(lines) if line.startswith("horizon_days:")]
    assert len(found) == 1
    lines[found[0]] = f"horizon_days: {days}\n"
    path.write_text("".join(lines), encoding="utf-8")


def test_unchanged_documents_are_not_published_again(rulebooks: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    first = publish_documents(lake, rulebooks)
    assert {commit.entry.source for commit in first} >= {"documents:identity", "documents:settlement"}
    assert publish_documents(Lake(tmp_path / "lake"), rulebooks) == []
    (rulebooks / "churn.yaml").write_text(
        "# a comment is no change\n" + (rulebooks / "churn.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    assert publish_documents(lake, rulebooks) == []


def test_going_back_to_an_older_version_publishes_it_anew(rulebooks: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    heads = []
    for days in (45, 50, 45, 50):
        horizon(rulebooks, days)
        assert len(publish_documents(lake, rulebooks)) >= 1
        assert publish_documents(lake, rulebooks) == []
        assert published(lake, "churn", ChurnDocument).horizon_days == days
        heads.append(lake.head())
    assert [published(lake, "churn", ChurnDocument, seq).horizon_days for seq in heads] == [45, 50, 45, 50]


def test_one_wrong_document_keeps_all_from_being_published(rulebooks: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    horizon(rulebooks, -1)
    with pytest.raises(DocumentError, match=r"churn\.yaml: horizon_days"):
        publish_documents(lake, rulebooks)
    (rulebooks / "churn.yaml").write_bytes("name: 流失".encode("gb18030"))
    with pytest.raises(DocumentError, match=r"churn\.yaml: not UTF-8"):
        publish_documents(lake, rulebooks)
    assert lake.head() == 0


def test_a_run_sees_the_audiences_of_its_sequence(rulebooks: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    publish_documents(lake, rulebooks)
    head, names = lake.head(), [document.name for document in published_audiences(lake)]
    assert names
    path = next(iter((rulebooks / "audiences").glob("*.yaml")))
    text = path.read_text(encoding="utf-8").replace(names[0], "a_new_one")
    (path.with_name("a_new_one.yaml")).write_text(text, encoding="utf-8")
    publish_documents(lake, rulebooks)
    assert sorted(document.name for document in published_audiences(lake)) == sorted([*names, "a_new_one"])
    assert [document.name for document in published_audiences(lake, head)] == names


def _first_run(home: str, start: Any, keys: Any) -> None:
    os.environ.pop("SCRM_ID_KEY", None)
    workspace = Workspace(Settings(home=Path(home), id_key=""))
    start.wait(60)
    keys.put(workspace.id_key)


@pytest.mark.slow  # starts two processes
def test_two_first_runs_at_once_agree_on_one_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, keys = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_first_run, args=(str(tmp_path), start, keys)) for _ in range(2)]
    for process in processes:
        process.start()
    got = {keys.get(timeout=60) for _ in processes}
    for process in processes:
        process.join(60)
    assert len(got) == 1
    assert len(got.pop()) == 64
    assert [path.name for path in tmp_path.iterdir()] == ["id.key"]
    assert (tmp_path / "id.key").stat().st_mode & 0o077 == 0


def consents(*phones: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "identifier_type": "phone",
            "identifier": list(phones),
            "purpose": "marketing",
            "channel": "sms",
            "state": "granted",
            "decided_at": datetime(2026, 6, 1),
            "_row": list(range(1, len(phones) + 1)),
        }
    )


def test_rows_of_the_store_land_once_whoever_lands_them(tmp_path: Path) -> None:
    store, lake = Store.open(f"sqlite:///{tmp_path / 'store.db'}"), Lake(tmp_path / "lake")
    assert land_store(lake, store) == []
    store.consents.append(consents("+8613800000001", "+8613800000002"), "one")
    assert len(land_store(lake, store)) == 1
    assert land_store(Lake(tmp_path / "lake"), store) == []
    store.consents.append(consents("+8613800000003"), "two")
    land_store(lake, store)
    landed = lake.read("landed", "consents")
    assert landed["identifier"].to_list() == ["+8613800000001", "+8613800000002", "+8613800000003"]
    assert landed["_row"].to_list() == [1, 2, 3]


def test_the_do_not_contact_list_lands_whole_whenever_it_has_changed(tmp_path: Path) -> None:
    """A list from which people are lifted: the newest batch says who is on it, also that nobody is."""
    lake, at = Lake(tmp_path / "lake"), datetime(2026, 6, 1)

    def landed() -> list[list[str]]:
        return [
            pl.read_parquet(lake.root / file.path)["identifier"].to_list()
            for _, file in lake.files("landed", "suppressions")
        ]

    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        assert land_store(lake, store) == []
        store.suppressions.add("phone", "+861", "any", "asked", at)
        store.suppressions.add("phone", "+862", "sms", "asked", at)
        assert len(land_store(lake, store)) == 1
        assert land_store(lake, store) == []
        store.suppressions.lift("phone", "+861", "any", at)
        land_store(lake, store)
        store.suppressions.lift("phone", "+862", "sms", at)
        land_store(lake, store)
        assert landed() == [["+861", "+862"], ["+862"], []]
        # on it again as before: a batch of its own, or the empty list would count
        store.suppressions.add("phone", "+861", "any", "asked", at)
        store.suppressions.add("phone", "+862", "sms", "asked", at)
        land_store(lake, store)
        assert landed()[-1] == ["+861", "+862"]
