//! How do octets look as text? Hexadecimal and base64 as presentation form writes them (RFC 4648).

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Upper-case hexadecimal.
#[must_use]
pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect()
}

/// Octets from hexadecimal of either case; nothing if a digit is missing or is none.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| {
            let digit = |at: usize| {
                pair.get(at)
                    .and_then(|digit| char::from(*digit).to_digit(16))
            };
            u8::try_from(digit(0)? * 16 + digit(1)?).ok()
        })
        .collect()
}

/// Base64 with padding.
pub(super) fn base64(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for group in octets.chunks(3) {
        let bits = group
            .iter()
            .fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet))
            << (8 * (3 - group.len()));
        for place in 0..4 {
            if place > group.len() {
                text.push('=');
            } else {
                let sextet = (bits >> (18 - 6 * place)) & 0x3F;
                let digit = usize::try_from(sextet).ok().and_then(|at| BASE64.get(at));
                text.push(char::from(*digit.unwrap_or(&b'=')));
            }
        }
    }
    text
}

/// Octets from base64; padding may be left out.
pub(super) fn unbase64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .trim_end_matches('=')
        .bytes()
        .map(|byte| BASE64.iter().position(|digit| *digit == byte))
        .map(|place| place.and_then(|place| u32::try_from(place).ok()))
        .collect::<Option<_>>()?;
    let mut octets = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let bits =
            group.iter().fold(0_u32, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
        let [_, first, second, third] = bits.to_be_bytes();
        let whole = match group.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => return None,
        };
        octets.extend([first, second, third].into_iter().take(whole));
    }
    Some(octets)
}
