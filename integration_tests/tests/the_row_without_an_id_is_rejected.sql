select count(*) as rejected_rows
from {{ ref('rfm', 'rfm__rejected_records') }}
where reasons = 'customer_id (''Customer ID'') is missing'
having count(*) != 1
