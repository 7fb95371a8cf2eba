"""What people decided about who is who, from the store."""

from models.contracts.contract import Column, Contract, not_blank, one_of

# No event time: a decision is about who people are, at any time, and acts in every run that knows of it.
IDENTITY_DECISIONS = Contract(
    dataset="identity_decisions",
    en="Decisions of people on who is who",
    zh="人工身份判定",
    grain="one row per decision, or undo of one",
    key=("decision_id",),
    door="store",
    columns=(
        Column(
            "decision_id", "id", "number of the decision", "判定编号", required=True, checks=(not_blank("decision_id"),)
        ),
        Column(
            "verdict",
            "text",
            "same, not_same, or undo of another decision",
            "结论",
            required=True,
            checks=(one_of("verdict", "same", "not_same", "undo"),),
        ),
        Column("left_type", "text", "identifier type of one side; record: a record itself", "左侧标识类型"),
        Column("left_identifier", "id", "value of one side", "左侧标识", personal=True),
        Column("right_type", "text", "identifier type of the other side", "右侧标识类型"),
        Column("right_identifier", "id", "value of the other side", "右侧标识", personal=True),
        Column("undoes", "id", "the decision that an undo takes back", "撤销的判定"),
        Column("reason", "text", "why", "原因", required=True, checks=(not_blank("reason"),)),
        Column("author", "text", "who decided", "判定人", required=True, checks=(not_blank("author"),)),
        Column("decided_at", "timestamp", "when", "判定时间", required=True),
    ),
)
