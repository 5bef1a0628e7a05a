-- When the attempt of each render was begun: what is known around a lost submit is read from one index.

ALTER TABLE renders ADD COLUMN begun_at TIMESTAMPTZ;

UPDATE renders SET begun_at = a.begun_at FROM attempts a
    WHERE a.job_id = renders.job_id AND a.number = renders.attempt;

CREATE INDEX renders_begun ON renders (place, begun_at);
