"""The settlement ledger and the statements of parties (docs/settlement-closing.md)."""

from models.contracts.published.table import BIGINT, BOOLEAN, DATE, TEXT, Table, promise

SETTLEMENT: tuple[Table, ...] = (
    promise(
        "settlement_ledger",
        "party_id currency posted_on line_id entry_id",
        f"{TEXT}: entry_id kind posting line_id original_line_id order_key store_id region component",
        f"{TEXT}: party_role party_id salesperson_id currency rule_id rule_version",
        f"{BIGINT}: component_seq base_amount rate_ppm weight weight_total floor_amount rounding",
        f"{TEXT}: form bound",
        f"{BIGINT}: computed_amount bound_amount before_amount after_amount before_value after_value",
        f"{BIGINT}: entry_amount amount",
        f"{BOOLEAN}: is_closed",
        f"{DATE}: economic_date posted_on",
    ),
    promise(
        "settlement_statements",
        "party_id currency period_kind period",
        f"{TEXT}: period_kind period party_id currency state sha256",
        f"{BIGINT}: opening earned clawback fee tax adjustments paid closing minimum_payout payable carry lines_count",
        f"{DATE}: starts_on ends_on",
    ),
)
