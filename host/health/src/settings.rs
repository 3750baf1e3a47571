//! How nodes are asked, and how often.

use std::{fmt, str::FromStr, time::Duration};

use nicety_core::egress::health::Thresholds;

/// More often would be a load of its own.
pub const SHORTEST_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    pub kind: Kind,
    /// From one probe of a node to the next; each comes up to a tenth earlier, so that observers do not ask in step.
    pub interval: Duration,
    /// So long an answer is waited for. Never longer than the interval.
    pub timeout: Duration,
    pub thresholds: Thresholds,
}

/// As text: `icmp`, `tcp:PORT` or `udp:PORT`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// An echo request.
    #[default]
    Icmp,
    /// A connection that is accepted. It is closed at once.
    Tcp(u16),
    /// A packet that a [`Responder`](crate::Responder) answers.
    Udp(u16),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no way to ask a node; hint: `icmp`, `tcp:PORT` or `udp:PORT`")]
pub struct InvalidKind {
    text: String,
}

impl Default for Settings {
    fn default() -> Settings {
        let second = Duration::from_secs(1);
        Settings { kind: Kind::Icmp, interval: second, timeout: second, thresholds: Thresholds::default() }
    }
}

impl Settings {
    /// With lengths that make sense together.
    pub(crate) fn bounded(self) -> Settings {
        let interval = self.interval.max(SHORTEST_INTERVAL);
        Settings { interval, timeout: self.timeout.clamp(SHORTEST_INTERVAL / 10, interval), ..self }
    }
}

impl FromStr for Kind {
    type Err = InvalidKind;

    fn from_str(text: &str) -> Result<Kind, InvalidKind> {
        let port = |digits: &str| digits.parse().ok().filter(|port| *port != 0);
        let kind = match text.split_once(':') {
            None if text == "icmp" => Some(Kind::Icmp),
            Some(("tcp", digits)) => port(digits).map(Kind::Tcp),
            Some(("udp", digits)) => port(digits).map(Kind::Udp),
            _ => None,
        };
        kind.ok_or_else(|| InvalidKind { text: text.to_owned() })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Icmp => f.write_str("icmp"),
            Kind::Tcp(port) => write!(f, "tcp:{port}"),
            Kind::Udp(port) => write!(f, "udp:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_as_it_is_written() {
        for text in ["icmp", "tcp:9443", "udp:4791"] {
            assert_eq!(text.parse::<Kind>().unwrap().to_string(), text);
        }
        for text in ["", "ICMP", "icmp:1", "tcp", "tcp:", "tcp:0", "tcp:65536", "udp:-1", "sctp:1"] {
            assert!(text.parse::<Kind>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_probe_outlasts_its_interval() {
        let settings = Settings { interval: Duration::ZERO, ..Settings::default() }.bounded();
        assert_eq!((settings.interval, settings.timeout), (SHORTEST_INTERVAL, SHORTEST_INTERVAL));
    }
}
