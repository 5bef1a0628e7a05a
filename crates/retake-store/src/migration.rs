//! The steps by which a schema came to be, numbered and never edited afterwards.
//!
//! Each step is applied in a transaction of its own together with its line in the table `migrations`, so
//! it either happened or did not. Its checksum tells when a file was edited after it was applied.

use crate::error::StoreError;

/// One step of the schema.
pub(crate) struct Migration {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

impl Migration {
    /// What tells this edition of the step from another; line endings do not count.
    pub(crate) fn checksum(&self) -> String {
        format!("{:016x}", fnv(self.sql.bytes().filter(|&byte| byte != b'\r')))
    }

    /// Refuses a step that was applied with another content.
    pub(crate) fn expect(
        &self,
        name: String,
        checksum: &str,
        ledger: &str,
    ) -> Result<(), StoreError> {
        if checksum == self.checksum() {
            return Ok(());
        }
        Err(StoreError::ChangedMigration { ledger: ledger.to_owned(), number: self.number, name })
    }

    /// A statement that cannot run is the step's own fault; a full disk or a lock is not.
    pub(crate) fn broken(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Unexpected { ledger, source } => {
                StoreError::Migration { ledger, number: self.number, name: self.name, source }
            }
            known => known,
        }
    }
}

/// Refuses a schema that has steps this version does not know.
pub(crate) fn refuse_newer(
    steps: &[Migration],
    found: u32,
    ledger: &str,
) -> Result<(), StoreError> {
    let known = steps.last().map_or(0, |step| step.number);
    if found > known {
        return Err(StoreError::NewerSchema { ledger: ledger.to_owned(), found, known });
    }
    Ok(())
}

/// FNV-1a: enough to notice an edited file, and the same on every machine.
fn fnv(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
