-- Jobs, their attempts and their timelines, and the replicas that work on them.
-- Money is millionths of a dollar and JSON is text. Ids and keys sort byte by byte, in whatever language
-- the database was set up.

CREATE TABLE replicas (
    id            TEXT COLLATE "C" PRIMARY KEY,
    registered_at TIMESTAMPTZ NOT NULL,
    heartbeat_at  TIMESTAMPTZ NOT NULL
);

-- What is read and written at every step. Texts of any length live in job_requests, because an update
-- writes a row as a whole. Rows change often, so they are tidied up long before a fifth of them is dead.
CREATE TABLE jobs (
    id               TEXT COLLATE "C" PRIMARY KEY,
    created_at       TIMESTAMPTZ NOT NULL,
    routes           TEXT NOT NULL,              -- the plan in short: [{"route": "account/model", "cost": 0}]

    state            TEXT NOT NULL,
    fault            TEXT,                       -- why it failed
    progress         BIGINT NOT NULL,
    cancel_requested BOOLEAN NOT NULL,
    next_route       BIGINT NOT NULL,
    hold             TEXT,                       -- why it waits
    open_attempt     BIGINT,                     -- the number of the attempt that is under way

    due_at           TIMESTAMPTZ,                -- when there is something to do; nothing once it is over
    wants            TEXT COLLATE "C",           -- the account whose slot the next step needs
    holds            TEXT COLLATE "C",           -- the account whose slot it occupies
    replica          TEXT COLLATE "C" REFERENCES replicas (id),
    epoch            BIGINT NOT NULL DEFAULT 0,
    nudged_at        TIMESTAMPTZ,                -- something came in while it was held; due when freed

    completed_at     TIMESTAMPTZ,
    expires_at       TIMESTAMPTZ,
    output           TEXT,
    output_key       TEXT COLLATE "C",
    first_frame_key  TEXT COLLATE "C",
    file_due_at      TIMESTAMPTZ,                -- when the file is to be removed
    file_removed_at  TIMESTAMPTZ,
    deleted_at       TIMESTAMPTZ,

    -- A job that is over waits for nothing and holds nothing.
    CHECK (state IN ('queued', 'in_progress')
           OR (due_at IS NULL AND wants IS NULL AND holds IS NULL AND replica IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

CREATE TABLE job_requests (
    job_id  TEXT COLLATE "C" PRIMARY KEY REFERENCES jobs (id),
    request TEXT NOT NULL,
    plan    TEXT NOT NULL
);

CREATE TABLE attempts (
    job_id         TEXT COLLATE "C" NOT NULL REFERENCES jobs (id),
    number         BIGINT NOT NULL,
    place          BIGINT NOT NULL,              -- in the plan
    route          TEXT NOT NULL,
    cost_micros    BIGINT NOT NULL,              -- at the catalog's price when it was planned
    state          TEXT NOT NULL,
    remote_id      TEXT,
    begun_at       TIMESTAMPTZ NOT NULL,
    accepted_at    TIMESTAMPTZ,
    ended_at       TIMESTAMPTZ,
    progress       BIGINT NOT NULL,
    failed_fetches BIGINT NOT NULL,
    fault          TEXT,
    PRIMARY KEY (job_id, number)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

CREATE TABLE events (
    job_id  TEXT COLLATE "C" NOT NULL REFERENCES jobs (id),
    seq     BIGINT NOT NULL,
    at      TIMESTAMPTZ NOT NULL,
    attempt BIGINT,
    event   TEXT NOT NULL,
    PRIMARY KEY (job_id, seq)
);

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
