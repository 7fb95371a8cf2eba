"""What people decided about differences between bills and the company's own payments, from the store."""

from models.contracts.contract import Column, Contract, not_blank, one_of

# No event time: a decision is about a difference as it stood, and acts in every run that knows of it.
RECONCILIATION_DECISIONS = Contract(
    dataset="reconciliation_decisions",
    en="Decisions of people on differences of reconciliation",
    zh="对账差异处理",
    grain="one row per decision, or undo of one",
    key=("decision_id",),
    door="store",
    columns=(
        Column(
            "decision_id", "id", "number of the decision", "处理编号", required=True, checks=(not_blank("decision_id"),)
        ),
        Column(
            "verdict",
            "text",
            "accept (it may stay), adjust (our books follow the bill), dispute (the channel is asked), or undo",
            "结论",
            required=True,
            checks=(one_of("verdict", "accept", "adjust", "dispute", "undo"),),
        ),
        Column("item_id", "id", "the difference", "差异编号"),
        Column("class", "text", "its class when it was decided", "差异类型"),
        Column("currency", "text", "its currency", "币种"),
        Column("difference_amount", "amount", "its difference when it was decided, minor units", "差异金额"),
        Column("undoes", "id", "the decision that an undo takes back", "撤销的处理"),
        Column("reason", "text", "why", "原因", required=True, checks=(not_blank("reason"),)),
        Column("author", "text", "who decided", "处理人", required=True, checks=(not_blank("author"),)),
        Column("decided_at", "timestamp", "when", "处理时间", required=True),
    ),
)
