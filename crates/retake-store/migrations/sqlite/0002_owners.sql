-- API keys and what belongs to them: jobs, repeated requests, characters, the feed of all events.

CREATE TABLE api_keys (
    id         TEXT PRIMARY KEY NOT NULL,
    name       TEXT NOT NULL,
    digest     TEXT NOT NULL UNIQUE,             -- SHA-256 of the key, in hexadecimal
    hint       TEXT NOT NULL,                    -- its last characters, for people
    admin      INTEGER NOT NULL,
    limits     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) WITHOUT ROWID;

ALTER TABLE jobs ADD COLUMN owner TEXT REFERENCES api_keys (id);

-- What an open job of another kind builds on: the file of the video that it extends.
ALTER TABLE jobs ADD COLUMN source_key TEXT;

CREATE INDEX jobs_owned ON jobs (owner, id) WHERE deleted_at IS NULL AND owner IS NOT NULL;
CREATE INDEX jobs_owned_open ON jobs (owner) WHERE owner IS NOT NULL AND state IN ('queued', 'in_progress');
CREATE INDEX jobs_source ON jobs (source_key)
    WHERE source_key IS NOT NULL AND state IN ('queued', 'in_progress');

-- The requests of the last minutes or hours, so that a repeated one gets the job of the first.
CREATE TABLE repeats (
    owner       TEXT NOT NULL,                   -- empty without keys
    name        TEXT NOT NULL,                   -- the caller's idempotency key, or the request's digest
    fingerprint TEXT NOT NULL,
    job_id      TEXT NOT NULL REFERENCES jobs (id),
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (owner, name)
) WITHOUT ROWID;
CREATE INDEX repeats_expiring ON repeats (expires_at);

-- All events in the order in which they were committed. One writer makes the order of positions that order.
CREATE TABLE feed (
    position INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    owner    TEXT,
    job_id   TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL
);
CREATE INDEX feed_owned ON feed (owner, position) WHERE owner IS NOT NULL;
CREATE INDEX feed_aged ON feed (at);

CREATE TABLE characters (
    id          TEXT PRIMARY KEY NOT NULL,
    owner       TEXT REFERENCES api_keys (id),
    name        TEXT NOT NULL,
    picture     TEXT NOT NULL,                   -- where it is stored, its size and type
    picture_key TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX characters_picture ON characters (picture_key);
