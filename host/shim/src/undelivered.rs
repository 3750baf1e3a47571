//! What each verb answers when no daemon does.

use std::{error::Error, path::Path, time::SystemTime};

use nicety_cni::{
    Attachment, CniError, Code, Verb,
    frame::{Call, Reply},
    tombstone::{self, Tombstone, TombstoneError},
};

use crate::exchange::Failure;

/// The error for all verbs but DEL. GC must not claim to have collected anything; the runtime asks again.
pub(crate) fn error(verb: Verb, socket: &Path, failure: &Failure) -> CniError {
    let code = match (verb, failure) {
        (Verb::Status, _) => Code::NotAvailable,
        (_, Failure::Frame(_)) => Code::Internal,
        (Verb::Add | Verb::Check | Verb::Del | Verb::Gc | Verb::Version, _) => Code::TryAgainLater,
    };
    let socket = socket.display();
    let hint = match failure {
        Failure::Nobody(_) => {
            "hint: start the nicety daemon, or name its socket as `socket` in the network configuration"
        }
        Failure::CutOff(_) => "hint: the daemon stopped while it served the call; its log says why",
        Failure::Late(_) | Failure::Full => "hint: the daemon is overloaded or stuck; see `nicety status` and its log",
        Failure::Connect(_) => "hint: the socket belongs to root, and so must the runtime",
        Failure::Frame(_) => "hint: install shim and daemon of one release",
    };
    CniError::new(code, format!("no answer from the nicety daemon at `{socket}`"))
        .with_details(format!("{}; {hint}", chain(failure)))
}

/// DEL needs nobody: it leaves a tombstone and succeeds. Then it tries the socket once more, because a daemon that began to listen
/// after our last try and read the tombstones before we wrote ours would not see it before its next start.
pub(crate) fn del(
    socket: &Path,
    call: &Call,
    attachment: &Attachment,
    failure: Failure,
    again: impl FnOnce() -> Result<Reply, Failure>,
) -> Result<Reply, CniError> {
    let tombstone = Tombstone::new(call.env.clone(), &call.stdin, SystemTime::now());
    let name = tombstone::file_name(attachment);
    let written = tombstone::write(&tombstone::directory(socket), &name, &tombstone);
    match (written, failure) {
        (Ok(path), Failure::Nobody(_) | Failure::CutOff(_)) => match again() {
            Ok(reply) => {
                // If it stays, the daemon's next start replays a DEL of what is gone, which does nothing.
                let _ = tombstone::remove(&path);
                Ok(reply)
            }
            Err(_) => Ok(Reply::success("")),
        },
        (Ok(_), _) => Ok(Reply::success("")),
        (Err(unwritten), failure) => Err(without_either(socket, &failure, &unwritten)),
    }
}

fn without_either(socket: &Path, failure: &Failure, unwritten: &TombstoneError) -> CniError {
    let error = error(Verb::Del, socket, failure);
    let details = format!("{}; nor could the deletion be written down for it: {}", error.details, chain(unwritten));
    error.with_details(details)
}

/// An error and its sources.
fn chain(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(error.source(), |source| (*source).source());
    sources.fold(error.to_string(), |text, source| {
        let source = source.to_string();
        if text.ends_with(&source) { text } else { format!("{text}: {source}") }
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use nicety_cni::Request;

    use super::*;

    const NETCONF: &str = r#"{"cniVersion":"1.0.0","name":"net","type":"nicety"}"#;

    fn call() -> (Call, Attachment) {
        let env = [("CNI_COMMAND", "DEL"), ("CNI_CONTAINERID", "c1"), ("CNI_IFNAME", "eth0")];
        let call = Call { env: env.into_iter().collect(), stdin: NETCONF.as_bytes().to_vec() };
        match Request::parse(&call.env, &call.stdin) {
            Ok(Request::Del(attachment)) => (call, attachment),
            other => panic!("{other:?}"),
        }
    }

    fn nobody() -> Failure {
        Failure::Nobody(io::ErrorKind::NotFound.into())
    }

    #[test]
    fn a_daemon_that_starts_between_the_last_try_and_the_tombstone_does_the_del_itself() {
        let run = tempfile::tempdir().unwrap();
        let socket = run.path().join("cni.sock");
        let (call, attachment) = call();
        let mut there = Vec::new();
        let again = || {
            there = tombstone::list(&tombstone::directory(&socket)).unwrap();
            Ok(Reply::failure("the daemon's own answer"))
        };
        let reply = del(&socket, &call, &attachment, nobody(), again).unwrap();
        assert_eq!(reply, Reply::failure("the daemon's own answer"));
        assert_eq!(there.len(), 1, "the tombstone stands before the socket is tried again");
        assert!(tombstone::list(&tombstone::directory(&socket)).unwrap().is_empty());
    }

    #[test]
    fn a_del_that_a_living_daemon_does_not_answer_in_time_is_not_said_again() {
        let run = tempfile::tempdir().unwrap();
        let socket = run.path().join("cni.sock");
        let (call, attachment) = call();
        let late = Failure::Late(std::time::Duration::from_secs(60));
        let reply = del(&socket, &call, &attachment, late, || panic!("said again")).unwrap();
        assert_eq!(reply, Reply::success(""));
        assert_eq!(tombstone::list(&tombstone::directory(&socket)).unwrap().len(), 1);
    }
}
