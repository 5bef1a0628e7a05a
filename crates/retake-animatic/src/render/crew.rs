//! The workers: who draws and encodes which group, and how their frames come back in order.

use std::num::NonZero;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tiny_skia::Pixmap;

use super::groups::{self, LONGEST_STINT};
use super::{Progress, RenderError, Stage};
use crate::encode::{I420, OpenH264Encoder, VideoEncoder as _};

/// The threads that share a render, at most: more would take more memory than time is won.
pub const MOST_WORKERS: u32 = 4;
/// A worker's memory is that of his pictures, about 60 bytes for a pixel: fewer draw larger ones.
const PIXELS_AT_ONCE: u32 = 4_200_000;
/// Coded frames that a worker may be ahead: a stint, and some of his next one.
const AHEAD: usize = LONGEST_STINT as usize + 60;
/// How long the watcher is left alone when no frame comes.
const PATIENCE: Duration = Duration::from_millis(100);

/// The work to be shared out.
pub(super) struct Crew<'a, E> {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) groups: &'a [Range<u32>],
    /// Makes a painter; every worker calls it once.
    pub(super) engage: &'a E,
}

/// A frame as the encoder made it.
pub(super) struct CodedFrame {
    pub(super) access_unit: Vec<u8>,
    pub(super) is_key: bool,
}

/// What the workers and the thread that waits for them share.
#[derive(Default)]
struct Board {
    stop: AtomicBool,
    done: AtomicU32,
}

/// The coded frames of all workers, in the order of the video.
pub(super) struct CodedFrames<'a> {
    /// For each frame to come, the worker it comes from.
    order: Box<dyn Iterator<Item = usize> + 'a>,
    desks: Vec<Receiver<Result<CodedFrame, RenderError>>>,
    board: &'a Board,
    total: u32,
}

impl<E, D> Crew<'_, E>
where
    E: Fn() -> Result<D, RenderError> + Sync,
    D: FnMut(u32, &mut Pixmap),
{
    /// Sets the workers to work while `assemble` takes their frames. When it returns, they stop.
    pub(super) fn work<T>(
        &self,
        assemble: impl FnOnce(&mut CodedFrames<'_>) -> Result<T, RenderError>,
    ) -> Result<T, RenderError> {
        let workers = workers(self.width, self.height);
        let stints = groups::stints(self.groups, workers);
        let board = Board::default();
        thread::scope(|scope| {
            let mut desks = Vec::new();
            for worker in 0..workers as usize {
                let (sender, desk) = sync_channel(AHEAD);
                let share = stints.iter().skip(worker).step_by(workers as usize);
                let share = share.copied().flatten();
                let board = &board;
                scope.spawn(move || self.draw_and_encode(share, board, &sender));
                desks.push(desk);
            }
            let turns = (0..workers as usize).cycle().zip(&stints);
            let order = turns.flat_map(|(worker, stint)| {
                stint.iter().flat_map(Range::clone).map(move |_| worker)
            });
            let total = self.groups.last().map_or(0, |group| group.end);
            let mut coded = CodedFrames { order: Box::new(order), desks, board: &board, total };
            let result = assemble(&mut coded);
            // Dropping the desks as well wakes a worker that waits for room on his.
            board.stop.store(true, Ordering::Relaxed);
            result
        })
    }

    fn draw_and_encode<'g>(
        &self,
        groups: impl Iterator<Item = &'g Range<u32>>,
        board: &Board,
        desk: &SyncSender<Result<CodedFrame, RenderError>>,
    ) {
        let send = |frame| {
            board.done.fetch_add(1, Ordering::Relaxed);
            let stopped = board.stop.load(Ordering::Relaxed) || desk.send(Ok(frame)).is_err();
            if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        if let Err(error) = self.each_frame(groups, send) {
            // Nobody listens any more when this fails, and then the error does not matter.
            let _ = desk.send(Err(error));
        }
    }

    fn each_frame<'g>(
        &self,
        groups: impl Iterator<Item = &'g Range<u32>>,
        mut send: impl FnMut(CodedFrame) -> ControlFlow<()>,
    ) -> Result<(), RenderError> {
        let (width, height) = (self.width, self.height);
        let mut canvas =
            Pixmap::new(width, height).ok_or(RenderError::NoCanvas { width, height })?;
        let mut draw = (self.engage)()?;
        let mut encoder = OpenH264Encoder::new(width, height)?;
        let mut picture = I420::new(width, height);
        for group in groups {
            encoder.start_group()?;
            for frame in group.clone() {
                draw(frame, &mut canvas);
                picture.convert(&canvas);
                let mut access_unit = Vec::new();
                encoder.encode(&picture, &mut access_unit)?;
                // Hundreds of them may wait for their turn.
                access_unit.shrink_to_fit();
                let is_key = frame == group.start;
                if send(CodedFrame { access_unit, is_key }).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// One worker for each core, within reason.
fn workers(width: u32, height: u32) -> u32 {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let most = (PIXELS_AT_ONCE / (width * height).max(1)).clamp(1, MOST_WORKERS);
    u32::try_from(cores).map_or(most, |cores| cores.min(most))
}

impl CodedFrames<'_> {
    /// Waits for the next frame, and lets `watch` know meanwhile.
    pub(super) fn next(
        &mut self,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<CodedFrame, RenderError> {
        let desk = self.order.next().and_then(|worker| self.desks.get(worker));
        let desk = desk.ok_or(RenderError::WorkerLost)?;
        loop {
            self.report(Stage::Drawing, watch)?;
            match desk.recv_timeout(PATIENCE) {
                Ok(frame) => return frame,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(RenderError::WorkerLost),
            }
        }
    }

    /// Tells `watch` how far the workers are; an error when it wants no more.
    pub(super) fn report(
        &self,
        stage: Stage,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), RenderError> {
        let frames_done = self.board.done.load(Ordering::Relaxed);
        let stage = if frames_done == 0 { Stage::Preparing } else { stage };
        match watch(Progress { stage, frames_done, frames_total: self.total }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(RenderError::Cancelled),
        }
    }
}
