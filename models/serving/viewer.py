"""Who asks. A ``Viewer`` goes with every query; what it may see is decided here and nowhere else."""

from dataclasses import dataclass

from models.serving import roles as rights


@dataclass(frozen=True)
class Viewer:
    """A person in front of a page, an export or the API.

    ``store_ids``: stores in scope, None for the whole company. A customer is visible to a viewer who owns it
    (``owner_userid``) or in whose stores it has a fact. ``sees_personal``: names, phones and the like are shown
    whole; otherwise they are masked.
    """

    user_id: str
    name: str
    roles: frozenset[str]
    store_ids: frozenset[str] | None
    sees_personal: bool = False
    owner_userid: str | None = None
    language: str | None = None

    @classmethod
    def owner_of_the_company(cls, user_id: str = "owner", name: str = "") -> "Viewer":
        """Sees everything: who sits at the machine itself, before there are accounts."""
        return cls(user_id=user_id, name=name, roles=frozenset({"owner"}), store_ids=None, sees_personal=True)

    def may_open(self, page: str) -> bool:
        """Whether a role of this person has the page (its file's name)."""
        return rights.opens(self.roles, page)

    def may_ask(self, subject: str) -> bool:
        """Whether a role of this person asks about a subject of ``models.serving.queries``."""
        return rights.asks(self.roles, subject)

    @property
    def may_export(self) -> bool:
        return rights.exports(self.roles)

    @property
    def sees_all_stores(self) -> bool:
        return self.store_ids is None

    @property
    def scope(self) -> tuple[str, ...]:
        """What decides the answers, as text in a fixed order: the key under which an answer may be cached.

        Two viewers with the same scope get the same rows and the same refusals; the name and the language do not
        matter.
        """
        stores = ("*",) if self.store_ids is None else ("in", *sorted(self.store_ids))
        return (
            "roles:" + ",".join(sorted(self.roles)),
            "personal" if self.sees_personal else "masked",
            "nobody" if self.owner_userid is None else "user:" + self.owner_userid,
            *stores,
        )

    def parameters(self) -> dict[str, object]:
        """What every query may bind: ``$all_stores``, ``$store_ids``, ``$owner_userid``, ``$sees_personal``."""
        return {
            "all_stores": self.store_ids is None,
            "store_ids": sorted(self.store_ids or ()),
            "owner_userid": self.owner_userid,
            "sees_personal": self.sees_personal,
        }
