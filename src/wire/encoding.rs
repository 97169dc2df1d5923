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
/// Seconds, plain or with units (`1d12h`), as zone files write them.
#[must_use]
pub fn seconds(text: &str) -> Option<u32> {
    let mut total: u32 = 0;
    let mut number: Option<u32> = None;
    for character in text.chars() {
        if let Some(digit) = character.to_digit(10) {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?);
        } else {
            let unit = match character.to_ascii_lowercase() {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                'd' => 86_400,
                'w' => 604_800,
                _ => return None,
            };
            total = total.checked_add(number.take()?.checked_mul(unit)?)?;
        }
    }
    total.checked_add(number.unwrap_or(0))
}

/// A date of fourteen digits (`20260131235959`, UTC) as seconds since 1970, in serial arithmetic (RFC 4034 section 3.2).
#[must_use]
pub fn moment(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|letter| letter.is_ascii_digit());
    if text.len() != 14 || !digits {
        return None;
    }
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let sane = (1..=12).contains(&month)
        && (1..=longest).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    sane.then(|| u32::try_from(seconds.rem_euclid(1 << 32)).ok())?
}

/// Days from the first of January 1970 to a date of the Gregorian calendar, which must exist.
#[must_use]
pub const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is the last of its year.
    let (year, month) = if month < 3 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds_since_1970() {
        assert_eq!(moment("19700101000000"), Some(0));
        assert_eq!(moment("20210217232440"), Some(1_613_604_280));
        assert_eq!(moment("20000229235959"), Some(951_868_799));
        assert_eq!(moment("21060207062816"), Some(0), "in a circle");
        for none in [
            "20210229000000",
            "2021021723244",
            "20211301000000",
            "20210100000000",
            "+2021021723244",
            "20210101240000",
        ] {
            assert_eq!(moment(none), None, "{none}");
        }
    }
}
