//! What a brief has to be before it is worth drawing.

use std::ops::RangeInclusive;

use retake_media::{Still, StillError};
use thiserror::Error;

use crate::{Brief, Character};

const SIDES: RangeInclusive<u32> = 64..=2160;
const SECONDS: RangeInclusive<u32> = 1..=3600;
const TITLE_CHARS: usize = 120;
const MOST_CHARACTERS: usize = 16;
const NAME_CHARS: usize = 80;

/// Why a brief cannot be rendered.
#[derive(Debug, Error)]
pub enum BriefError {
    #[error("the prompt is empty; say what the video should show")]
    NoPrompt,

    #[error("{width}x{height} has an odd side; width and height have to be even")]
    OddSize { width: u32, height: u32 },

    #[error("{width}x{height} is out of range; each side may have 64 to 2160 pixels")]
    SizeOutOfRange { width: u32, height: u32 },

    #[error("{seconds} s is out of range; a video may last 1 to 3600 seconds")]
    DurationOutOfRange { seconds: u32 },

    #[error("the first frame cannot be used")]
    FirstFrame(#[from] StillError),

    #[error("the last picture of the clip to be continued cannot be used")]
    Continuation(#[source] StillError),

    #[error("a video that continues another one begins as that ended; leave the first frame out")]
    TwoBeginnings,

    #[error("a character has no name, or one of more than 80 characters; prompts call them by it")]
    CharacterName,

    #[error("the picture of {name} cannot be used")]
    CharacterPicture {
        name: String,
        #[source]
        source: StillError,
    },

    #[error("{0} characters are too many; a video may have 16")]
    TooManyCharacters(usize),
}

impl Brief {
    /// Checks everything that can be known before drawing begins.
    pub fn check(&self) -> Result<(), BriefError> {
        let Self { width, height, seconds, .. } = *self;
        if self.prompt.trim().is_empty() {
            return Err(BriefError::NoPrompt);
        }
        if !SIDES.contains(&width) || !SIDES.contains(&height) {
            return Err(BriefError::SizeOutOfRange { width, height });
        }
        if width % 2 != 0 || height % 2 != 0 {
            return Err(BriefError::OddSize { width, height });
        }
        if !SECONDS.contains(&seconds) {
            return Err(BriefError::DurationOutOfRange { seconds });
        }
        if let Some(picture) = &self.first_frame {
            Still::read(picture)?;
        }
        if let Some(earlier) = &self.continues {
            if self.first_frame.is_some() {
                return Err(BriefError::TwoBeginnings);
            }
            Still::read(&earlier.last_picture).map_err(BriefError::Continuation)?;
        }
        self.check_characters()
    }

    fn check_characters(&self) -> Result<(), BriefError> {
        if self.characters.len() > MOST_CHARACTERS {
            return Err(BriefError::TooManyCharacters(self.characters.len()));
        }
        for Character { name, picture } in &self.characters {
            if name.trim().is_empty() || name.chars().count() > NAME_CHARS {
                return Err(BriefError::CharacterName);
            }
            let unusable = |source| BriefError::CharacterPicture { name: name.clone(), source };
            Still::read(picture).map_err(unusable)?;
        }
        Ok(())
    }

    /// The prompt's first line, as a title.
    pub(super) fn title(&self) -> String {
        let line = self.prompt.trim().lines().next().unwrap_or_default().trim_end();
        if line.chars().count() <= TITLE_CHARS {
            return line.to_owned();
        }
        let mut title: String = line.chars().take(TITLE_CHARS - 1).collect();
        title.push('…');
        title
    }
}

#[cfg(test)]
mod tests {
    use retake_media::Picture;

    use crate::Continuation;
    use crate::sound::tests::a_brief;

    use super::*;

    fn no_picture() -> Continuation {
        Continuation { last_picture: vec![1, 2], frames: 48 }
    }

    fn nobody(name: &str) -> Character {
        Character { name: name.to_owned(), picture: vec![1, 2] }
    }

    #[test]
    fn a_brief_that_cannot_be_rendered_says_why() {
        let grey = Picture { width: 2, height: 2, rgba: vec![128; 16] };
        let webp = grey.to_webp().unwrap();
        let cases = [
            (Brief { prompt: "  \n".into(), ..a_brief("") }, "the prompt is empty"),
            (Brief { width: 1281, ..a_brief("a") }, "1281x72 has an odd side"),
            (Brief { height: 2162, ..a_brief("a") }, "128x2162 is out of range"),
            (Brief { seconds: 0, ..a_brief("a") }, "0 s is out of range"),
            (Brief { first_frame: Some(vec![1, 2]), ..a_brief("a") }, "the first frame"),
            (
                Brief { continues: Some(no_picture()), ..a_brief("a") },
                "the last picture of the clip",
            ),
            (
                Brief { continues: Some(no_picture()), first_frame: Some(webp), ..a_brief("a") },
                "a video that continues another one",
            ),
            (Brief { characters: vec![nobody(" ")], ..a_brief("a") }, "a character has no name"),
            (Brief { characters: vec![nobody("Mo")], ..a_brief("a") }, "the picture of Mo"),
            (Brief { characters: vec![nobody("Mo"); 17], ..a_brief("a") }, "17 characters are"),
        ];
        for (brief, expected) in cases {
            let error = brief.check().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_long_prompt_is_shortened_to_a_title() {
        let title = a_brief(&"word ".repeat(100)).title();

        assert_eq!(title.chars().count(), TITLE_CHARS);
        assert!(title.ends_with('…'));
    }
}
