//! kube-apiserver with etcd, on loopback and alone: pods, nodes, leases, RBAC, watches and whatever CRDs a test installs.

use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use serde_json::Value;
use tempfile::TempDir;

use crate::access::{Identity, Serving, grant, service_account_token};
use crate::etcd::{Etcd, free_port};
use crate::folder::program;
use crate::install::{apply, manifests};
use crate::pki::{Authority, Pair};
use crate::process::Process;
use crate::wait::answers;

/// The administrator's token; who reads it can reach loopback already.
const ADMINISTRATOR: &str = "of-the-administrator";

/// One cluster without nodes.
#[derive(Debug)]
pub struct Servers {
    // Dropped from first to last: who asks goes before who answers.
    controllers: Option<Process>,
    apiserver: Option<Process>,
    etcd: Etcd,
    serving: Pair,
    authority: Authority,
    port: u16,
    folder: TempDir,
}

impl Servers {
    /// An empty cluster that answers. Namespaces stay as they are when deleted, and owners take nothing along: see
    /// [`Servers::with_controllers`].
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let authority = Authority::new(folder.path())?;
        let serving = authority.server()?;
        let etcd = Etcd::start(folder.path()).await?;
        std::fs::write(folder.path().join("tokens.csv"), format!("{ADMINISTRATOR},admin,admin,\"system:masters\"\n"))?;
        let port = free_port()?;
        let mut servers = Self { controllers: None, apiserver: None, etcd, serving, authority, port, folder };
        servers.resume().await?;
        Ok(servers)
    }

    /// With the controllers that end namespaces and delete what has no owner any more.
    pub async fn with_controllers() -> anyhow::Result<Self> {
        let mut servers = Self::start().await?;
        let kubeconfig = servers.path("controllers.kubeconfig");
        servers.admin().kubeconfig(&kubeconfig)?;
        let arguments = [
            format!("--kubeconfig={}", kubeconfig.display()),
            "--controllers=namespace,garbagecollector,podgc".to_owned(),
            "--leader-elect=false".to_owned(),
            "--bind-address=127.0.0.1".to_owned(),
            "--port=0".to_owned(),
            "--secure-port=0".to_owned(),
        ];
        let program = program("kube-controller-manager")?;
        servers.controllers = Some(Process::start(&program, arguments, [], &servers.path("controllers.log"))?);
        Ok(servers)
    }

    /// Starts the API server again where it was, with what etcd has kept.
    pub async fn resume(&mut self) -> anyhow::Result<()> {
        let client = self.client().await?;
        let process = Process::start(&program("kube-apiserver")?, self.arguments(), [], &self.path("apiserver.log"))?;
        let process = self.apiserver.insert(process);
        answers(process, "kube-apiserver is ready", async || {
            let ready = client.request_text(http::Request::get("/readyz").body(Vec::new())?).await? == "ok";
            // The first namespaces are made a moment later.
            Ok(ready && Api::<Namespace>::all(client.clone()).get_opt("default").await?.is_some())
        })
        .await
    }

    /// Ends the API server; etcd goes on. Clients see refused connections.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.apiserver.take() {
            process.kill();
        }
    }

    /// Forgets the history of all objects, in etcd and in the API server's own cache: a watch from before is told 410.
    pub async fn forget(&mut self) -> anyhow::Result<()> {
        self.stop();
        self.etcd.compact().await?;
        self.resume().await
    }

    /// May do everything, with a token.
    pub fn admin(&self) -> Identity {
        Identity::bearer(self, "admin", ADMINISTRATOR.to_owned())
    }

    /// [`Servers::admin`]'s client.
    pub async fn client(&self) -> anyhow::Result<Client> {
        self.admin().client().await
    }

    /// A user, who has the rights that RBAC gives the name and the groups.
    pub fn user(&self, name: &str, groups: &[&str]) -> anyhow::Result<Identity> {
        Identity::certified(self, &self.authority, name, groups)
    }

    /// A ServiceAccount with the rights that RBAC gives it; made if it is not there.
    pub async fn service_account(&self, namespace: &str, name: &str) -> anyhow::Result<Identity> {
        let token = service_account_token(&self.client().await?, namespace, name).await?;
        Ok(Identity::bearer(self, &format!("system:serviceaccount:{namespace}:{name}"), token))
    }

    /// A ServiceAccount with `rules`, a list as a ClusterRole has it.
    pub async fn service_account_with(&self, namespace: &str, name: &str, rules: Value) -> anyhow::Result<Identity> {
        let identity = self.service_account(namespace, name).await?;
        grant(&self.client().await?, namespace, name, rules).await?;
        Ok(identity)
    }

    /// Applies manifests of the repository; the answer is the kinds that this server does not know.
    pub async fn install(&self, paths: &[&str]) -> anyhow::Result<Vec<String>> {
        apply(&self.client().await?, &manifests(paths)?).await
    }

    /// On loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A path in the folder of this cluster, which goes with it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn arguments(&self) -> Vec<String> {
        let file = |path: &Path| path.display().to_string();
        vec![
            format!("--etcd-servers={}", self.etcd.url()),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.port),
            format!("--cert-dir={}", file(self.folder.path())),
            format!("--tls-cert-file={}", file(&self.serving.certificate)),
            format!("--tls-private-key-file={}", file(&self.serving.key)),
            format!("--client-ca-file={}", file(self.authority.certificate())),
            format!("--token-auth-file={}", file(&self.path("tokens.csv"))),
            "--service-account-issuer=https://servers.test".to_owned(),
            format!("--service-account-signing-key-file={}", file(&self.serving.key)),
            // The certificate has the public half.
            format!("--service-account-key-file={}", file(&self.serving.certificate)),
            "--authorization-mode=RBAC".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--allow-privileged=true".to_owned(),
            // There is no controller that makes the account `default` in each namespace, and no endpoint to publish.
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
        ]
    }
}

impl Serving for Servers {
    fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    fn authority(&self) -> PathBuf {
        self.authority.certificate().to_path_buf()
    }
}
