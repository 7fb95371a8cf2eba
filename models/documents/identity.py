"""The identity registry: by which identifiers people are recognised, by which rules, and what never counts."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from models.documents.identity_matching import LikelyMatching
from models.documents.loading import Document, RefusedError

RULE_TYPES = 4  # a rule's key is made of at most so many types; the tables have a column for each
RULE_GUARDS = 6
GUARDED_TYPES = 12  # and of all rules together


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise RefusedError(
            f'"{pattern}" is no regular expression: {error}', f"“{pattern}” 不是正确的正则表达式：{error}"
        ) from error
    return pattern


class IdentifierLimit(Document):
    """A value that meets more than ``most`` different values of another type links nobody: a tablet, a family's phone.

    ``within_days``: only what was seen within so many days of each other counts; empty: at any time.
    """

    of: str
    most: int = Field(ge=1)
    within_days: int | None = Field(default=None, ge=1)


class IdentifierType(Document):
    """One type of value that may link. ``unique``: one customer holds at most one value of it.

    ``blocked`` values and ``blocked_patterns`` (regular expressions) are never a person.
    """

    name: str
    unique: bool = False
    limits: tuple[IdentifierLimit, ...] = ()
    blocked: tuple[str, ...] = ()
    blocked_patterns: tuple[Annotated[str, AfterValidator(_compiles)], ...] = ()


class GuardKind(StrEnum):
    """When two stated values contradict each other.

    different: they are not equal. unlike: neither begins the other, and more than ``tolerance`` letters differ.
    date: more than ``tolerance`` of year, month and day differ. far: the numbers differ by more than ``tolerance``.
    apart: the records were made more than ``tolerance`` days apart, and nothing else that is guarded agrees.
    """

    DIFFERENT = "different"
    UNLIKE = "unlike"
    DATE = "date"
    FAR = "far"
    APART = "apart"


class Guard(Document):
    """Refuses a link between two records that state contradicting values of ``type``. ``apart`` has no type."""

    type: str | None = None
    kind: GuardKind = GuardKind.DIFFERENT
    tolerance: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _has_a_type(self) -> "Guard":
        if (self.type is None) != (self.kind is GuardKind.APART):
            raise RefusedError("a guard needs a type; only `apart` has none", "除 apart 外，guard 必须写明 type")
        return self


class MatchRule(Document):
    """Records whose values of all types in ``same`` are equal are one person, unless a guard refuses.

    ``certain``: whom it brings together know of each other when the guards of other rules compare. ``most``: under a
    key with more different people (combinations of guarded values) nobody is compared with another. ``clear_days``: of
    several whom a record could be about, the one seen nearest in time must be so many days nearer than the next.
    """

    name: str = Field(pattern="^[a-z][a-z0-9_]*$")
    same: tuple[str, ...] = Field(min_length=1, max_length=RULE_TYPES)
    guards: tuple[Guard, ...] = Field(default=(), max_length=RULE_GUARDS)
    certain: bool = False
    most: int = Field(default=20, ge=1)
    clear_days: int = Field(default=0, ge=0)


class IdentityGate(Document):
    """What a run may find out and still publish (``models/identity/gate.py``). Shares are of one.

    ``largest_customer``: personas of one customer. ``cut_links``: of all accepted links, those that the repair cut.
    Against the runs before: ``moved_identifiers`` (now another customer's), ``gone_customers`` (ids that are nobody's
    any more), ``consolidation_change`` (1 − customers ÷ personas); not judged below ``judged_from`` customers.
    """

    largest_customer: int = Field(default=2000, ge=1)
    cut_links: float = Field(default=0.01, ge=0, le=1)
    moved_identifiers: float = Field(default=0.05, ge=0, le=1)
    gone_customers: float = Field(default=0.05, ge=0, le=1)
    consolidation_change: float = Field(default=0.05, ge=0, le=1)
    judged_from: int = Field(default=500, ge=1)


class IdentityRegistry(Document):
    """What makes records one customer. Order is priority, strongest first, of identifiers and of rules.

    ``identifiers`` are values of which equality may link, ``attributes`` are what else records state of a person:
    rules may combine them, guards and comparisons look at them. ``anonymous``: a record without any usable identifier
    belongs to nobody; otherwise it is a customer of its own. ``gate``: what a run may find and still publish.
    ``matching``: how what the rules leave apart is compared; none: it is not.
    """

    identifiers: tuple[IdentifierType, ...] = Field(min_length=1)
    attributes: tuple[str, ...] = ()
    rules: tuple[MatchRule, ...] = ()
    anonymous: bool = True
    gate: IdentityGate = IdentityGate()
    matching: LikelyMatching | None = None

    @property
    def types(self) -> tuple[str, ...]:
        """Every type by name: identifiers, then attributes."""
        return (*(kind.name for kind in self.identifiers), *self.attributes)

    @property
    def guarded_types(self) -> tuple[str, ...]:
        """Every type that a guard of any rule compares, in the order of types."""
        guarded = {guard.type for rule in self.rules for guard in rule.guards}
        return tuple(name for name in self.types if name in guarded)

    @model_validator(mode="after")
    def _names_are_known_and_unique(self) -> "IdentityRegistry":
        _unique("identifier or attribute type", self.types)
        _unique("rule", [rule.name for rule in self.rules])
        for kind in self.identifiers:
            self._known(f"a limit of {kind.name}", [limit.of for limit in kind.limits])
        for rule in self.rules:
            self._known(f"rule {rule.name}", [*rule.same, *(guard.type for guard in rule.guards if guard.type)])
        if len(self.guarded_types) > GUARDED_TYPES:
            named = ", ".join(self.guarded_types)
            raise RefusedError(
                f"the guards compare {len(self.guarded_types)} types ({named}); at most {GUARDED_TYPES} are possible",
                f"guards 共比较 {len(self.guarded_types)} 种类型（{named}），最多 {GUARDED_TYPES} 种",
            )
        if self.matching is not None:
            self._known("matching", [*self.matching.known_by, *self.matching.one_each])
        return self

    def _known(self, where: str, names: list[str]) -> None:
        if unknown := sorted(set(names) - set(self.types)):
            named = ", ".join(unknown)
            raise RefusedError(
                f"{where} names {named}, which is neither an identifier nor an attribute",
                f"{where} 引用了 {named}，它既不在 identifiers 中，也不在 attributes 中",
            )


def _unique(what: str, names: list[str] | tuple[str, ...]) -> None:
    if twice := sorted({name for name in names if list(names).count(name) > 1}):
        named = ", ".join(twice)
        raise RefusedError(f"the {what} {named} is listed twice; keep one", f"{named} 重复，请只保留一个")
