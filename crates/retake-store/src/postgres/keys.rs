//! API keys, and the characters that were made with them.

use futures::try_join;
use jiff::Timestamp;
use retake_core::{
    ids::{CharacterId, KeyId},
    request::Character,
};
use tokio_postgres::Row;

use super::{
    fault::Done,
    list::LAST,
    outbox::endpoints,
    session::Session,
    values::{self, Moment, Read, json, text, unjson},
};
use crate::{
    error::StoreError,
    record::{ApiKey, KeyAdded, StoredCharacter},
};

macro_rules! select_keys {
    ($which:literal) => {
        concat!(
            "SELECT id, name, digest, hint, admin, limits, created_at, expires_at, revoked_at
             FROM api_keys ",
            $which
        )
    };
}

/// A key that is recorded again is the same one: an earlier try was kept.
const ADD: &str =
    "INSERT INTO api_keys (id, name, digest, hint, admin, limits, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";

pub(super) const BY_DIGEST: &str = select_keys!("WHERE digest = $1");

const ALL: &str = select_keys!("ORDER BY id");

const ANY: &str = "SELECT 1 FROM api_keys LIMIT 1";

const REVOKE: &str = "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1
    RETURNING id, name, digest, hint, admin, limits, created_at, expires_at, revoked_at";

const ADD_CHARACTER: &str =
    "INSERT INTO characters (id, owner, name, picture, picture_key, created_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING";

/// Makes the characters of an owner be counted one at a time, until the transaction ends.
const ALONE_WITH_CHARACTERS: &str = "SELECT pg_advisory_xact_lock(hashtextextended(
    'retake characters ' || current_schema() || '/' || COALESCE($1::text, ''), 0))";

pub(super) const COUNT_CHARACTERS: &str = "SELECT
    (SELECT COUNT(*) FROM characters WHERE owner = $1::text AND id <> $2)
        + (SELECT COUNT(*) FROM characters WHERE $1::text IS NULL AND owner IS NULL AND id <> $2)";

pub(super) const CHARACTERS: &str = "SELECT id, owner, name, picture, created_at FROM characters
    WHERE id < $1 ORDER BY id DESC LIMIT $2";

pub(super) const OWNED_CHARACTERS: &str =
    "SELECT id, owner, name, picture, created_at FROM characters
    WHERE id < $1 AND owner = $3 ORDER BY id DESC LIMIT $2";

const DELETE_CHARACTER: &str = "DELETE FROM characters WHERE id = $1";

const CHARACTER: &str = "SELECT id, owner, name, picture, created_at FROM characters WHERE id = $1";

/// Two keys cannot both be the first one, and no endpoint comes between.
const ALONE: &str = "LOCK TABLE api_keys, webhook_endpoints IN SHARE ROW EXCLUSIVE MODE";

/// Records a key.
pub(super) async fn add(db: &Session, key: &ApiKey) -> Done<KeyAdded> {
    let [add] = db.prepare([ADD]).await?;
    db.begin().await?;
    db.batch_execute(ALONE).await?;
    let is_first = !any(db).await?;
    db.execute(
        &add,
        [
            &key.id.as_str(),
            &text(&key.name),
            &key.digest,
            &text(&key.hint),
            &key.admin,
            &json(&key.limits)?,
            &Moment(key.created_at),
            &key.expires_at.map(Moment),
        ],
    )
    .await?;
    let added = if is_first { endpoints::adopt(db, key).await? } else { KeyAdded::default() };
    db.commit().await?;
    Ok(added)
}

/// The key with a digest.
pub(super) async fn by_digest(db: &Session, digest: &str) -> Done<Option<ApiKey>> {
    let [by_digest] = db.prepare([BY_DIGEST]).await?;
    let row = db.query_opt(&by_digest, [&digest]).await?;
    Ok(row.as_ref().map(key_of).transpose()?)
}

/// All keys, oldest first.
pub(super) async fn all(db: &Session) -> Done<Vec<ApiKey>> {
    let [all] = db.prepare([ALL]).await?;
    let keys: Result<_, StoreError> = db.query(&all, []).await?.iter().map(key_of).collect();
    Ok(keys?)
}

/// Whether there is any key.
pub(super) async fn any(db: &Session) -> Done<bool> {
    let [any] = db.prepare([ANY]).await?;
    Ok(db.query_opt(&any, []).await?.is_some())
}

/// Takes a key out of use.
pub(super) async fn revoke(db: &Session, id: &KeyId, now: Timestamp) -> Done<ApiKey> {
    let [revoke] = db.prepare([REVOKE]).await?;
    let row = db.query_opt(&revoke, [&id.as_str(), &Moment(now)]).await?;
    Ok(key_of(&row.ok_or_else(|| StoreError::NoSuchKey { id: id.clone() })?)?)
}

/// Records a character, if its owner may have another one.
pub(super) async fn add_character(db: &Session, stored: &StoredCharacter, most: u32) -> Done<()> {
    let [alone, count, add] =
        db.prepare([ALONE_WITH_CHARACTERS, COUNT_CHARACTERS, ADD_CHARACTER]).await?;
    let Character { id, name, picture } = &stored.character;
    let (id, owner) = (id.as_str(), stored.owner.as_ref().map(KeyId::as_str));
    let ((), _, count) = try_join!(
        db.begin(),
        db.query_one(&alone, [&owner]),
        db.query_one(&count, [&owner, &id]),
    )?;
    if count.get::<_, i64>(0) >= i64::from(most) {
        return Err(StoreError::TooManyCharacters { limit: most }.into());
    }
    let (name, made) = (text(name), Moment(stored.created_at));
    let picture_is = json(picture)?;
    try_join!(
        db.execute(&add, [&id, &owner, &name, &picture_is, &picture.key, &made]),
        db.commit(),
    )?;
    Ok(())
}

/// Characters, the newest first, and whether there are more.
pub(super) async fn characters(
    db: &Session,
    owner: Option<&KeyId>,
    after: Option<&CharacterId>,
    limit: u32,
) -> Done<(Vec<StoredCharacter>, bool)> {
    let [all, owned] = db.prepare([CHARACTERS, OWNED_CHARACTERS]).await?;
    let (after, most) = (after.map_or(LAST, CharacterId::as_str), i64::from(limit) + 1);
    let rows = match owner.map(KeyId::as_str) {
        None => db.query(&all, [&after, &most]).await?,
        Some(owner) => db.query(&owned, [&after, &most, &owner]).await?,
    };
    let has_more = rows.len() > limit as usize;
    let read = |row: &Row| {
        character_of(row).map_err(|source| {
            let id = row.try_get("id").unwrap_or_default();
            StoreError::Unreadable { id, source }
        })
    };
    let found: Result<_, StoreError> = rows.iter().take(limit as usize).map(read).collect();
    Ok((found?, has_more))
}

/// Removes a character.
pub(super) async fn delete_character(db: &Session, id: &CharacterId) -> Done<bool> {
    let [delete] = db.prepare([DELETE_CHARACTER]).await?;
    Ok(db.execute(&delete, [&id.as_str()]).await? > 0)
}

/// One character.
pub(super) async fn character(db: &Session, id: &CharacterId) -> Done<Option<StoredCharacter>> {
    let [character] = db.prepare([CHARACTER]).await?;
    let row = db.query_opt(&character, [&id.as_str()]).await?;
    let unreadable = |source| StoreError::Unreadable { id: id.to_string(), source };
    Ok(row.as_ref().map(character_of).transpose().map_err(unreadable)?)
}

fn character_of(row: &Row) -> Read<StoredCharacter> {
    let Moment(created_at) = values::plain(row, "created_at")?;
    let character = Character {
        id: values::parsed(row, "id")?,
        name: values::plain(row, "name")?,
        picture: unjson(values::plain(row, "picture")?)?,
    };
    Ok(StoredCharacter { character, owner: values::parsed_option(row, "owner")?, created_at })
}

fn key_of(row: &Row) -> Result<ApiKey, StoreError> {
    read_key(row).map_err(|source| {
        let id = row.try_get("id").unwrap_or_default();
        StoreError::Unreadable { id, source }
    })
}

fn read_key(row: &Row) -> Read<ApiKey> {
    let Moment(created_at) = values::plain(row, "created_at")?;
    Ok(ApiKey {
        id: values::parsed(row, "id")?,
        name: values::plain(row, "name")?,
        digest: values::plain(row, "digest")?,
        hint: values::plain(row, "hint")?,
        admin: values::plain(row, "admin")?,
        limits: unjson(values::plain(row, "limits")?)?,
        created_at,
        expires_at: values::moment(row, "expires_at")?,
        revoked_at: values::moment(row, "revoked_at")?,
    })
}
