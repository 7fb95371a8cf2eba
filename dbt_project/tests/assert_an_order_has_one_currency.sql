-- A warning: amounts of such an order are shown by line only.
{{ config(severity='warn') }}

select order_key
from {{ ref('orders') }}
where currency is null
