//! Credentials for Vertex AI: an access token as it is, or a service account that gets one.
//!
//! A service account signs a statement about itself (a JWT, RS256) and exchanges it for an access token, which lives
//! for about an hour. The token is kept, renewed five minutes before its end, and once more when it is refused.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    signal::Stage,
};
use ring::{rand::SystemRandom, signature};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value as Json, json};

use super::fault;
use crate::{
    Flow, SettingsError,
    call::{Answer, Body, Call, Effect, Value},
    response,
};

/// What the token may be used for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How the exchange is called.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long a signed statement holds; Google takes no longer ones.
const STATEMENT_LASTS: i64 = 3600;
/// A token is renewed this long before its end.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// What an account signs its calls with.
pub(super) struct Credentials {
    key: Key,
    token: Mutex<Option<Token>>,
}

enum Key {
    Token(SecretString),
    Service(Box<ServiceAccount>),
}

struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    token_uri: String,
    pair: signature::RsaKeyPair,
}

struct Token {
    secret: SecretString,
    until: Timestamp,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Credentials {
    /// Reads a key: the JSON of a service account, else an access token.
    pub(super) fn new(key: &SecretString) -> Result<Arc<Self>, SettingsError> {
        let text = key.expose_secret().trim();
        let key = if text.starts_with('{') {
            Key::Service(Box::new(ServiceAccount::read(text)?))
        } else {
            Key::Token(text.into())
        };
        Ok(Arc::new(Self { key, token: Mutex::new(None) }))
    }

    /// Sends a call with a token. One that is refused although it should hold is renewed, once; a call that
    /// was refused for its token has changed nothing.
    ///
    /// `then` is told the fault when there is no token; the call was not sent in that case.
    pub(super) fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        now: Timestamp,
        call: Call,
        then: impl FnOnce(Result<Answer, Fault>) -> Flow<T> + Send + 'static,
    ) -> Flow<T> {
        let own = Arc::clone(self);
        self.bearer(now).and_then(move |bearer| match bearer {
            Err(fault) => then(Err(fault)),
            Ok(bearer) => Flow::ask(signed(call.clone(), bearer), move |answer| {
                own.retried(now, call, answer, then)
            }),
        })
    }

    fn retried<T: Send + 'static>(
        self: Arc<Self>,
        now: Timestamp,
        call: Call,
        answer: Answer,
        then: impl FnOnce(Result<Answer, Fault>) -> Flow<T> + Send + 'static,
    ) -> Flow<T> {
        let is_refused =
            answer.as_ref().is_ok_and(|reply| reply.status == StatusCode::UNAUTHORIZED);
        if !is_refused || !matches!(self.key, Key::Service(_)) {
            return then(Ok(answer));
        }
        self.forget();
        self.bearer(now).and_then(|bearer| match bearer {
            Err(fault) => then(Err(fault)),
            Ok(bearer) => Flow::ask(signed(call, bearer), |answer| then(Ok(answer))),
        })
    }

    /// The value for the `authorization` header.
    pub(super) fn bearer(self: &Arc<Self>, now: Timestamp) -> Flow<Result<Value, Fault>> {
        let account = match &self.key {
            Key::Token(token) => return Flow::Done(Ok(Value::credentials("Bearer", token))),
            Key::Service(account) => account,
        };
        if let Some(token) = self.kept().as_ref().filter(|token| now < token.until) {
            return Flow::Done(Ok(Value::credentials("Bearer", &token.secret)));
        }
        let call = match account.exchange(now) {
            Ok(call) => call,
            Err(fault) => return Flow::Done(Err(fault)),
        };
        let own = Arc::clone(self);
        Flow::once(call, move |answer| own.keep(answer))
    }

    /// Lets go of the token, because it was refused.
    pub(super) fn forget(&self) {
        *self.kept() = None;
    }

    fn keep(&self, answer: Answer) -> Result<Value, Fault> {
        let reply = answer.map_err(|problem| response::silence(&problem))?;
        let body = reply.json().unwrap_or_default();
        let told = response::text(&body, "/access_token").filter(|_| reply.status.is_success());
        let Some(token) = told else { return Err(refusal(&reply, &body)) };
        let lasts = response::number(&body, "/expires_in").unwrap_or(0.0).clamp(0.0, 86_400.0);
        let lasts = SignedDuration::try_from_secs_f64(lasts).unwrap_or_default();
        let secret = SecretString::from(token);
        let value = Value::credentials("Bearer", &secret);
        *self.kept() = Some(Token { secret, until: reply.at + (lasts - AHEAD.min(lasts / 2)) });
        Ok(value)
    }

    fn kept(&self) -> MutexGuard<'_, Option<Token>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signed(call: Call, bearer: Value) -> Call {
    call.header("authorization", bearer)
}

/// Why there is no token: OAuth's own words first.
fn refusal(reply: &crate::Reply, body: &Json) -> Fault {
    let Some(word) = response::text(body, "/error") else {
        return if reply.status.is_success() {
            response::unexpected(reply, "the answer to the sign-in has no token")
        } else {
            fault::of(reply, Stage::Account)
        };
    };
    let kind = match word {
        "temporarily_unavailable" => FaultKind::Overloaded,
        "server_error" | "internal_failure" => FaultKind::Runtime,
        _ => FaultKind::Auth,
    };
    let more = response::text(body, "/error_description").unwrap_or("no more is said");
    let message = format!("the service account was not let in: {}", response::quoted(more));
    Fault::new(kind, FaultSource::Provider, message).with_code(response::quoted(word))
}

impl ServiceAccount {
    fn read(text: &str) -> Result<Self, SettingsError> {
        let json: Json = serde_json::from_str(text)
            .map_err(|error| unusable(format!("it begins like JSON and is none: {error}")))?;
        let kind = response::text(&json, "/type").unwrap_or("nothing");
        if kind != "service_account" {
            let why = format!(
                "its `type` is `{kind}`; give the key file of a `service_account`, or an access token"
            );
            return Err(unusable(why));
        }
        let field = |name: &str| {
            let found = response::text(&json, &format!("/{name}")).map(str::to_owned);
            found.ok_or_else(|| unusable(format!("the service account has no `{name}`")))
        };
        Ok(Self {
            email: field("client_email")?,
            key_id: field("private_key_id").ok(),
            token_uri: field("token_uri")
                .unwrap_or_else(|_| "https://oauth2.googleapis.com/token".to_owned()),
            pair: key_pair(&field("private_key")?)?,
        })
    }

    /// The call that gets a token. It may be sent again: another token does no harm.
    fn exchange(&self, now: Timestamp) -> Result<Call, Fault> {
        let statement = self.statement(now)?;
        let fields = vec![("grant_type", GRANT.to_owned()), ("assertion", statement)];
        let mut call = Call::get(self.token_uri.as_str()).body(Body::Urlencoded(fields));
        call.method = http::Method::POST;
        call.effect = Effect::Asks;
        Ok(call)
    }

    /// The signed statement.
    fn statement(&self, now: Timestamp) -> Result<String, Fault> {
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(id) = &self.key_id {
            header["kid"] = id.as_str().into();
        }
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": now.as_second(),
            "exp": now.as_second() + STATEMENT_LASTS,
        });
        let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let said = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(
                &signature::RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                said.as_bytes(),
                &mut signature,
            )
            .map_err(|_| {
                let message = "the key of the service account cannot sign";
                Fault::new(FaultKind::Auth, FaultSource::Gateway, message)
            })?;
        Ok(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Reads a private key in PEM, PKCS #8 or the older form.
fn key_pair(pem: &str) -> Result<signature::RsaKeyPair, SettingsError> {
    let body: String =
        pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD
        .decode(body)
        .map_err(|_| unusable("`private_key` of the service account is no PEM".to_owned()))?;
    signature::RsaKeyPair::from_pkcs8(&der)
        .or_else(|_| signature::RsaKeyPair::from_der(&der))
        .map_err(|error| unusable(format!("`private_key` of the service account: {error}")))
}

fn unusable(why: String) -> SettingsError {
    SettingsError::Unusable { option: "api_key", why }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::testing::{NOON, hold, json as answer, reply};

    /// Made for these tests and used for nothing else.
    const KEY: &[u8] = include_bytes!("../../fixtures/google/a-key-made-for-tests.pk8");

    fn pem() -> String {
        let kind = "PRIVATE KEY";
        let text = base64::engine::general_purpose::STANDARD.encode(KEY);
        format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n")
    }

    /// The key of the tests.
    pub(in crate::google) fn a_pair() -> signature::RsaKeyPair {
        key_pair(&pem()).unwrap()
    }

    /// A service account as its key file says.
    pub(in crate::google) fn an_account() -> SecretString {
        let file = json!({
            "type": "service_account",
            "project_id": "a-project",
            "private_key_id": "key-1",
            "private_key": pem(),
            "client_email": "retake@a-project.iam.gserviceaccount.com",
            "token_uri": "https://oauth2.googleapis.com/token",
        });
        file.to_string().into()
    }

    /// The answer that gives a token for an hour.
    pub(in crate::google) fn a_token(name: &str) -> Answer {
        answer(200, &json!({ "access_token": name, "expires_in": 3599, "token_type": "Bearer" }))
    }

    fn credentials() -> Arc<Credentials> {
        Credentials::new(&an_account()).unwrap()
    }

    fn asked(own: &Arc<Credentials>, at: Timestamp) -> Flow<Result<Answer, Fault>> {
        own.ask(at, Call::get("https://a.example.com/"), Flow::Done)
    }

    #[test]
    fn a_statement_is_signed_by_the_accounts_key() {
        let Key::Service(account) = &credentials().key else { panic!("a service account") };

        let statement = account.statement(NOON).unwrap();

        let (said, signature) = statement.rsplit_once('.').unwrap();
        let parts = signature::RsaPublicKeyComponents::<Vec<u8>>::from(account.pair.public());
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        parts.verify(&signature::RSA_PKCS1_2048_8192_SHA256, said.as_bytes(), &signature).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(said.split('.').nth(1).unwrap()).unwrap();
        let claims: Json = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
        assert_eq!(claims["aud"], "https://oauth2.googleapis.com/token");
    }

    #[test]
    fn a_token_is_kept_until_five_minutes_before_its_end() {
        let own = credentials();

        let (calls, _) = hold(asked(&own, NOON), [a_token("t1"), reply(200, &[], "")]);
        assert_eq!(calls.len(), 2);

        let (calls, _) =
            hold(asked(&own, NOON + SignedDuration::from_mins(54)), [reply(200, &[], "")]);
        assert_eq!(calls.len(), 1);

        let late = NOON + SignedDuration::from_mins(55);
        let (calls, _) = hold(asked(&own, late), [a_token("t2"), reply(200, &[], "")]);
        assert_eq!(calls.len(), 2);
    }

    #[test]
    fn a_refused_token_is_renewed_once() {
        let own = credentials();
        let answers = [a_token("t1"), reply(401, &[], ""), a_token("t2"), reply(401, &[], "")];

        let (calls, end) = hold(asked(&own, NOON), answers);

        assert_eq!(calls.len(), 4);
        assert_eq!(end.unwrap().unwrap().status, StatusCode::UNAUTHORIZED);
    }

    #[test]
    fn an_account_that_is_not_let_in_is_told_in_oauths_words() {
        let refusal =
            json!({ "error": "invalid_grant", "error_description": "Invalid JWT Signature." });

        let (_, end) = hold(asked(&credentials(), NOON), [answer(400, &refusal)]);

        let fault = end.unwrap_err();
        assert_eq!((fault.kind, fault.code.as_deref()), (FaultKind::Auth, Some("invalid_grant")));
    }

    #[test]
    fn another_kind_of_key_file_is_refused_with_the_way_out() {
        let problem = Credentials::new(&r#"{"type":"authorized_user"}"#.into()).unwrap_err();

        assert!(problem.to_string().contains("`service_account`"), "{problem}");
        assert!(Credentials::new(&"{".into()).is_err());
    }

    #[test]
    fn a_plain_token_is_sent_as_it_is() {
        let own = Credentials::new(&"ya29.of-nobody".into()).unwrap();

        let (calls, _) = hold(asked(&own, NOON), [reply(401, &[], "")]);

        assert_eq!(calls.len(), 1);
    }
}
