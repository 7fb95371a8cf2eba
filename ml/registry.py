"""Trained artifacts as bytes: skops with an allow-list that stands here in code, and ids that follow from the input.

skops alone trusts every scikit-learn type. Here a file may hold only the types that an estimator names, and the
schema is checked before anything is constructed. The caller compares the sha256 of the bytes with the lake's.
Neither pickle nor joblib is used: reading one runs the code in it.
"""

import io
import json
import platform
import re
import zipfile
from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import sklearn
import skops
import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from ml.features import KEY, matrix

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip entry can carry
_MOST_BYTES = 64_000_000  # an artifact of this size is none of ours: a spline model has 0.1 MB, a boosted one 1 MB
_MOST_ENTRIES = 20_000
_ARRAY_NAME = re.compile(r"\d+\.npy")

#: What every artifact is made of besides estimators.
PLAIN_TYPES = frozenset({"builtins.dict", "builtins.list", "builtins.str", "builtins.tuple", "numpy.ndarray"})


class ArtifactRefusedError(ValueError):
    """The bytes are no artifact that may be loaded; the message says what was found."""


def dump(state: dict[str, Any]) -> bytes:
    """The state as skops bytes; equal state, equal bytes.

    skops names arrays by memory address and stamps entries with the time of day; both are replaced by counters.
    """
    raw = zipfile.ZipFile(io.BytesIO(skops.io.dumps(state)))
    schema = json.loads(raw.read("schema.json"))
    numbers: dict[int, int] = {}
    _renumber(schema, numbers)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for old, new in numbers.items():
            if f"{old}.npy" in raw.namelist():
                _write(archive, f"{new}.npy", raw.read(f"{old}.npy"))
        _write(archive, "schema.json", json.dumps(schema, sort_keys=True, separators=(",", ":")).encode())
    return packed.getvalue()


def load(content: bytes, *, allowed: Collection[str]) -> dict[str, Any]:
    """The state of an artifact that holds no type but ``allowed`` and the plain ones.

    Raises ArtifactRefusedError on anything else: not a skops file, too large, a foreign type, not a mapping.
    """
    trusted = PLAIN_TYPES | frozenset(allowed)
    foreign = sorted(_types(content) - trusted)
    if foreign:
        raise ArtifactRefusedError(
            f"the artifact holds types that are not allowed: {', '.join(foreign)}; do not load it, train again"
        )
    try:
        state = skops.io.loads(content, trusted=sorted(trusted))
    except UntrustedTypesFoundException as error:
        raise ArtifactRefusedError(f"the artifact holds types that are not allowed: {error}") from error
    except (KeyError, ValueError, TypeError, AttributeError, ImportError, EOFError, zipfile.BadZipFile) as error:
        raise ArtifactRefusedError(f"the artifact is damaged: {error}") from error
    if not isinstance(state, dict):
        raise ArtifactRefusedError(f"the artifact holds a {type(state).__name__}, not a mapping")
    return state


def artifact_id(*, training_digest: str, document_version: str, code_version: str) -> str:
    """sha256 over what determines an artifact: equal input, equal id."""
    return sha256("\n".join((training_digest, document_version, code_version)).encode()).hexdigest()


def training_digest(frame: pl.DataFrame, names: Sequence[str]) -> str:
    """sha256 over a prepared, sorted frame: keys, labels and features, as bytes."""
    digest = sha256("\n".join(names).encode())
    digest.update("\n".join(frame[KEY[0]]).encode())
    digest.update(frame[KEY[1]].to_physical().to_numpy().astype("<i8").tobytes())
    digest.update(frame["churned"].cast(pl.Int8).fill_null(-1).to_numpy().astype("<i1").tobytes())
    values = matrix(frame, names) + 0.0  # minus zero is zero
    values[np.isnan(values)] = np.nan  # one bit pattern of the many
    digest.update(values.astype("<f8").tobytes())
    return digest.hexdigest()


def code_version(folder: Path) -> str:
    """sha256 over the Python files below ``folder`` and the versions of what they train with."""
    digest = sha256(json.dumps(library_versions(), sort_keys=True).encode())
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def library_versions() -> dict[str, str]:
    return {
        "numpy": np.__version__,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "scikit-learn": sklearn.__version__,
        "skops": skops.__version__,
    }


def _write(archive: zipfile.ZipFile, name: str, body: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, body)


def _renumber(node: Any, numbers: dict[int, int]) -> None:
    """Replace memory addresses (``__id__`` and the names of arrays) by order of appearance, in place."""
    if isinstance(node, dict):
        for key in sorted(node):
            value = node[key]
            if key == "__id__":
                node[key] = numbers.setdefault(value, len(numbers) + 1)
            elif key == "file" and isinstance(value, str) and _ARRAY_NAME.fullmatch(value):
                node[key] = f"{numbers.setdefault(int(value.removesuffix('.npy')), len(numbers) + 1)}.npy"
            else:
                _renumber(value, numbers)
    elif isinstance(node, list):
        for item in node:
            _renumber(item, numbers)


def _types(content: bytes) -> set[str]:
    """Every type that the file's schema names. Raises ArtifactRefusedError when there is no sound schema."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        entries = archive.infolist()
        if len(entries) > _MOST_ENTRIES or sum(entry.file_size for entry in entries) > _MOST_BYTES:
            raise ArtifactRefusedError("the artifact is larger than any that is made here; do not load it, train again")
        return set(_named(json.loads(archive.read("schema.json"))))
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ArtifactRefusedError(f"not an artifact in skops format: {error}") from error


def _named(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "__module__" in node or "__class__" in node:
            yield f"{node.get('__module__')}.{node.get('__class__')}"
        for value in node.values():
            yield from _named(value)
    elif isinstance(node, list):
        for item in node:
            yield from _named(item)
