//! What JSON lets stand in a text, and some readers take for the end of a line: `str.splitlines` of Python does.

/// Next line, line separator, paragraph separator.
const SEPARATORS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// Escapes them in what is behind `start`, which is JSON: they are nowhere but in its texts.
#[inline]
pub(super) fn escape(line: &mut Vec<u8>, start: usize) {
    let json = &line[start..];
    if !json.is_ascii() && may_have_one(json) {
        escape_in_texts(line, start);
    }
}

/// Looks at every byte, whatever was found: so the compiler makes it ten times as fast as a search that stops.
fn may_have_one(json: &[u8]) -> bool {
    json.windows(2).fold(false, |found, two| {
        let two = u16::from_be_bytes([two[0], two[1]]);
        // U+0085, and with the separators the dashes and quotes of U+2000 to U+203F.
        found | matches!(two, 0xc285 | 0xe280)
    })
}

#[cold]
fn escape_in_texts(line: &mut Vec<u8>, start: usize) {
    let text = std::str::from_utf8(&line[start..]).unwrap_or_else(|_| unreachable!("JSON is text"));
    if text.contains(SEPARATORS) {
        let escaped = escaped(text);
        line.truncate(start);
        line.extend_from_slice(escaped.as_bytes());
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        match character {
            '\u{85}' => escaped.push_str("\\u0085"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    escaped
}
