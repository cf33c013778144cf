-- FerrisStreams automatically prevents SQL injection by:
-- 1. Using parameterized queries internally
-- 2. Validating all SQL syntax before execution
-- 3. Sandboxing query execution environment

-- Safe SQL patterns (automatically validated):
-- JOB: safe_job
-- TOPIC: user_input
START JOB safe_job AS
SELECT user_id, event_type 
FROM user_input 
WHERE event_type = 'click'    -- Literals are safe
  AND user_id > 0;            -- Arithmetic is validated
