"""Row scope of reconciliation: what of both sides a viewer may see (``models.serving.scope``)."""

RECONCILIATION_VIEWS: dict[str, str] = {
    # a line of a bill whose payment nobody knows is of no store; store '*' stands for it
    "visible_reconciliation_days": """
        select * from reconciliation_days where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_reconciliation_items": """
        select * from reconciliation_items where $all_stores or list_contains($store_ids, store_id)
    """,
    "visible_reconciliation_item_rows": """
        select * from reconciliation_item_rows
        where $all_stores or item_id in (select item_id from visible_reconciliation_items)
    """,
}
