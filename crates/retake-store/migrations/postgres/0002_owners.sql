-- API keys and what belongs to them: jobs, repeated requests, characters, the feed of all events.

CREATE TABLE api_keys (
    id         TEXT COLLATE "C" PRIMARY KEY,
    name       TEXT NOT NULL,
    digest     TEXT COLLATE "C" NOT NULL UNIQUE, -- SHA-256 of the key, in hexadecimal
    hint       TEXT NOT NULL,                    -- its last characters, for people
    admin      BOOLEAN NOT NULL,
    limits     TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ
);

ALTER TABLE jobs ADD COLUMN owner TEXT COLLATE "C" REFERENCES api_keys (id);

-- What an open job of another kind builds on: the file of the video that it extends.
ALTER TABLE jobs ADD COLUMN source_key TEXT COLLATE "C";

CREATE INDEX jobs_owned ON jobs (owner, id) WHERE deleted_at IS NULL AND owner IS NOT NULL;
CREATE INDEX jobs_owned_open ON jobs (owner) WHERE owner IS NOT NULL AND state IN ('queued', 'in_progress');
CREATE INDEX jobs_source ON jobs (source_key)
    WHERE source_key IS NOT NULL AND state IN ('queued', 'in_progress');

-- The requests of the last minutes or hours, so that a repeated one gets the job of the first.
CREATE TABLE repeats (
    owner       TEXT COLLATE "C" NOT NULL,       -- empty without keys
    name        TEXT COLLATE "C" NOT NULL,       -- the caller's idempotency key, or the request's digest
    fingerprint TEXT NOT NULL,
    job_id      TEXT COLLATE "C" NOT NULL REFERENCES jobs (id),
    expires_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (owner, name)
);
CREATE INDEX repeats_expiring ON repeats (expires_at);

-- All events in the order of their commits. That order is known to nobody while transactions run side by
-- side, so a line gets its position afterwards, when the feed is first read.
CREATE TABLE feed (
    entry    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position BIGINT,
    owner    TEXT COLLATE "C",
    job_id   TEXT COLLATE "C" NOT NULL,
    seq      BIGINT NOT NULL,
    at       TIMESTAMPTZ NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE SEQUENCE feed_positions OWNED BY feed.position;
CREATE INDEX feed_unplaced ON feed (entry) WHERE position IS NULL;
CREATE UNIQUE INDEX feed_placed ON feed (position) WHERE position IS NOT NULL;
CREATE INDEX feed_owned ON feed (owner, position) WHERE owner IS NOT NULL AND position IS NOT NULL;
CREATE INDEX feed_aged ON feed (at);

CREATE TABLE characters (
    id          TEXT COLLATE "C" PRIMARY KEY,
    owner       TEXT COLLATE "C" REFERENCES api_keys (id),
    name        TEXT NOT NULL,
    picture     TEXT NOT NULL,                   -- where it is stored, its size and type
    picture_key TEXT COLLATE "C" NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL
);
CREATE INDEX characters_picture ON characters (picture_key);
