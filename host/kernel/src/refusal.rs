//! A request that the kernel refused, in its own words and in an operator's.

use std::{fmt, io};

use netlink_packet_core::{NLM_F_ACK_TLVS, NlasIterator};
use rustix::io::Errno;

/// Code, then the header of the refused request: there the attributes begin (`NETLINK_CAP_ACK`).
const ATTRIBUTES: usize = 4 + 16;

/// `NLMSGERR_ATTR_MSG` of linux/netlink.h.
const ATTRIBUTE_MESSAGE: u16 = 1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub errno: Errno,
    /// The kernel's own sentence, where it has one.
    pub message: Option<String>,
}

impl Refusal {
    /// None for an acknowledgement.
    pub(crate) fn parse(flags: u16, payload: &[u8]) -> Option<Refusal> {
        let code = payload.first_chunk::<4>().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
        if code == 0 {
            return None;
        }
        let attributes = match payload.get(ATTRIBUTES..) {
            Some(attributes) if flags & NLM_F_ACK_TLVS != 0 => attributes,
            _ => &[],
        };
        let message = NlasIterator::new(attributes)
            .flatten()
            .find(|attribute| attribute.kind() == ATTRIBUTE_MESSAGE)
            .map(|attribute| String::from_utf8_lossy(attribute.value()).trim_end_matches('\0').to_owned());
        Some(Refusal { errno: Errno::from_raw_os_error(code.saturating_neg()), message })
    }
}

/// `file exists`, or `nexthop has invalid gateway (network is unreachable)`.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = io::Error::from(self.errno).to_string();
        let text = text.split(" (os error").next().unwrap_or_default().to_lowercase();
        match self.message.as_deref().map(|m| m.trim_end_matches('.')).filter(|m| !m.is_empty()) {
            Some(message) => write!(f, "{} ({text})", lower_first(message)),
            None => f.write_str(&text),
        }
    }
}

/// `IPv6 ...` and other names keep their capitals.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_is_not_a_refusal() {
        assert_eq!(Refusal::parse(0, &[0; 20]), None);
    }

    #[test]
    fn a_refusal_is_told_in_the_kernels_own_words() {
        let mut payload = (-113i32).to_ne_bytes().to_vec();
        payload.extend([0; 16]);
        payload.extend(12u16.to_ne_bytes());
        payload.extend(1u16.to_ne_bytes());
        payload.extend(b"No way.\0");
        let refusal = Refusal::parse(NLM_F_ACK_TLVS, &payload).unwrap();
        assert_eq!(refusal.errno, Errno::HOSTUNREACH);
        assert_eq!(refusal.to_string(), "no way (no route to host)");
        assert_eq!(Refusal::parse(0, &payload).unwrap().to_string(), "no route to host");
    }
}
