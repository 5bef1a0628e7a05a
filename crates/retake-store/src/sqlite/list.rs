//! The list of jobs, page by page. Ids sort by the moment they were made, so a page begins where an id says.

use rusqlite::{Connection, named_params};

use super::{
    fault::Done,
    rows::{self, select_jobs},
};
use crate::record::{Listing, Page};

/// Every id sorts between these.
const FIRST: &str = "";
const LAST: &str = "~";

pub(super) const OLDEST_FIRST: &str =
    select_jobs!("jobs j INDEXED BY jobs_visible", "j.id > :after ORDER BY j.id LIMIT :limit");

pub(super) const NEWEST_FIRST: &str =
    select_jobs!("jobs j INDEXED BY jobs_visible", "j.id < :after ORDER BY j.id DESC LIMIT :limit");

/// One page.
pub(super) fn list(db: &Connection, page: &Page) -> Done<Listing> {
    let (sql, start) = if page.newest_first { (NEWEST_FIRST, LAST) } else { (OLDEST_FIRST, FIRST) };
    let after = page.after.as_ref().map_or(start, |id| id.as_str());
    let asked = page.limit as usize;
    let mut query = db.prepare_cached(sql)?;
    let one_more = u64::from(page.limit) + 1;
    let rows =
        query.query_map(named_params! { ":after": after, ":limit": one_more }, rows::job_of)?;
    let mut jobs = rows.collect::<Result<Vec<_>, _>>()?;
    let has_more = jobs.len() > asked;
    jobs.truncate(asked);
    for job in &mut jobs {
        rows::add_attempts(db, job)?;
    }
    Ok(Listing { jobs, has_more })
}
