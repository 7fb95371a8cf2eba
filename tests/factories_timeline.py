"""The timeline of the snapshot made by hand (``tests.factories_snapshot``), as SQL over its other tables.

A product's name that would be HTML, a group that bears the name of another store, consents that no store wrote down,
and sixty things of C000005 at one moment.
"""

INTERACTIONS = """
select customer_id, 'order_paid' as kind, 'customer' as actor, 'store' as channel, store_id,
    salesperson_id as staff_id, 'order' as object_type, order_key as object_id,
    'order_paid.products' as text_key,
    json_object('product', '<b>茶</b>', 'more', 2)::varchar as arguments,
    currency, paid_amount as amount, paid_at as occurred_at
from orders where customer_id is not null and is_sale
union all by name
select customer_id, 'refund' as kind, 'company' as actor, 'store' as channel, store_id,
    'refund' as object_type, refund_line_id as object_id, 'refund' as text_key,
    currency, -refund_amount as amount, refunded_at as occurred_at
from refunds where customer_id is not null
union all by name
select printf('C%06d', i) as customer_id, 'contact_added' as kind, 'customer' as actor, 'wecom' as channel,
    printf('S%02d', i % $stores + 1) as store_id, printf('u%02d', i % $stores + 1) as staff_id,
    'contact' as object_type, printf('u%02d:wm', i % $stores + 1) || i as object_id,
    'contact_added.scan' as text_key,
    $as_of::timestamp - to_days(cast($days as int)) + to_minutes(i) as occurred_at
from range($customers) r(i)
union all by name
select printf('C%06d', i) as customer_id, 'consent_granted' as kind, 'customer' as actor, 'wecom' as channel,
    'consent' as object_type, 'consent' || i as object_id, 'consent_granted' as text_key,
    json_object('purpose', 'marketing')::varchar as arguments,
    $as_of::timestamp - to_days(cast($days as int)) + to_minutes(i + 5) as occurred_at
from range($customers) r(i) where i % 2 = 0
union all by name
select printf('C%06d', i) as customer_id, 'group_joined' as kind, 'customer' as actor, 'wecom' as channel,
    'group' as object_type, 'corp:wr1:wm' || i as object_id, 'group_joined.group' as text_key,
    json_object('group', '广州天河店 会员群')::varchar as arguments,
    $as_of::timestamp - to_days(cast($days as int)) + to_minutes(i + 6) as occurred_at
from range($customers) r(i) where i % 3 = 0
union all by name
-- sixty things of one customer at one moment: more than a page holds
select printf('C%06d', case when i < 60 then i % $customers else 5 end) as customer_id,
    'product_viewed' as kind, 'customer' as actor, 'mini_program' as channel,
    'app_event' as object_type, 'app:e' || i as object_id,
    'product_viewed.product' as text_key, json_object('product', '茶 ' || i)::varchar as arguments,
    $as_of::timestamp - to_days(1) as occurred_at
from range(120) r(i)
"""
