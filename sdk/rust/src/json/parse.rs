//! Text to value: RFC 8259, all of it but for depth, which ends at 32 so that nobody's annotation reaches the end of the stack.

use std::fmt;

use super::Json;

const DEPTH: u32 = 32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Bytes before the place.
    pub offset: usize,
    pub message: &'static str,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not JSON at byte {}: {}", self.offset, self.message)
    }
}

/// One value, with blanks around it and nothing else.
pub fn parse(text: &str) -> Result<Json, ParseError> {
    let mut parser = Parser { text, offset: 0 };
    let value = parser.value(0)?;
    parser.blanks();
    if parser.peek().is_some() { parser.fail("expected the end") } else { Ok(value) }
}

struct Parser<'a> {
    text: &'a str,
    offset: usize,
}

type Outcome<T> = Result<T, ParseError>;

impl<'a> Parser<'a> {
    fn fail<T>(&self, message: &'static str) -> Outcome<T> {
        Err(ParseError { offset: self.offset, message })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.offset += usize::from(there);
        there
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.offset += 1;
        }
    }

    fn value(&mut self, depth: u32) -> Outcome<Json> {
        if depth > DEPTH {
            return self.fail("lists and objects nest too deep");
        }
        self.blanks();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Flag(true)),
            Some(b'f') => self.word("false", Json::Flag(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => self.fail("expected a value"),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Outcome<Json> {
        if !self.rest().starts_with(word) {
            return self.fail("expected a value");
        }
        self.offset += word.len();
        Ok(value)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn list(&mut self, depth: u32) -> Outcome<Json> {
        let mut items = Vec::new();
        self.offset += 1;
        self.blanks();
        if self.eat(b']') {
            return Ok(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.eat(b']') {
                return Ok(Json::List(items));
            }
            if !self.eat(b',') {
                return self.fail("expected `,` or `]`");
            }
        }
    }

    fn object(&mut self, depth: u32) -> Outcome<Json> {
        let mut members = Vec::new();
        self.offset += 1;
        self.blanks();
        if self.eat(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return self.fail("expected a key in quotes");
            }
            let key = self.string()?;
            self.blanks();
            if !self.eat(b':') {
                return self.fail("expected `:`");
            }
            members.push((key, self.value(depth + 1)?));
            self.blanks();
            if self.eat(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.eat(b',') {
                return self.fail("expected `,` or `}`");
            }
        }
    }

    fn number(&mut self) -> Outcome<Json> {
        let start = self.offset;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _sign = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(Json::Number(self.text.get(start..self.offset).unwrap_or_default().to_owned()))
    }

    fn digits(&mut self) -> Outcome<()> {
        let start = self.offset;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.offset += 1;
        }
        if self.offset == start { self.fail("expected a digit") } else { Ok(()) }
    }

    fn string(&mut self) -> Outcome<String> {
        let mut text = String::new();
        self.offset += 1;
        loop {
            let rest = self.rest();
            let special = |byte: u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
            let plain = rest.bytes().position(special).unwrap_or(rest.len());
            text.push_str(rest.get(..plain).unwrap_or_default());
            self.offset += plain;
            match self.peek() {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return self.fail("a control character in a text"),
                None => return self.fail("a text does not end"),
            }
        }
    }

    fn escape(&mut self) -> Outcome<char> {
        self.offset += 1;
        let letter = self.peek();
        self.offset += 1;
        Ok(match letter {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\x08',
            Some(b'f') => '\x0c',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code_point(),
            _ => {
                self.offset -= 1;
                return self.fail("an unknown escape");
            }
        })
    }

    /// `\u` is behind; a high surrogate wants its low one next.
    fn code_point(&mut self) -> Outcome<char> {
        let high = self.hex4()?;
        let code = if (0xd800..0xdc00).contains(&high) && self.rest().starts_with("\\u") {
            self.offset += 2;
            let low = self.hex4()?.wrapping_sub(0xdc00);
            if low > 0x3ff {
                return self.fail("half of a surrogate pair");
            }
            0x10000 + ((high - 0xd800) << 10 | low)
        } else {
            high
        };
        char::from_u32(code).map_or_else(|| self.fail("half of a surrogate pair"), Ok)
    }

    fn hex4(&mut self) -> Outcome<u32> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(code) = code else { return self.fail("expected four hexadecimal digits") };
        self.offset += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_json_is_read() {
        let value = parse(" {\"a\": [1, -2.5e+3, true, null, {}], \"b\": \"x\\\"\\u00e9\\ud83d\\ude00\\n\"} ").unwrap();
        assert_eq!(value.get("a").unwrap().list().unwrap().len(), 5);
        assert_eq!(value.get("b").unwrap().text(), Some("x\"é😀\n"));
        assert_eq!(value.get("a").unwrap().list().unwrap()[0].number(), Some(1));
        assert_eq!(value.get("a").unwrap().list().unwrap()[1].number(), None, "no floats");
    }

    #[test]
    fn of_a_key_that_stands_twice_the_last_counts_and_null_is_as_absent() {
        let value = parse(r#"{"a": 1, "a": 2, "b": null}"#).unwrap();
        assert_eq!((value.get("a").and_then(Json::number), value.get("b")), (Some(2), None));
    }

    #[test]
    fn what_is_not_json_is_refused_at_its_place() {
        for (text, offset) in [
            ("", 0),
            ("[1,]", 3),
            ("{\"a\" 1}", 5),
            ("{a: 1}", 1),
            ("[1 2]", 3),
            ("01", 1),
            ("1.", 2),
            ("-", 1),
            ("\"a", 2),
            ("\"\\x\"", 2),
            ("\"\\ud800\"", 7),
            ("\"\n\"", 1),
            ("tru", 0),
            ("{} x", 3),
        ] {
            assert_eq!(parse(text).unwrap_err().offset, offset, "{text}");
        }
    }

    #[test]
    fn nesting_ends_before_the_stack_does() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(32)).is_ok());
        assert_eq!(parse(&nested(100_000)).unwrap_err().message, "lists and objects nest too deep");
    }

    #[test]
    fn it_agrees_with_another_parser_on_what_is_json() {
        for text in [
            "[]",
            "[1,2]",
            "{\"a\":{\"b\":[null]}}",
            "\"\\u0000\"",
            "[1.5e-3]",
            "-0",
            "[,]",
            "{,}",
            "nul",
            "\"\\u12\"",
            "[1]]",
        ] {
            assert_eq!(parse(text).is_ok(), serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
        }
    }
}
