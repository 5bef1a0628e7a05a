//! The one thread that writes, and the group commit.
//!
//! Making a commit durable costs a flush of the disk, however much it holds. So whatever waits in the queue
//! when the thread comes back from one flush goes into the next together: one transaction, a savepoint per
//! command, one commit, and only then the answers. A command that is refused rolls back to its savepoint and
//! hurts nobody. When the commit itself fails, nothing of the group was kept and each command hears so.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, oneshot},
    time::timeout_at,
};

use super::{
    fault::{Done, Fail},
    scrub::Scrubber,
};
use crate::error::StoreError;

/// How many commands may wait. Whoever comes later waits for a place.
const QUEUE: usize = 1024;

/// How many commands share a commit at most, which bounds the time a reader of the answer waits.
const GROUP: usize = 256;

/// The way to the writing thread.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Message>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    ledger: Arc<str>,
}

enum Message {
    Write(Box<dyn Command>),
    Close(oneshot::Sender<()>),
}

/// A piece of work whose answer waits for the commit.
trait Command: Send {
    /// Whether it takes something out for good.
    fn erases(&self) -> bool;

    /// Does the work; `Err` when it is to be rolled back.
    fn run(&mut self, db: &Connection) -> Result<(), StoreError>;

    /// Tells the caller how it went, given how the commit went.
    fn answer(self: Box<Self>, commit: &Result<(), StoreError>);
}

struct Pending<T, F> {
    work: Option<F>,
    erases: bool,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    ledger: Arc<str>,
}

impl<T, F> Command for Pending<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Done<T> + Send,
{
    fn erases(&self) -> bool {
        self.erases && matches!(self.result, Some(Ok(_)))
    }

    fn run(&mut self, db: &Connection) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else { return Ok(()) };
        let result = work(db).map_err(|fail| fail.at(&self.ledger));
        let verdict = result.as_ref().map(|_| ()).map_err(Clone::clone);
        self.result = Some(result);
        verdict
    }

    fn answer(self: Box<Self>, commit: &Result<(), StoreError>) {
        let answer = match (self.result, commit) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(shared)) => Err(shared.clone()),
            (Some(done), Ok(())) => done,
            (None, Ok(())) => Err(StoreError::Closed { ledger: self.ledger.to_string() }),
        };
        // A caller that stopped waiting has no use for the answer; what it asked for is done.
        drop(self.reply.send(answer));
    }
}

impl Writer {
    /// Starts the thread, which owns the connection until it is closed.
    pub(super) fn start(db: Connection, ledger: Arc<str>) -> Result<Self, StoreError> {
        let (queue, inbox) = mpsc::channel(QUEUE);
        let named = Arc::clone(&ledger);
        let unexpected =
            |error| StoreError::Unexpected { ledger: ledger.to_string(), source: Arc::new(error) };
        // It waits for commands, and for the time at which something is to be done without any.
        let waits = Builder::new_current_thread().enable_time().build().map_err(unexpected)?;
        let thread = thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || work(db, inbox, &waits, &named))
            .map_err(unexpected)?;
        Ok(Self { queue: Some(queue), thread: Mutex::new(Some(thread)), ledger })
    }

    /// Does a piece of work in a durable transaction.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Done<T> + Send + 'static,
    {
        self.send(work, false).await
    }

    /// The same for work that takes something out, which is to be in none of the files after that.
    pub(super) async fn erase<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Done<T> + Send + 'static,
    {
        self.send(work, true).await
    }

    async fn send<T, F>(&self, work: F, erases: bool) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Done<T> + Send + 'static,
    {
        let closed = || StoreError::Closed { ledger: self.ledger.to_string() };
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        let (reply, answer) = oneshot::channel();
        let ledger = Arc::clone(&self.ledger);
        let command = Pending { work: Some(work), erases, result: None, reply, ledger };
        queue.send(Message::Write(Box::new(command))).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Whether commands are still taken.
    pub(super) fn is_open(&self) -> bool {
        self.queue.as_ref().is_some_and(|queue| !queue.is_closed())
    }

    /// Takes no more commands, and waits until those that were taken are done.
    pub(super) async fn close(&self) {
        let Some(queue) = &self.queue else { return };
        let (done, closed) = oneshot::channel();
        if queue.send(Message::Close(done)).await.is_ok() {
            drop(closed.await);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(ledger.path = %self.ledger, "the thread that writes the ledger broke off");
        }
    }
}

fn work(db: Connection, mut inbox: mpsc::Receiver<Message>, waits: &Runtime, ledger: &str) {
    let mut closers = Vec::new();
    let mut group: Vec<Box<dyn Command>> = Vec::with_capacity(GROUP);
    let mut scrubber = Scrubber::of(&db);
    loop {
        let first = match scrubber.due() {
            None => inbox.blocking_recv(),
            Some(due) => {
                let wait = async { timeout_at(due.into(), inbox.recv()).await };
                let Ok(first) = waits.block_on(wait) else {
                    scrubber.work(&db, ledger);
                    continue;
                };
                first
            }
        };
        let Some(first) = first else { break };
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Write(command) => group.push(command),
                Message::Close(done) => {
                    inbox.close();
                    closers.push(done);
                }
            }
            next = (group.len() < GROUP).then(|| inbox.try_recv().ok()).flatten();
        }
        if !group.is_empty() {
            settle(&db, mem::take(&mut group), &mut scrubber, ledger);
        }
    }
    finish(db, ledger);
    for done in closers {
        let _ = done.send(());
    }
}

/// Runs a group in one transaction and answers each of its commands.
fn settle(
    db: &Connection,
    mut group: Vec<Box<dyn Command>>,
    scrubber: &mut Scrubber,
    ledger: &str,
) {
    let commit = together(db, &mut group, ledger);
    if commit.is_err() && !db.is_autocommit() {
        drop(db.execute_batch("ROLLBACK"));
    }
    if matches!(commit, Err(StoreError::DiskFull { .. })) {
        // On a small disk the log itself may have taken the room: emptied, it makes way for the next try.
        drop(db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    }
    if commit.is_ok() && group.iter().any(|command| command.erases()) {
        scrubber.owe();
        scrubber.work(db, ledger);
    }
    for command in group {
        command.answer(&commit);
    }
}

fn together(
    db: &Connection,
    group: &mut [Box<dyn Command>],
    ledger: &str,
) -> Result<(), StoreError> {
    let tell = |sql| run(db, sql).map_err(|fail| fail.at(ledger));
    tell("BEGIN IMMEDIATE")?;
    for command in group {
        tell("SAVEPOINT command")?;
        if let Err(error) = command.run(db) {
            // A full disk can take the whole transaction down, and with it the neighbours' work.
            if db.is_autocommit() {
                return Err(error);
            }
            tell("ROLLBACK TO command")?;
        }
        tell("RELEASE command")?;
    }
    tell("COMMIT")
}

fn run(db: &Connection, sql: &str) -> Result<(), Fail> {
    db.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// Moves what is in the write-ahead log into the database, so that one file holds everything.
fn finish(db: Connection, ledger: &str) {
    let moved = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    let closed = db.close().map_err(|(_, error)| error);
    if let Err(error) = moved.and(closed) {
        tracing::warn!(
            ledger.path = %ledger,
            error = %error,
            "the ledger was not tidied up on closing; nothing is lost, the next start does it"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "PRAGMA foreign_keys = ON;
        CREATE TABLE parents (n INTEGER PRIMARY KEY);
        CREATE TABLE notes (n INTEGER PRIMARY KEY, text TEXT);
        CREATE TABLE children (n INTEGER REFERENCES parents (n) DEFERRABLE INITIALLY DEFERRED);";

    fn a_database() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(TABLES).unwrap();
        db
    }

    type Answer = oneshot::Receiver<Result<(), StoreError>>;

    /// A command that runs these statements.
    fn command(sql: &'static str) -> (Box<dyn Command>, Answer) {
        let (reply, answer) = oneshot::channel();
        let work = move |db: &Connection| Ok(db.execute_batch(sql)?);
        let ledger = "here".into();
        (Box::new(Pending { work: Some(work), erases: false, result: None, reply, ledger }), answer)
    }

    /// Runs the commands as one group, and tells how each of them went.
    fn group(db: &Connection, sqls: &[&'static str]) -> Vec<Result<(), StoreError>> {
        let (commands, answers): (Vec<_>, Vec<_>) = sqls.iter().map(|sql| command(sql)).unzip();
        settle(db, commands, &mut Scrubber::of(db), "here");
        answers.into_iter().map(|mut answer| answer.try_recv().unwrap()).collect()
    }

    fn notes(db: &Connection) -> Vec<i64> {
        let mut query = db.prepare("SELECT n FROM notes ORDER BY n").unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_refused_command_leaves_no_trace_and_hurts_no_neighbour() {
        let db = a_database();

        let answers = group(
            &db,
            &[
                "INSERT INTO notes (n) VALUES (1)",
                "INSERT INTO notes (n) VALUES (2); INSERT INTO notes (n) VALUES (1)",
                "INSERT INTO notes (n) VALUES (3)",
            ],
        );

        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(notes(&db), [1, 3]);
    }

    #[test]
    fn a_commit_that_fails_is_told_to_every_command_of_the_group() {
        let db = a_database();

        // The missing parent is noticed at the commit.
        let broken = ["INSERT INTO notes (n) VALUES (1)", "INSERT INTO children (n) VALUES (9)"];
        let answers = group(&db, &broken);

        assert!(answers.iter().all(Result::is_err), "{answers:?}");
        assert!(notes(&db).is_empty());
        assert!(group(&db, &["INSERT INTO notes (n) VALUES (2)"])[0].is_ok());
        assert_eq!(notes(&db), [2]);
    }

    #[test]
    fn a_full_disk_is_named_and_the_next_command_finds_the_writer_at_work() {
        let db = a_database();
        db.execute_batch("PRAGMA max_page_count = 8").unwrap();

        let large = "INSERT INTO notes (text) VALUES (hex(randomblob(90000)))";
        let answers = group(&db, &["INSERT INTO notes (n) VALUES (1)", large]);

        assert!(matches!(answers[1], Err(StoreError::DiskFull { .. })), "{answers:?}");
        let kept = if answers[0].is_ok() { vec![1] } else { vec![] };
        assert_eq!(notes(&db), kept, "an answer is the truth");
        assert!(group(&db, &["INSERT INTO notes (n) VALUES (2)"])[0].is_ok());
    }

    #[tokio::test]
    async fn what_was_taken_is_done_before_the_writer_closes() {
        let writer = Writer::start(a_database(), "here".into()).unwrap();
        let insert = |db: &Connection| Ok(db.execute("INSERT INTO notes (text) VALUES ('x')", [])?);

        let (one, two, ()) =
            tokio::join!(writer.write(insert), writer.write(insert), writer.close());

        assert!(one.is_ok() && two.is_ok());
        assert!(matches!(writer.write(insert).await, Err(StoreError::Closed { .. })));
        assert!(!writer.is_open());
    }
}
