//! Characters: somebody from a short clip, who can appear in videos by name.

use std::{io::Cursor, sync::Arc};

use bytes::Bytes;
use retake_core::{
    fault::chain,
    ids::CharacterId,
    request::{Character, Picture},
    size::Size,
};
use retake_media::{self as media, Budget, PictureError};
use retake_store::{Ledger, StoreError, StoredCharacter};

use crate::{
    assets::{AssetError, Assets},
    clock::Clock,
    intake::DECODING,
    keys::Caller,
    media_work,
};

const LONGEST_NAME: usize = 80;

/// The characters of this gateway.
#[derive(Clone)]
pub(crate) struct Characters {
    pub(crate) assets: Assets,
    pub(crate) clock: Clock,
    pub(crate) ledger: Arc<dyn Ledger>,
    /// How many one key may have.
    pub(crate) most: u32,
}

/// Why there is no such character.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CharacterError {
    /// A name that is none.
    #[error(
        "the name of a character has from 1 to {LONGEST_NAME} characters, as it stands in prompts"
    )]
    BadName,
    /// The clip cannot be looked at.
    #[error("the clip cannot be used: {0}; send a short MP4 in H.264")]
    Clip(#[from] PictureError),
    /// The thread that looked at the clip did not come back.
    #[error("the clip could not be looked at")]
    Interrupted(#[source] tokio::task::JoinError),
    /// No such character, or somebody else's.
    #[error("there is no character `{id}`; make one with `POST /v1/videos/characters`")]
    Unknown {
        /// What was asked for, shortened.
        id: String,
    },
    /// No room, or no asset store.
    #[error("the character could not be stored")]
    Assets(#[from] AssetError),
    /// No ledger.
    #[error("the character could not be recorded")]
    Store(#[from] StoreError),
}

impl Characters {
    /// Makes a character of a clip: its most telling picture stands for it.
    pub(crate) async fn create(
        &self,
        caller: &Caller,
        name: &str,
        clip: Bytes,
    ) -> Result<StoredCharacter, CharacterError> {
        let name = name.trim();
        let length = name.chars().count();
        if length == 0 || length > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(CharacterError::BadName);
        }
        let look = move |budget: &Budget| media::thumbnail_within(Cursor::new(clip), budget);
        let looked = media_work::run(DECODING.take(caller.holder()), Budget::default(), look).await;
        let picture = looked.map_err(CharacterError::Interrupted)??;
        self.assets.check_room()?;
        let size = Size::new(picture.width, picture.height);
        let (key, pin) = self.assets.keep_picture(picture.webp.into()).await?;
        let now = self.clock.now();
        let picture = Picture { key, size, media_type: "image/webp".to_owned() };
        let stored = StoredCharacter {
            character: Character { id: CharacterId::new(now), name: name.to_owned(), picture },
            owner: caller.owner().cloned(),
            created_at: now,
        };
        match self.ledger.add_character(&stored, self.most).await {
            Ok(()) => Ok(stored),
            Err(error) => {
                // A ledger that fell silent may have recorded it all the same.
                if !error.is_passing() {
                    self.assets.take_back(pin, self.ledger.as_ref()).await;
                }
                Err(error.into())
            }
        }
    }

    /// A page of the caller's characters, the newest first, and whether there are more.
    pub(crate) async fn list(
        &self,
        caller: &Caller,
        after: Option<&CharacterId>,
        limit: u32,
    ) -> Result<(Vec<StoredCharacter>, bool), CharacterError> {
        Ok(self.ledger.characters(caller.sees(), after, limit).await?)
    }

    /// Deletes a character of the caller's. Its picture stays for as long as a video needs it.
    pub(crate) async fn delete(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<CharacterId, CharacterError> {
        let stored = self.get(caller, id).await?;
        let Character { id, picture, .. } = stored.character;
        self.ledger.delete_character(&id).await?;
        if let Err(error) = self.assets.discard(&picture.key, self.ledger.as_ref()).await {
            // The sweep takes it.
            tracing::warn!(key = picture.key, error = chain(&error), "a file stayed behind");
        }
        Ok(id)
    }

    /// A character of the caller's.
    pub(crate) async fn get(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<StoredCharacter, CharacterError> {
        let unknown = || CharacterError::Unknown { id: id.chars().take(64).collect() };
        let known = id.parse().map_err(|_| unknown())?;
        let found = self.ledger.character(&known).await?;
        found.filter(|it| caller.may_see(it.owner.as_ref())).ok_or_else(unknown)
    }
}
