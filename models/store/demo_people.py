"""The ready people of the demo: well-known logins and one well-known password, in a home that the demo made.

A file in the home says that the demo made it. Only there do these accounts exist and may be entered with one click,
and the dashboard refuses to serve such a home beyond loopback.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from models.store import Store
from models.store.signin import hash_password
from models.store.users import Scope

MARKER = "demo-people"
PASSWORD = "four-seasons-tea"
_BY = "cli:demo"


@dataclass(frozen=True)
class DemoPerson:
    login: str
    name: str
    role: str
    scope: Scope
    staff_userid: str | None = None


PEOPLE = (
    DemoPerson("owner", "周总 Zhou", "owner", Scope("company")),
    DemoPerson("region", "林区长 Lin", "region_manager", Scope("region", "华东")),
    DemoPerson("store", "张店长 Zhang", "store_manager", Scope("store", "S001"), "s001-01"),
)


def is_demo(home: Path) -> bool:
    return (home / MARKER).is_file()


def add_demo_people(store: Store, home: Path, at: datetime) -> bool:
    """Add the demo's people to a home that has none; a second time adds nothing. False: others are there already."""
    if is_demo(home):
        return True
    if store.users.exist():
        return False
    known = hash_password(PASSWORD)  # one hash for three accounts whose password everybody knows
    for person in PEOPLE:
        store.users.add(
            person.login,
            person.name,
            known,
            roles=[person.role],
            scopes=[person.scope],
            staff_userid=person.staff_userid,
            by=_BY,
            at=at,
        )
    (home / MARKER).write_text("made by scrm demo\n", encoding="utf-8")
    return True
