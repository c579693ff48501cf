//! A letter as one line of text: the form in which it is stored, version 1.
//!
//! A JSON object of what is known about the letter, a tab, and the message as JSON (or nothing). Neither part has a tab
//! or a line feed of its own: JSON writes those as `\t` and `\n`. Fields may be added in a later version of linkbus, and
//! are passed over by an earlier one; what is here is never removed and never changes its meaning.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{super::Reason, Body, DeadLetter, ErrorReport, LetterHandler, Withheld};
use crate::{line::Object, message::Kind};

impl DeadLetter {
    /// The letter as one line of text, without a line feed: for a store of your own. The line is readable by every later
    /// version of linkbus.
    ///
    /// The message is part of it if the letter has it as JSON.
    pub fn to_line(&self) -> String {
        self.to_line_with(None)
    }

    /// The line, with a number of the store.
    pub(super) fn to_line_with(&self, number: Option<u64>) -> String {
        let (body, json) = match &self.body {
            Body::Json(json) => ("json", &**json),
            Body::Redacted(json) => ("redacted", &**json),
            Body::Withheld(why) => (withheld_label(why), ""),
            #[cfg(feature = "transport")]
            Body::Encoded(_) => (withheld_label(&Withheld::OtherForm), ""),
            Body::Message(_) => (withheld_label(&Withheld::OtherForm), ""),
        };
        let mut line = Vec::with_capacity(512 + json.len());
        let mut header = Object::begin(&mut line);
        if let Some(number) = number {
            header.number("n", number);
        }
        header.uuid("id", self.id);
        header.text("message", &self.message);
        header.text("kind", self.kind.label());
        header.text("body", body);
        if let Body::Withheld(Withheld::TooLarge { bytes, limit }) = self.body {
            header.number("bytes", bytes as u64);
            header.number("limit", limit as u64);
        }
        header.number("at_us", micros(self.at));
        header.number("attempts", self.attempts.into());
        header.number("replays", self.replays.into());
        header.uuid("dispatch", self.dispatch_id);
        header.uuid("correlation", self.correlation_id);
        if let Some(id) = self.causation_id {
            header.uuid("causation", id);
        }
        self.error.write(&mut header);
        if let Some(handler) = &self.handler {
            handler.write(&mut header);
        }
        header.end();
        line.push(b'\t');
        line.extend_from_slice(json.as_bytes());
        String::from_utf8(line).expect("JSON is text")
    }

    /// The letter that [`to_line`](Self::to_line) gave this line.
    ///
    /// # Errors
    /// What is wrong with the line, in words.
    pub fn from_line(line: &str) -> Result<Self, String> {
        DeadLetter::from_line_with(line).map(|(letter, _)| letter)
    }

    pub(super) fn from_line_with(line: &str) -> Result<(Self, Option<u64>), String> {
        let (header, json) = line.split_once('\t').ok_or("there is no tab behind the header")?;
        let header = Header(serde_json::from_str(header).map_err(|error| error.to_string())?);
        let letter = DeadLetter {
            id: header.uuid("id")?,
            message: header.text("message")?,
            kind: header.kind()?,
            body: header.body(json)?,
            error: header.error()?,
            handler: header.handler()?,
            attempts: header.small("attempts")?,
            replays: header.small("replays")?,
            at: header.time("at_us")?,
            dispatch_id: header.uuid("dispatch")?,
            correlation_id: header.uuid("correlation")?,
            causation_id: if header.has("causation") { Some(header.uuid("causation")?) } else { None },
        };
        let number = if header.has("n") { Some(header.number("n")?) } else { None };
        Ok((letter, number))
    }
}

fn withheld_label(why: &Withheld) -> &'static str {
    match why {
        Withheld::SecretNotFound => "secret_not_found",
        Withheld::NotSerialized => "not_serialized",
        Withheld::TooDeep => "too_deep",
        Withheld::TooLarge { .. } => "too_large",
        Withheld::Gone => "gone",
        Withheld::OtherForm => "other_form",
    }
}

fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

impl ErrorReport {
    fn write(&self, header: &mut Object<'_>) {
        header.text("reason", self.reason.label());
        header.value("retryable", &self.is_retryable);
        if let Some(text) = &self.text {
            header.text("error", text);
        }
        if !self.causes.is_empty() {
            header.value("causes", &self.causes);
        }
        if let Some(name) = &self.type_name {
            header.text("error_type", name);
        }
    }
}

impl LetterHandler {
    fn write(&self, header: &mut Object<'_>) {
        header.text("handler", &self.name);
        header.text("module", &self.module);
        header.text("file", &self.file);
        header.number("line", self.line.into());
        header.number("place", self.place as u64);
    }
}

/// The object in front of the tab.
struct Header(Map<String, Value>);

impl Header {
    fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    fn str(&self, key: &str) -> Result<&str, String> {
        self.0.get(key).and_then(Value::as_str).ok_or_else(|| format!("`{key}` is not text"))
    }

    fn text(&self, key: &str) -> Result<Cow<'static, str>, String> {
        self.str(key).map(|text| Cow::Owned(text.to_owned()))
    }

    fn optional(&self, key: &str) -> Result<Option<Cow<'static, str>>, String> {
        if self.has(key) { self.text(key).map(Some) } else { Ok(None) }
    }

    fn number(&self, key: &str) -> Result<u64, String> {
        self.0.get(key).and_then(Value::as_u64).ok_or_else(|| format!("`{key}` is not a number"))
    }

    fn time(&self, key: &str) -> Result<SystemTime, String> {
        let since = Duration::from_micros(self.number(key)?);
        SystemTime::UNIX_EPOCH.checked_add(since).ok_or_else(|| format!("`{key}` is no time"))
    }

    fn small(&self, key: &str) -> Result<u32, String> {
        u32::try_from(self.number(key)?).map_err(|_| format!("`{key}` is too large"))
    }

    fn size(&self, key: &str) -> Result<usize, String> {
        usize::try_from(self.number(key)?).map_err(|_| format!("`{key}` is too large"))
    }

    fn uuid(&self, key: &str) -> Result<Uuid, String> {
        self.str(key)?.parse().map_err(|_| format!("`{key}` is not a UUID"))
    }

    fn kind(&self) -> Result<Kind, String> {
        let label = self.str("kind")?;
        Kind::from_label(label).ok_or_else(|| "`kind` is unknown".to_owned())
    }

    fn body(&self, json: &str) -> Result<Body, String> {
        let why = match self.str("body")? {
            "json" => return Ok(Body::Json(Arc::from(json))),
            "redacted" => return Ok(Body::Redacted(Arc::from(json))),
            "secret_not_found" => Withheld::SecretNotFound,
            "not_serialized" => Withheld::NotSerialized,
            "too_deep" => Withheld::TooDeep,
            "too_large" => Withheld::TooLarge { bytes: self.size("bytes")?, limit: self.size("limit")? },
            "gone" => Withheld::Gone,
            "other_form" => Withheld::OtherForm,
            _ => return Err("`body` is unknown".to_owned()),
        };
        Ok(Body::Withheld(why))
    }

    fn error(&self) -> Result<ErrorReport, String> {
        let label = self.str("reason")?;
        let reason = Reason::from_label(label).ok_or("`reason` is unknown")?;
        let causes = match self.0.get("causes") {
            None => Vec::new(),
            Some(causes) => {
                let causes = causes.as_array().ok_or("`causes` is not a list")?.iter();
                causes.map(|cause| cause.as_str().unwrap_or_default().to_owned()).collect()
            }
        };
        let is_retryable =
            self.0.get("retryable").and_then(Value::as_bool).ok_or("`retryable` is not true or false")?;
        let text = self.optional("error")?.map(Cow::into_owned);
        Ok(ErrorReport { reason, text, causes, type_name: self.optional("error_type")?, is_retryable })
    }

    fn handler(&self) -> Result<Option<LetterHandler>, String> {
        let Some(name) = self.optional("handler")? else { return Ok(None) };
        let (module, file) = (self.text("module")?, self.text("file")?);
        Ok(Some(LetterHandler { name, module, file, line: self.small("line")?, place: self.size("place")? }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn letter() -> DeadLetter {
        DeadLetter {
            id: Uuid::from_u128(7),
            message: "shop.Pay".into(),
            kind: Kind::Event,
            body: Body::Json(r#"{"note":"a\tb\nc"}"#.into()),
            error: ErrorReport {
                reason: Reason::Handler,
                text: Some("no\nroom\t\"here\"".to_owned()),
                causes: vec!["full".to_owned()],
                type_name: Some("shop::Full".into()),
                is_retryable: true,
            },
            handler: Some(LetterHandler {
                name: "pay".into(),
                module: "shop".into(),
                file: "src/lib.rs".into(),
                line: 7,
                place: 2,
            }),
            attempts: 3,
            replays: 1,
            at: SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456),
            dispatch_id: Uuid::from_u128(8),
            correlation_id: Uuid::from_u128(9),
            causation_id: Some(Uuid::from_u128(10)),
        }
    }

    #[test]
    fn a_letter_comes_back_as_it_was() {
        let line = letter().to_line();
        assert!(!line.contains('\n') && line.matches('\t').count() == 1, "{line}");
        let read = DeadLetter::from_line(&line).unwrap();
        assert_eq!(read.to_line(), line);
        assert_eq!((&read.error, &read.handler, read.at), (&letter().error, &letter().handler, letter().at));
        let header: Value = serde_json::from_str(line.split_once('\t').unwrap().0).unwrap();
        assert_eq!(header["error"], json!("no\nroom\t\"here\""));
    }

    /// RD4.
    #[test]
    fn what_is_wrong_with_a_line_is_named() {
        let line = letter().to_line();
        for (from, to, problem) in [
            (r#""attempts":3"#, r#""attempts":-3"#, "`attempts` is not a number"),
            (r#""kind":"event""#, r#""kind":"rumour""#, "`kind` is unknown"),
            (r#""reason":"failed""#, r#""reason":"bored""#, "`reason` is unknown"),
            (r#""message":"shop.Pay""#, r#""message":7"#, "`message` is not text"),
        ] {
            assert!(line.contains(from), "{from}");
            assert_eq!(DeadLetter::from_line(&line.replace(from, to)).unwrap_err(), problem);
        }
    }
}
