select region, customers
from {{ ref('rfm', 'rfm__tier_summary') }}
where
    grade = 'Gold'
    and customers != case when region = 'North' then 3 else 0 end
