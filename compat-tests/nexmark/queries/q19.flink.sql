SELECT auction, bidder, price, date_time, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, date_time) AS place FROM bid) q WHERE place <= 10
