//! How long the value is that a text begins with. Everything is looked at once, from front to back.

/// What strings stand in.
pub(super) const QUOTES: [char; 3] = ['"', '\'', '`'];

/// The bytes of the value at the beginning of `text`: a string, a group, or bare words.
pub(super) fn len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let prefix = usize::from(bytes.starts_with(b"b"));
    if let Some((quote, start)) = Quote::at(bytes, 0).or_else(|| Quote::at(bytes, prefix)) {
        return quote.end(bytes, start);
    }
    match group_start(text) {
        Some(start) => group_end(bytes, start),
        None => bare_end(bytes),
    }
}

/// A quotation mark with the backslashes before it: none in plain text, one where that is quoted again, then three, seven.
#[derive(Clone, Copy)]
struct Quote {
    mark: u8,
    escapes: usize,
}

impl Quote {
    /// The mark at `start`, and where it ends.
    fn at(bytes: &[u8], start: usize) -> Option<(Self, usize)> {
        let escapes = run_of_backslashes(&bytes[start..]);
        let mark = *bytes.get(start + escapes)?;
        QUOTES.contains(&char::from(mark)).then_some((Quote { mark, escapes }, start + escapes + 1))
    }

    /// Behind the mark that closes what was opened before `start`.
    fn end(self, bytes: &[u8], start: usize) -> usize {
        let mut escapes = 0;
        for (at, &byte) in bytes.iter().enumerate().skip(start) {
            if byte == self.mark && self.closes_after(escapes) && !goes_on(byte, bytes.get(at + 1)) {
                return at + 1;
            }
            escapes = if byte == b'\\' { escapes + 1 } else { 0 };
        }
        bytes.len()
    }

    /// Whether a mark closes that has so many backslashes before it.
    ///
    /// A backslash within is as many as two opening marks with their backslashes have characters.
    fn closes_after(self, escapes: usize) -> bool {
        escapes % (2 * (self.escapes + 1)) == self.escapes
    }
}

/// Whether a mark with this behind it stands in the text: doubled as in `'it''s'`, or the apostrophe of `'it's'`.
fn goes_on(mark: u8, next: Option<&u8>) -> bool {
    next.is_some_and(|&next| next == mark || is_word(next))
}

/// Where the bracket is, behind the name of a type if there is one: `[`, `Some(`, `Secret {`.
fn group_start(text: &str) -> Option<usize> {
    let is_type = text.starts_with(|first: char| first.is_ascii_uppercase());
    let is_of_name = |character: char| is_type && (character.is_alphanumeric() || "_:<>".contains(character));
    let rest = text.trim_start_matches(is_of_name);
    let fields = rest.trim_start();
    let group = if is_type && fields.starts_with('{') { fields } else { rest };
    group.starts_with(['(', '[', '{']).then(|| text.len() - group.len())
}

/// Behind the bracket that closes the one at `start`.
fn group_end(bytes: &[u8], start: usize) -> usize {
    let opening = bytes[start];
    let closing = match opening {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    };
    let (mut at, mut depth) = (start, 0);
    while at < bytes.len() {
        match Quote::at(bytes, at) {
            Some((quote, start)) if !is_apostrophe(bytes, at) => at = quote.end(bytes, start),
            _ => {
                if bytes[at] == opening {
                    depth += 1;
                } else if bytes[at] == closing {
                    depth -= 1;
                    if depth == 0 {
                        return at + 1;
                    }
                }
                at += run_of_backslashes(&bytes[at..]).max(1);
            }
        }
    }
    bytes.len()
}

/// Up to the end of the line, or to what ends a value in a list.
fn bare_end(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\n' | b'\r' | b',' | b';' | b'&' | b')' | b']' | b'}' => return at,
            b'(' | b'[' | b'{' => at = group_end(bytes, at),
            _ => at += 1,
        }
    }
    at
}

fn is_apostrophe(bytes: &[u8], at: usize) -> bool {
    bytes[at] == b'\'' && at > 0 && is_word(bytes[at - 1])
}

/// Bytes of characters beyond ASCII count as letters.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn run_of_backslashes(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| byte == b'\\').count()
}
