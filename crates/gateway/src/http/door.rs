//! The way in: finds who answers a path.
//!
//! Nearly every request comes by a path that says all, such as `POST /v1/chat/completions`: those stand in a list. A router
//! takes the others apart; on its way through one a request is boxed, cloned for and written to.

use std::sync::Arc;

use axum::{Router, extract::Request};
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, header};
use tower::ServiceExt;

use super::{
    Answer, Surface,
    error::{method_not_allowed, not_found},
    serve,
};
use crate::Gateway;

/// Paths of the data plane, as the files of this folder declare them.
#[derive(Default)]
pub(super) struct Paths {
    /// Those that say the surface. They are asked by POST.
    fixed: Vec<(&'static str, Surface)>,
    /// Those of which a part varies, or which take other methods.
    others: Router<Arc<Gateway>>,
}

/// The path of a surface.
pub(super) fn path(path: &'static str, surface: Surface) -> Paths {
    Paths { fixed: vec![(path, surface)], others: Router::new() }
}

impl Paths {
    /// These and more.
    pub fn and(mut self, more: impl Into<Self>) -> Self {
        let more = more.into();
        self.fixed.extend(more.fixed);
        self.others = self.others.merge(more.others);
        self
    }

    /// What answers at them.
    pub fn open(self, gw: Arc<Gateway>) -> Door {
        let others = self.others.fallback(not_found).method_not_allowed_fallback(method_not_allowed);
        Door { router: others.with_state(gw.clone()), fixed: Some(Arc::new(Fixed { gw, paths: self.fixed })) }
    }
}

impl From<Router<Arc<Gateway>>> for Paths {
    fn from(others: Router<Arc<Gateway>>) -> Self {
        Self { fixed: Vec::new(), others }
    }
}

/// What answers the requests of a listener. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    fixed: Option<Arc<Fixed>>,
    router: Router,
}

struct Fixed {
    gw: Arc<Gateway>,
    paths: Vec<(&'static str, Surface)>,
}

impl Door {
    /// Answers at the paths of `router` too.
    #[must_use]
    pub fn merge(mut self, router: Router) -> Self {
        self.router = self.router.merge(router);
        self
    }

    /// Answers a request. What that takes lives in a place of its own: a connection that is idle holds none of it.
    pub fn answer(&self, request: Request) -> BoxFuture<'_, Answer> {
        match self.surface(request.uri().path()) {
            Some((gw, surface)) if request.method() == Method::POST => Box::pin(serve(gw, surface, request)),
            Some(_) => Box::pin(async {
                let mut answer = method_not_allowed(request).await;
                answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
                answer
            }),
            None => Box::pin(async {
                match self.router.clone().oneshot(request).await {
                    Ok(answer) => answer,
                    Err(never) => match never {},
                }
            }),
        }
    }

    /// The surface that a path says.
    fn surface(&self, path: &str) -> Option<(&Arc<Gateway>, Surface)> {
        let Fixed { gw, paths } = self.fixed.as_deref()?;
        paths.iter().find(|(known, _)| *known == path).map(|(_, surface)| (gw, *surface))
    }
}

impl From<Router> for Door {
    fn from(router: Router) -> Self {
        Self { fixed: None, router }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_path_says_one_surface() {
        let paths = super::super::paths();
        let fixed: HashMap<_, _> = paths.fixed.iter().copied().collect();
        assert_eq!(fixed.len(), paths.fixed.len(), "a path is declared twice");
        assert_eq!(fixed.get("/v1/messages"), Some(&Surface::Messages));
        assert!(fixed.keys().all(|path| !path.contains('{')), "a path with a variable part is the router's");
    }
}
