//! One connection in the hand of one piece of work.
//!
//! Statements are sent without waiting for the answers of those before them (`try_join!` sends in the order
//! written), so a verb costs as many journeys to the server as it has decisions to make, and no more. That
//! order holds only for statements that are prepared, so they are prepared first.

use std::sync::atomic::{AtomicBool, Ordering};

use deadpool_postgres::Object;
use tokio_postgres::{
    Row, Statement, ToStatement,
    binary_copy::BinaryCopyInWriter,
    types::{ToSql, Type},
};

use super::fault::Done;

/// A value for a statement.
pub(super) type Value<'a> = &'a (dyn ToSql + Sync);

/// A connection, given back to the pool when dropped, or closed if its transaction is still open.
pub(super) struct Session {
    client: Option<Object>,
    open: AtomicBool,
    again: bool,
}

impl Session {
    /// `again` says that this work was begun before and may have been done then.
    pub(super) fn new(client: Object, again: bool) -> Self {
        Self { client: Some(client), open: AtomicBool::new(false), again }
    }

    /// Whether this very work may have been done by an earlier try whose answer was lost.
    pub(super) fn may_be_done(&self) -> bool {
        self.again
    }

    /// Makes statements ready, once for each connection.
    pub(super) async fn prepare<const N: usize>(&self, texts: [&str; N]) -> Done<[Statement; N]> {
        let mut ready = Vec::with_capacity(N);
        for text in texts {
            ready.push(self.object().prepare_cached(text).await?);
        }
        Ok(ready.try_into().unwrap_or_else(|_| unreachable!("as many as there were texts")))
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self) -> Done<()> {
        self.open.store(true, Ordering::Relaxed);
        self.batch_execute("BEGIN").await
    }

    /// Makes the transaction durable. If a statement before it failed, it is rolled back instead, and the
    /// statement says so.
    pub(super) async fn commit(&self) -> Done<()> {
        self.batch_execute("COMMIT").await?;
        self.open.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Undoes what an open transaction did.
    pub(super) async fn roll_back(&self) {
        if self.open.load(Ordering::Relaxed) && self.batch_execute("ROLLBACK").await.is_ok() {
            self.open.store(false, Ordering::Relaxed);
        }
    }

    /// Closes the connection, whatever goes on there.
    pub(super) fn discard(mut self) {
        drop(self.client.take().map(Object::take));
    }

    /// Runs statements without values, which need not be prepared.
    pub(super) async fn batch_execute(&self, statements: &str) -> Done<()> {
        Ok(self.object().batch_execute(statements).await?)
    }

    /// How many rows a statement touched.
    pub(super) async fn execute<const N: usize>(
        &self,
        statement: &(impl ToStatement + ?Sized),
        values: [Value<'_>; N],
    ) -> Done<u64> {
        Ok(self.object().execute(statement, &values).await?)
    }

    pub(super) async fn query<const N: usize>(
        &self,
        statement: &(impl ToStatement + ?Sized),
        values: [Value<'_>; N],
    ) -> Done<Vec<Row>> {
        Ok(self.object().query(statement, &values).await?)
    }

    pub(super) async fn query_opt<const N: usize>(
        &self,
        statement: &(impl ToStatement + ?Sized),
        values: [Value<'_>; N],
    ) -> Done<Option<Row>> {
        Ok(self.object().query_opt(statement, &values).await?)
    }

    pub(super) async fn query_one<const N: usize>(
        &self,
        statement: &(impl ToStatement + ?Sized),
        values: [Value<'_>; N],
    ) -> Done<Row> {
        Ok(self.object().query_one(statement, &values).await?)
    }

    /// Begins to send rows, as a `COPY … FROM STDIN (FORMAT binary)` takes them.
    pub(super) async fn copy_in(&self, copy: &str, types: &[Type]) -> Done<BinaryCopyInWriter> {
        Ok(BinaryCopyInWriter::new(self.object().copy_in(copy).await?, types))
    }

    fn object(&self) -> &Object {
        self.client.as_ref().unwrap_or_else(|| unreachable!("only a dropped session has none"))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(client) = self.client.take()
            && *self.open.get_mut()
        {
            drop(Object::take(client));
        }
    }
}
