SELECT b.auction, b.price, b.bidder, b.date_time, b.extra FROM bid b
JOIN (SELECT max(price) AS most, date_bin('10 seconds', date_time, '1970-01-01Z') AS w FROM bid GROUP BY 2) m
ON b.price = m.most AND date_bin('10 seconds', b.date_time, '1970-01-01Z') = m.w
