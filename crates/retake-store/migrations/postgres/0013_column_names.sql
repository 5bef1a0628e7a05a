-- The columns of a job have the names that they have in the code: why it waits, the account whose slot it
-- occupies, the account whose slot it waits for, and when something came in while it was held.

ALTER TABLE jobs RENAME COLUMN hold TO hold_reason;
ALTER TABLE jobs RENAME COLUMN holds TO slot_account;
ALTER TABLE jobs RENAME COLUMN wants TO waiting_account;
ALTER TABLE jobs RENAME COLUMN nudged_at TO woken_at;
