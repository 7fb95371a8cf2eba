-- A warning: a discount above the value of its line, seen when the paid amount had to be filled.
{{ config(severity='warn') }}

select order_line_id
from {{ ref('order_lines') }}
where paid_amount < 0
