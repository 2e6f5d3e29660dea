//! The security token service on the wire: forms in, XML out, errors of its own.
//!
//! A request is one of STS if it says `Version=2011-06-15` in a form or in the query; only those
//! are looked at here, so all others go their way untouched.

mod form;
mod input;
mod xml;

use bytes::Bytes;
use model::Timestamp;

use crate::envelope::Response;
use crate::error::{ApiError, ErrorCode};
use crate::request::HttpRequest;

pub use form::Form;
pub use input::{AssumeRoleInput, Call};

const VERSION: &str = "2011-06-15";

/// The parameters of a request, if it is one of STS.
pub fn form_of(request: &HttpRequest<'_>, body: &Bytes) -> Option<Form> {
    let content_type = request.headers.get("content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let is_form = essence.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if !is_form && request.query.is_empty() || !["GET", "POST"].contains(&request.method) {
        return None;
    }
    let form = Form::parse(request.query, if is_form { body } else { b"" })?;
    (form.get("Version") == Some(VERSION) && form.get("Action").is_some()).then_some(form)
}

/// A refusal in the words of STS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// A member is not what it must be.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    /// What clients switch on.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What people read.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The response.
    pub fn response(&self, request_id: &str) -> Response {
        let fault = if self.status < 500 { "Sender" } else { "Receiver" };
        let body = xml::document("ErrorResponse", |xml| {
            xml.element("Error", |xml| {
                xml.text("Type", fault);
                xml.text("Code", self.code);
                xml.text("Message", &self.message);
            });
            xml.text("RequestId", request_id);
        });
        xml::response(self.status, body)
    }
}

/// What the other services say, as STS says it.
impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let (status, code) = match error.code {
            ErrorCode::AccessDenied => (403, "AccessDenied"),
            ErrorCode::ExpiredToken => (403, "ExpiredToken"),
            ErrorCode::IncompleteSignature => (400, "IncompleteSignature"),
            ErrorCode::InvalidArgument => (400, "MalformedPolicyDocument"),
            ErrorCode::InvalidSignature => (403, "SignatureDoesNotMatch"),
            ErrorCode::MissingAuthenticationToken => {
                let text = "Request is missing Authentication Token";
                return Self::new(403, "MissingAuthenticationToken", text);
            }
            ErrorCode::UnrecognizedClient => (403, "InvalidClientTokenId"),
            ErrorCode::Validation => (400, "ValidationError"),
            ErrorCode::Throttling => (400, "Throttling"),
            ErrorCode::ServiceUnavailable => (503, "ServiceUnavailable"),
            _ => (500, "InternalFailure"),
        };
        Self::new(status, code, error.message.unwrap_or_default())
    }
}

/// Who the caller is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// Its unique id.
    pub user_id: &'a str,
    /// Its account.
    pub account: &'a str,
}

impl CallerIdentity<'_> {
    /// The response to GetCallerIdentity.
    pub fn response(&self, request_id: &str) -> Response {
        xml::success("GetCallerIdentity", request_id, |xml| {
            xml.text("Arn", self.arn);
            xml.text("UserId", self.user_id);
            xml.text("Account", self.account);
        })
    }
}

/// A session that began. Deliberately without `Debug`.
pub struct AssumedRole<'a> {
    /// The ARN of the session.
    pub arn: &'a str,
    /// The role's id and the session's name.
    pub user_id: &'a str,
    /// The key that signs.
    pub access_key_id: &'a str,
    /// Its secret.
    pub secret_access_key: &'a str,
    /// What must go with every request.
    pub session_token: &'a str,
    /// From when on the session is over.
    pub expiration: Timestamp,
    /// How much of the room for a session's policy is used, in percent; nothing without one.
    pub packed_policy_size: Option<usize>,
}

impl AssumedRole<'_> {
    /// The response to AssumeRole.
    pub fn response(&self, request_id: &str) -> Response {
        xml::success("AssumeRole", request_id, |xml| {
            xml.element("AssumedRoleUser", |xml| {
                xml.text("AssumedRoleId", self.user_id);
                xml.text("Arn", self.arn);
            });
            xml.element("Credentials", |xml| {
                xml.text("AccessKeyId", self.access_key_id);
                xml.text("SecretAccessKey", self.secret_access_key);
                xml.text("SessionToken", self.session_token);
                xml.text("Expiration", &xml::moment(self.expiration));
            });
            if let Some(percent) = self.packed_policy_size {
                xml.text("PackedPolicySize", &percent.to_string());
            }
        })
    }
}

#[cfg(test)]
mod tests;
