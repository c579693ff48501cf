//! Error texts without the values of the names.

mod value;

use std::{borrow::Cow, ops::Range};

use super::redaction::REDACTED;

/// An error text without the values of the names.
///
/// A name counts as a whole word, whatever its letter case (ASCII), where a `:` or `=` follows it, quoted or not:
/// `password: "x y"`, `\"password\":\"x\"`, `password=x`; and where what it names follows at once, as `Debug` shows a type:
/// `Password("x")`, `Password { .. }`. The value is a quoted string, a group in brackets with the type name before it, or
/// else everything up to the end of the line, or to a `,`, `;`, `&`, `)`, `]` or `}`. Where the end of a quotation or a
/// group is missing, all the rest of the text is the value.
///
/// It does what can be done with text that anybody wrote, and no more. A value that is not behind its name stays
/// (`invalid type: string "x"`), and so does what is behind one of those characters in a value without quotes: of
/// `password=a,b` the `,b`. On the other side, of `password: x is wrong` nothing is left but the name, because
/// `Authorization: Bearer x` looks the same.
///
/// The time it takes is linear in the length of `text`.
pub(crate) fn scrub<'t>(text: &'t str, names: &[String]) -> Cow<'t, str> {
    let mut scrubbed = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(value) = next_value(text, at, names) {
        scrubbed.push_str(&text[copied..value.start]);
        scrubbed.push_str(REDACTED);
        (copied, at) = (value.end, value.end);
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    scrubbed.push_str(&text[copied..]);
    Cow::Owned(scrubbed)
}

/// The first value of a name that stands at `from` or behind it.
fn next_value(text: &str, from: usize, names: &[String]) -> Option<Range<usize>> {
    let (mut is_in_word, mut is_escaped) = (false, false);
    for (offset, character) in text[from..].char_indices() {
        if !is_in_word && let Some(value) = names.iter().find_map(|name| value_of(name, text, from + offset)) {
            return Some(value);
        }
        // The `n` of a line break that is written `\n` is not the beginning of a word.
        is_in_word = is_word(character) && !is_escaped;
        is_escaped = character == '\\';
    }
    None
}

/// The value of `name`, if that is the word at `start`.
fn value_of(name: &str, text: &str, start: usize) -> Option<Range<usize>> {
    let end = start + name.len();
    let is_named = !name.is_empty() && text.get(start..end)?.eq_ignore_ascii_case(name);
    if !is_named || text[end..].starts_with(is_word) {
        return None;
    }
    let value = behind_separator(&text[end..]).or_else(|| shown_as_type(&text[end..]))?;
    let start = text.len() - value.len();
    let end = start + value::len(value);
    (end > start).then_some(start..end)
}

/// What is behind the `: ` or `" => ` that `rest` begins with.
fn behind_separator(rest: &str) -> Option<&str> {
    let rest = rest.trim_start_matches('\\');
    let rest = rest.strip_prefix(value::QUOTES).unwrap_or(rest);
    let rest = rest.strip_prefix(']').unwrap_or(rest).trim_start();
    Some(rest.strip_prefix([':', '='])?.trim_start_matches([':', '=', '>']).trim_start())
}

/// `("x")` and ` { .. }`.
fn shown_as_type(rest: &str) -> Option<&str> {
    let fields = rest.trim_start();
    if fields.starts_with('{') { Some(fields) } else { rest.starts_with('(').then_some(rest) }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn names() -> Vec<String> {
        ["", "password", "api-key", "Authorization"].map(str::to_owned).to_vec()
    }

    /// Scrubs `text`, and shows the marker as `*`.
    fn scrubbed(text: &str) -> String {
        scrub(text, &names()).replace(REDACTED, "*")
    }

    #[test]
    fn the_value_of_a_name_is_replaced() {
        for (text, expected) in [
            (r#"{ user: 1, password: "x y", more: 2 }"#, "{ user: 1, password: *, more: 2 }"),
            (r#"{"password":"x","user":1}"#, r#"{"password":*,"user":1}"#),
            (r#""{\"password\":\"x \\\"y\\\" \\\\\",\"user\":1}""#, r#""{\"password\":*,\"user\":1}""#),
            ("user=a&password=x&more=2", "user=a&password=*&more=2"),
            ("login failed (password=x)", "login failed (password=*)"),
            ("PassWord : Secret { a: \"}\", b: [1] }, c", "PassWord : *, c"),
            ("password: Some(Secret(\"a) b\")) }", "password: * }"),
            ("password: Reason(it's wrong), c", "password: *, c"),
            ("password: [1, 2], c", "password: *, c"),
            ("password: ('\"', 1) c", "password: * c"),
            ("api-key='it''s' and api-key='it's'", "api-key=* and api-key=*"),
            ("password: \"\", password: b\"a,b\", c", "password: *, password: *, c"),
            ("password: x\nuser: y", "password: *\nuser: y"),
            ("authorization: Bearer a.b-c\r\nhost: d", "authorization: *\r\nhost: d"),
            ("[password] => x\nuser['password'] = 'y';", "[password] => *\nuser['password'] = *;"),
            ("password=f(a, b)c, d", "password=*, d"),
            ("x-password: \u{e9}\u{df}, password\n:\n\"x\"", "x-password: *, password\n:\n*"),
        ] {
            assert_eq!(scrubbed(text), expected, "{text}");
        }
    }

    #[test]
    fn a_type_that_is_called_so_is_a_name() {
        assert_eq!(scrubbed("Login(1, Password(\"x, y\"))"), "Login(1, Password*)");
        assert_eq!(scrubbed("Login { key: Password { text: \"x\" } }"), "Login { key: Password * }");
    }

    #[test]
    fn what_does_not_end_goes_to_the_end_of_the_text() {
        for text in [
            "password: \"x, y\nz",
            "password: [1, 2\n3",
            r#"password: Some("x)"#,
            r#"password: "x\""#,
            "password=a(b\nc",
        ] {
            let kept = text.find([':', '=']).unwrap() + 1;
            assert_eq!(scrubbed(text).replace(' ', ""), format!("{}*", &text[..kept]), "{text}");
        }
    }

    #[test]
    fn a_name_behind_a_line_break_in_a_quotation_is_seen() {
        assert_eq!(scrubbed(r#""user: a\npassword: x""#), r#""user: a\npassword: *"#);
    }

    #[test]
    fn other_text_is_not_even_copied() {
        for text in [
            "",
            "no password was given",
            "passwords: x, my_password: x, password_2: x",
            "\u{e9}password: x, password\u{e9}: x",
            "password=&user=1",
            "wrong password",
            "password:",
            ": = \"\"",
        ] {
            assert!(matches!(scrub(text, &names()), Cow::Borrowed(same) if same == text), "{text}");
        }
        assert_eq!(scrub("password: x", &[]), "password: x");
    }

    /// Text that a scanner looks at again and again, if it looks at anything twice.
    #[test]
    fn long_texts_take_linear_time() {
        let began = Instant::now();
        for piece in [
            "password",
            "password ",
            "password: (",
            "password: \"\\",
            "password\\",
            "(",
            "\\",
            "Ab::",
            "password: A",
            "password=[]",
        ] {
            let text = format!("password {}", piece.repeat(1_000_000 / piece.len()));
            assert!(scrub(&text, &names()).len() <= text.len() * 4);
        }
        // Less than a second; were it quadratic, hours.
        assert!(began.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn a_value_in_any_form_is_not_seen() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "read by `Debug`")]
        struct Login<'a> {
            user: &'a str,
            password: Option<Vec<&'a str>>,
            after: u8,
        }
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2_000 {
            let noise = |random: &mut fastrand::Rng| -> String {
                let pieces = ["\"", "'", "\\", "(", "]", "}", ", ", ";", "\n", "a", "\u{e9}"];
                (0..random.usize(..6)).map(|_| pieces[random.usize(..pieces.len())]).collect()
            };
            let secret = format!("{}CANARY{}", noise(&mut random), noise(&mut random));
            let login = Login { user: "a", password: Some(vec![&secret, &secret]), after: 7 };
            let shown = format!("{login:?}");
            let json = serde_json::json!({ "password": secret, "zip": 7 }).to_string();
            for text in [format!("{login:#?}"), json.clone(), format!("{json:?}"), format!("{shown:?}"), shown.clone()]
            {
                assert!(!scrubbed(&text).contains("CANARY"), "{text}\n{}", scrubbed(&text));
                assert!(scrubbed(&text).contains('7'), "{text}\n{}", scrubbed(&text));
            }
        }
    }
}
