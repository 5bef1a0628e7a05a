//! The gateway: front desk, intake, scheduler, collector, and its settings.

mod accounts;
mod api;
mod assets;
pub mod backup;
mod characters;
pub mod clock;
mod collector;
pub mod config;
pub mod data_dir;
mod gateway;
mod hooks;
mod intake;
mod keys;
mod known;
mod listener;
pub mod moving;
mod news;
mod notifier;
mod outside;
mod scheduler;
mod shares;
mod signing;
mod store;
mod survey;
mod tasks;
mod uploads;
mod videos;
mod vitals;
mod webhooks;

pub use api::{CODES, document as openapi};
pub use assets::{Copied, CopyError};
pub use gateway::{Gateway, StartError, Work};
pub use known::known_markdown;
pub use retake_store::StoreError;
pub use store::{DATABASE_URL, Store};
pub use survey::{Seen, Trouble, survey};
