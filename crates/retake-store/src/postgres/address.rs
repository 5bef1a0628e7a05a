//! Where the database is: its URL, read into settings, and a name for it that holds no password.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

use crate::error::StoreError;

/// The port of a URL that names none.
const PORT: u16 = 5432;

/// Where the database is and how it is reached.
pub(super) struct Address {
    /// What the driver is to know.
    pub(super) config: Config,
    /// Whom to trust when the connection is encrypted.
    pub(super) tls: Tls,
    /// The address as it is shown.
    pub(super) name: String,
}

/// How far a connection is encrypted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// Not at all.
    Off,
    /// With a certificate that an authority of the operating system signed.
    System,
    /// With a certificate that an authority of this file signed.
    File(PathBuf),
}

impl Address {
    /// Reads a URL. What it says of TLS is read here; everything else is the driver's.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(bad("it does not begin with postgres://"));
        }
        let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
        let (tls, others) = tls(parameters)?;
        let mut config: Config =
            format!("{place}?{others}").parse().map_err(|error| bad(&because(&error)))?;
        let name = shown(&config)?;
        config.ssl_mode(if tls == Tls::Off { SslMode::Disable } else { SslMode::Require });
        if config.get_application_name().is_none() {
            config.application_name("retake");
        }
        Ok(Self { config, tls, name })
    }
}

fn bad(problem: &str) -> StoreError {
    StoreError::BadUrl { problem: problem.to_owned() }
}

/// What the driver says, which names the parameter and never its value.
fn because(error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), ToString::to_string)
}

/// Takes out what concerns TLS: the driver knows fewer words for it than `libpq`.
fn tls(parameters: &str) -> Result<(Tls, String), StoreError> {
    let (mut mode, mut file, mut others) = (None, None, Vec::new());
    for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
        let decoded = |value| percent_decode_str(value).decode_utf8_lossy().into_owned();
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = Some(decoded(value)),
            Some(("sslrootcert", value)) => file = Some(PathBuf::from(decoded(value))),
            _ => others.push(pair),
        }
    }
    let trusted = match (mode.as_deref(), file) {
        (Some("disable"), _) | (None | Some("prefer" | "allow"), None) => Tls::Off,
        (Some("require" | "verify-ca" | "verify-full"), None) => Tls::System,
        (None | Some("prefer" | "allow" | "require" | "verify-ca" | "verify-full"), Some(file)) => {
            Tls::File(file)
        }
        (Some(_), _) => return Err(bad("sslmode is `disable`, `require` or `verify-full`")),
    };
    Ok((trusted, others.join("&")))
}

fn shown(config: &Config) -> Result<String, StoreError> {
    let ports = config.get_ports();
    let mut hosts = Vec::new();
    for (place, host) in config.get_hosts().iter().enumerate() {
        let port = ports.get(place).or(ports.first()).copied().unwrap_or(PORT);
        hosts.push(match host {
            // A password with a bare `@` reads as a part of the host, which would be shown.
            Host::Tcp(name)
                if name.contains(['@', ':']) && name.parse::<std::net::Ipv6Addr>().is_err() =>
            {
                return Err(bad(
                    "write an `@` in the user or the password as %40, and a `:` as %3A",
                ));
            }
            Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        });
    }
    if hosts.is_empty() {
        return Err(bad("it names no host"));
    }
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let database = config.get_dbname().map(|name| format!("/{name}")).unwrap_or_default();
    Ok(format!("postgres://{user}{}{database}", hosts.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(url: &str) -> String {
        Address::parse(url).unwrap().name
    }

    fn refusal(url: &str) -> String {
        Address::parse(url).err().unwrap().to_string()
    }

    #[test]
    fn an_address_is_shown_without_its_password_and_parameters() {
        assert_eq!(
            name("postgres://retake:s3cret@db.example:6000/jobs?options=-c%20search_path%3Dx"),
            "postgres://retake@db.example:6000/jobs"
        );
        assert_eq!(name("postgresql://[::1]/jobs"), "postgres://::1:5432/jobs");
        assert_eq!(name("postgres://a,b:7/x"), "postgres://a:5432,b:7/x");
        assert_eq!(name("postgres://me@%2Frun%2Fpg/jobs"), "postgres://me@/run/pg/jobs");
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_with_the_reason() {
        for (url, reason) in [
            ("mysql://db/jobs", "does not begin with postgres://"),
            ("host=db user=retake", "does not begin with postgres://"),
            ("postgres:///jobs", "names no host"),
            ("postgres://db:port/jobs", "`port`"),
            ("postgres://db/jobs?colour=red", "unknown option `colour`"),
            ("postgres://db/jobs?sslmode=maybe", "sslmode is"),
            ("postgres://me:p@ss@db/jobs", "%40"),
        ] {
            let message = refusal(url);
            assert!(message.contains(reason), "{url}: {message}");
            assert!(message.contains("postgres://USER:PASSWORD@HOST"), "{message}");
        }
    }

    #[test]
    fn no_refusal_tells_the_password() {
        for url in [
            "postgres://me:hunter2@db:port/jobs",
            "postgres://me:hunt@hunter2@db/jobs",
            "postgres://me:hunter2@db/jobs?sslmode=hunter2",
            "postgres://me:hunter2@db/jobs?port=hunter2",
            "mysql://me:hunter2@db/jobs",
        ] {
            assert!(!refusal(url).contains("hunter2"), "{url}");
        }
    }

    #[test]
    fn tls_is_verified_or_off() {
        for (parameters, expected) in [
            ("", Tls::Off),
            ("sslmode=disable", Tls::Off),
            ("sslmode=prefer", Tls::Off),
            ("sslmode=require", Tls::System),
            ("sslmode=verify-full&connect_timeout=3", Tls::System),
            ("sslrootcert=%2Fetc%2Fca.pem", Tls::File("/etc/ca.pem".into())),
            ("sslmode=verify-ca&sslrootcert=ca.pem", Tls::File("ca.pem".into())),
        ] {
            let address = Address::parse(&format!("postgres://db/jobs?{parameters}")).unwrap();
            assert_eq!(address.tls, expected, "{parameters}");
            let mode = if expected == Tls::Off { SslMode::Disable } else { SslMode::Require };
            assert_eq!(address.config.get_ssl_mode(), mode);
        }
    }
}
