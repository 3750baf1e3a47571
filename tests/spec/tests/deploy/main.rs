//! What `deploy/` promises: every manifest can be read, and nothing in it has more rights than it needs. How the manifests fare with a
//! real API server is the suite of `tests/k8s`; that the Helm chart says the same is `tests/helm`.

mod manifests;
mod monitoring;
mod pods;
mod rights;
