//! How long each shot lasts.
//!
//! A shot needs about a second to be read. When a prompt has more to show than the video has
//! time, the weakest marks give way first: a sentence that merely continues the last one is joined
//! to it before anything that the prompt itself calls a cut.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "frame counts are small and never negative"
)]

use super::FPS;
use super::read::Beat;

/// Joins beats until each can have at least a second.
pub(super) fn fit(mut beats: Vec<Beat>, frames: u32) -> Vec<Beat> {
    let room = (frames / FPS).max(1) as usize;
    while beats.len() > room {
        let weakest = (1..beats.len())
            .min_by_key(|&at| (beats[at].explicit, beats[at].words + beats[at - 1].words));
        let Some(at) = weakest else { break };
        let later = beats.remove(at);
        beats[at - 1].absorb(later);
    }
    beats
}

/// Divides the frames among the beats: by the prompt's own times, else by how much it says.
pub(super) fn frames(beats: &[Beat], total: u32) -> Vec<u32> {
    let count = beats.len().max(1) as f32;
    let given: f32 = beats.iter().filter_map(|beat| beat.seconds).sum();
    let open = beats.iter().filter(|beat| beat.seconds.is_none()).count() as f32;
    let total_seconds = total as f32 / FPS as f32;
    let left = (total_seconds - given).max(open * (total_seconds / count) * 0.5);
    let said: f32 =
        beats.iter().filter(|beat| beat.seconds.is_none()).map(Beat::weight).sum::<f32>().max(1.0);
    let wishes: Vec<f32> = beats
        .iter()
        .map(|beat| beat.seconds.unwrap_or_else(|| left * beat.weight() / said).max(0.01))
        .collect();
    share(&wishes, total)
}

/// Whole frames in proportion to the wishes, each at least a second when there is room.
fn share(wishes: &[f32], total: u32) -> Vec<u32> {
    let least = FPS.min(total / wishes.len().max(1) as u32).max(1);
    let spare = total.saturating_sub(least * wishes.len() as u32);
    let sum: f32 = wishes.iter().sum();
    let ideal = |wish: f32| (wish / sum * total as f32 - least as f32).max(0.0);
    let over: f32 = wishes.iter().map(|&wish| ideal(wish)).sum::<f32>().max(f32::EPSILON);
    let mut passed = 0.0;
    let mut given = 0;
    let mut shares: Vec<u32> = wishes
        .iter()
        .map(|&wish| {
            passed += ideal(wish) / over * spare as f32;
            let until = (passed.round() as u32).min(spare);
            let part = least + until.saturating_sub(given);
            given = given.max(until);
            part
        })
        .collect();
    let sum: u32 = shares.iter().sum();
    if let Some(last) = shares.last_mut() {
        *last = (*last + total).saturating_sub(sum).max(1);
    }
    shares
}
