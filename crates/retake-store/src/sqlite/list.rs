//! The list of jobs, page by page. Ids sort by the moment they were made, so a page begins where an id says.

use std::collections::BTreeMap;

use retake_core::{
    fault::chain,
    ids::{KeyId, VideoId},
};
use rusqlite::{Connection, named_params};

use super::{
    claim,
    fault::{Done, Fail},
    rows::{self, select_jobs},
    values::Text,
};
use crate::{
    error::StoreError,
    record::{Job, Listing, Page},
};

/// Every id sorts between these.
const FIRST: &str = "";
const LAST: &str = "~";

pub(super) const OLDEST_FIRST: &str =
    select_jobs!("jobs j INDEXED BY jobs_visible", "j.id > :after ORDER BY j.id LIMIT :limit");

pub(super) const OWNED_OLDEST_FIRST: &str = select_jobs!(
    "jobs j INDEXED BY jobs_owned",
    "j.owner = :owner AND j.id > :after ORDER BY j.id LIMIT :limit"
);

pub(super) const OWNED_NEWEST_FIRST: &str = select_jobs!(
    "jobs j INDEXED BY jobs_owned",
    "j.owner = :owner AND j.id < :after ORDER BY j.id DESC LIMIT :limit"
);

pub(super) const NEWEST_FIRST: &str =
    select_jobs!("jobs j INDEXED BY jobs_visible", "j.id < :after ORDER BY j.id DESC LIMIT :limit");

/// One page.
pub(super) fn list(db: &Connection, page: &Page) -> Done<Listing> {
    let sql = match (page.newest_first, &page.owner) {
        (true, None) => NEWEST_FIRST,
        (true, Some(_)) => OWNED_NEWEST_FIRST,
        (false, None) => OLDEST_FIRST,
        (false, Some(_)) => OWNED_OLDEST_FIRST,
    };
    let start = if page.newest_first { LAST } else { FIRST };
    let after = page.after.as_ref().map_or(start, |id| id.as_str());
    let asked = page.limit as usize;
    let mut query = db.prepare_cached(sql)?;
    let one_more = u64::from(page.limit) + 1;
    let owner = page.owner.as_ref().map(KeyId::as_str);
    let mut rows = match owner {
        None => query.query(named_params! { ":after": after, ":limit": one_more })?,
        Some(owner) => {
            query.query(named_params! { ":owner": owner, ":after": after, ":limit": one_more })?
        }
    };
    let mut attempts = rows::attempts(db)?;
    let (mut jobs, mut seen) = (Vec::with_capacity(asked), 0);
    while let Some(row) = rows.next()? {
        seen += 1;
        if seen > asked {
            break;
        }
        let Text::<VideoId>(id) = row.get("id")?;
        let read = rows::job_of(row).map_err(|error| Fail::from(error).reading(&id));
        match read.and_then(|mut job| rows::add_attempts(&mut attempts, &mut job).map(|()| job)) {
            Ok(job) => jobs.push(job),
            // One job that cannot be read must not hide the others.
            Err(Fail::Refused(error @ StoreError::Unreadable { .. })) => {
                tracing::error!(job.id = %id, error = chain(&error), "a job is left out of a list");
            }
            Err(error) => return Err(error),
        }
    }
    let slots_in_use = slots_in_use(db, &jobs)?;
    Ok(Listing { jobs, has_more: seen > asked, slots_in_use })
}

/// How many slots are in use of the accounts that jobs wait for.
fn slots_in_use(db: &Connection, jobs: &[Job]) -> Done<BTreeMap<String, u32>> {
    let mut in_use = BTreeMap::new();
    for account in jobs.iter().flat_map(Job::awaited_accounts) {
        if !in_use.contains_key(account) {
            in_use.insert(account.clone(), claim::occupied(db, account, None)?);
        }
    }
    Ok(in_use)
}
