"""Row scope of the settlement ledger and of statements; a part of ``scope.VIEWS``."""

SETTLEMENT_VIEWS: dict[str, str] = {
    # the legs of clearing, cash and exchange are about the company's own accounts, a payment about a party's
    "visible_settlement_ledger": """
        select
            * replace (
                case when $all_stores or prefix(order_key, store_id || ':') then order_key end as order_key,
                case when $all_stores or prefix(original_line_id, store_id || ':') then original_line_id end
                    as original_line_id
            )
        from settlement_ledger
        where
            $all_stores
            or (component not in ('clearing', 'cash', 'fx') and list_contains($store_ids, store_id))
            or (component = 'payment' and (list_contains($store_ids, party_id) or party_id = $owner_userid::varchar))
    """,
    "visible_settlement_conversions": """
        select
            * replace (
                case when $all_stores or prefix(sold_line_id, store_id || ':') then sold_line_id end as sold_line_id
            )
        from settlement_conversions
        where $all_stores or list_contains($store_ids, store_id)
    """,
    # a statement is of its party: the store itself, or the salesperson
    "visible_settlement_statements": """
        select * from settlement_statements
        where $all_stores or list_contains($store_ids, party_id) or party_id = $owner_userid::varchar
    """,
}
