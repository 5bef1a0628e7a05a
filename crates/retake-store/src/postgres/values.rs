//! How values are written into columns and read back: moments as `timestamptz`, numbers as `bigint`, ids as
//! text, what has a shape of its own as JSON.

use std::{borrow::Cow, error::Error, str::FromStr, sync::Arc};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use super::fault::Fail;
use crate::error::Cause;

/// The value of a column that was read, or why it cannot be.
pub(super) type Read<T> = Result<T, Cause>;

/// Where PostgreSQL begins to count, in microseconds since 1970.
const YEAR_2000: i64 = 946_684_800_000_000;

/// A moment, to the microsecond.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(pub(super) Timestamp);

impl ToSql for Moment {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        (self.0.as_microsecond() - YEAR_2000).to_sql(kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Moment {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let since = i64::from_sql(kind, raw)?;
        let at = since.checked_add(YEAR_2000).ok_or("a moment that is out of range")?;
        Ok(Self(Timestamp::from_microsecond(at)?))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TIMESTAMPTZ
    }
}

/// A value as JSON.
pub(super) fn json(value: &impl Serialize) -> Result<String, Fail> {
    serde_json::to_string(value).map_err(Fail::Unwritable)
}

/// A number for a column. None of ours comes near the limit.
pub(super) fn number<T>(value: T) -> i64
where
    i64: TryFrom<T>,
{
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A text from outside. PostgreSQL takes every character but one.
pub(super) fn text(value: &str) -> Cow<'_, str> {
    if value.contains('\0') { value.replace('\0', "\u{fffd}").into() } else { value.into() }
}

/// The value of a column, in a type that the driver knows.
pub(super) fn plain<'a, T: FromSql<'a>>(row: &'a Row, column: &str) -> Read<T> {
    row.try_get(column).map_err(|error| Arc::new(error) as Cause)
}

pub(super) fn moment(row: &Row, column: &str) -> Read<Option<Timestamp>> {
    Ok(plain::<Option<Moment>>(row, column)?.map(|Moment(at)| at))
}

/// A number that was written by [`number`].
pub(super) fn count<T>(row: &Row, column: &str) -> Read<T>
where
    T: TryFrom<i64>,
    T::Error: Error + Send + Sync + 'static,
{
    plain::<i64>(row, column)?.try_into().map_err(cause)
}

/// A value that was written the way it is shown: an id.
pub(super) fn parsed<T>(row: &Row, column: &str) -> Read<T>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    plain::<&str>(row, column)?.parse().map_err(cause)
}

/// An id, or nothing.
pub(super) fn parsed_option<T>(row: &Row, column: &str) -> Read<Option<T>>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    plain::<Option<&str>>(row, column)?.map(|text| text.parse().map_err(cause)).transpose()
}

/// A value that was written as JSON.
pub(super) fn unjson<T: DeserializeOwned>(text: &str) -> Read<T> {
    serde_json::from_str(text).map_err(cause)
}

/// The name of a variant without fields, as serde knows it.
pub(super) fn word<T: DeserializeOwned>(text: &str) -> Read<T> {
    serde_json::from_value(text.into()).map_err(cause)
}

fn cause(error: impl Error + Send + Sync + 'static) -> Cause {
    Arc::new(error)
}
