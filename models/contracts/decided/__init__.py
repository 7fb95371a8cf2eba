"""Contracts of outcomes that a recomputation could change and therefore must be kept."""

from models.contracts.contract import Column, Contract, one_of
from models.contracts.decided.settlement import SETTLEMENT

CUSTOMER_IDS = Contract(
    dataset="customer_ids",
    en="Which customer an identifier belongs to; append-only, the oldest decision wins",
    zh="标识与客户编号的归属",
    grain="one row per identifier and decision",
    key=("identifier_type", "identifier"),
    door="run",
    columns=(
        Column("identifier_type", "text", "type of the identifier", "标识类型", required=True),
        Column("identifier", "id", "normalised identifier", "标识", required=True, personal=True),
        Column("customer_id", "id", "customer", "客户编号", required=True),
        Column("decided_on", "date", "business date of the run that decided", "决定日期", required=True),
    ),
)

IDENTITY_EVENTS = Contract(
    dataset="identity_events",
    en="Customers that became one or fell apart; append-only",
    zh="客户合并与拆分历史",
    grain="one row per merge of one customer into another, or split of one from another",
    key=("event_id",),
    door="run",
    columns=(
        Column("event_id", "id", "event", "事件编号", required=True),
        Column("kind", "text", "merge or split", "类型", required=True, checks=(one_of("kind", "merge", "split"),)),
        Column("customer_id", "id", "the active id: into which, or which fell away", "有效客户编号", required=True),
        Column("previous_id", "id", "the other: what it was before", "原客户编号", required=True),
        Column("decided_on", "date", "business date of the run that decided", "决定日期", required=True),
        Column("cause", "text", "rules, likely or people", "起因", required=True),
    ),
)

TAG_EVENTS = Contract(
    dataset="tag_events",
    en="Rule tags that customers got and lost; append-only",
    zh="规则标签变动历史",
    grain="one row per customer, tag and change",
    key=("event_id",),
    door="run",
    columns=(
        Column("event_id", "id", "event", "事件编号", required=True),
        Column("customer_id", "id", "customer", "客户编号", required=True),
        Column("tag_id", "id", "tag of the rule document", "标签编号", required=True),
        Column(
            "kind",
            "text",
            "entered; left: the condition failed; expired: its time was over; gone: no such rule or customer",
            "变动",
            required=True,
            checks=(one_of("kind", "entered", "left", "expired", "gone"),),
        ),
        Column("name_zh", "text", "name at that time, Chinese", "当时名称（中文）"),
        Column("name_en", "text", "name at that time, English", "当时名称（英文）"),
        Column("group_zh", "text", "its group, Chinese", "标签组（中文）"),
        Column("group_en", "text", "its group, English", "标签组（英文）"),
        Column("reason", "text", "values on which the rule decided, JSON", "依据"),
        Column("rule_version", "id", "hash of the rule", "规则版本", required=True),
        Column("decided_on", "date", "business date of the run that decided", "决定日期", required=True),
    ),
)

SCORES = Contract(
    dataset="scores",
    en="Published scores",
    zh="已发布的评分",
    grain="one row per customer, estimator and business date",
    key=("customer_id", "estimator", "business_date"),
    door="run",
    columns=(
        Column("customer_id", "id", "customer", "客户编号", required=True),
        Column("estimator", "text", "name of the estimator", "模型", required=True),
        Column("artifact_id", "id", "artifact that scored", "模型版本", required=True),
        Column("score_ppm", "integer", "probability in millionths", "概率（百万分之）", required=True),
        Column("business_date", "date", "business date of the run", "业务日期", required=True),
    ),
)

AUDIENCE_MEMBERS = Contract(
    dataset="audience_members",
    en="Members of an audience at a publication",
    zh="人群成员",
    grain="one row per audience, customer and business date",
    key=("audience", "customer_id", "business_date"),
    door="run",
    columns=(
        Column("audience", "text", "name of the audience", "人群", required=True),
        Column("audience_version", "id", "hash of its document", "人群版本", required=True),
        Column("customer_id", "id", "customer", "客户编号", required=True),
        Column("business_date", "date", "business date of the run", "业务日期", required=True),
    ),
)

DECIDED: dict[str, Contract] = {
    c.dataset: c for c in (CUSTOMER_IDS, IDENTITY_EVENTS, TAG_EVENTS, SCORES, AUDIENCE_MEMBERS, *SETTLEMENT)
}
