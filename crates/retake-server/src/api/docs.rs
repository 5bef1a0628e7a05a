//! `/openapi.json` and `/docs`: the description of the API, for programs and for people.
//!
//! Both are made on the first request and kept. The page is finished HTML: it runs no script, fetches nothing
//! from anywhere, and its `Content-Security-Policy` holds it to that.

mod page;
mod schema;

use std::sync::{Arc, OnceLock};

use axum::{
    Extension,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, header};
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("docs/style.css");

/// The description in both forms, once somebody has asked.
#[derive(Clone, Default)]
pub(super) struct Papers(Arc<OnceLock<Paper>>);

#[derive(Debug)]
struct Paper {
    openapi: Bytes,
    page: Bytes,
    policy: String,
}

impl Papers {
    fn read(&self) -> &Paper {
        self.0.get_or_init(|| {
            let described = super::document();
            Paper {
                openapi: Bytes::from(described.to_string()),
                page: Bytes::from(page::render(&described, STYLE)),
                policy: policy(STYLE),
            }
        })
    }
}

/// Nothing is allowed but the style that stands in the page.
fn policy(style: &str) -> String {
    let digest = STANDARD.encode(Sha256::digest(style));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// Describes the API
///
/// In OpenAPI 3.1: every route, its parameters, what it takes and answers, and its errors.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "gateway",
    security(()),
    responses((status = 200, description = "The description.", body = Object)),
)]
pub(super) async fn openapi(Extension(papers): Extension<Papers>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (headers, papers.read().openapi.clone()).into_response()
}

/// Shows the description of the API to people
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "docs",
    tag = "gateway",
    security(()),
    responses((status = 200, description = "A page.", body = String, content_type = "text/html; charset=utf-8")),
)]
pub(super) async fn docs(Extension(papers): Extension<Papers>) -> Response {
    let Paper { page, policy, .. } = papers.read();
    let headers: [(HeaderName, &str); 4] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, page.clone()).into_response()
}
