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

-- Whose render a provider's name for it is: two attempts must not take the same one for theirs.
CREATE INDEX attempts_by_remote_id ON attempts (remote_id) WHERE remote_id IS NOT NULL;
