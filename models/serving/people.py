"""From a person of the store to a viewer: scopes become store ids, as the snapshot of now has it.

Roles and scopes are those of the store now, and what they mean is read from the snapshot of now: a store that moves to
another region, a colleague who leaves a department and a scope that is withdrawn count from the next rerun on.
"""

import threading
from weakref import WeakKeyDictionary

import polars as pl

from models.serving import roles
from models.serving.snapshots import Snapshot
from models.serving.viewer import Viewer
from models.store.users import Scope, User

_STORES = "select store_id, region from stores"
# the main department of store staff bears the store's number (docs/architecture.md, staff_stores)
_DEPARTMENTS = "select distinct store_id as department, store_id from staff where is_current and store_id is not null"

#: What scopes mean on a snapshot never changes; it goes when the snapshot does.
_RESOLVED: WeakKeyDictionary[Snapshot, dict[frozenset[Scope], frozenset[str]]] = WeakKeyDictionary()
_LOCK = threading.Lock()


def viewer_of(user: User, snapshot: Snapshot | None) -> Viewer:
    """The viewer that a person is on a snapshot; without one (nothing published yet) no store is in scope.

    A person with the scope ``company`` sees every store, one without any scope sees none. Customers of the employee
    that the person is (``staff_userid``) are theirs beside.
    """
    return Viewer(
        user_id=user.user_id,
        name=user.name,
        roles=user.roles,
        store_ids=_stores(user.scopes, snapshot),
        sees_personal=roles.sees_personal(user.roles),
        owner_userid=user.staff_userid,
        language=user.language,
    )


def choices(snapshot: Snapshot) -> list[Scope]:
    """What a scope can be on this snapshot: the company, then every region, department and store."""
    stores = snapshot.query(_STORES, {})
    departments = snapshot.query(_DEPARTMENTS, {})["department"]
    return [
        Scope("company"),
        *(Scope("region", name) for name in stores["region"].drop_nulls().unique().sort() if name),
        *(Scope("department", name) for name in departments.unique().sort()),
        *(Scope("store", name) for name in stores["store_id"].sort()),
    ]


def _stores(scopes: frozenset[Scope], snapshot: Snapshot | None) -> frozenset[str] | None:
    if Scope("company") in scopes:
        return None
    if snapshot is None or not scopes:
        return frozenset()
    with _LOCK:
        known = _RESOLVED.setdefault(snapshot, {})
    if scopes not in known:
        known[scopes] = _resolved(scopes, snapshot)
    return known[scopes]


def _resolved(scopes: frozenset[Scope], snapshot: Snapshot) -> frozenset[str]:
    wanted = {
        kind: [scope.value for scope in scopes if scope.kind == kind] for kind in ("region", "department", "store")
    }
    stores = snapshot.query(_STORES, {})
    found = set(
        stores.filter(pl.col("region").is_in(wanted["region"]) | pl.col("store_id").is_in(wanted["store"]))["store_id"]
    )
    if wanted["department"]:
        staff = snapshot.query(_DEPARTMENTS, {})
        found |= set(staff.filter(pl.col("department").is_in(wanted["department"]))["store_id"])
    return frozenset(found)
