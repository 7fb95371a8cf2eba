"""The do-not-contact list, from the store: each batch holds the whole list, so that who was lifted is gone."""

from models.contracts.contract import Column, Contract, not_blank

# No event time: a list counts in every run that knows of it.
SUPPRESSIONS = Contract(
    dataset="suppressions",
    en="Do-not-contact list; each batch is the whole list",
    zh="免打扰名单",
    grain="one row per identifier and channel on the list",
    key=("identifier_type", "identifier", "channel"),
    door="store",
    columns=(
        Column("identifier_type", "text", "type of the identifier", "标识类型", required=True),
        Column(
            "identifier",
            "id",
            "the person's identifier",
            "标识",
            required=True,
            personal=True,
            checks=(not_blank("identifier"),),
        ),
        Column("channel", "text", "channel, or any", "渠道", required=True),
        Column("reason", "text", "why", "原因"),
        Column("added_at", "timestamp", "put on the list", "加入时间", required=True),
    ),
)
