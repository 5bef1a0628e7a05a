//! Mounts handlers on paths.

use axum::{Router, routing::MethodRouter};

/// A router of the lab. The gateway describes its routes in an `OpenAPI` document; an emulator has none.
pub(crate) trait RouterExt<S> {
    /// Answers this path with these handlers.
    fn at(self, path: &str, handlers: MethodRouter<S>) -> Self;
}

impl<S: Clone + Send + Sync + 'static> RouterExt<S> for Router<S> {
    #[expect(clippy::disallowed_methods, reason = "emulators are not part of /openapi.json")]
    fn at(self, path: &str, handlers: MethodRouter<S>) -> Self {
        self.route(path, handlers)
    }
}
