"""Artifacts: equal state, equal bytes; a file that holds anything else than allowed is refused before it runs."""

import io
import json
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier

from ml import registry
from ml.churn import estimator
from ml.features import Floats

X: Floats = np.random.default_rng(0).normal(size=(400, 3))
Y: Floats = (X[:, 0] + np.random.default_rng(1).normal(size=400) > 0).astype(np.float64)
NAMES = ("recency_days", "orders_30", "tenure_days")


@pytest.mark.parametrize("pipeline", [estimator.additive(), estimator.boosted_additive(NAMES, 1)])
def test_an_estimator_comes_back_bit_for_bit(pipeline):
    pipeline.fit(X, Y)
    content = registry.dump({"pipeline": pipeline})
    back = registry.load(content, allowed=estimator.ALLOWED)["pipeline"]
    assert (back.predict_proba(X) == pipeline.predict_proba(X)).all()
    assert registry.dump({"pipeline": back}) == content


def test_bytes_do_not_carry_the_time_or_an_address():
    one, other = ({"pipeline": estimator.additive().fit(X.copy(), Y.copy()), "centers": [0.5]} for _ in range(2))
    assert registry.dump(one) == registry.dump(other)


def test_a_trusted_but_foreign_type_is_refused():
    """skops itself trusts every scikit-learn type; ours are counted on two hands."""
    content = registry.dump({"pipeline": RandomForestClassifier(n_estimators=2).fit(X, Y)})
    with pytest.raises(registry.ArtifactRefusedError, match="RandomForestClassifier"):
        registry.load(content, allowed=estimator.ALLOWED)


def test_a_function_smuggled_into_a_genuine_artifact_never_runs(tmp_path: Path):
    marker = tmp_path / "was_run"
    archive = zipfile.ZipFile(io.BytesIO(registry.dump({"pipeline": estimator.additive().fit(X, Y)})))
    schema = json.loads(archive.read("schema.json"))
    hostile = json.loads(_schema({"hook": subprocess.check_output}))["content"]["hook"]
    schema["content"]["hook"] = hostile | {"arguments": [["touch", str(marker)]]}
    with pytest.raises(registry.ArtifactRefusedError, match="subprocess"):
        registry.load(_repacked(archive, schema), allowed=estimator.ALLOWED)
    assert not marker.exists()


def test_a_renamed_type_is_refused():
    archive = zipfile.ZipFile(io.BytesIO(registry.dump({"pipeline": estimator.additive().fit(X, Y)})))
    text = archive.read("schema.json").decode().replace('"LinearSplines"', '"Pipeline"')
    with pytest.raises(registry.ArtifactRefusedError, match=r"ml\.churn\.splines\.Pipeline"):
        registry.load(_repacked(archive, json.loads(text)), allowed=estimator.ALLOWED)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"\x80\x04K\x01."])  # the last one is a pickle
def test_what_is_no_artifact_is_refused(content: bytes):
    with pytest.raises(registry.ArtifactRefusedError, match="not an artifact"):
        registry.load(content, allowed=estimator.ALLOWED)


def test_a_cut_file_a_lost_array_and_a_bomb_are_refused():
    content = registry.dump({"pipeline": estimator.additive().fit(X, Y)})
    with pytest.raises(registry.ArtifactRefusedError):
        registry.load(content[: len(content) // 2], allowed=estimator.ALLOWED)
    archive = zipfile.ZipFile(io.BytesIO(content))
    schema_only = _repacked(archive, json.loads(archive.read("schema.json")), arrays=False)
    with pytest.raises(registry.ArtifactRefusedError, match="damaged"):
        registry.load(schema_only, allowed=estimator.ALLOWED)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("schema.json", b" " * 70_000_000)
    with pytest.raises(registry.ArtifactRefusedError, match="larger than any"):
        registry.load(bomb.getvalue(), allowed=estimator.ALLOWED)


def test_a_sound_file_that_is_no_churn_artifact_is_refused():
    with pytest.raises(registry.ArtifactRefusedError, match="not a churn artifact"):
        estimator.load(registry.dump({"pipeline": []}))


def test_the_id_follows_each_of_its_parts():
    parts = {"training_digest": "a", "document_version": "b", "code_version": "c"}
    ids = {registry.artifact_id(**{**parts, name: "x"}) for name in parts} | {registry.artifact_id(**parts)}
    assert len(ids) == 4


def test_the_code_version_follows_the_code(tmp_path: Path):
    (tmp_path / "one.py").write_text("x = 1\n")
    before = registry.code_version(tmp_path)
    assert registry.code_version(tmp_path) == before
    (tmp_path / "one.py").write_text("x = 2\n")
    assert registry.code_version(tmp_path) != before


def _schema(state: dict) -> bytes:
    return zipfile.ZipFile(io.BytesIO(skops.io.dumps(state))).read("schema.json")


def _repacked(archive: zipfile.ZipFile, schema: dict, *, arrays: bool = True) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for name in archive.namelist():
            if name != "schema.json" and arrays:
                out.writestr(name, archive.read(name))
        out.writestr("schema.json", json.dumps(schema))
    return packed.getvalue()
