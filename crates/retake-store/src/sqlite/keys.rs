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
    scrub,
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

pub(super) const ENDED: &str = "SELECT 1 FROM api_keys
    WHERE id = :id AND (revoked_at IS NOT NULL OR expires_at <= :now)";

/// Whether a key was revoked or has had its time.
pub(super) fn has_ended(db: &Connection, id: &KeyId, now: Timestamp) -> Done<bool> {
    let of = named_params! { ":id": id.as_str(), ":now": Moment(now) };
    Ok(db.prepare_cached(ENDED)?.exists(of)?)
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

pub(super) const COUNT_CHARACTERS: &str = "SELECT COUNT(*) FROM characters WHERE owner IS :owner";

pub(super) const CHARACTERS: &str = "SELECT id, owner, name, picture, created_at FROM characters
    WHERE id < :after ORDER BY id DESC LIMIT :limit";

pub(super) const OWNED_CHARACTERS: &str =
    "SELECT id, owner, name, picture, created_at FROM characters
    WHERE owner = :owner AND id < :after ORDER BY id DESC LIMIT :limit";

/// Every id sorts before this.
const LAST: &str = "~";

/// Records a character, if its owner may have another one.
pub(super) fn add_character(db: &Connection, stored: &StoredCharacter, most: u32) -> Done<()> {
    let Character { id, name, picture } = &stored.character;
    let owner = stored.owner.as_ref().map(KeyId::as_str);
    let count: u32 = db
        .prepare_cached(COUNT_CHARACTERS)?
        .query_row(named_params! { ":owner": owner }, |row| row.get(0))?;
    if count >= most {
        return Err(StoreError::TooManyCharacters { limit: most }.into());
    }
    db.prepare_cached(
        "INSERT INTO characters (id, owner, name, picture, picture_key, created_at)
        VALUES (:id, :owner, :name, :picture, :picture_key, :created_at)",
    )?
    .execute(named_params! {
        ":id": id.as_str(),
        ":owner": owner,
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
    let found = query.query_row(named_params! { ":id": id.as_str() }, character_of);
    Ok(found.optional()?)
}

/// Characters, the newest first, and whether there are more.
pub(super) fn characters(
    db: &Connection,
    owner: Option<&KeyId>,
    after: Option<&CharacterId>,
    limit: u32,
) -> Done<(Vec<StoredCharacter>, bool)> {
    let (after, most) = (after.map_or(LAST, CharacterId::as_str), u64::from(limit) + 1);
    let found: rusqlite::Result<Vec<_>> = match owner {
        None => {
            let range = named_params! { ":after": after, ":limit": most };
            db.prepare_cached(CHARACTERS)?.query_map(range, character_of)?.collect()
        }
        Some(owner) => {
            let range = named_params! { ":owner": owner.as_str(), ":after": after, ":limit": most };
            db.prepare_cached(OWNED_CHARACTERS)?.query_map(range, character_of)?.collect()
        }
    };
    let mut found = found?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    Ok((found, has_more))
}

/// Removes a character.
pub(super) fn delete_character(db: &Connection, id: &CharacterId) -> Done<bool> {
    let mut delete = db.prepare_cached("DELETE FROM characters WHERE id = :id")?;
    let is_deleted = delete.execute(named_params! { ":id": id.as_str() })? > 0;
    if is_deleted {
        db.execute_batch(scrub::OWED)?;
    }
    Ok(is_deleted)
}

fn character_of(row: &Row<'_>) -> rusqlite::Result<StoredCharacter> {
    let (Text(id), Json::<Picture>(picture)) = (row.get("id")?, row.get("picture")?);
    let Moment(created_at) = row.get("created_at")?;
    Ok(StoredCharacter {
        character: Character { id, name: row.get("name")?, picture },
        owner: row.get::<_, Option<Text<KeyId>>>("owner")?.map(|Text(owner)| owner),
        created_at,
    })
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
