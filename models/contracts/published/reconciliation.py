"""Bills against the company's own payments (docs/reconciliation.md)."""

from models.contracts.published.table import BIGINT, BOOLEAN, DATE, TEXT, TIMESTAMP, Table, promise

RECONCILIATION: tuple[Table, ...] = (
    promise(
        "reconciliation_days",
        "day channel account_id store_id currency class",
        f"{DATE}: day",
        f"{TEXT}: channel account_id store_id currency class",
        f"{BIGINT}: ours_count bill_count ours_amount bill_amount difference_amount",
    ),
    promise(
        "reconciliation_items",
        "item_id",
        f"{TEXT}: item_id class further_class method channel account_id store_id kind currency other_currency",
        f"{TEXT}: state decision_id reason author rule_version",
        f"{BIGINT}: ours_count bill_count ours_amount bill_amount difference_amount ours_fee bill_fee fee_difference",
        f"{BOOLEAN}: needs_person",
        f"{DATE}: day ours_day bill_day",
        f"{TIMESTAMP}: decided_at",
    ),
    promise(
        "reconciliation_item_rows",
        "item_id side row_id",
        f"{TEXT}: item_id side row_id channel account_id store_id kind entry_id reference transaction_id order_id",
        f"{TEXT}: currency",
        f"{BIGINT}: stated_amount fee_amount",
        f"{BOOLEAN}: is_success",
        f"{DATE}: bill_day",
        f"{TIMESTAMP}: occurred_at",
    ),
)
