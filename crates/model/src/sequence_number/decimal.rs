//! Numbers of up to 192 bits in decimal digits, without a big-number library: a PutRecords
//! answer renders 500 of them.

use crate::shard_id::ShardId;

/// Digits of the largest 192-bit number, rounded up to whole limbs of nineteen.
pub(super) const DIGITS: usize = 76;
/// Decimal digits handled at a time: the most whose power of ten fits 64 bits.
const LIMB_DIGITS: usize = 19;
/// Ten to that power.
const LIMB: u128 = 10_u128.pow(LIMB_DIGITS as u32);

/// A 192-bit number.
#[derive(Clone, Copy)]
pub(super) struct Wide {
    pub(super) high: u64,
    pub(super) low: u128,
}

impl Wide {
    /// The `count` bits above bit `from`.
    pub(super) fn bits(self, from: u32, count: u32) -> u64 {
        let low = if from < 128 { self.low >> from } else { 0 };
        let high = match from {
            0 => 0,
            1..128 => u128::from(self.high) << (128 - from),
            _ => u128::from(self.high >> (from - 128)),
        };
        let mask = u128::MAX >> (128 - count);
        ((low | high) & mask) as u64
    }

    /// The shard's index in the 32 bits above bit `from`.
    pub(super) fn shard(self, from: u32) -> ShardId {
        ShardId::new(self.bits(from, 32) as u32)
    }

    /// Writes the number into the end of `buffer` and hands out its digits.
    pub(super) fn digits(self, buffer: &mut [u8; DIGITS]) -> &str {
        let mut limbs = [self.high, (self.low >> 64) as u64, self.low as u64];
        let mut limbs = &mut limbs[..];
        let mut first = DIGITS;
        // Zero has a digit, too.
        buffer[DIGITS - 1] = b'0';
        for place in buffer.rchunks_exact_mut(LIMB_DIGITS) {
            while let [0, lower @ ..] = limbs {
                limbs = lower;
            }
            if limbs.is_empty() {
                break;
            }
            let mut rest = 0;
            for limb in &mut *limbs {
                let dividend = rest << 64 | u128::from(*limb);
                *limb = (dividend / LIMB) as u64;
                rest = dividend % LIMB;
            }
            write_limb(rest as u64, place);
            first -= LIMB_DIGITS;
        }
        let zeros = buffer[first..].iter().take_while(|&&digit| digit == b'0').count();
        let digits = &buffer[(first + zeros).min(DIGITS - 1)..];
        std::str::from_utf8(digits).expect("only ASCII digits were written")
    }

    /// Reads decimal digits; `None` for anything else and for numbers of more than 192 bits.
    pub(super) fn from_digits(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let mut limbs = [0_u64; 6];
        for digit in text.bytes() {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            let mut carry = u64::from(digit);
            for limb in limbs.iter_mut().rev() {
                let sum = *limb * 10 + carry;
                *limb = sum & u64::from(u32::MAX);
                carry = sum >> 32;
            }
            if carry > 0 {
                return None;
            }
        }
        let join = |limbs: &[u64]| limbs.iter().fold(0_u128, |sum, &l| sum << 32 | u128::from(l));
        Some(Self { high: join(&limbs[..2]) as u64, low: join(&limbs[2..]) })
    }
}

/// Writes nineteen digits, two at a time.
fn write_limb(mut limb: u64, place: &mut [u8]) {
    for pair in place[1..].rchunks_exact_mut(2) {
        pair.copy_from_slice(&PAIRS[(limb % 100) as usize]);
        limb /= 100;
    }
    place[0] = b'0' + limb as u8;
}

/// The digits of 0 to 99.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + n as u8 / 10, b'0' + n as u8 % 10];
        n += 1;
    }
    pairs
};
