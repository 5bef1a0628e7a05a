-- Secrets of the gateway itself, and whose the webhook endpoints are that were made before there were keys.

CREATE TABLE gateway_secrets (
    name       TEXT COLLATE "C" PRIMARY KEY,
    secret     TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

-- Whether it was the machine owner's and is still told of videos that nobody owns.
ALTER TABLE webhook_endpoints ADD COLUMN hears_unowned BOOLEAN NOT NULL DEFAULT false;
CREATE INDEX webhook_endpoints_hearing ON webhook_endpoints (id) WHERE hears_unowned;

-- What is told of every video though it was made by anybody belongs to the first key, or to nobody.
UPDATE webhook_endpoints SET owner = first.id, hears_unowned = true
FROM (SELECT id, admin, revoked_at, created_at FROM api_keys ORDER BY created_at, id LIMIT 1) AS first
WHERE webhook_endpoints.owner IS NULL AND webhook_endpoints.deleted_at IS NULL
    AND webhook_endpoints.created_at < first.created_at AND first.admin AND first.revoked_at IS NULL;
UPDATE webhook_endpoints SET disabled_at = first.created_at, disabled_why = 'unowned'
FROM (SELECT id, created_at FROM api_keys ORDER BY created_at, id LIMIT 1) AS first
WHERE webhook_endpoints.owner IS NULL AND webhook_endpoints.deleted_at IS NULL
    AND webhook_endpoints.disabled_at IS NULL AND webhook_endpoints.created_at < first.created_at;
