"""What each role may do: pages, subjects of queries, personal values, exports. One table, ``ROLES``.

A role says *what* a person may do, a scope says *where* (``models.serving.people``). A person with several roles may do
what any of them may. Unknown roles and pages that no role names are refused, but for the owner's pages.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from models.errors import ExpectedError


class NotAllowedError(ExpectedError):
    """No role of the viewer allows what was asked; ``asked`` names it for the audit."""

    def __init__(self, asked: str) -> None:
        super().__init__(f"your role does not include {asked}")
        self.asked = asked


@dataclass(frozen=True)
class Role:
    """``personal``: names, phones and the like are shown whole. ``exports``: may take audiences out as files."""

    pages: frozenset[str]
    personal: bool = False
    exports: bool = False


#: Page (the name of its file) -> subjects of queries that it asks about; see ``models.serving.queries.SUBJECTS``.
PAGES: dict[str, frozenset[str]] = {
    "overview": frozenset({"overview", "quality", "metrics"}),
    "glossary": frozenset({"overview", "metrics"}),
    "customers": frozenset({"customers", "risk"}),
    "journey": frozenset({"journey", "overview"}),
    "identity": frozenset({"identity", "customers"}),
    "identity_review": frozenset({"identity", "customers"}),
    "reach": frozenset({"reach"}),
    "settlement": frozenset({"settlement"}),
    "statements": frozenset({"settlement"}),
    "reconciliation": frozenset({"reconciliation"}),
    "rules": frozenset({"settlement"}),  # versions and drafts; with the whole company in scope
    "value": frozenset({"value"}),
    "at_risk": frozenset({"risk", "quality"}),
    "quality": frozenset({"quality"}),
    "imports": frozenset(),
    "people": frozenset(),
    "account": frozenset(),
}

_EVERYBODY = frozenset({"overview", "glossary", "account"})
_DAILY = _EVERYBODY | {"customers", "reach", "at_risk"}
_DECIDES = frozenset({"identity", "identity_review"})  # who is who; with the whole company in scope
#: Roles that decide what becomes of a difference between a bill and our own payments.
RECONCILERS = frozenset({"owner", "finance"})
#: Roles that approve what another person proposed as a version of the settlement rulebook.
PUBLISHERS = frozenset({"owner", "finance"})
EXPORT_SUBJECTS = frozenset({"audiences"})

ROLES: dict[str, Role] = {
    "owner": Role(frozenset(PAGES), personal=True, exports=True),
    "region_manager": Role(
        _DAILY | {"journey", "settlement", "statements", "reconciliation", "value", "quality"},
        personal=True,
        exports=True,
    ),
    "store_manager": Role(
        _DAILY | {"journey", "settlement", "statements", "reconciliation", "value", "quality"},
        personal=True,
        exports=True,
    ),
    "service_manager": Role(_DAILY | _DECIDES, personal=True),
    "operator": Role(_DAILY | _DECIDES | {"journey", "value", "quality", "imports"}, personal=True, exports=True),
    "finance": Role(_EVERYBODY | {"settlement", "statements", "reconciliation", "rules", "value", "quality"}),
    "analyst": Role(_DAILY | {"journey", "identity", "settlement", "statements", "rules", "value", "quality"}),
}


def _held(names: Iterable[str]) -> list[Role]:
    return [ROLES[name] for name in names if name in ROLES]


def opens(names: Iterable[str], page: str) -> bool:
    """A page that the table does not know is the owner's."""
    held = list(names)
    return any(page in role.pages for role in _held(held)) or (page not in PAGES and "owner" in held)


def asks(names: Iterable[str], subject: str) -> bool:
    """Whether a page of these roles asks about the subject, or they export and it is what exports ask about."""
    return any(
        any(subject in PAGES[page] for page in role.pages) or (role.exports and subject in EXPORT_SUBJECTS)
        for role in _held(names)
    )


def exports(names: Iterable[str]) -> bool:
    return any(role.exports for role in _held(names))


def sees_personal(names: Iterable[str]) -> bool:
    return any(role.personal for role in _held(names))
