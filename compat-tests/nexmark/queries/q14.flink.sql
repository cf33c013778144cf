SELECT auction, bidder, 0.908 * price AS price,
  CASE WHEN HOUR(date_time) BETWEEN 8 AND 18 THEN 'day' WHEN HOUR(date_time) <= 6 OR HOUR(date_time) >= 20 THEN 'night' ELSE 'other' END AS kind,
  date_time, CHAR_LENGTH(extra) - CHAR_LENGTH(REPLACE(extra, 'c', '')) AS cs
FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000
