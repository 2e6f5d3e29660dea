//! What can be asked of STS here.

use std::borrow::Cow;

use super::{Form, Refusal, VERSION};
use crate::codec::Encoding;
use crate::schema::{self, Length, Member, Pattern, Range, Shape, Structure, Text};
use crate::value::Value;

/// A call of STS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Who am I?
    GetCallerIdentity,
    /// Let me act as a role.
    AssumeRole(AssumeRoleInput),
}

/// Asks to act as a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssumeRoleInput {
    /// The role.
    pub role_arn: String,
    /// What the session is called.
    pub role_session_name: String,
    /// How long it lasts.
    pub duration_seconds: Option<u32>,
    /// What it is narrowed to.
    pub policy: Option<String>,
    /// What the role's trust policy may ask for, agreed on with its owner.
    pub external_id: Option<String>,
}

/// Characters of a session's policy.
const POLICY_CHARS_MAX: u32 = 2048;

/// What would change what a session may do and is not done here, so that it must not be passed
/// over.
const UNSUPPORTED: [&str; 7] = [
    "PolicyArns",
    "Tags",
    "TransitiveTagKeys",
    "SerialNumber",
    "TokenCode",
    "SourceIdentity",
    "ProvidedContexts",
];

const ASSUME_ROLE: Structure = Structure {
    name: "AssumeRoleRequest",
    members: &[
        text("RoleArn", true, 20, 2048, None),
        text("RoleSessionName", true, 2, 64, Some(Pattern::SESSION_NAME)),
        text("Policy", false, 1, POLICY_CHARS_MAX, None),
        Member {
            name: "DurationSeconds",
            shape: Shape::Integer(Range { min: Some(900), max: Some(43_200) }),
            required: false,
        },
        text("ExternalId", false, 2, 1224, Some(Pattern::EXTERNAL_ID)),
    ],
};

const fn text(
    name: &'static str,
    required: bool,
    min: u32,
    max: u32,
    pattern: Option<Pattern>,
) -> Member {
    let length = Length { min: Some(min), max: Some(max) };
    Member { name, shape: Shape::String(Text { length, pattern, values: &[] }), required }
}

impl Call {
    /// Reads a form.
    pub fn read(form: &Form) -> Result<Self, Refusal> {
        match form.get("Action").unwrap_or_default() {
            "GetCallerIdentity" => Ok(Self::GetCallerIdentity),
            "AssumeRole" => Ok(Self::AssumeRole(AssumeRoleInput::read(form)?)),
            other => Err(Refusal::new(
                400,
                "InvalidAction",
                format!("Could not find operation {other} for version {VERSION}"),
            )),
        }
    }
}

impl AssumeRoleInput {
    fn read(form: &Form) -> Result<Self, Refusal> {
        let first = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
        if let Some(name) = form.names().map(first).find(|name| UNSUPPORTED.contains(&&**name)) {
            return Err(Refusal::validation(format!("{name} is not supported by this node.")));
        }
        let mut members = Vec::new();
        for member in ASSUME_ROLE.members {
            let Some(given) = form.get(member.name) else { continue };
            let value = match member.shape {
                Shape::Integer(_) => Value::Int(given.trim().parse().map_err(|_| {
                    Refusal::validation(format!("{} must be a whole number.", member.name))
                })?),
                _ => Value::Str(Cow::Borrowed(given)),
            };
            members.push((Cow::Borrowed(member.name), value));
        }
        schema::check(Value::Map(members), &ASSUME_ROLE, Encoding::Json)?;
        let text = |name: &str| form.get(name).map(str::to_owned);
        Ok(Self {
            role_arn: text("RoleArn").unwrap_or_default(),
            role_session_name: text("RoleSessionName").unwrap_or_default(),
            duration_seconds: text("DurationSeconds").and_then(|text| text.trim().parse().ok()),
            policy: text("Policy"),
            external_id: text("ExternalId"),
        })
    }

    /// How much of the room for the session's policy is used, in percent.
    pub fn packed_policy_size(&self) -> Option<usize> {
        let chars = self.policy.as_ref()?.chars().count();
        Some((chars * 100).div_ceil(POLICY_CHARS_MAX as usize))
    }
}
