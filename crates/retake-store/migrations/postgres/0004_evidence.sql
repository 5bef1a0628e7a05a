-- What was said with providers, and what of it was odd.

ALTER TABLE attempts ADD COLUMN note TEXT;       -- the last odd thing its provider said

-- Of each attempt the first and the newest rows stay, so rows go almost as often as they come.
CREATE TABLE exchanges (
    job_id   TEXT COLLATE "C" NOT NULL REFERENCES jobs (id),
    attempt  BIGINT NOT NULL,
    seq      BIGINT NOT NULL,                    -- within the attempt, from 1; those that were dropped leave gaps
    at       TIMESTAMPTZ NOT NULL,
    exchange TEXT NOT NULL,
    PRIMARY KEY (job_id, attempt, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- Whose render a provider's name for it is: two attempts must not take the same one for theirs.
CREATE INDEX attempts_by_remote_id ON attempts (remote_id) WHERE remote_id IS NOT NULL;
