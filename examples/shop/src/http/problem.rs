use axum::{
    Json,
    extract::rejection::{JsonRejection, PathRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{Failure, Reason};

/// An answer that is not a success: a status, and `{"error": ".."}`.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    text: String,
}

impl Problem {
    /// There is nothing at this address.
    pub(super) fn no_such_route() -> Self {
        Problem { status: StatusCode::NOT_FOUND, text: "there is nothing at this address".to_owned() }
    }

    /// There is something at this address, and this cannot be done with it.
    pub(super) fn wrong_method() -> Self {
        Problem { status: StatusCode::METHOD_NOT_ALLOWED, text: "this address does not take this method".to_owned() }
    }

    /// A fault of the program. What it is goes to the journal only.
    pub(super) fn internal(cause: &impl ToString) -> Self {
        tracing::error!("{}", cause.to_string());
        Problem { status: StatusCode::INTERNAL_SERVER_ERROR, text: "internal error".to_owned() }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let status = match failure.reason {
            Reason::Unknown => StatusCode::NOT_FOUND,
            Reason::Conflict => StatusCode::CONFLICT,
            Reason::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Problem { status, text: failure.to_string() }
    }
}

/// No JSON is 400, JSON of the wrong shape 422, another content type 415, too much of it 413: axum knows.
impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Problem { status: rejection.status(), text: rejection.body_text() }
    }
}

/// An id that cannot be one.
impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Problem { status: StatusCode::UNPROCESSABLE_ENTITY, text: rejection.body_text() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.text }))).into_response()
    }
}
