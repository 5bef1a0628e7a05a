-- Jobs, their attempts and their timelines, and the replicas that work on them.
-- Moments are microseconds since 1970, money is millionths of a dollar, and JSON is text.

CREATE TABLE replicas (
    id            TEXT PRIMARY KEY NOT NULL,
    registered_at INTEGER NOT NULL,
    heartbeat_at  INTEGER NOT NULL
) WITHOUT ROWID;

-- What is read and written at every step. Texts of any length live in job_requests, because an update
-- writes a row as a whole.
CREATE TABLE jobs (
    id               TEXT PRIMARY KEY NOT NULL,
    created_at       INTEGER NOT NULL,
    routes           TEXT NOT NULL,              -- the plan in short: [{"route": "account/model", "cost": 0}]

    state            TEXT NOT NULL,
    fault            TEXT,                       -- why it failed
    progress         INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    next_route       INTEGER NOT NULL,
    hold             TEXT,                       -- why it waits
    open_attempt     INTEGER,                    -- the number of the attempt that is under way

    due_at           INTEGER,                    -- when there is something to do; nothing once it is over
    wants            TEXT,                       -- the account whose slot the next step needs
    holds            TEXT,                       -- the account whose slot it occupies
    replica          TEXT REFERENCES replicas (id),
    epoch            INTEGER NOT NULL DEFAULT 0,
    nudged_at        INTEGER,                    -- something came in while it was held; due when freed

    completed_at     INTEGER,
    expires_at       INTEGER,
    output           TEXT,
    output_key       TEXT,
    first_frame_key  TEXT,
    file_due_at      INTEGER,                    -- when the file is to be removed
    file_removed_at  INTEGER,
    deleted_at       INTEGER,

    -- A job that is over waits for nothing and holds nothing.
    CHECK (state IN ('queued', 'in_progress')
           OR (due_at IS NULL AND wants IS NULL AND holds IS NULL AND replica IS NULL))
);

CREATE TABLE job_requests (
    job_id  TEXT PRIMARY KEY NOT NULL REFERENCES jobs (id),
    request TEXT NOT NULL,
    plan    TEXT NOT NULL
);

CREATE TABLE attempts (
    job_id         TEXT NOT NULL REFERENCES jobs (id),
    number         INTEGER NOT NULL,
    place          INTEGER NOT NULL,             -- in the plan
    route          TEXT NOT NULL,
    cost_micros    INTEGER NOT NULL,             -- at the catalog's price when it was planned
    state          TEXT NOT NULL,
    remote_id      TEXT,
    begun_at       INTEGER NOT NULL,
    accepted_at    INTEGER,
    ended_at       INTEGER,
    progress       INTEGER NOT NULL,
    failed_fetches INTEGER NOT NULL,
    fault          TEXT,
    PRIMARY KEY (job_id, number)
) WITHOUT ROWID;

CREATE TABLE events (
    job_id  TEXT NOT NULL REFERENCES jobs (id),
    seq     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    attempt INTEGER,
    event   TEXT NOT NULL,
    PRIMARY KEY (job_id, seq)
) WITHOUT ROWID;

-- Each question asked again and again has an index that holds its answers and nothing else, so that
-- a million finished jobs cost the open ones nothing.
CREATE INDEX jobs_ready ON jobs (due_at, id) WHERE wants IS NULL AND replica IS NULL AND due_at IS NOT NULL;
CREATE INDEX jobs_waiting ON jobs (wants, due_at, id) WHERE wants IS NOT NULL AND replica IS NULL;
CREATE INDEX jobs_holding ON jobs (holds) WHERE holds IS NOT NULL;
CREATE INDEX jobs_leased ON jobs (replica) WHERE replica IS NOT NULL;
CREATE INDEX jobs_visible ON jobs (id) WHERE deleted_at IS NULL;
CREATE INDEX jobs_file_due ON jobs (file_due_at, id) WHERE file_due_at IS NOT NULL;
CREATE INDEX jobs_output ON jobs (output_key)
    WHERE output_key IS NOT NULL AND deleted_at IS NULL AND file_removed_at IS NULL;
CREATE INDEX jobs_first_frame ON jobs (first_frame_key)
    WHERE first_frame_key IS NOT NULL AND deleted_at IS NULL AND file_removed_at IS NULL;
