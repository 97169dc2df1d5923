//! What does `${…}` come to? Text with variables, arithmetic from left to right, and a few functions, as testbound has them.

use std::collections::HashMap;

/// The variables of a scenario.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables(HashMap<String, String>);

impl Variables {
    /// Gives a variable the value of an expression.
    pub(super) fn assign(&mut self, name: &str, expression: &str, now: u64) -> Result<(), String> {
        let value = self.expand(expression, now)?;
        self.0.insert(name.to_owned(), value);
        Ok(())
    }

    /// The text with everything in `${…}` and each `$name` replaced; `now` is the time in seconds.
    pub(super) fn expand(&self, text: &str, now: u64) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(inner) = behind.strip_prefix('{') {
                let end = closing(inner).ok_or("a `${` is not closed")?;
                let (expression, further) = inner.split_at_checked(end).ok_or("a bad `${`")?;
                out.push_str(&self.evaluate(expression, now)?);
                rest = further.get(1..).unwrap_or_default();
            } else {
                let end = behind
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(behind.len());
                let (name, further) = behind.split_at_checked(end).ok_or("a bad `$`")?;
                out.push_str(self.0.get(name).map_or("", String::as_str));
                rest = further;
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    /// What stands inside of `${…}`.
    fn evaluate(&self, expression: &str, now: u64) -> Result<String, String> {
        let text = self.expand(expression, now)?;
        let text = text.trim();
        let (function, arguments) = super::text::split(text);
        match function {
            "time" => arithmetic(&format!("{now} {arguments}")),
            "range" => {
                let numbers: Result<Vec<f64>, _> =
                    arguments.split_whitespace().map(str::parse).collect();
                match numbers.as_deref() {
                    Ok(&[low, value, high]) if low <= value && value <= high => Ok(shown(value)),
                    Ok(&[_, _, _]) => Err(format!("`{arguments}` is not in its range")),
                    _ => Err(format!("range takes three numbers, not `{arguments}`")),
                }
            }
            "ctime" | "timeout" => Err(format!("`${{{function}}}` is not supported")),
            _ => arithmetic(text),
        }
    }
}

/// Where the brace that closes an opened one stands.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1_u32;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth = depth.checked_add(1)?,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// `a + b * c`, evaluated from left to right.
fn arithmetic(text: &str) -> Result<String, String> {
    let spaced: String = text
        .chars()
        .flat_map(|character| match character {
            '+' | '-' | '*' | '/' => vec![' ', character, ' '],
            other => vec![other],
        })
        .collect();
    let number = |word: Option<&str>| {
        let word = word.unwrap_or_default();
        word.parse::<f64>()
            .map_err(|_| format!("`{word}` in `{text}` is not a number"))
    };
    let mut words = spaced.split_whitespace();
    let mut value = number(words.next())?;
    while let Some(operator) = words.next() {
        let right = number(words.next())?;
        value = match operator {
            "+" => value + right,
            "-" => value - right,
            "*" => value * right,
            "/" if right != 0.0 => value / right,
            _ => return Err(format!("`{operator}` in `{text}` cannot be done")),
        };
    }
    Ok(shown(value))
}

/// A number without a fraction that is none.
fn shown(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::Variables;

    #[test]
    fn expressions_go_from_left_to_right_and_braces_bind() {
        let mut variables = Variables::default();
        variables.assign("ttl", "3600", 0).unwrap();
        let says = |text: &str| variables.expand(text, 1000).unwrap();
        assert_eq!(says("${2+3*4}"), "20");
        assert_eq!(says("${2+${3*4}}"), "14");
        assert_eq!(says("${$ttl + 1}"), "3601");
        assert_eq!(says("${time}"), "1000");
        assert_eq!(says("${range 1 5 9}"), "5");
        assert_eq!(says("plain $ttl text"), "plain 3600 text");
        for wrong in ["${", "${1/0}", "${range 1 12 9}", "${1 + x}", "${timeout}"] {
            assert!(variables.expand(wrong, 0).is_err(), "{wrong}");
        }
    }
}
