//! Text from a recording, made harmless: whoever sent a message must not forge lines or command the terminal.

use std::{borrow::Cow, fmt::Write as _};

/// `text` with control characters and what turns or hides text shown as escapes, such as `\u{1b}` and `\n`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    replace(text, |unsafe_char, shown| shown.extend(unsafe_char.escape_default()))
}

/// JSON that says the same, with nothing in it that a terminal acts upon.
pub(crate) fn visible_json(json: &str) -> Cow<'_, str> {
    replace(json, |unsafe_char, shown| {
        // JSON has no control characters below a space but between its tokens.
        if unsafe_char < ' ' {
            return shown.push(' ');
        }
        for unit in unsafe_char.encode_utf16(&mut [0; 2]) {
            // A `String` takes everything.
            let _ = write!(shown, "\\u{unit:04x}");
        }
    })
}

fn replace(text: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let Some(first) = text.find(is_unsafe) else { return Cow::Borrowed(text) };
    let mut shown = text[..first].to_owned();
    for char in text[first..].chars() {
        if is_unsafe(char) {
            escape(char, &mut shown);
        } else {
            shown.push(char);
        }
    }
    Cow::Owned(shown)
}

/// Controls, line and paragraph separators, marks that turn the direction of text, and characters that are not seen.
fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
        || matches!(char, '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_upon_is_escaped() {
        assert_eq!(visible("a\nb\r\u{1b}[31m\u{9b}2J\u{7f}\u{202e}x"), r"a\nb\r\u{1b}[31m\u{9b}2J\u{7f}\u{202e}x");
        assert!(matches!(visible("straße 日本 👩‍🚀"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_stays_the_same_json() {
        let json = "{\"a\":\t\"\u{202e}\u{9b}\u{e0041}\"}";
        assert_eq!(visible_json(json), r#"{"a": "\u202e\u009b\udb40\udc41"}"#);
        let (before, after): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(json).unwrap(), serde_json::from_str(&visible_json(json)).unwrap());
        assert_eq!(before, after);
    }
}
