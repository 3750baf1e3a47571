//! Real API servers for tests, started on loopback and ended with them. Of Nicety's own code it knows the reader of YAML, and how to be a controller.
//!
//! ```ignore
//! async fn a_network_gets_its_blocks() -> anyhow::Result<()> {
//!     let servers = Servers::start().await?;               // etcd and kube-apiserver, empty, in a temporary folder
//!     servers.install(&["deploy/crds", "deploy/base/rbac.yaml"]).await?; // manifests of the repository, as an operator applies them
//!     let proxy = Proxy::start(&servers).await?;           // faults and counts between a client and the server
//!     let controller = servers.service_account("nicety-system", "nicety-controller").await?; // its real token: what RBAC gives, no more
//!     let client = controller.via(&proxy).client().await?; // or `.kubeconfig(path)` for a program
//!     proxy.fault(Fault::answer(500).on(|seen| seen.writes()).times(3));
//!     until("the block is there", secs(10), async || Ok(count(&client).await? == 1)).await?;
//!     assert!(proxy.seen().iter().filter(|seen| seen.writes()).count() <= 10);
//!     Ok(())
//! }
//! ```
//!
//! - [`Servers`]: kube-apiserver 1.20 (or that of KUBEBUILDER_ASSETS) with etcd. It can be stopped, started again where it was, and its
//!   history compacted, so that a watch that resumes is told 410. With [`Servers::with_controllers`] also namespaces and owners are
//!   cleaned up, as kube-controller-manager does it.
//! - [`CrdServer`]: custom resources alone, as 1.36 serves them: CEL, defaults, pruning, server-side apply.
//! - [`Identity`]: somebody who calls: the administrator, a user with a certificate, a ServiceAccount with its token.
//! - [`Proxy`]: between a client and a server: cuts, storms, delays, lost answers; and a list of every request that passed.
//! - [`Fleet`]: nodes with NICs that are objects alone, by the thousand.
//! - [`Lab`]: all of that with our CRDs and rules, and controllers as processes that can be killed.
//! - [`Machine`]: a node with NICs in a network namespace, a real daemon, and pods that the plugin binary attaches.
//! - [`Outside`]: who comes out of the cluster, and with which address: a server that writes it down.
//! - [`Plugin`]: `kubectl nicety` of a user.
//! - [`Kubelet`]: a real one, with containerd, on a machine.
//! - [`until`]: waits for a state, never for an event.
//! - [`Suite`]: runs the tests of a binary one after the other; skips what this machine cannot run, which NICETY_REQUIRE=k8s forbids.
//!
//! A test is `async fn() -> anyhow::Result<()>` in a module below `tests/k8s/`, named in the list of `tests/k8s/main.rs`. One alone:
//! `cargo test -p nicety-tests-k8s --test k8s -- part-of-its-name`. Servers' logs are shown when a test fails. A server costs about
//! four seconds: one for each test, not for each assertion.

mod access;
mod apiserver;
mod crd_server;
mod etcd;
mod fleet;
mod folder;
mod install;
mod kubectl;
mod kubelet;
mod lab;
mod machine;
mod native;
mod outside;
mod pki;
mod process;
mod proxy;
mod relay;
mod space;
mod suite;
mod wait;

pub use access::{Identity, Serving};
pub use apiserver::Servers;
pub use crd_server::CrdServer;
pub use fleet::Fleet;
pub use folder::{missing, required};
pub use install::{apply, documents, manifests};
pub use kubectl::{Plugin, kubectl_instead};
pub use kubelet::{IMAGE, Kubelet, lacking};
pub use lab::{Block, Lab, MANIFESTS, controller_instead, objects, sound};
pub use machine::{CONTROL, Caller, Fabrics, Machine, Programs, Sandbox, lay_fabrics, reaches};
pub use native::Native;
pub use outside::{Heard, Outside, Talker};
pub use process::Process;
pub use proxy::{Fault, Proxy, Seen, Verb};
pub use relay::Relay;
pub use space::{enclosed, ip, ip_json, run};
pub use suite::{Suite, Test};
pub use wait::{secs, until};
