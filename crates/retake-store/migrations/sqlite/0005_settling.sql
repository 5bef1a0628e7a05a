-- Submits whose answer was lost: what is known of them, who still asks, and whose render is whose.

ALTER TABLE attempts ADD COLUMN lost_at INTEGER;      -- when the answer to its submit was lost
ALTER TABLE attempts ADD COLUMN absent_since INTEGER; -- when its provider did not list it for the first time
ALTER TABLE attempts ADD COLUMN settlement TEXT;      -- what is known of it, once no job waits for it

-- Lost submits that no job waits for and that may be billed. Nothing of the request is kept here. Whoever looks
-- after one puts off its due_at and raises its epoch, so that a late hand cannot write.
CREATE TABLE unsettled_submits (
    job_id  TEXT NOT NULL REFERENCES jobs (id),
    attempt INTEGER NOT NULL,
    due_at  INTEGER NOT NULL,
    epoch   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job_id, attempt)
) WITHOUT ROWID;
CREATE INDEX unsettled_submits_due ON unsettled_submits (due_at, job_id, attempt);

-- Which attempt a render belongs to: no two attempts take the same one for theirs. A place is a provider's server,
-- whatever the account; of renders that were recorded before there were places, it is 'account NAME'.
CREATE TABLE renders (
    place     TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    job_id    TEXT NOT NULL REFERENCES jobs (id),
    attempt   INTEGER NOT NULL,
    PRIMARY KEY (place, remote_id)
) WITHOUT ROWID;

INSERT OR IGNORE INTO renders (place, remote_id, job_id, attempt)
    SELECT 'account ' || substr(route, 1, instr(route, '/') - 1), remote_id, job_id, number
    FROM attempts WHERE remote_id IS NOT NULL;

DROP INDEX attempts_by_remote_id;

-- What is rendered, and what nobody knows of, holds no slot any more.
UPDATE jobs SET holds = NULL WHERE holds IS NOT NULL AND EXISTS (
    SELECT 1 FROM attempts
    WHERE job_id = jobs.id AND number = jobs.open_attempt AND attempts.state IN ('fetching', 'unknown'));
