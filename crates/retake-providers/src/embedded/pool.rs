//! The render threads and what they are doing.
//!
//! Rendering is pure computation, so it runs on threads of its own and never on those that answer
//! requests. A render that panics fails that render and not its thread.

use std::{
    collections::HashMap,
    error::Error,
    fs::{self, File},
    io::{self, BufWriter},
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use retake_animatic::{Brief, Progress, RenderError};
use retake_core::fault::{Fault, FaultKind, FaultSource, chain};

/// How much more patient a render thread is than others, as `nice` counts it.
#[cfg(target_os = "linux")]
const PATIENCE: i32 = 10;

/// What is known of a render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Running { percent: u8 },
    Done,
    Failed(Fault),
}

/// A fixed number of render threads with one queue.
#[derive(Debug)]
pub(super) struct Pool {
    renders: Mutex<HashMap<String, Arc<Render>>>,
    queue: Mutex<Option<mpsc::Sender<Work>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// A render's side of the conversation: it reports here and learns here that it should stop.
#[derive(Debug, Default)]
pub(super) struct Render {
    percent: AtomicU8,
    stop: AtomicBool,
    /// Stopped for good: its file is not wanted either.
    unwanted: AtomicBool,
    ended: Mutex<Option<Result<(), Fault>>>,
}

type Job = Box<dyn FnOnce(&Render) -> Result<(), Fault> + Send>;

struct Work {
    render: Arc<Render>,
    run: Job,
}

impl Pool {
    pub(super) fn start(threads: usize) -> io::Result<Self> {
        let (queue, work) = mpsc::channel::<Work>();
        let work = Arc::new(Mutex::new(work));
        let handles = (0..threads.max(1))
            .map(|n| {
                let work = Arc::clone(&work);
                thread::Builder::new().name(format!("render-{n}")).spawn(move || serve(&work))
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            renders: Mutex::default(),
            queue: Mutex::new(Some(queue)),
            threads: Mutex::new(handles),
        })
    }

    /// Queues a render under its tag; the same tag again changes nothing. `false` after a shutdown.
    pub(super) fn render(
        &self,
        tag: &str,
        run: impl FnOnce(&Render) -> Result<(), Fault> + Send + 'static,
    ) -> bool {
        let mut renders = locked(&self.renders);
        if renders.contains_key(tag) {
            return true;
        }
        let render = Arc::new(Render::default());
        let work = Work { render: Arc::clone(&render), run: Box::new(run) };
        let sent = locked(&self.queue).as_ref().is_some_and(|queue| queue.send(work).is_ok());
        if sent {
            renders.insert(tag.to_owned(), render);
        }
        sent
    }

    pub(super) fn outcome(&self, tag: &str) -> Option<Outcome> {
        let render = Arc::clone(locked(&self.renders).get(tag)?);
        let ended = locked(&render.ended).clone();
        Some(match ended {
            None => Outcome::Running { percent: render.percent.load(Ordering::Relaxed) },
            Some(Ok(())) => Outcome::Done,
            Some(Err(fault)) => Outcome::Failed(fault),
        })
    }

    pub(super) fn cancel(&self, tag: &str) {
        if let Some(render) = locked(&self.renders).get(tag) {
            render.unwanted.store(true, Ordering::SeqCst);
            render.stop.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn forget(&self, tag: &str) {
        locked(&self.renders).remove(tag);
    }

    /// Stops all renders, waits for the threads, and names the renders that were broken off.
    pub(super) fn shutdown(&self) -> Vec<String> {
        locked(&self.queue).take();
        for render in locked(&self.renders).values() {
            render.stop.store(true, Ordering::Relaxed);
        }
        for handle in locked(&self.threads).drain(..) {
            if handle.join().is_err() {
                tracing::error!("a render thread ended by a panic");
            }
        }
        let broken_off = |render: &Render| !matches!(*locked(&render.ended), Some(Ok(())));
        let renders = locked(&self.renders);
        renders.iter().filter(|(_, it)| broken_off(it)).map(|(tag, _)| tag.clone()).collect()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// A file that goes when its maker fails or panics. What cannot be removed is cleared out at the next start.
pub(super) struct Part(pub(super) PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// Renders into `finished` by way of a `.part` file beside it, which never outlives a failure.
pub(super) fn render_to_file(brief: &Brief, finished: &Path, render: &Render) -> Result<(), Fault> {
    let part = Part(finished.with_extension("part"));
    write_part(brief, &part.0, render)?;
    put_in_place(&part, finished, render)
}

/// Gives a whole file its name, unless nobody wants it any more.
pub(super) fn put_in_place(part: &Part, finished: &Path, render: &Render) -> Result<(), Fault> {
    fs::rename(&part.0, finished).map_err(|source| no_room(&source))?;
    // Cancelled at the very end: whoever cancelled may have looked for the file before it was there.
    if render.unwanted.load(Ordering::SeqCst) {
        fs::remove_file(finished).ok();
        return Err(stopped());
    }
    Ok(())
}

pub(super) fn write_part(brief: &Brief, part: &Path, render: &Render) -> Result<(), Fault> {
    let file = File::create(part).map_err(|source| no_room(&source))?;
    let mut watch = |progress: Progress| {
        let percent =
            u64::from(progress.frames_done) * 100 / u64::from(progress.frames_total.max(1));
        render.percent.store(u8::try_from(percent).unwrap_or(100), Ordering::Relaxed);
        if render.stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    retake_animatic::render(brief, BufWriter::new(file), &mut watch)
        .map_err(|error| fault_of(&error))?;
    Ok(())
}

/// What the disk said, if it stands behind an error.
fn disk_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    error.downcast_ref().or_else(|| disk_error(error.source()?))
}

fn fault_of(error: &RenderError) -> Fault {
    match (error, disk_error(error)) {
        (RenderError::Cancelled, _) => stopped(),
        (_, Some(source)) => no_room(source),
        (RenderError::Brief(_), _) => {
            Fault::new(FaultKind::BadRequest, FaultSource::Caller, chain(error))
        }
        _ => Fault::new(FaultKind::Runtime, FaultSource::Provider, chain(error)),
    }
}

pub(super) fn stopped() -> Fault {
    Fault::shut_down()
}

pub(super) fn no_room(source: &io::Error) -> Fault {
    let message = format!("the rendered file could not be written: {source}");
    Fault::new(FaultKind::Storage, FaultSource::Gateway, message)
}

/// Lets those go first that answer requests. A render takes all that a processor has, and somebody waits for
/// an answer now. What a thread starts is as patient as itself.
#[cfg(target_os = "linux")]
fn let_others_go_first() {
    if let Err(error) = rustix::process::nice(PATIENCE) {
        tracing::debug!(%error, "a render thread has the usual priority");
    }
}

/// Elsewhere it is a matter of the whole process.
#[cfg(not(target_os = "linux"))]
fn let_others_go_first() {}

fn serve(work: &Mutex<mpsc::Receiver<Work>>) {
    let_others_go_first();
    loop {
        let next = locked(work).recv();
        let Ok(Work { render, run }) = next else { return };
        let result = if render.stop.load(Ordering::Relaxed) {
            Err(stopped())
        } else {
            catch_unwind(AssertUnwindSafe(|| run(&render))).unwrap_or_else(|_| {
                let message = "the renderer broke on this request";
                Err(Fault::new(FaultKind::Runtime, FaultSource::Provider, message))
            })
        };
        *locked(&render.ended) = Some(result);
    }
}

/// A panic elsewhere leaves these maps whole, so a poisoned lock is still good.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
