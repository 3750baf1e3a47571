//! The bandwidth that an element asks for: digits, then `Gbps`, `Mbps` or `Kbps`.

/// Bits per second. None when it is not so written, or past 64 bits.
pub fn parse(text: &str) -> Option<u64> {
    let rate = text.strip_suffix("bps")?;
    let units = [('G', 1_000_000_000), ('M', 1_000_000), ('K', 1_000)];
    let (digits, unit) = units.iter().find_map(|(letter, unit)| Some((rate.strip_suffix(*letter)?, *unit)))?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse::<u64>().ok()?.checked_mul(unit))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bandwidth_has_digits_and_a_unit() {
        assert_eq!(parse("10Gbps"), Some(10_000_000_000));
        assert_eq!(parse("250Mbps"), Some(250_000_000));
        assert_eq!(parse("8Kbps"), Some(8_000));
        for bad in ["", "10", "10G", "Gbps", "10gbps", "1.5Gbps", "+1Gbps", "10 Gbps", "10bps", "99999999999Gbps"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
