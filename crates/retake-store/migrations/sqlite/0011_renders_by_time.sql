-- When the attempt of each render was begun: what is known around a lost submit is read from one index.

ALTER TABLE renders ADD COLUMN begun_at INTEGER;

UPDATE renders SET begun_at = (
    SELECT attempts.begun_at FROM attempts WHERE job_id = renders.job_id AND number = renders.attempt);

CREATE INDEX renders_begun ON renders (place, begun_at);
