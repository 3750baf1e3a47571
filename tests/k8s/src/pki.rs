//! Keys and certificates of one test's servers, made by openssl and gone with the folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// An authority that clients and servers of one test trust.
#[derive(Debug)]
pub(crate) struct Authority {
    folder: PathBuf,
    own: Pair,
}

impl Authority {
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let own = Pair { certificate: folder.join("ca.crt"), key: folder.join("ca.key") };
        let subject =
            ["-subj", "/CN=tests", "-days", "2", "-x509", "-addext", "keyUsage=critical,keyCertSign,digitalSignature"];
        request(&own.key, &own.certificate, &subject)?;
        Ok(Self { folder: folder.to_path_buf(), own })
    }

    pub fn certificate(&self) -> &Path {
        &self.own.certificate
    }

    /// For a server on loopback.
    pub fn server(&self) -> anyhow::Result<Pair> {
        self.sign("server", "/CN=server", "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n")
    }

    /// For a client; the server takes the common name as the user and organisations as groups.
    pub fn client(&self, user: &str, groups: &[&str]) -> anyhow::Result<Pair> {
        let groups: String = groups.iter().map(|group| format!("/O={group}")).collect();
        self.sign(&format!("client-{user}"), &format!("{groups}/CN={user}"), "extendedKeyUsage=clientAuth\n")
    }

    fn sign(&self, name: &str, subject: &str, extensions: &str) -> anyhow::Result<Pair> {
        let file = |end: &str| self.folder.join(format!("{}.{end}", name.replace(['/', ':'], "-")));
        let pair = Pair { certificate: file("crt"), key: file("key") };
        let (asked, extended) = (file("csr"), file("ext"));
        std::fs::write(&extended, extensions)?;
        request(&pair.key, &asked, &["-subj", subject])?;
        let mut command = Command::new("openssl");
        command
            .args(["x509", "-req", "-days", "2", "-CAcreateserial", "-in"])
            .arg(&asked)
            .arg("-extfile")
            .arg(&extended);
        command
            .arg("-CA")
            .arg(&self.own.certificate)
            .arg("-CAkey")
            .arg(&self.own.key)
            .arg("-out")
            .arg(&pair.certificate);
        run(command)?;
        Ok(pair)
    }
}

/// A new key, and a request (or with `-x509` a certificate) for it.
fn request(key: &Path, out: &Path, more: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("openssl");
    command.args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-batch"]);
    command.args(more).arg("-keyout").arg(key).arg("-out").arg(out);
    run(command)
}

fn run(mut command: Command) -> anyhow::Result<()> {
    let output = command.output().context("cannot run `openssl`")?;
    anyhow::ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
