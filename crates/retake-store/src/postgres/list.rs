//! The list of jobs, page by page. Ids sort by the moment they were made, so a page begins where an id says.

use std::collections::BTreeMap;

use retake_core::fault::chain;

use super::{
    claim,
    fault::Done,
    rows::{self, select_jobs},
    session::Session,
};
use crate::{
    error::StoreError,
    record::{Job, Listing, Page},
};

/// Every id sorts between these.
pub(super) const FIRST: &str = "";
pub(super) const LAST: &str = "~";

macro_rules! page {
    ($which:literal, $order:literal) => {
        concat!(
            select_jobs!(
                "SELECT * FROM jobs WHERE deleted_at IS NULL AND ",
                $which,
                " ORDER BY ",
                $order,
                " LIMIT $2"
            ),
            " ORDER BY j.",
            $order
        )
    };
}

pub(super) const OLDEST_FIRST: &str = page!("id > $1", "id");
pub(super) const NEWEST_FIRST: &str = page!("id < $1", "id DESC");
pub(super) const OWNED_OLDEST_FIRST: &str = page!("owner = $3 AND id > $1", "id");
pub(super) const OWNED_NEWEST_FIRST: &str = page!("owner = $3 AND id < $1", "id DESC");

/// One page.
pub(super) async fn list(db: &Session, page: &Page) -> Done<Listing> {
    let sql = match (page.newest_first, &page.owner) {
        (true, None) => NEWEST_FIRST,
        (true, Some(_)) => OWNED_NEWEST_FIRST,
        (false, None) => OLDEST_FIRST,
        (false, Some(_)) => OWNED_OLDEST_FIRST,
    };
    let start = if page.newest_first { LAST } else { FIRST };
    let after = page.after.as_ref().map_or(start, |id| id.as_str());
    let [query] = db.prepare([sql]).await?;
    let one_more = i64::from(page.limit) + 1;
    let rows = match &page.owner {
        None => db.query(&query, [&after, &one_more]).await?,
        Some(owner) => db.query(&query, [&after, &one_more, &owner.as_str()]).await?,
    };
    let asked = page.limit as usize;
    let mut jobs = Vec::with_capacity(rows.len().min(asked));
    for row in rows.iter().take(asked) {
        match rows::job_of(row) {
            Ok(job) => jobs.push(job),
            // One job that cannot be read must not hide the others.
            Err(error @ StoreError::Unreadable { .. }) => {
                tracing::error!(error = chain(&error), "a job is left out of a list");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let slots_in_use = slots_in_use(db, &jobs).await?;
    Ok(Listing { jobs, has_more: rows.len() > asked, slots_in_use })
}

/// How many slots are in use of the accounts that jobs wait for.
async fn slots_in_use(db: &Session, jobs: &[Job]) -> Done<BTreeMap<String, u32>> {
    let mut in_use = BTreeMap::new();
    for account in jobs.iter().flat_map(Job::awaited_accounts) {
        if !in_use.contains_key(account) {
            in_use.insert(account.clone(), claim::occupied(db, account).await?);
        }
    }
    Ok(in_use)
}
