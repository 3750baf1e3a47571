//! Who calls a server, and with what proof.

use std::path::{Path, PathBuf};

use anyhow::Context;
use http::Request;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::pki::{Authority, Pair};
use crate::proxy::Proxy;

/// Somebody who may call one server.
#[derive(Debug, Clone)]
pub struct Identity {
    name: String,
    url: String,
    authority: Option<PathBuf>,
    proof: Proof,
}

#[derive(Debug, Clone)]
enum Proof {
    Certificate(Pair),
    Token(String),
    Nothing,
}

/// A server that can be called: where it is, and whose certificate it shows.
pub trait Serving {
    fn url(&self) -> String;
    fn authority(&self) -> PathBuf;

    /// Somebody who shows nothing, as a proxy does that passes on what its own callers show.
    fn nobody(&self) -> Identity {
        Identity::of(self, "nobody", Proof::Nothing)
    }
}

impl Identity {
    fn of(server: &(impl Serving + ?Sized), name: &str, proof: Proof) -> Self {
        Self { name: name.to_owned(), url: server.url(), authority: Some(server.authority()), proof }
    }

    /// A user with a certificate of the server's own authority.
    pub(crate) fn certified(
        server: &impl Serving,
        authority: &Authority,
        user: &str,
        groups: &[&str],
    ) -> anyhow::Result<Self> {
        Ok(Self::of(server, user, Proof::Certificate(authority.client(user, groups)?)))
    }

    pub(crate) fn bearer(server: &impl Serving, name: &str, token: String) -> Self {
        Self::of(server, name, Proof::Token(token))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same one, who calls through a proxy. Only a token gets through: the proxy speaks plain HTTP on loopback.
    pub fn via(&self, proxy: &Proxy) -> Self {
        assert!(!matches!(self.proof, Proof::Certificate(_)), "a certificate does not pass through a proxy");
        Self { url: proxy.url(), authority: None, ..self.clone() }
    }

    /// What `kubectl` and every client library read.
    pub fn document(&self) -> Value {
        let mut cluster = json!({"server": self.url});
        if let (Some(path), Some(fields)) = (&self.authority, cluster.as_object_mut()) {
            fields.insert("certificate-authority".to_owned(), json!(path));
        }
        let user = match &self.proof {
            Proof::Certificate(pair) => json!({"client-certificate": pair.certificate, "client-key": pair.key}),
            Proof::Token(token) => json!({"token": token}),
            Proof::Nothing => json!({}),
        };
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": self.name, "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": self.name, "namespace": "default"}}],
        })
    }

    /// Writes that document for another program.
    pub fn kubeconfig(&self, path: &Path) -> anyhow::Result<()> {
        std::fs::write(path, serde_json::to_vec_pretty(&self.document())?)?;
        Ok(())
    }

    /// A client that never tries again by itself: tests see each fault.
    pub async fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::try_from(self.config().await?)?)
    }

    pub async fn config(&self) -> anyhow::Result<Config> {
        let read: Kubeconfig = serde_json::from_value(self.document())?;
        let mut config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
        config.default_retry = false;
        Ok(config)
    }
}

/// The token of a ServiceAccount, as a pod of it is given one; account and namespace are made if they are not there.
pub(crate) async fn service_account_token(client: &Client, namespace: &str, name: &str) -> anyhow::Result<String> {
    let (of_all, own) = (Api::<Namespace>::all(client.clone()), Api::namespaced(client.clone(), namespace));
    made(&of_all, json!({"metadata": {"name": namespace}})).await?;
    made::<ServiceAccount>(&own, json!({"metadata": {"name": name}})).await?;
    let asked = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 36_000, "audiences": []},
    });
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
    let request = Request::post(path).header("content-type", "application/json").body(serde_json::to_vec(&asked)?)?;
    let answer: Value = client.request(request).await?;
    Ok(answer.pointer("/status/token").and_then(Value::as_str).context("no token in the answer")?.to_owned())
}

/// Gives a ServiceAccount the rights of `rules`, as RBAC writes them, in all namespaces.
pub(crate) async fn grant(client: &Client, namespace: &str, name: &str, rules: Value) -> anyhow::Result<()> {
    let role = format!("{namespace}-{name}");
    made::<ClusterRole>(&Api::all(client.clone()), json!({"metadata": {"name": role}, "rules": rules})).await?;
    let binding = json!({
        "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": name}],
    });
    made::<ClusterRoleBinding>(&Api::all(client.clone()), binding).await
}

/// Creates an object unless there is one of its name.
async fn made<K>(api: &Api<K>, object: Value) -> anyhow::Result<()>
where
    K: kube::Resource + Clone + DeserializeOwned + serde::Serialize + std::fmt::Debug,
{
    match api.create(&PostParams::default(), &serde_json::from_value(object)?).await {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        other => Ok(other.map(|_| ())?),
    }
}
