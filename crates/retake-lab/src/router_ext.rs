//! Adds routes to a router.

use axum::{Router, routing::MethodRouter};

/// Routes without an `OpenAPI` description: the gateway describes its own, an emulator has none.
pub(crate) trait RouterExt<S> {
    /// Routes this path to these handlers.
    fn at(self, path: &str, handlers: MethodRouter<S>) -> Self;
}

impl<S: Clone + Send + Sync + 'static> RouterExt<S> for Router<S> {
    #[expect(clippy::disallowed_methods, reason = "emulators are not part of /openapi.json")]
    fn at(self, path: &str, handlers: MethodRouter<S>) -> Self {
        self.route(path, handlers)
    }
}
