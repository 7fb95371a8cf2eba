"""What happened to statements after they were closed, from the store."""

from models.contracts.contract import Column, Contract, not_blank, one_of, positive

EVENTS = ("issued", "sent", "confirmed", "disputed", "paid", "collected")

# No event time: a mark made today must not move the company's business date to tomorrow.
STATEMENT_EVENTS = Contract(
    dataset="statement_events",
    en="Statements issued, sent, confirmed, disputed, paid and collected",
    zh="结算单流转记录",
    grain="one row per step of a statement",
    key=("event_id",),
    door="store",
    columns=(
        Column("event_id", "id", "number of the step", "记录编号", required=True, checks=(not_blank("event_id"),)),
        Column("event", "text", ", ".join(EVENTS), "事件", required=True, checks=(one_of("event", *EVENTS),)),
        Column("period", "text", "period of the statement", "结算期", required=True, checks=(not_blank("period"),)),
        Column("party_id", "id", "party", "结算方", required=True, checks=(not_blank("party_id"),)),
        Column("currency", "currency", "currency", "币种", required=True),
        Column("amount", "amount", "of paid and collected, minor units", "金额", checks=(positive("amount"),)),
        Column("happened_on", "date", "civil day on which it happened", "发生日期", required=True),
        Column("reason", "text", "why, or a note", "说明"),
        Column("actor", "text", "who did it", "操作人", required=True, checks=(not_blank("actor"),)),
        Column("recorded_at", "timestamp", "when it was recorded", "记录时间", required=True),
    ),
)
