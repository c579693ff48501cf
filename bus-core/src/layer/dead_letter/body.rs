//! The message of a letter: shared, or as JSON without its secrets.

use std::sync::Arc;

use serde_json::Value;

use super::{super::Dispatch, Body, Keeps, Withheld, letter::SharedMessage};
use crate::message::Field;

/// What stands where a secret was.
const REDACTED: &str = "***REDACTED***";

/// The message of this dispatch, as `keeps` wants it.
pub(super) fn of(dispatch: &mut Dispatch<'_>, keeps: Keeps) -> Body {
    match keeps {
        Keeps::Message => {
            let again = dispatch.payload.again();
            let message = dispatch.share();
            message.map_or(Body::Withheld(Withheld::Gone), |message| Body::Message(SharedMessage { message, again }))
        }
        Keeps::Json => as_json(dispatch),
    }
}

fn as_json(dispatch: &Dispatch<'_>) -> Body {
    let Some(message) = dispatch.payload.serialize() else { return Body::Withheld(Withheld::Gone) };
    let fields = dispatch.message().fields;
    if !fields.iter().any(|field| field.secret) {
        return serde_json::to_string(message)
            .map_or(Body::Withheld(Withheld::NotSerialized), |json| Body::Json(Arc::from(json)));
    }
    match serde_json::to_value(message) {
        Ok(value) => redact(value, fields)
            .map_or(Body::Withheld(Withheld::SecretNotFound), |value| Body::Redacted(Arc::from(value.to_string()))),
        Err(_) => Body::Withheld(Withheld::NotSerialized),
    }
}

/// `value` without its secrets; `None` unless it is plain which parts they are.
///
/// An object has to have all secret fields, and nothing that is not a field; an array has to have as many elements as the
/// message has fields. Anything else was renamed, flattened, skipped or is an enum: then a secret may stand anywhere.
fn redact(mut value: Value, fields: &[Field]) -> Option<Value> {
    let secrets = fields.iter().enumerate().filter(|(_, field)| field.secret);
    match &mut value {
        Value::Object(object) => {
            let is_field = |key: &String| fields.iter().any(|field| field.name == key);
            if !object.keys().all(is_field) || fields.iter().any(|field| is_position(field.name)) {
                return None;
            }
            for (_, field) in secrets {
                *object.get_mut(field.name)? = REDACTED.into();
            }
        }
        Value::Array(elements)
            if elements.len() == fields.len() && fields.iter().all(|field| is_position(field.name)) =>
        {
            for (place, _) in secrets {
                elements[place] = REDACTED.into();
            }
        }
        _ => return None,
    }
    Some(value)
}

fn is_position(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads the whole of `json`.
pub(crate) fn parse<T>(
    json: &str,
    read: impl FnOnce(&mut dyn erased_serde::Deserializer<'_>) -> Result<T, erased_serde::Error>,
) -> Result<T, String> {
    let mut format = serde_json::Deserializer::from_str(json);
    let value =
        read(&mut <dyn erased_serde::Deserializer<'_>>::erase(&mut format)).map_err(|error| error.to_string())?;
    format.end().map_err(|error| error.to_string())?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const fn field(name: &'static str, secret: bool) -> Field {
        Field { name, secret, key: false }
    }

    const NAMED: &[Field] = &[field("user", false), field("password", true)];
    const PLACED: &[Field] = &[field("0", false), field("1", true)];

    #[test]
    fn a_secret_is_replaced_where_it_is_plain_which_it_is() {
        let object = redact(json!({ "user": 1, "password": { "old": "a" } }), NAMED);
        assert_eq!(object, Some(json!({ "user": 1, "password": REDACTED })));
        assert_eq!(redact(json!([1, "a"]), PLACED), Some(json!([1, REDACTED])));
    }

    #[test]
    fn nothing_is_kept_where_it_is_not_plain() {
        let renamed = json!({ "user": 1, "pass": "a" });
        let skipped = json!({ "user": 1 });
        let flattened = json!({ "user": 1, "password": 1, "more": "a" });
        let tagged = json!({ "Change": { "user": 1, "password": "a" } });
        for value in [renamed, skipped, flattened, tagged, json!("a"), json!([1, "a"])] {
            assert_eq!(redact(value.clone(), NAMED), None, "{value}");
        }
        for value in [json!({ "0": 1, "1": "a" }), json!([1]), json!("a")] {
            assert_eq!(redact(value.clone(), PLACED), None, "{value}");
        }
    }
}
