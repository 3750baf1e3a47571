//! `kubectl nicety` against a server of a test: the plugin under its own name, and a `kubectl` beside it that only lists, with the rights of
//! whoever asks. The real one is not installed everywhere, and nothing more is asked of it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use anyhow::Context;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::access::Identity;
use crate::apiserver::Servers;

const NAME: &str = "kubectl";

/// The plugin, as one user has it.
#[derive(Debug)]
pub struct Plugin {
    /// The whole PATH.
    folder: PathBuf,
    kubeconfig: PathBuf,
}

impl Plugin {
    /// `name`: of a folder that is there for it alone.
    pub fn of(identity: &Identity, servers: &Servers, name: &str) -> anyhow::Result<Plugin> {
        let folder = servers.path(name);
        std::fs::create_dir(&folder)?;
        let nicety = std::env::var_os("NICETY_BIN").context("no `NICETY_BIN`; hint: `make test-k8s`")?;
        std::os::unix::fs::symlink(nicety, folder.join("kubectl-nicety"))?;
        std::os::unix::fs::symlink(std::env::current_exe()?, folder.join(NAME))?;
        let kubeconfig = folder.join("kubeconfig");
        identity.kubeconfig(&kubeconfig)?;
        Ok(Plugin { folder, kubeconfig })
    }

    /// `kubectl nicety WORDS`.
    pub async fn run(&self, words: &[&str]) -> anyhow::Result<Output> {
        let mut command = Command::new(self.folder.join("kubectl-nicety"));
        command.env_clear().env("PATH", &self.folder).arg("--kubeconfig").arg(&self.kubeconfig).args(words);
        Ok(tokio::task::spawn_blocking(move || command.output()).await??)
    }

    /// A file beside the plugin.
    pub fn file(&self, name: &str, object: &Value) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(name);
        std::fs::write(&path, serde_json::to_vec(object)?)?;
        Ok(path)
    }
}

/// For the `main` of a program that uses [`Plugin`]: when it is called as kubectl, it is that.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "as the program does whose name it has")]
pub fn kubectl_instead() -> Option<ExitCode> {
    let mut arguments = std::env::args();
    if Path::new(&arguments.next()?).file_name()? != NAME {
        return None;
    }
    let arguments: Vec<String> = arguments.collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    Some(match runtime.block_on(list(&arguments)) {
        Ok(list) => {
            println!("{list}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("Error from server: {error:#}");
            ExitCode::FAILURE
        }
    })
}

/// `--kubeconfig FILE get KIND --output json --ignore-not-found [--all-namespaces | --namespace NAME] [--field-selector=FIELD]`
async fn list(arguments: &[String]) -> anyhow::Result<Value> {
    let after = |flag: &str| {
        let place = arguments.iter().position(|one| one == flag)?;
        arguments.get(place + 1)
    };
    let kubeconfig = Kubeconfig::read_from(after("--kubeconfig").context("no `--kubeconfig`")?)?;
    let client = Client::try_from(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)?;
    let kind = after("get").context("only `get` is known here")?;
    let base = match kind.strip_suffix(".nicety.dev") {
        Some(_) => "/apis/nicety.dev/v1alpha1",
        None => "/api/v1",
    };
    let plural = kind.strip_suffix(".nicety.dev").unwrap_or(kind);
    let within = after("--namespace").map(|name| format!("/namespaces/{name}")).unwrap_or_default();
    let selector = arguments.iter().find_map(|one| one.strip_prefix("--field-selector="));
    let query = selector.map(|fields| format!("?fieldSelector={}", fields.replace('=', "%3D"))).unwrap_or_default();
    let request = http::Request::get(format!("{base}{within}/{plural}{query}")).body(Vec::new())?;
    let mut list: Value = client.request(request).await?;
    // What is listed does not say what it is: the real one adds it.
    let text = |field: &str| list[field].as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind").trim_end_matches("List").to_owned());
    let mut items = list["items"].take();
    for item in items.as_array_mut().into_iter().flatten() {
        item["apiVersion"] = json!(api_version);
        item["kind"] = json!(kind);
    }
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": items}))
}
