//! The part of a request's target behind the `?`.

use nicety_core::finding::Finding;

/// The value of the one field that may stand there, decoded. Fields that nobody knows are findings: a slip of the pen would otherwise
/// ask another strategy.
pub fn only(query: Option<&str>, known: Option<&str>) -> Result<Option<String>, Vec<Finding>> {
    let mut value = None;
    let mut findings = Vec::new();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        let path = || format!("query.{name}");
        match decoded(name).zip(decoded(text)) {
            None => findings.push(Finding::new(path(), "is not percent-encoded UTF-8")),
            Some((name, _)) if Some(name.as_str()) != known => {
                let hint = known.map_or("there are none".to_owned(), |known| format!("there is `{known}`"));
                findings.push(Finding::new(path(), format!("is not known here; hint: {hint}")));
            }
            Some(_) if value.is_some() => findings.push(Finding::new(path(), "stands twice")),
            Some((_, text)) => value = Some(text),
        }
    }
    if findings.is_empty() { Ok(value) } else { Err(findings) }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| (byte? as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(match byte {
            b'%' => digit(rest.next())? << 4 | digit(rest.next())?,
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_field_is_decoded_and_all_else_is_told() {
        assert_eq!(only(None, Some("network")), Ok(None));
        assert_eq!(only(Some("network=a%2eb+c"), Some("network")), Ok(Some("a.b c".into())));
        let told = |query| only(Some(query), Some("network")).unwrap_err().len();
        assert_eq!(
            (told("netwrok=a&x"), told("network=a&network=b"), told("network=%zz"), told("network=%ff")),
            (2, 1, 1, 1)
        );
        assert!(only(Some("a=b"), None).is_err());
    }
}
