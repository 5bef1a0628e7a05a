-- The outbox: who is told when videos end, what is still to be told, and how each try went.

CREATE TABLE webhook_endpoints (
    id            TEXT COLLATE "C" PRIMARY KEY,
    owner         TEXT COLLATE "C" REFERENCES api_keys (id),
    name          TEXT NOT NULL,
    url           TEXT NOT NULL,
    event_types   TEXT NOT NULL,                 -- ["video.completed"]
    secret        TEXT NOT NULL,                 -- empty once it is deleted
    former_secret TEXT,
    former_until  TIMESTAMPTZ,                   -- until when the former one signs along
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    disabled_at   TIMESTAMPTZ,
    disabled_why  TEXT,
    deleted_at    TIMESTAMPTZ,
    failing_since TIMESTAMPTZ,                   -- nothing when the last try got through
    tried_at      TIMESTAMPTZ,
    replica       TEXT COLLATE "C" REFERENCES replicas (id), -- who serves it right now
    epoch         BIGINT NOT NULL DEFAULT 0,

    CHECK ((former_secret IS NULL) = (former_until IS NULL)),
    CHECK ((disabled_at IS NULL) = (disabled_why IS NULL))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

CREATE TABLE webhook_deliveries (
    id         TEXT COLLATE "C" PRIMARY KEY,     -- the id of the notice, the same at every try
    endpoint   TEXT COLLATE "C" NOT NULL REFERENCES webhook_endpoints (id),
    event_type TEXT NOT NULL,
    video      TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    state      TEXT NOT NULL,
    failures   BIGINT NOT NULL,
    due_at     TIMESTAMPTZ,
    ended_at   TIMESTAMPTZ,

    -- Either it is still to be delivered, or it has ended.
    CHECK ((state = 'pending') = (due_at IS NOT NULL) AND (due_at IS NULL) = (ended_at IS NOT NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

CREATE TABLE webhook_tries (
    delivery    TEXT COLLATE "C" NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    number      BIGINT NOT NULL,
    at          TIMESTAMPTZ NOT NULL,
    duration_ms BIGINT NOT NULL,
    status      BIGINT,
    error       TEXT,
    PRIMARY KEY (delivery, number)
);

CREATE INDEX webhook_endpoints_owned ON webhook_endpoints (owner, id) WHERE deleted_at IS NULL;
CREATE INDEX webhook_endpoints_visible ON webhook_endpoints (id) WHERE deleted_at IS NULL;
CREATE INDEX webhook_endpoints_deleted ON webhook_endpoints (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX webhook_endpoints_leased ON webhook_endpoints (replica) WHERE replica IS NOT NULL;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_to ON webhook_deliveries (endpoint, id);
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;
