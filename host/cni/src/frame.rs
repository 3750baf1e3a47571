//! The one frame that each side says over the stream socket. The shim sends a request, with the descriptor of the pod's network
//! namespace attached to its first bytes (SCM_RIGHTS) when the header announces one; the daemon sends one reply and closes.
//!
//! ```text
//! header   4 magic "NCNI" | 1 format version | 1 kind | 4 length of the body, little endian
//! request  1 count of variables | for each: 1 name length, name, 4 value length, value | rest: standard input
//! reply    1 exit code | rest: standard output
//! ```
//!
//! Nothing is allocated for a length before the length has passed its limit.

use std::time::Duration;

use crate::{
    env::{Env, VALUE_MAX, VARIABLES},
    request::STDIN_MAX,
};

/// Bytes of a header.
pub const HEADER: usize = 10;

/// Largest body of a request: standard input and every variable at its limit.
pub const REQUEST_MAX: usize = STDIN_MAX + VARIABLES.len() * (VALUE_MAX + 64) + 1;

/// Largest body of a reply.
pub const REPLY_MAX: usize = 4 * 1024 * 1024;

/// The shim gives up on an answer after this time, counted from its start. The daemon's own deadline must be shorter, so that it
/// can undo and answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The same for STATUS, which runtimes ask while they answer others.
pub const STATUS_WITHIN: Duration = Duration::from_secs(5);

const MAGIC: [u8; 4] = *b"NCNI";
const FORMAT: u8 = 1;

/// What a header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Request,
    /// With one descriptor beside its first byte.
    RequestWithNetns,
    Reply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    /// Bytes of the body; within the limit of its kind.
    pub length: usize,
}

/// What the shim was called with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub env: Env,
    pub stdin: Vec<u8>,
}

/// What the shim shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Zero, or one with an error object on `stdout`.
    pub exit: u8,
    pub stdout: Vec<u8>,
}

/// Why bytes are no frame of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("the peer does not speak this protocol")]
    Magic,
    #[error(
        "the peer speaks version {0} of the frame, this side {FORMAT}; hint: shim and daemon must be of one release"
    )]
    Format(u8),
    #[error("the frame is of unknown kind {0}")]
    Kind(u8),
    #[error("a {length} byte frame is larger than the {limit} bytes allowed")]
    TooLarge { length: usize, limit: usize },
    #[error("the frame ends within its {0}")]
    Truncated(&'static str),
    #[error("the frame carries variable `{0}`, which is none of CNI's, or which it carries twice")]
    Variable(String),
    #[error("the frame carries text that is not UTF-8")]
    Text,
}

impl Header {
    pub fn decode(bytes: &[u8; HEADER]) -> Result<Header, FrameError> {
        let [m0, m1, m2, m3, format, kind, l0, l1, l2, l3] = *bytes;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(FrameError::Magic);
        }
        if format != FORMAT {
            return Err(FrameError::Format(format));
        }
        let (kind, limit) = match kind {
            b'q' => (Kind::Request, REQUEST_MAX),
            b'Q' => (Kind::RequestWithNetns, REQUEST_MAX),
            b'R' => (Kind::Reply, REPLY_MAX),
            other => return Err(FrameError::Kind(other)),
        };
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length > limit { Err(FrameError::TooLarge { length, limit }) } else { Ok(Header { kind, length }) }
    }
}

fn frame(kind: u8, body: &[&[u8]], limit: usize) -> Result<Vec<u8>, FrameError> {
    let length = body.iter().map(|part| part.len()).sum();
    let announced = u32::try_from(length).ok().filter(|_| length <= limit);
    let announced = announced.ok_or(FrameError::TooLarge { length, limit })?;
    let mut bytes = Vec::with_capacity(HEADER + length);
    bytes.extend(MAGIC);
    bytes.extend([FORMAT, kind]);
    bytes.extend(announced.to_le_bytes());
    body.iter().for_each(|part| bytes.extend_from_slice(part));
    Ok(bytes)
}

/// Whether a descriptor goes with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Netns {
    Attached,
    Absent,
}

impl Call {
    /// Header and body. Fails only for what is over its limit.
    pub fn encode(&self, netns: Netns) -> Result<Vec<u8>, FrameError> {
        let mut variables = Vec::new();
        let mut count: u8 = 0;
        for (name, value) in self.env.iter() {
            let (length, limit) = (value.len(), VALUE_MAX);
            let value_length = u32::try_from(length).ok().filter(|_| length <= limit);
            let value_length = value_length.ok_or(FrameError::TooLarge { length, limit })?;
            let known = VARIABLES.contains(&name);
            let name_length = u8::try_from(name.len()).ok().filter(|_| known);
            variables.push(name_length.ok_or_else(|| FrameError::Variable(name.to_owned()))?);
            variables.extend_from_slice(name.as_bytes());
            variables.extend(value_length.to_le_bytes());
            variables.extend_from_slice(value.as_bytes());
            // At most six: each is known, and a map holds it once.
            count = count.saturating_add(1);
        }
        let kind = match netns {
            Netns::Attached => b'Q',
            Netns::Absent => b'q',
        };
        frame(kind, &[&[count], &variables, &self.stdin], REQUEST_MAX)
    }

    /// From a body as long as its header says.
    pub fn decode(body: &[u8]) -> Result<Call, FrameError> {
        let (&count, mut rest) = body.split_first().ok_or(FrameError::Truncated("variables"))?;
        let mut seen: Vec<(String, String)> = Vec::new();
        for _ in 0..count {
            let (name, value);
            (name, value, rest) = variable(rest)?;
            if !VARIABLES.contains(&name) || seen.iter().any(|(before, _)| before == name) {
                return Err(FrameError::Variable(name.to_owned()));
            }
            seen.push((name.to_owned(), value.to_owned()));
        }
        if rest.len() > STDIN_MAX + 1 {
            return Err(FrameError::TooLarge { length: rest.len(), limit: STDIN_MAX });
        }
        Ok(Call { env: seen.into_iter().collect(), stdin: rest.to_vec() })
    }
}

fn variable(bytes: &[u8]) -> Result<(&str, &str, &[u8]), FrameError> {
    let truncated = FrameError::Truncated("variables");
    let (&length, bytes) = bytes.split_first().ok_or(truncated.clone())?;
    let (name, bytes) = bytes.split_at_checked(usize::from(length)).ok_or(truncated.clone())?;
    let (length, bytes) = bytes.split_first_chunk::<4>().ok_or(truncated.clone())?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > VALUE_MAX {
        return Err(FrameError::TooLarge { length, limit: VALUE_MAX });
    }
    let (value, rest) = bytes.split_at_checked(length).ok_or(truncated)?;
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| FrameError::Text);
    Ok((text(name)?, text(value)?, rest))
}

impl Reply {
    /// The answer to a call that succeeded.
    pub fn success(stdout: impl Into<Vec<u8>>) -> Reply {
        Reply { exit: 0, stdout: stdout.into() }
    }

    /// The answer to a call that failed, with its error object.
    pub fn failure(stdout: impl Into<Vec<u8>>) -> Reply {
        Reply { exit: 1, stdout: stdout.into() }
    }

    /// Header and body. Fails only when standard output is over its limit.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        frame(b'R', &[&[self.exit], &self.stdout], REPLY_MAX)
    }

    /// From a body as long as its header says.
    pub fn decode(body: &[u8]) -> Result<Reply, FrameError> {
        let (&exit, stdout) = body.split_first().ok_or(FrameError::Truncated("exit code"))?;
        Ok(Reply { exit, stdout: stdout.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        let env = [("CNI_COMMAND", "ADD"), ("CNI_CONTAINERID", "c1"), ("CNI_ARGS", ""), ("CNI_IFNAME", "eth0")];
        Call { env: env.into_iter().collect(), stdin: br#"{"cniVersion":"1.0.0","name":"n"}"#.to_vec() }
    }

    fn split(frame: &[u8]) -> (Header, &[u8]) {
        let (header, body) = frame.split_first_chunk().unwrap();
        (Header::decode(header).unwrap(), body)
    }

    /// Xorshift: the same sequence at each run.
    struct Numbers(u64);
    impl Numbers {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }
        fn below(&mut self, limit: usize) -> usize {
            usize::try_from(self.next() % limit as u64).unwrap()
        }
    }

    #[test]
    fn a_call_survives_the_frame() {
        for (netns, kind) in [(Netns::Attached, Kind::RequestWithNetns), (Netns::Absent, Kind::Request)] {
            let frame = call().encode(netns).unwrap();
            let (header, body) = split(&frame);
            assert_eq!(header, Header { kind, length: body.len() });
            assert_eq!(Call::decode(body).unwrap(), call());
        }
    }

    #[test]
    fn a_reply_survives_the_frame() {
        for reply in [Reply::success("{}\n"), Reply::failure("{\"code\":11}\n"), Reply::success("")] {
            let frame = reply.encode().unwrap();
            let (header, body) = split(&frame);
            assert_eq!(header.kind, Kind::Reply);
            assert_eq!(Reply::decode(body).unwrap(), reply);
        }
    }

    #[test]
    fn a_header_of_another_protocol_release_or_size_is_refused() {
        let good: [u8; HEADER] = *call().encode(Netns::Absent).unwrap().first_chunk().unwrap();
        let with = |at: usize, byte: u8| {
            let mut header = good;
            header[at] = byte;
            Header::decode(&header)
        };
        assert_eq!(Header::decode(b"GET / HTTP"), Err(FrameError::Magic));
        assert_eq!(with(4, 2), Err(FrameError::Format(2)));
        assert_eq!(with(5, b'x'), Err(FrameError::Kind(b'x')));
        let (length, limit) = (0xff00_0000 + split(&call().encode(Netns::Absent).unwrap()).0.length, REQUEST_MAX);
        assert_eq!(with(9, 0xff), Err(FrameError::TooLarge { length, limit }));
    }

    #[test]
    fn what_is_over_its_limit_is_not_even_sent() {
        let large = Call { stdin: vec![b' '; REQUEST_MAX], ..call() };
        assert!(matches!(large.encode(Netns::Absent), Err(FrameError::TooLarge { .. })));
        let long = Call { env: [("CNI_ARGS", "x".repeat(VALUE_MAX + 1))].into_iter().collect(), ..call() };
        assert!(matches!(long.encode(Netns::Absent), Err(FrameError::TooLarge { limit: VALUE_MAX, .. })));
        let foreign = Call { env: [("PATH", "/bin")].into_iter().collect(), ..call() };
        assert_eq!(foreign.encode(Netns::Absent), Err(FrameError::Variable("PATH".to_owned())));
        assert!(matches!(Reply::success(vec![0; REPLY_MAX]).encode(), Err(FrameError::TooLarge { .. })));
    }

    #[test]
    fn the_largest_legal_call_fits_its_frame() {
        let env = VARIABLES.map(|name| (name, "v".repeat(VALUE_MAX)));
        let call = Call { env: env.into_iter().collect(), stdin: vec![b' '; STDIN_MAX] };
        let frame = call.encode(Netns::Attached).unwrap();
        assert_eq!(Call::decode(split(&frame).1).unwrap(), call);
    }

    #[test]
    fn a_body_that_ends_within_its_variables_is_refused_at_every_length() {
        let frame = call().encode(Netns::Absent).unwrap();
        let body = split(&frame).1;
        let variables = body.len() - call().stdin.len();
        for length in 0..variables {
            assert_eq!(Call::decode(&body[..length]), Err(FrameError::Truncated("variables")), "{length}");
        }
        assert!(Call::decode(&body[..variables]).unwrap().stdin.is_empty());
        assert_eq!(Reply::decode(&[]), Err(FrameError::Truncated("exit code")));
    }

    #[test]
    fn a_foreign_doubled_or_garbled_variable_is_refused() {
        let body = |variables: &[(&[u8], &[u8])]| {
            let mut body = vec![u8::try_from(variables.len()).unwrap()];
            for (name, value) in variables {
                body.push(u8::try_from(name.len()).unwrap());
                body.extend(*name);
                body.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
                body.extend(*value);
            }
            body
        };
        let variable = |name: &str| Err(FrameError::Variable(name.to_owned()));
        assert_eq!(Call::decode(&body(&[(b"LD_PRELOAD", b"x")])), variable("LD_PRELOAD"));
        assert_eq!(Call::decode(&body(&[(b"CNI_PATH", b"a"), (b"CNI_PATH", b"b")])), variable("CNI_PATH"));
        assert_eq!(Call::decode(&body(&[(b"CNI_PATH", b"\xff")])), Err(FrameError::Text));
    }

    #[test]
    fn no_input_makes_the_parsers_panic_or_invent_bytes() {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        let good = call().encode(Netns::Attached).unwrap();
        for round in 0..100_000 {
            let mut bytes: Vec<u8> = if round % 2 == 0 {
                (0..numbers.below(200)).map(|_| numbers.next().to_le_bytes()[0]).collect()
            } else {
                let mut bytes = good.clone();
                for _ in 0..=numbers.below(4) {
                    let at = numbers.below(bytes.len());
                    bytes[at] = numbers.next().to_le_bytes()[0];
                }
                bytes
            };
            bytes.truncate(numbers.below(bytes.len() + 1));
            if let Some(Ok(header)) = bytes.first_chunk().map(Header::decode) {
                assert!(header.length <= REQUEST_MAX.max(REPLY_MAX));
            }
            for body in [bytes.as_slice(), bytes.get(HEADER..).unwrap_or_default()] {
                if let Ok(Call { env, stdin }) = Call::decode(body) {
                    let held: usize = env.iter().map(|(name, value)| name.len() + value.len() + 5).sum();
                    assert_eq!(1 + held + stdin.len(), body.len());
                }
                if let Ok(reply) = Reply::decode(body) {
                    assert_eq!(1 + reply.stdout.len(), body.len());
                }
            }
        }
    }
}
