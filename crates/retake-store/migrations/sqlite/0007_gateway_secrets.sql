-- Secrets of the gateway itself, and whose the webhook endpoints are that were made before there were keys.

CREATE TABLE gateway_secrets (
    name       TEXT PRIMARY KEY NOT NULL,
    secret     TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Whether it was the machine owner's and is still told of videos that nobody owns.
ALTER TABLE webhook_endpoints ADD COLUMN hears_unowned INTEGER NOT NULL DEFAULT 0;
CREATE INDEX webhook_endpoints_hearing ON webhook_endpoints (hears_unowned) WHERE hears_unowned = 1;

-- What is told of every video though it was made by anybody belongs to the first key, or to nobody.
UPDATE webhook_endpoints SET owner = first.id, hears_unowned = 1
FROM (SELECT id, admin, revoked_at, created_at FROM api_keys ORDER BY created_at, id LIMIT 1) AS first
WHERE webhook_endpoints.owner IS NULL AND webhook_endpoints.deleted_at IS NULL
    AND webhook_endpoints.created_at < first.created_at AND first.admin = 1 AND first.revoked_at IS NULL;
UPDATE webhook_endpoints SET disabled_at = first.created_at, disabled_why = 'unowned'
FROM (SELECT id, created_at FROM api_keys ORDER BY created_at, id LIMIT 1) AS first
WHERE webhook_endpoints.owner IS NULL AND webhook_endpoints.deleted_at IS NULL
    AND webhook_endpoints.disabled_at IS NULL AND webhook_endpoints.created_at < first.created_at;
