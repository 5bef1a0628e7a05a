//! Signals: what one answer of a provider says of a failure, before anybody draws a conclusion.
//!
//! An adapter knows where its provider puts codes and texts; it does not know what they mean. It reports what it found,
//! and [`judge()`] makes a fault of all of it together. What codes and phrases stand for is data ([`table`]): one file for
//! all providers and one for each vendor, so that one sentence has one cause wherever it is read, and a new sentence is a
//! line in a file.
//!
//! Signals are plain values. They quote no more of an answer than codes and the name of a field, so they may be kept
//! where the words of a request may not.

mod judge;
mod status;
pub mod table;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use self::table::Tables;
pub use self::{
    judge::{DecidedBy, Judgement, judge, judge_by_own_table},
    status::{kind_of_foreign_status, kind_of_status},
};

/// What one answer says of a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signals {
    /// The vendor whose table stands before the general one: `fal`, `luma-agents`.
    pub vendor: String,
    /// What was being done.
    pub stage: Stage,
    /// The HTTP status; nothing for a render that failed, whatever status its news came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Who wrote the body.
    pub author: Author,
    /// The codes, the ones that say most first: the innermost where answers are nested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<CodeSignal>,
    /// The phrases that stand in its texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phrases: Vec<PhraseSignal>,
    /// The statuses of other servers that it repeats, the one that says most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relayed: Vec<u16>,
    /// The field of the request that is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The provider's name for the exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The pause that it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<SignedDuration>,
}

/// What was being done when an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A file of the request was being handed over.
    Upload,
    /// A render was being asked for.
    Create,
    /// A lost create was being looked for.
    LookUp,
    /// A render was being asked about.
    Poll,
    /// The provider called back.
    Callback,
    /// The finished file was being fetched.
    Download,
    /// A render was being stopped.
    Cancel,
    /// The account was being asked about.
    Account,
}

/// Who wrote the body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The provider: it has the form that its documentation shows.
    Provider,
    /// Somebody on the way, or nobody.
    Stranger,
    /// A server on the way, as a web page.
    Page,
}

/// A code, and where it stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSignal {
    /// The code as it was written.
    pub code: String,
    /// Where it stood.
    pub place: Place,
}

/// Where a code stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In a field for codes, types or words for a status.
    Code,
    /// In the reason of an error's details.
    Reason,
    /// Elsewhere in an error's details.
    Detail,
    /// In a header.
    Header,
    /// In the middle of a text.
    Text,
    /// The number of a content filter, in a text.
    Filter,
    /// Nowhere: the form of the answer says it, and the adapter's name for that form is the code.
    Form,
}

/// A phrase that stands in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhraseSignal {
    /// The id of its entry.
    pub id: String,
    /// The table that has the entry.
    pub table: String,
}

impl Signals {
    /// No signals of an answer that the provider itself wrote.
    pub fn new(vendor: &str, stage: Stage) -> Self {
        Self {
            vendor: vendor.to_owned(),
            stage,
            status: None,
            author: Author::Provider,
            codes: Vec::new(),
            phrases: Vec::new(),
            relayed: Vec::new(),
            field: None,
            request_id: None,
            retry_after: None,
        }
    }

    /// The same signals, with those phrases of the vendor's table and the general one that stand in a text.
    #[must_use]
    pub fn with_text(self, text: &str) -> Self {
        let text = table::searched(text);
        let tables: Vec<_> = Tables::shipped().of_vendor(&self.vendor).collect();
        let found = tables.into_iter().flat_map(|table| {
            table.phrases_in(&text).map(|id| (id, table.name())).collect::<Vec<_>>()
        });
        found.fold(self, |signals, (id, table)| signals.with_phrase(id, table))
    }

    /// The same signals, with a phrase of a table.
    #[must_use]
    pub fn with_phrase(mut self, id: &str, table: &str) -> Self {
        let phrase = PhraseSignal { id: id.to_owned(), table: table.to_owned() };
        if !self.phrases.contains(&phrase) {
            self.phrases.push(phrase);
        }
        self
    }

    /// The same signals, with one more code, which says less than those before it.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>, place: Place) -> Self {
        self.codes.push(CodeSignal { code: code.into(), place });
        self
    }
}
