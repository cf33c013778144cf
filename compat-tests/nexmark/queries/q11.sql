SELECT bidder, count(*) AS bids, window_start, window_end FROM session(bid, date_time, INTERVAL '1 second', bidder)
GROUP BY bidder, window_start, window_end
