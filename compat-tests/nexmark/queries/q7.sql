SELECT b.auction, b.price, b.bidder, b.date_time, b.extra FROM bid b
JOIN (SELECT max(price) AS most, window_start, window_end FROM tumble(bid, date_time, INTERVAL '10 seconds') GROUP BY window_start, window_end) m
ON b.price = m.most WHERE b.date_time >= m.window_start AND b.date_time < m.window_end
