//! The gateway: front desk, intake, scheduler, collector, and its settings.

mod accounts;
mod api;
mod assets;
pub mod clock;
mod collector;
pub mod config;
pub mod data_dir;
mod gateway;
mod intake;
mod scheduler;
mod tasks;
mod videos;

pub use api::CODES;
pub use gateway::{Gateway, StartError, Work};
