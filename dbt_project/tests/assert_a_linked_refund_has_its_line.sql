select refunds.refund_line_id
from {{ ref('refunds') }} as refunds
left join {{ ref('order_lines') }} as order_lines
    on refunds.order_line_id = order_lines.order_line_id
    and refunds.currency = order_lines.currency
    and order_lines.is_sale
where (refunds.link_state = 'LINKED') <> (order_lines.order_line_id is not null)
