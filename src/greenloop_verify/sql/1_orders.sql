-- Orders and refunds, row by row (R1, R10).

-- @table refund_sums
-- What refunds took from each order, by when: before it had points, since then, or waiting for a held settlement.
SELECT order_id,
       SUM(CASE WHEN state = 'paid' THEN amount_fen ELSE 0 END) AS back_fen,
       SUM(cash_fen) AS cash_fen, SUM(voucher_fen) AS voucher_fen, SUM(coupon_fen) AS coupon_fen,
       SUM(concession_lost_fen) AS lost_fen,
       SUM(CASE WHEN effect = '' THEN concession_lost_fen ELSE 0 END) AS lost_before_fen,
       SUM(CASE WHEN effect = 'waiting' THEN concession_lost_fen ELSE 0 END) AS lost_waiting_fen,
       SUM(red_points_lost) AS red_lost,
       SUM(CASE WHEN effect = 'waiting' THEN red_points_lost ELSE 0 END) AS red_waiting,
       MIN(CASE WHEN effect <> '' THEN cycle END) AS first_cycle
FROM refunds WHERE state = 'paid' GROUP BY order_id

-- @check orders on orders
-- The concession is the cash times the rate, rounded half up.
SELECT id AS place, CONCAT('order ', id, ': concession_fen') AS what, CAST(concession_fen AS STRING) AS found,
       CAST(floor_div(cash_fen * rate_ppm * 2 + 1000000, 2000000) AS STRING) AS due
FROM orders WHERE concession_fen <> floor_div(cash_fen * rate_ppm * 2 + 1000000, 2000000)

-- @check orders on orders
-- What entered is the concession less what refunds had taken by then.
SELECT o.id AS place, CONCAT('order ', o.id, ': entered_fen') AS what, CAST(o.entered_fen AS STRING) AS found,
       CAST(o.concession_fen - COALESCE(r.lost_before_fen, 0) AS STRING) AS due
FROM orders o LEFT JOIN refund_sums r ON r.order_id = o.id
WHERE o.entry_cycle IS NOT NULL
    AND (o.entered_fen IS NULL OR o.entered_fen <> o.concession_fen - COALESCE(r.lost_before_fen, 0))

-- @check orders on orders
-- The parts are the split of what entered. A refund while the entry cycle is open lowers them to the split of what is
-- left, or less far where a pool had no free money; then the part lies between the two.
SELECT id AS place, CONCAT('order ', id, ': green, red and fee part') AS what,
       CONCAT(green_part_fen, ', ', red_part_fen, ', ', fee_part_fen) AS found,
       CONCAT(green_fen, ', ', red_fen, ', ', fee_fen) AS due
FROM (
    SELECT o.id, o.green_part_fen, o.red_part_fen, o.fee_part_fen,
           o.red_points + COALESCE(r.red_lost, 0) AS red_entered, r.first_cycle = o.entry_cycle AS early,
           o.referrer_id IS NOT NULL AS referred,
           CASE WHEN o.entered_fen < 10 THEN 0 ELSE floor_div(o.entered_fen * s.green_ppm, 1000000) END AS green_fen,
           CASE WHEN o.entered_fen < 10 THEN 0 ELSE floor_div(o.entered_fen * s.fee_ppm, 1000000) END AS fee_fen,
           CASE WHEN o.entered_fen < 10 THEN 0 ELSE floor_div(o.entered_fen * s.red_ppm, 1000000) END AS red_most,
           CASE WHEN o.entered_fen < 10 THEN 0
                ELSE floor_div((o.concession_fen - o.concession_lost_fen) * s.green_ppm, 1000000) END AS green_least,
           o.red_points + COALESCE(r.red_lost, 0) AS red_fen
    FROM orders o JOIN splits s ON s.rules_id = o.rules_id LEFT JOIN refund_sums r ON r.order_id = o.id
    WHERE o.entry_cycle IS NOT NULL
) AS split
WHERE red_entered < 0 OR red_entered > red_most OR (red_entered > 0 AND NOT referred)
    OR (NOT COALESCE(early, FALSE)
        AND (green_part_fen <> green_fen OR fee_part_fen <> fee_fen OR red_part_fen <> red_entered))
    OR (COALESCE(early, FALSE)
        AND (green_part_fen > green_fen OR green_part_fen < green_least OR red_part_fen > red_entered
             OR fee_part_fen > fee_fen))

-- @check refunds on orders
-- What an order has given back is the sum of its refunds, and never more than was paid.
SELECT o.id AS place, CONCAT('order ', o.id, ': refunded, lost') AS what,
       CONCAT(o.refunded_fen, ', ', o.refunded_cash_fen, ', ', o.refunded_voucher_fen, ', ', o.concession_lost_fen)
           AS found,
       CONCAT(COALESCE(r.back_fen, 0), ', ', COALESCE(r.cash_fen, 0), ', ', COALESCE(r.voucher_fen, 0), ', ',
              COALESCE(r.lost_fen, 0)) AS due
FROM orders o LEFT JOIN refund_sums r ON r.order_id = o.id
WHERE o.refunded_fen <> COALESCE(r.back_fen, 0) OR o.refunded_cash_fen <> COALESCE(r.cash_fen, 0)
    OR o.refunded_voucher_fen <> COALESCE(r.voucher_fen, 0) OR o.concession_lost_fen <> COALESCE(r.lost_fen, 0)
    OR COALESCE(r.cash_fen, 0) > o.cash_fen OR COALESCE(r.voucher_fen, 0) > o.voucher_fen
    OR COALESCE(r.coupon_fen, 0) > o.coupon_fen

-- @table refunds_in_turn
-- Each paid refund with what its order had left before and after it; points change with the effect, in the same order.
SELECT r.*, o.entered_fen, o.member_id, o.referrer_id, o.entry_cycle, o.pool_id, o.plan_id, o.rules_id,
       o.member_multiple_ppm, o.merchant_multiple_ppm,
       o.concession_fen - SUM(r.concession_lost_fen) OVER turn AS left_fen,
       o.cash_fen - SUM(r.cash_fen) OVER turn AS cash_left_fen, o.rate_ppm,
       SUM(r.amount_fen) OVER turn AS back_fen, SUM(r.voucher_fen) OVER turn AS voucher_back_fen,
       SUM(r.coupon_fen) OVER turn AS coupon_back_fen,
       o.cash_fen + o.voucher_fen + o.coupon_fen AS price_fen, o.voucher_fen AS voucher_paid_fen,
       o.coupon_fen AS coupon_paid_fen
FROM refunds r JOIN orders o ON o.id = r.order_id
WHERE r.state = 'paid'
WINDOW turn AS (PARTITION BY r.order_id ORDER BY r.journal_id, r.id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)

-- @check refunds on refunds
-- The parts are the amount, in proportion to the price; rounding may bring one fen more as a voucher or a coupon.
SELECT id AS place, CONCAT('refund ', id, ': its parts') AS what,
       CONCAT(cash_fen, ', ', voucher_fen, ', ', coupon_fen) AS found, CAST(amount_fen AS STRING) AS due
FROM refunds_in_turn
WHERE amount_fen <> cash_fen + voucher_fen + coupon_fen
    OR voucher_back_fen - floor_div(CAST(voucher_paid_fen AS DECIMAL(38, 0)) * back_fen, price_fen) NOT BETWEEN 0 AND 1
    OR coupon_back_fen - floor_div(CAST(coupon_paid_fen AS DECIMAL(38, 0)) * back_fen, price_fen) NOT BETWEEN 0 AND 1

-- @check refunds on refunds
-- The concession is recomputed, half up, on the cash that remains, and never rises.
SELECT id AS place, CONCAT('refund ', id, ': concession_lost_fen') AS what,
       CAST(concession_lost_fen AS STRING) AS found,
       CAST(left_fen + concession_lost_fen - due_fen AS STRING) AS due
FROM (
    SELECT *, LEAST(left_fen + concession_lost_fen,
                    floor_div(CAST(cash_left_fen AS DECIMAL(38, 0)) * rate_ppm * 2 + 1000000, 2000000)) AS due_fen
    FROM refunds_in_turn
) AS again
WHERE left_fen <> due_fen

-- @check refunds on refunds
-- The lots of shopper and merchant lose what their multiple makes of the fall.
SELECT id AS place, CONCAT('refund ', id, ': points lost') AS what,
       CONCAT(member_points_lost, ', ', merchant_points_lost) AS found, CONCAT(member_due, ', ', merchant_due) AS due
FROM (
    SELECT *,
           CASE WHEN entered_fen < 10 OR effect = '' THEN 0
                ELSE floor_div((left_fen + concession_lost_fen) * member_multiple_ppm, 1000000)
                     - floor_div(left_fen * member_multiple_ppm, 1000000) END AS member_due,
           CASE WHEN entered_fen < 10 OR effect = '' THEN 0
                ELSE floor_div((left_fen + concession_lost_fen) * merchant_multiple_ppm, 1000000)
                     - floor_div(left_fen * merchant_multiple_ppm, 1000000) END AS merchant_due
    FROM refunds_in_turn
) AS again
WHERE member_points_lost <> member_due OR merchant_points_lost <> merchant_due
