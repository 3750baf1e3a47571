//! Hashes of fixed definition: the same on every host, in every version.

const OFFSET_32: u32 = 0x811c_9dc5;
const PRIME_32: u32 = 0x0100_0193;
const OFFSET_64: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME_64: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a of 32 bits.
#[inline]
pub fn fnv1a_32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(OFFSET_32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(PRIME_32))
}

/// FNV-1a of 64 bits.
#[inline]
pub fn fnv1a_64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(OFFSET_64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME_64))
}

/// A hash of a text, eight bytes at a time: for names of tens of bytes, of which there are hundreds of thousands. Not against those who
/// choose names in order to collide: that costs balance, and nothing else.
#[inline]
pub fn text(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    // The length tells a text from the same with zeros behind it.
    let first = (bytes.len() as u64).wrapping_mul(ODD);
    let (words, rest) = bytes.as_chunks::<8>();
    let take = |hash: u64, word: u64| {
        let hash = (hash ^ word).wrapping_mul(ODD);
        hash ^ (hash >> 32)
    };
    let hash = words.iter().fold(first, |hash, word| take(hash, u64::from_le_bytes(*word)));
    let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    mix(take(hash, last))
}

/// Spreads the bits of a number: the finalizer of SplitMix64.
#[inline]
pub fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Bits behind the point of [`minus_log2`].
const FRACTION: u32 = 26;
/// Steps of the table of logarithms.
const STEPS: usize = 256;

/// log2(1 + i / 256) of each step, with [`FRACTION`] bits behind the point.
const LOG2: [u32; STEPS + 1] = {
    let mut table = [0; STEPS + 1];
    let mut step = 0;
    while step <= STEPS {
        // Squared, a number in [1, 2) says the next binary digit of its logarithm.
        let mut number = ((STEPS + step) as u64) << (31 - 8);
        let (mut log, mut bit) = (0_u32, 0);
        if step == STEPS {
            log = 1 << FRACTION;
            bit = FRACTION;
        }
        while bit < FRACTION {
            number = (number * number) >> 31;
            log <<= 1;
            if number >= 1 << 32 {
                log |= 1;
                number >>= 1;
            }
            bit += 1;
        }
        table[step] = log;
        step += 1;
    }
    table
};

/// -log2(number / 2^64), with 26 bits behind the point, to five digits or so; in whole numbers, so that every processor has the same.
/// Zero counts as one.
#[inline]
pub fn minus_log2(number: u64) -> u64 {
    let number = number.max(1);
    let zeros = number.leading_zeros();
    let ones = number << zeros;
    let step = (ones >> 55) as usize & (STEPS - 1);
    let at = |step: usize| u64::from(LOG2.get(step).copied().unwrap_or_default());
    let between = (ones >> 39) & 0xffff;
    let log = at(step) + (((at(step + 1) - at(step)) * between) >> 16);
    (u64::from(zeros + 1) << FRACTION) - log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_published_vectors() {
        // http://www.isthe.com/chongo/tech/comp/fnv/ and the rows of Cilium's several gateways.
        assert_eq!((fnv1a_32(b""), fnv1a_32(b"a"), fnv1a_32(b"foobar")), (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968));
        assert_eq!((fnv1a_64(b""), fnv1a_64(b"foobar")), (0xcbf2_9ce4_8422_2325, 0x8594_4171_f739_67e8));
        assert_eq!(fnv1a_32(b"00000000-0000-0000-0000-000000000001"), 3_175_583_038);
        assert_eq!(mix(0), 0);
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn a_text_has_a_number_that_each_of_its_bytes_changes() {
        let texts = [
            "",
            "\0",
            "\0\0",
            "a",
            "b",
            "aaaaaaaa",
            "aaaaaaaab",
            "aaaaaaaa\0",
            "baaaaaaa",
            "team/app/1",
            "team/app/10",
        ];
        let mut numbers: Vec<u64> = texts.iter().map(|name| text(name.as_bytes())).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), texts.len());
        // The same in every version and on every processor.
        assert_eq!(text(b"00000000-0000-0000-0000-000000000001"), 4_051_654_592_143_420_779);
        let even = (0..10_000).filter(|number| text(format!("ns/app/{number}").as_bytes()) >> 63 == 0).count();
        assert!((4_800..5_200).contains(&even), "{even}");
    }

    #[test]
    fn logarithms_in_whole_numbers_are_those_in_broken_ones() {
        let numbers = (0..64).flat_map(|shift| [1_u64 << shift, (1 << shift) + (1 << shift) / 3, u64::MAX >> shift]);
        for number in numbers {
            let exact = 64.0 - (number as f64).log2();
            let ours = minus_log2(number) as f64 / f64::from(1_u32 << FRACTION);
            assert!((exact - ours).abs() < 1e-5, "{number}: {exact} and {ours}");
        }
    }
}
