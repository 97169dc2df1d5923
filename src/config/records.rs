//! What record does the operator give? One line of presentation form, of class IN and with its owner.

use crate::wire::Record;
use crate::wire::text::record_from_text;

/// TTL of a line that has none, seconds.
const DEFAULT_TTL: u32 = 3_600;

/// Reads `owner [TTL] [IN] type data` (RFC 1035 section 5.1; data of any type also as RFC 3597 section 5).
pub(super) fn parse(line: &str) -> Result<Record, String> {
    if line.contains(['\n', '\r']) {
        return Err("one record stands on one line".to_owned());
    }
    if line.starts_with(['$', ' ', '\t']) {
        return Err(
            "every record begins with its owner; $ directives have no place here".to_owned(),
        );
    }
    record_from_text(line, DEFAULT_TTL).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::RecordType;

    #[test]
    fn a_line_becomes_a_record_and_an_hour_is_its_ttl() {
        let line = parse("Router.corp.example. 300 IN A 192.0.2.1").unwrap();
        assert_eq!(line.owner.to_string(), "Router.corp.example.");
        assert_eq!((line.ttl, line.rtype), (300, RecordType::A));
        assert_eq!(*line.rdata, [192, 0, 2, 1]);
        assert_eq!(parse("a. A 192.0.2.1").unwrap().ttl, DEFAULT_TTL);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let why = |line: &str| parse(line).unwrap_err();
        assert!(why("a. A 192.0.2.300").contains("is not an IPv4 address"));
        assert!(why("a. HTTPS \\# 2 abcd").contains("not the data of a HTTPS record"));
        assert!(why("$INCLUDE /etc/passwd").starts_with("every record begins with its owner"));
        assert!(why(" A 192.0.2.1").starts_with("every record begins with its owner"));
        assert!(why("a. A 192.0.2.1\nb. A 192.0.2.2").starts_with("one record"));
    }
}
