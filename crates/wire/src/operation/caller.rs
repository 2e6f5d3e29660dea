use std::net::IpAddr;

/// Who calls, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The 12-digit account of the principal: names without an account are its own.
    pub account: String,
    /// The region of the request's credential scope.
    pub region: String,
    /// The request id that the response carries.
    pub request_id: String,
    /// The ARN of the principal, such as `arn:aws:iam::123456789012:user/alice`.
    pub principal: String,
    /// The key that signed; empty if nobody had to sign.
    pub access_key_id: String,
    /// Where the connection comes from, if it comes from an address.
    pub source_ip: Option<IpAddr>,
    /// What the client says that it is.
    pub user_agent: String,
    /// Whether the connection is encrypted.
    pub secure_transport: bool,
}

impl Caller {
    /// The root of an account, calling from nowhere: for what the node does itself.
    pub fn root(account: impl Into<String>, region: impl Into<String>) -> Self {
        let (account, region) = (account.into(), region.into());
        let principal = format!("arn:aws:iam::{account}:root");
        Self {
            account,
            region,
            request_id: String::new(),
            principal,
            access_key_id: String::new(),
            source_ip: None,
            user_agent: String::new(),
            secure_transport: false,
        }
    }
}
