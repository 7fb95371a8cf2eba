"""What a close of settlement froze: the close itself, the rows of the ledger, and the statement of every party."""

from models.contracts.contract import Column, Contract, one_of

SETTLEMENT_CLOSINGS = Contract(
    dataset="settlement_closings",
    en="Closed periods of settlement, each chained to the one before; append-only",
    zh="已关账的结算期（哈希链）",
    grain="one row per close",
    key=("closing_no",),
    door="run",
    columns=(
        Column("closing_no", "integer", "number of the close, from 1", "关账序号", required=True),
        Column("period", "text", "2026-06, 2026-W27 or 2026-06-30", "结算期", required=True),
        Column("starts_on", "date", "first day of the period", "起始日", required=True),
        Column("ends_on", "date", "last day of the period", "截止日", required=True),
        Column("open_from", "date", "first day that stays open: the watermark", "未关账首日", required=True),
        Column("business_date", "date", "business date of the run whose ledger was frozen", "业务日期", required=True),
        Column("to_seq", "integer", "sequence number of that run", "批次序号", required=True),
        Column("closed_by", "text", "who closed", "关账人", required=True),
        Column("rows_count", "integer", "rows that were frozen", "冻结行数", required=True),
        Column("statements_count", "integer", "statements that were frozen", "对账单数", required=True),
        Column("rows_sha256", "id", "SHA-256 of the frozen rows", "明细哈希", required=True),
        Column("statements_sha256", "id", "SHA-256 of all statement hashes", "对账单哈希", required=True),
        Column(
            "previous_chain", "id", "chain hash of the close before; zeros for the first", "前一链哈希", required=True
        ),
        Column("chain", "id", "SHA-256 of the previous chain hash and this close", "链哈希", required=True),
    ),
)

#: Also the columns of ``settlement_ledger``, which says beside them whether a row is closed.
SETTLEMENT_CLOSED_ENTRIES = Contract(
    dataset="settlement_closed_entries",
    en="Rows of the settlement ledger that closes froze; append-only",
    zh="已关账的结算明细",
    grain="one row per entry, party and posted day",
    key=("entry_id", "store_id", "party_role", "party_id", "currency", "posted_on"),
    door="run",
    columns=(
        Column("closing_period", "text", "the close that froze it", "关账期", required=True),
        Column("entry_id", "id", "entry of settlement, payment or contra leg", "分录编号", required=True),
        Column("kind", "text", "SALE, REFUND, LATE_FACT, ADJUSTMENT, PAID, COLLECTED", "入账类型", required=True),
        Column("posting", "text", "what the entry is of: SALE, REFUND, PAID …", "业务类型", required=True),
        Column("line_id", "id", "order line, refund line or payment", "明细编号", required=True),
        Column("original_line_id", "id", "order line that a refund names", "原明细编号"),
        Column("order_key", "id", "order", "订单"),
        Column("store_id", "id", "store; *: of no one store", "门店", required=True),
        Column("region", "text", "its region on the day of the fact", "大区"),
        Column("component", "text", "split, fee, tax, payment, or the contra leg", "费用项", required=True),
        Column("party_role", "text", "role of the party; clearing and cash are contra legs", "角色", required=True),
        Column("party_id", "id", "party", "结算方", required=True),
        Column("salesperson_id", "id", "salesperson of the line", "导购"),
        Column("currency", "currency", "currency", "币种", required=True),
        Column("rule_id", "text", "rule that gave it", "规则"),
        Column("rule_version", "id", "hash of the rulebook", "规则版本"),
        Column("component_seq", "integer", "place in the rule; 0: no part of a rule", "序号", required=True),
        Column("base_amount", "amount", "base of the entry", "基数"),
        Column("rate_ppm", "integer", "rate in a million", "费率（百万分之）"),
        Column("weight", "amount", "weight of this party", "权重"),
        Column("weight_total", "amount", "sum of weights", "权重合计"),
        Column("floor_amount", "amount", "part cut down to whole minor units", "取整金额"),
        Column("rounding", "integer", "1 when largest remainder gave one more unit", "尾差"),
        Column("entry_amount", "amount", "what the entry should be in all", "应结金额", required=True),
        Column("amount", "amount", "what this row posts", "入账金额", required=True),
        Column("economic_date", "date", "day of the fact", "业务日", required=True),
        Column("posted_on", "date", "day on which it is posted", "入账日", required=True),
    ),
)

SETTLEMENT_CLOSED_STATEMENTS = Contract(
    dataset="settlement_closed_statements",
    en="Statements that closes froze, with the hash of each; append-only",
    zh="已关账的对账单",
    grain="one row per closed period, party and currency",
    key=("period", "party_id", "currency"),
    door="run",
    columns=(
        Column(
            "period_kind",
            "text",
            "day, week or month",
            "周期",
            required=True,
            checks=(one_of("period_kind", "day", "week", "month"),),
        ),
        Column("period", "text", "2026-06, 2026-W27 or 2026-06-30", "结算期", required=True),
        Column("party_id", "id", "party", "结算方", required=True),
        Column("currency", "currency", "currency", "币种", required=True),
        Column("opening", "amount", "balance before", "期初余额", required=True),
        Column("earned", "amount", "shares of sales", "收入", required=True),
        Column("clawback", "amount", "given back for refunds", "退款扣回", required=True),
        Column("fee", "amount", "fees", "费用", required=True),
        Column("tax", "amount", "taxes", "税费", required=True),
        Column("adjustments", "amount", "differences to what was closed before", "调整", required=True),
        Column("paid", "amount", "paid less collected", "已付", required=True),
        Column("closing", "amount", "balance after", "期末余额", required=True),
        Column("minimum_payout", "amount", "balance from which on it is paid out", "起付金额", required=True),
        Column("payable", "amount", "to be paid out now", "应付", required=True),
        Column("carry", "amount", "carried forward", "结转", required=True),
        Column("lines_count", "integer", "rows behind it", "明细行数", required=True),
        Column("sha256", "id", "SHA-256 of the canonical file", "哈希", required=True),
    ),
)

SETTLEMENT: tuple[Contract, ...] = (SETTLEMENT_CLOSINGS, SETTLEMENT_CLOSED_ENTRIES, SETTLEMENT_CLOSED_STATEMENTS)
