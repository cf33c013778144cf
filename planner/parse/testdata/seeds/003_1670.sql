-- ✅ Correct: Specify table in FROM clause
SELECT * FROM orders WHERE amount > 100
