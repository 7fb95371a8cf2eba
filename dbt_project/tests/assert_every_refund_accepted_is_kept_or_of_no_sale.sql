-- A staged refund may be missing among the facts only because its order was never a sale.
select staged.refund_line_id
from {{ ref('stg_files__refund_lines') }} as staged
left join {{ ref('refunds') }} as refunds on staged.refund_line_id = refunds.refund_line_id
left join {{ ref('order_lines') }} as unsold
    on staged.order_id = unsold.order_id
    and not unsold.is_sale
where refunds.refund_line_id is null and unsold.order_line_id is null
