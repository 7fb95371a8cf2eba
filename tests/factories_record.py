"""The customer record of ``tests.factories_snapshot``: made from its table of customers, field by field."""

RECORD_SOURCES = {
    # what the record of the home store says; C000001 has a second phone from the next store, C000003 a custom field
    "customer_fields": """
        with said as (
            select customer_id, home_store_id, first_seen_at, field, value
            from (unpivot (
                select customer_id, home_store_id, first_seen_at, name, phone, unionid, external_userid, member_no,
                    email, gender, birth_date::varchar as birth_date, city, country, home_store_id as home_store,
                    case when customer_id = 'C000003' then 'dry' end as skin_type
                from customers
            ) on name, phone, unionid, external_userid, member_no, email, gender, birth_date, city, country, home_store,
                skin_type into name field value value)
        )
        select
            customer_id, field, value, 'customers' as source,
            'customers:' || home_store_id || ':rec:' || customer_id as record_id, home_store_id as store_id,
            case when field = 'phone' and customer_id = 'C000001' then 'verified' else 'alone' end as decided_by,
            case when field = 'phone' and customer_id = 'C000001' then '+8613900000001' end as runner_up_value,
            case when field = 'phone' and customer_id = 'C000001' then 'orders' end as runner_up_source,
            case when field = 'phone' and customer_id = 'C000001' then 'orders:S03:O0000001' end as runner_up_record_id,
            case when field = 'phone' and customer_id = 'C000001' then 'S03' end as runner_up_store_id,
            list_position(['name', 'phone', 'unionid', 'external_userid', 'openid', 'member_no', 'email', 'gender',
                'birth_date', 'city', 'country', 'address', 'home_store', 'skin_type'], field) as field_seq,
            case when field = 'phone' and customer_id = 'C000001' then 2 else 1 end as statements_count,
            field in ('name', 'phone') as is_verified, first_seen_at as stated_at,
            case when field = 'phone' and customer_id = 'C000001' then first_seen_at end as runner_up_at
        from said
    """,
    "customer_contact_points": """
        select customer_id, case field when 'external_userid' then 'wecom' else field end as kind, value, source,
            store_id, 1 as records_count, true as is_primary, is_verified, stated_at as first_seen_at,
            stated_at as last_seen_at
        from customer_fields where field in ('phone', 'email', 'external_userid')
        union all
        select customer_id, 'phone', runner_up_value, runner_up_source, runner_up_store_id, 1, false, false,
            runner_up_at, runner_up_at
        from customer_fields where runner_up_value is not null
    """,
    "customer_owners": """
        select customer_id, owner_userid as userid, owner_store_id as store_id, owner_rule as rule,
            first_seen_at as valid_from, null as valid_to
        from customers
    """,
    "custom_fields": """
        select 'skin_type' as field, '' as choice, 'choice' as kind, '肤质' as zh, 'Skin type' as en, 14 as field_seq
        union all select 'skin_type', 'dry', 'choice', '干性', 'Dry', 14
    """,
}
