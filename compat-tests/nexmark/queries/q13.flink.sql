SELECT b.auction, b.bidder, b.price, b.date_time, s.`value` FROM bid b JOIN side s ON MOD(b.auction, 100) = s.key
