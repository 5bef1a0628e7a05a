-- What was said with providers, and what of it was odd.

ALTER TABLE attempts ADD COLUMN note TEXT;       -- the last odd thing its provider said

-- Rows are long, so the key is an index beside them. Of each attempt the first and the newest ones stay.
CREATE TABLE exchanges (
    job_id   TEXT NOT NULL REFERENCES jobs (id),
    attempt  INTEGER NOT NULL,
    seq      INTEGER NOT NULL,                   -- within the attempt, from 1; those that were dropped leave gaps
    at       INTEGER NOT NULL,
    exchange TEXT NOT NULL,
    PRIMARY KEY (job_id, attempt, seq)
);
