//! What a request asks for, read from its method and path as the API server does it.

use std::time::Instant;

use http::{Method, Request};

/// One request that came to a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub at: Instant,
    pub verb: Verb,
    /// Empty for the core group and for what is no resource.
    pub group: String,
    /// Plural, such as `pods`; a path such as `/readyz` when it is no resource.
    pub resource: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub subresource: Option<String>,
    pub query: String,
    pub agent: String,
    /// Of the answer; none as long as there is none, and for those that were cut.
    pub status: Option<u16>,
}

/// As RBAC names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

impl Seen {
    /// Whether it changes something. Questions that are asked by POST (reviews, tokens) count as well; there are few.
    pub fn writes(&self) -> bool {
        !matches!(self.verb, Verb::Get | Verb::List | Verb::Watch)
    }

    pub fn is(&self, verb: Verb, resource: &str) -> bool {
        self.verb == verb && self.resource == resource
    }

    /// `create ipblocks`, `patch nodes/status`: for maps and messages.
    pub fn what(&self) -> String {
        let verb = format!("{:?}", self.verb).to_lowercase();
        let part = self.subresource.as_deref().map(|part| format!("/{part}")).unwrap_or_default();
        format!("{verb} {}{part}", self.resource)
    }

    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let path = request.uri().path();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let agent = request.headers().get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
        let place = Place::of(path);
        let watches = query.split('&').any(|part| part == "watch=true" || part == "watch=1");
        let verb = match (request.method(), place.name.is_some()) {
            (&Method::GET | &Method::HEAD, _) if watches => Verb::Watch,
            (&Method::GET | &Method::HEAD, false) if !place.group_version.is_empty() => Verb::List,
            (&Method::POST, _) => Verb::Create,
            (&Method::PUT, _) => Verb::Update,
            (&Method::PATCH, _) => Verb::Patch,
            (&Method::DELETE, true) => Verb::Delete,
            (&Method::DELETE, false) => Verb::DeleteCollection,
            _ => Verb::Get,
        };
        let group = place.group_version.split_once('/').map(|(group, _)| group).unwrap_or_default();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            at: Instant::now(),
            verb,
            group: group.to_owned(),
            resource: place.resource.to_owned(),
            namespace: owned(place.namespace),
            name: owned(place.name),
            subresource: owned(place.subresource),
            query,
            agent: agent.unwrap_or_default().to_owned(),
            status: None,
        }
    }
}

#[derive(Debug, Default)]
struct Place<'a> {
    group_version: String,
    resource: &'a str,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
    subresource: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group_version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ((*version).to_owned(), rest),
            ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
            _ => return Self { resource: path, ..Self::default() },
        };
        let (namespace, rest) = match rest {
            // `namespaces/NAME` and its own two subresources are the Namespace itself.
            ["namespaces", namespace, rest @ ..] if !matches!(rest, [] | ["status" | "finalize"]) => {
                (Some(*namespace), rest)
            }
            rest => (None, rest),
        };
        match rest {
            [resource, more @ ..] => Self {
                group_version,
                resource,
                namespace,
                name: more.first().copied(),
                subresource: more.get(1).copied(),
            },
            [] => Self { resource: path, ..Self::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, uri: &str, expected: &str, named: (Option<&str>, Option<&str>)) {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        let seen = Seen::of(&request);
        assert_eq!(seen.what(), expected, "{uri}");
        assert_eq!((seen.namespace.as_deref(), seen.name.as_deref()), named, "{uri}");
    }

    #[test]
    fn requests_are_named_as_rbac_names_them() {
        check(Method::GET, "/api/v1/pods?fieldSelector=spec.nodeName%3Da&watch=true", "watch pods", (None, None));
        check(Method::GET, "/apis/nicety.dev/v1alpha1/ipblocks", "list ipblocks", (None, None));
        check(Method::PATCH, "/api/v1/namespaces/a/pods/b/status", "patch pods/status", (Some("a"), Some("b")));
        check(Method::GET, "/api/v1/namespaces/a", "get namespaces", (None, Some("a")));
        check(Method::PUT, "/api/v1/namespaces/a/finalize", "update namespaces/finalize", (None, Some("a")));
        check(Method::POST, "/api/v1/namespaces/a/events", "create events", (Some("a"), None));
        check(Method::DELETE, "/apis/nicety.dev/v1alpha1/networks", "deletecollection networks", (None, None));
        check(Method::GET, "/readyz", "get /readyz", (None, None));
        check(Method::GET, "/apis/nicety.dev/v1alpha1", "get /apis/nicety.dev/v1alpha1", (None, None));
    }
}
