-- The outbox: who is told when videos end, what is still to be told, and how each try went.

CREATE TABLE webhook_endpoints (
    id            TEXT PRIMARY KEY NOT NULL,
    owner         TEXT REFERENCES api_keys (id),
    name          TEXT NOT NULL,
    url           TEXT NOT NULL,
    event_types   TEXT NOT NULL,                 -- ["video.completed"]
    secret        TEXT NOT NULL,                 -- empty once it is deleted
    former_secret TEXT,
    former_until  INTEGER,                       -- until when the former one signs along
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    disabled_at   INTEGER,
    disabled_why  TEXT,
    deleted_at    INTEGER,
    failing_since INTEGER,                       -- nothing when the last try got through
    tried_at      INTEGER,
    replica       TEXT REFERENCES replicas (id), -- who serves it right now
    epoch         INTEGER NOT NULL DEFAULT 0,

    CHECK ((former_secret IS NULL) = (former_until IS NULL)),
    CHECK ((disabled_at IS NULL) = (disabled_why IS NULL))
);

CREATE TABLE webhook_deliveries (
    id         TEXT PRIMARY KEY NOT NULL,        -- the id of the notice, the same at every try
    endpoint   TEXT NOT NULL REFERENCES webhook_endpoints (id),
    event_type TEXT NOT NULL,
    video      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    state      TEXT NOT NULL,
    failures   INTEGER NOT NULL,
    due_at     INTEGER,
    ended_at   INTEGER,

    -- Either it is still to be delivered, or it has ended.
    CHECK ((state = 'pending') = (due_at IS NOT NULL) AND (due_at IS NULL) = (ended_at IS NOT NULL))
);

CREATE TABLE webhook_tries (
    delivery    TEXT NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    status      INTEGER,
    error       TEXT,
    PRIMARY KEY (delivery, number)
) WITHOUT ROWID;

CREATE INDEX webhook_endpoints_owned ON webhook_endpoints (owner, id) WHERE deleted_at IS NULL;
CREATE INDEX webhook_endpoints_visible ON webhook_endpoints (id) WHERE deleted_at IS NULL;
CREATE INDEX webhook_endpoints_deleted ON webhook_endpoints (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX webhook_endpoints_leased ON webhook_endpoints (replica) WHERE replica IS NOT NULL;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_to ON webhook_deliveries (endpoint, id);
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;
