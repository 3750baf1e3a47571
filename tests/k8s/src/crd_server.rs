//! Custom resources alone, as a current Kubernetes serves them. It knows no pods, no namespaces and no RBAC.

use std::path::PathBuf;

use kube::Client;
use tempfile::TempDir;

use crate::access::{Identity, Serving};
use crate::etcd::{Etcd, free_port};
use crate::folder::program;
use crate::install::{apply, manifests};
use crate::pki::{Authority, Pair};
use crate::process::Process;
use crate::wait::answers;

#[derive(Debug)]
pub struct CrdServer {
    process: Option<Process>,
    etcd: Etcd,
    serving: Pair,
    authority: Authority,
    port: u16,
    folder: TempDir,
}

impl CrdServer {
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let authority = Authority::new(folder.path())?;
        let serving = authority.server()?;
        let etcd = Etcd::start(folder.path()).await?;
        let mut server = Self { process: None, etcd, serving, authority, port: free_port()?, folder };
        server.serve().await?;
        Ok(server)
    }

    /// May do everything; there is nobody else here.
    pub fn admin(&self) -> anyhow::Result<Identity> {
        Identity::certified(self, &self.authority, "admin", &["system:masters"])
    }

    pub async fn client(&self) -> anyhow::Result<Client> {
        self.admin()?.client().await
    }

    /// Applies manifests of the repository.
    pub async fn install(&self, paths: &[&str]) -> anyhow::Result<Vec<String>> {
        apply(&self.client().await?, &manifests(paths)?).await
    }

    async fn serve(&mut self) -> anyhow::Result<()> {
        let admin = self.admin()?;
        let kubeconfig = self.folder.path().join("kubeconfig");
        admin.kubeconfig(&kubeconfig)?;
        // It asks whoever it is told to about tokens and rights: itself, and then never, for certificates of the masters need no asking.
        let kubeconfig = kubeconfig.display();
        let arguments = [
            format!("--etcd-servers={}", self.etcd.url()),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.port),
            format!("--tls-cert-file={}", self.serving.certificate.display()),
            format!("--tls-private-key-file={}", self.serving.key.display()),
            format!("--client-ca-file={}", self.authority.certificate().display()),
            format!("--kubeconfig={kubeconfig}"),
            format!("--authentication-kubeconfig={kubeconfig}"),
            format!("--authorization-kubeconfig={kubeconfig}"),
            "--authentication-skip-lookup".to_owned(),
            "--enable-priority-and-fairness=false".to_owned(),
            "--disable-admission-plugins=NamespaceLifecycle,MutatingAdmissionWebhook,ValidatingAdmissionWebhook,\
             MutatingAdmissionPolicy,ValidatingAdmissionPolicy"
                .to_owned(),
        ];
        let log = self.folder.path().join("crd-server.log");
        let process = self.process.insert(Process::start(&program("crd-server")?, arguments, [], &log)?);
        let client = admin.client().await?;
        answers(process, "crd-server is ready", async || {
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            let _list: serde_json::Value = client.request(http::Request::get(path).body(Vec::new())?).await?;
            Ok(true)
        })
        .await
    }
}

impl Serving for CrdServer {
    fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    fn authority(&self) -> PathBuf {
        self.authority.certificate().to_path_buf()
    }
}
