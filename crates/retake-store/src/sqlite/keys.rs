//! API keys, and the characters that were made with them.

use jiff::Timestamp;
use retake_core::{
    ids::{CharacterId, KeyId},
    request::{Character, Picture},
};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{
    fault::Done,
    outbox::endpoints,
    values::{Json, Moment, Text},
};
use crate::{
    error::StoreError,
    record::{ApiKey, KeyAdded, StoredCharacter},
};

const KEY: &str = "SELECT id, name, digest, hint, admin, limits, created_at, expires_at, revoked_at
    FROM api_keys";

/// Records a key.
pub(super) fn add(db: &Connection, key: &ApiKey) -> Done<KeyAdded> {
    let is_first = !any(db)?;
    db.prepare_cached(
        "INSERT INTO api_keys (id, name, digest, hint, admin, limits, created_at, expires_at)
        VALUES (:id, :name, :digest, :hint, :admin, :limits, :created_at, :expires_at)",
    )?
    .execute(named_params! {
        ":id": key.id.as_str(),
        ":name": key.name,
        ":digest": key.digest,
        ":hint": key.hint,
        ":admin": key.admin,
        ":limits": Json(&key.limits),
        ":created_at": Moment(key.created_at),
        ":expires_at": key.expires_at.map(Moment),
    })?;
    if is_first { endpoints::adopt(db, key) } else { Ok(KeyAdded::default()) }
}

/// The key with a digest.
pub(super) fn by_digest(db: &Connection, digest: &str) -> Done<Option<ApiKey>> {
    let mut query = db.prepare_cached(&format!("{KEY} WHERE digest = :digest"))?;
    Ok(query.query_row(named_params! { ":digest": digest }, key_of).optional()?)
}

/// All keys, oldest first.
pub(super) fn all(db: &Connection) -> Done<Vec<ApiKey>> {
    let mut query = db.prepare_cached(&format!("{KEY} ORDER BY id"))?;
    let keys: rusqlite::Result<_> = query.query_map([], key_of)?.collect();
    Ok(keys?)
}

/// Whether there is any key.
pub(super) fn any(db: &Connection) -> Done<bool> {
    Ok(db.prepare_cached("SELECT 1 FROM api_keys LIMIT 1")?.exists([])?)
}

/// Takes a key out of use.
pub(super) fn revoke(db: &Connection, id: &KeyId, now: Timestamp) -> Done<ApiKey> {
    db.prepare_cached(
        "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, :now) WHERE id = :id",
    )?
    .execute(named_params! { ":id": id.as_str(), ":now": Moment(now) })?;
    let mut query = db.prepare_cached(&format!("{KEY} WHERE id = :id"))?;
    let key = query.query_row(named_params! { ":id": id.as_str() }, key_of).optional()?;
    Ok(key.ok_or_else(|| StoreError::NoSuchKey { id: id.clone() })?)
}

/// Records a character.
pub(super) fn add_character(db: &Connection, stored: &StoredCharacter) -> Done<()> {
    let Character { id, name, picture } = &stored.character;
    db.prepare_cached(
        "INSERT INTO characters (id, owner, name, picture, picture_key, created_at)
        VALUES (:id, :owner, :name, :picture, :picture_key, :created_at)",
    )?
    .execute(named_params! {
        ":id": id.as_str(),
        ":owner": stored.owner.as_ref().map(KeyId::as_str),
        ":name": name,
        ":picture": Json(picture),
        ":picture_key": picture.key,
        ":created_at": Moment(stored.created_at),
    })?;
    Ok(())
}

/// One character.
pub(super) fn character(db: &Connection, id: &CharacterId) -> Done<Option<StoredCharacter>> {
    let mut query = db.prepare_cached(
        "SELECT id, owner, name, picture, created_at FROM characters WHERE id = :id",
    )?;
    let found = query.query_row(named_params! { ":id": id.as_str() }, |row| {
        let (Text(id), Json::<Picture>(picture)) = (row.get("id")?, row.get("picture")?);
        let Moment(created_at) = row.get("created_at")?;
        Ok(StoredCharacter {
            character: Character { id, name: row.get("name")?, picture },
            owner: row.get::<_, Option<Text<KeyId>>>("owner")?.map(|Text(owner)| owner),
            created_at,
        })
    });
    Ok(found.optional()?)
}

fn key_of(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    let (Text(id), Json(limits)) = (row.get("id")?, row.get("limits")?);
    let Moment(created_at) = row.get("created_at")?;
    let moment = |column| {
        let found = row.get::<_, Option<Moment>>(column);
        found.map(|found| found.map(|Moment(at)| at))
    };
    Ok(ApiKey {
        id,
        name: row.get("name")?,
        digest: row.get("digest")?,
        hint: row.get("hint")?,
        admin: row.get("admin")?,
        limits,
        created_at,
        expires_at: moment("expires_at")?,
        revoked_at: moment("revoked_at")?,
    })
}
