-- A job waits for the slots of several accounts at once, in an order of preference, and takes the first one that is
-- free. `waits` names the accounts as a JSON array; `job_waits` is the queue of each of them. What a job waits for
-- otherwise has a kind and an end. Attempts name their routes, so no row needs the places of a plan.

DROP INDEX jobs_waiting;
ALTER TABLE jobs RENAME COLUMN waiting_account TO waits;

CREATE TABLE job_waits (
    job_id  TEXT NOT NULL REFERENCES jobs (id),
    account TEXT NOT NULL,
    rank    INTEGER NOT NULL,                    -- 0 for the first choice; from 3 on the order is not kept
    due_at  INTEGER NOT NULL,                    -- from when on the job can use a slot there
    PRIMARY KEY (job_id, account)
) WITHOUT ROWID;

INSERT INTO job_waits (job_id, account, rank, due_at)
    SELECT id, waits, 0, due_at FROM jobs WHERE waits IS NOT NULL AND due_at IS NOT NULL;
UPDATE jobs SET waits = json_array(waits) WHERE waits IS NOT NULL;
CREATE INDEX job_waits_queue ON job_waits (account, rank, due_at, job_id);

ALTER TABLE jobs ADD COLUMN hold_kind TEXT;      -- what kind of thing it waits for
ALTER TABLE jobs ADD COLUMN hold_until INTEGER;  -- until when at the latest, if that is known
UPDATE jobs SET hold_kind = CASE
        (SELECT state FROM attempts WHERE job_id = jobs.id AND number = jobs.open_attempt)
        WHEN 'unknown' THEN 'unknown_submit' WHEN 'fetching' THEN 'download' ELSE 'pause' END
    WHERE hold_reason IS NOT NULL;

ALTER TABLE jobs DROP COLUMN next_route;
ALTER TABLE jobs DROP COLUMN routes;
ALTER TABLE attempts DROP COLUMN place;

ALTER TABLE repeats RENAME TO idempotency_keys;
