"""The customer record: which of the values that are stated survives, the company's own fields, owner, home store."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from models.documents.loading import Document, RefusedError

CRITERIA = 5  # most criteria of one field; the table has a column for each

#: Fields that records state by themselves, in the order in which they are shown.
FIELDS = (
    *("name", "phone", "unionid", "external_userid", "openid", "member_no", "email", "gender", "birth_date"),
    *("city", "country", "address", "home_store"),
)
#: Datasets that state something of a person; ``refunds`` are their buyers, ``app_users`` users of pages and apps.
SOURCES = (
    *("customers", "members", "leads", "follow_ups", "tickets", "visits", "enrolments", "points", "cards", "coupons"),
    *("orders", "refunds", "wecom_contacts", "wecom_follows", "app_users"),
)
_KEPT = frozenset({"customer_id", "owner", "region", *FIELDS})  # ids that a custom field cannot have


class Criterion(StrEnum):
    """By what one statement goes before another. ``verified``: staff have it from the person."""

    VERIFIED = "verified"
    MOST_TRUSTED = "most_trusted"
    MOST_RECENT = "most_recent"
    MOST_FREQUENT = "most_frequent"
    LONGEST = "longest"


class FieldKind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"


def _unique(what: str, zh: str, names: tuple[str, ...]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        named = ", ".join(twice)
        raise RefusedError(f"{what} {named} is listed twice; keep one", f"{zh} {named} 重复，请只保留一个")


def _each_once(criteria: tuple[Criterion, ...]) -> tuple[Criterion, ...]:
    _unique("the criterion", "判定规则", tuple(criterion.value for criterion in criteria))
    return criteria


Criteria = Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=CRITERIA), AfterValidator(_each_once)]
FieldId = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")]


class Label(Document):
    """What people read, in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Verified(Document):
    """The fields of one source that staff have from the person."""

    source: Literal[SOURCES]  # type: ignore[valid-type]
    fields: tuple[FieldId, ...] = Field(min_length=1)


class Clear(Document):
    """Values that never survive, compared without regard to case. Without ``fields``: in every field."""

    values: tuple[str, ...] = Field(min_length=1)
    fields: tuple[FieldId, ...] = ()


class FieldRule(Document):
    """How the statements of one field are compared. ``trust``: the sources of this field, the most trusted first;
    empty: the document's."""

    field: Literal[FIELDS]  # type: ignore[valid-type]
    criteria: Criteria
    trust: tuple[Literal[SOURCES], ...] = ()  # type: ignore[valid-type]


class ChoiceValue(Document):
    """One value of a choice. A cell that holds the id or one of the labels is read as the id."""

    id: FieldId
    label: Label


class ReadFrom(Document):
    """Where a custom field stands: a column, by its header, of the files imported as a dataset. ``format``: of dates
    that do not tell day from month, such as ``%d/%m/%Y``."""

    dataset: Literal["customers", "members", "leads", "enrolments"]
    column: str = Field(min_length=1)
    format: str | None = None


class CustomField(Document):
    """A field of the company's own. Cells that are none of its kind state nothing."""

    id: FieldId
    label: Label
    kind: FieldKind
    choices: tuple[ChoiceValue, ...] = ()
    read_from: tuple[ReadFrom, ...] = Field(min_length=1, alias="from")
    criteria: Criteria = (Criterion.MOST_RECENT,)

    @model_validator(mode="after")
    def _choices_belong_to_a_choice(self) -> "CustomField":
        if (self.kind is FieldKind.CHOICE) != bool(self.choices):
            raise RefusedError(
                f"{self.id}: a choice needs choices, and nothing else has any",
                f"{self.id}：kind 为 choice 时必须填写 choices，其他类型不能填写",
            )
        if self.id in _KEPT:
            raise RefusedError(
                f"{self.id} is a field of every customer; choose another id", f"{self.id} 是系统字段，请换一个 id"
            )
        _unique(f"{self.id}: the choice", f"{self.id}：选项", tuple(choice.id for choice in self.choices))
        words = [{choice.id, choice.label.zh.lower(), choice.label.en.lower()} for choice in self.choices]
        _unique(f"{self.id}: the label", f"{self.id}：选项名称", tuple(word for each in words for word in each))
        return self


class CustomerDocument(Document):
    """What survives of what is said of a customer. Lists are in order, the first decides.

    ``trust``: sources, the most trusted first; one that is not listed states nothing. ``owner``, ``home_store`` and
    ``region``: the first rule that finds one.
    """

    trust: tuple[Literal[SOURCES], ...] = Field(min_length=1)  # type: ignore[valid-type]
    verified: tuple[Verified, ...] = ()
    clear: tuple[Clear, ...] = ()
    fields: tuple[FieldRule, ...]
    custom: tuple[CustomField, ...] = ()
    owner: tuple[Literal["earliest_follow_up", "latest_order", "declared"], ...] = Field(min_length=1)
    home_store: tuple[Literal["stated", "first_order", "latest_order", "most_orders", "owner_store"], ...] = Field(
        min_length=1
    )
    region: tuple[Literal["store", "city"], ...] = Field(min_length=1)

    @property
    def field_ids(self) -> tuple[str, ...]:
        """Every field by id: those of every customer, then the company's own."""
        return (*FIELDS, *(field.id for field in self.custom))

    @model_validator(mode="after")
    def _names_are_known_and_unique(self) -> "CustomerDocument":
        _unique("the source", "来源", self.trust)
        _unique("the field", "字段", tuple(rule.field for rule in self.fields))
        _unique("the custom field", "自定义字段", tuple(field.id for field in self.custom))
        for name, rules in (("owner", self.owner), ("home_store", self.home_store), ("region", self.region)):
            _unique(f"{name}: the rule", f"{name}：规则", rules)
        if missing := sorted(set(FIELDS) - {rule.field for rule in self.fields}):
            named = ", ".join(missing)
            raise RefusedError(f"fields lacks {named}; give its criteria", f"fields 缺少 {named}，请写明判定规则")
        for where, named_fields in (
            *((f"verified of {one.source}", one.fields) for one in self.verified),
            *(("clear", one.fields) for one in self.clear),
        ):
            if unknown := sorted(set(named_fields) - set(self.field_ids)):
                listed = ", ".join(unknown)
                raise RefusedError(
                    f"{where} names {listed}, which is no field",
                    f"{where} 引用了 {listed}，没有这个字段",
                )
        return self
