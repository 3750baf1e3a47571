//! From a call to its answer.

use std::{
    ffi::OsString,
    io::{self, Read},
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

use nicety_cni::{
    Attachment, CniError, Code, Env, Refused, Request, Verb, Version,
    frame::{ANSWER_WITHIN, Call, Reply, STATUS_WITHIN},
    request::STDIN_MAX,
};
use rustix::fs::{Mode, OFlags};

use crate::{
    exchange::{Failure, exchange},
    undelivered,
};

/// How long a verb waits for a daemon that is not there, from its start: a restart takes less.
fn patience(verb: Verb) -> Duration {
    match verb {
        Verb::Add | Verb::Check => Duration::from_secs(10),
        Verb::Del | Verb::Gc | Verb::Status | Verb::Version => Duration::from_secs(1),
    }
}

fn answer_within(verb: Verb) -> Duration {
    match verb {
        Verb::Status => STATUS_WITHIN,
        Verb::Add | Verb::Check | Verb::Del | Verb::Gc | Verb::Version => ANSWER_WITHIN,
    }
}

/// `started` is when the process began: all waiting is counted from there.
pub(crate) fn answer(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    stdin: impl Read,
    started: Instant,
) -> Reply {
    deliver(variables, stdin, started).unwrap_or_else(|refused| Reply::failure(refused.render()))
}

fn deliver(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    stdin: impl Read,
    started: Instant,
) -> Result<Reply, Refused> {
    let unread = |error| Refused { version: Version::NEWEST, error };
    let env =
        Env::of(variables).map_err(|findings| unread(CniError::of_findings(Code::InvalidEnvironment, &findings)))?;
    // A person at a terminal has no CNI_COMMAND, and would wait for standard input for ever.
    Verb::of(&env).map_err(|finding| unread(CniError::of_findings(Code::InvalidEnvironment, &[finding])))?;
    let stdin = read(stdin).map_err(|error| {
        unread(CniError::new(Code::IoFailure, "cannot read standard input").with_details(error.to_string()))
    })?;

    let request = Request::parse(&env, &stdin)?;
    let refused = |error| Refused { version: request.version(), error };
    let netns = match &request {
        Request::Version(query) => return Ok(Reply::success(query.answer())),
        Request::Add(attachment) | Request::Check(attachment) => Some(open(attachment).map_err(refused)?),
        // A namespace that is gone took its interfaces along; the daemon does the rest without it.
        Request::Del(attachment) if !attachment.netns.is_empty() => open(attachment).ok(),
        Request::Del(_) | Request::Gc(_) | Request::Status(_) => None,
    };
    let socket = request.netconf().map_or(nicety_cni::netconf::DEFAULT_SOCKET, |netconf| &netconf.socket);
    let socket = Path::new(socket);

    let verb = request.verb();
    let call = Call { env, stdin };
    let (until, deadline) = (started + patience(verb), started + answer_within(verb));
    match (persist(socket, &call, netns.as_ref(), until, deadline), &request) {
        (Ok(reply), _) => Ok(reply),
        (Err(failure), Request::Del(attachment)) => {
            undelivered::del(socket, &call, attachment, failure, || exchange(socket, &call, netns.as_ref(), deadline))
                .map_err(refused)
        }
        (Err(failure), _) => Err(refused(undelivered::error(verb, socket, &failure))),
    }
}

/// Tries again while the daemon restarts. A call that was cut off is said again as well: every verb may be repeated, because a
/// daemon that starts undoes what the one before left half done.
fn persist(
    socket: &Path,
    call: &Call,
    netns: Option<&OwnedFd>,
    until: Instant,
    deadline: Instant,
) -> Result<Reply, Failure> {
    let mut pause = Duration::from_millis(5);
    loop {
        match exchange(socket, call, netns, deadline) {
            Err(failure) if failure.may_pass(until, deadline) => std::thread::sleep(pause),
            settled => return settled,
        }
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// One byte more than allowed, so that the parser sees that it is too much.
fn read(stdin: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stdin.take(STDIN_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opened here, because a daemon in a pod of its own does not see the runtime's mounts.
fn open(attachment: &Attachment) -> Result<OwnedFd, CniError> {
    let path = &attachment.netns;
    // Not blocking: the path may be anything, even a pipe that nobody writes to.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    rustix::fs::open(path.as_str(), flags, Mode::empty()).map_err(|error| {
        CniError::new(Code::InvalidNetns, format!("CNI_NETNS: cannot open the network namespace `{path}`"))
            .with_details(io::Error::from(error).to_string())
    })
}
