//! How is a domain name read that an operator has written?

use crate::wire::Name;

/// A domain name as an operator writes it.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn domain_name(text: &str) -> Result<Name, String> {
    if !text.is_ascii() {
        return Err("write an internationalised name in its ASCII form (xn--…)".to_owned());
    }
    text.parse()
        .map_err(|error| format!("not a domain name: {error}"))
}
