//! `retake keys`: who may use a gateway.

use retake_server::{Work, config::Retention};
use serde_json::{Value, json};

use crate::{
    exit::{Exit, Failure},
    session::{Context, Session},
    table::table,
};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Keys {
    /// Make a key; it is shown once
    Create {
        /// What it is for
        name: String,
        /// Let it manage keys and see everybody's videos
        #[arg(long)]
        admin: bool,
        /// Videos it may have queued or rendering at once
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        max_open: Option<u32>,
        /// How long it works, for example 30d
        #[arg(long, value_name = "DURATION")]
        expires_in: Option<String>,
    },
    /// List the keys there are
    List,
    /// Take keys out of use; their videos stay
    Revoke {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

pub(crate) async fn run(context: &Context, command: Keys) -> Result<(), Failure> {
    let command = Wish::checked(command)?;
    let session = Session::open(context, Work::Paused).await?;
    let outcome = act(context, &session, command).await;
    session.close().await;
    outcome
}

/// What is wished, found to make sense before anything is started.
enum Wish {
    Create(Value),
    List,
    Revoke(Vec<String>),
}

impl Wish {
    fn checked(command: Keys) -> Result<Self, Failure> {
        Ok(match command {
            Keys::List => Self::List,
            Keys::Revoke { ids } => Self::Revoke(ids),
            Keys::Create { name, admin, max_open, expires_in } => {
                let expires_in_s = expires_in.as_deref().map(seconds).transpose()?;
                Self::Create(json!({
                    "name": name,
                    "admin": admin,
                    "max_open": max_open,
                    "expires_in_s": expires_in_s,
                }))
            }
        })
    }
}

fn seconds(text: &str) -> Result<u32, Failure> {
    let refuse = || {
        Failure::new(Exit::BadInput, format!("`{text}` is no time for a key to work"))
            .hint("write a duration such as 12h or 30d")
    };
    match text.parse() {
        Ok(Retention::For(time)) => {
            u32::try_from(time.as_secs()).ok().filter(|seconds| *seconds > 0).ok_or_else(refuse)
        }
        _ => Err(refuse()),
    }
}

async fn act(context: &Context, session: &Session, wish: Wish) -> Result<(), Failure> {
    let (gateway, printer) = (session.gateway(), context.printer);
    match wish {
        Wish::Create(body) => {
            let key = gateway.post(&["retake", "v1", "keys"], &body).await?;
            if printer.json {
                return printer.json(&key);
            }
            for warning in key["warnings"].as_array().into_iter().flatten() {
                printer.say(&format!("warning: {}", warning.as_str().unwrap_or_default()));
            }
            printer.say("keep this key; it cannot be shown again:");
            printer.data(key["key"].as_str().unwrap_or_default())
        }
        Wish::List => {
            let keys = gateway.get(&["retake", "v1", "keys"]).await?;
            if printer.json {
                return printer.json(&keys);
            }
            let rows: Vec<_> = keys["data"].as_array().into_iter().flatten().map(row).collect();
            printer.data(&table(["ID", "NAME", "KEY", "SCOPE", "MOST AT ONCE", "STATE"], &rows))
        }
        Wish::Revoke(ids) => {
            let mut revoked = Vec::new();
            for id in &ids {
                let key = gateway.delete_at(&["retake", "v1", "keys", id]).await?;
                printer.say(&format!("revoked {id}"));
                revoked.push(key);
            }
            if printer.json { printer.json(&json!({ "revoked": revoked })) } else { Ok(()) }
        }
    }
}

fn row(key: &Value) -> [String; 6] {
    let text = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
    let state = match (key["revoked_at"].is_null(), key["expires_at"].as_i64()) {
        (false, _) => "revoked".to_owned(),
        (true, None) => "works".to_owned(),
        (true, Some(until)) => match jiff::Timestamp::from_second(until) {
            Ok(until) => format!("until {until}"),
            Err(_) => String::new(),
        },
    };
    [
        text("id"),
        text("name"),
        format!("…{}", text("hint")),
        if key["admin"] == true { "admin" } else { "own videos" }.to_owned(),
        key["max_open"].as_u64().map_or("no limit".to_owned(), |most| most.to_string()),
        state,
    ]
}
