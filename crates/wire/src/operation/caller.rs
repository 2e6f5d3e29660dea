use std::any::Any;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

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
    /// What its authentication found out about it besides.
    pub authority: Authority,
}

/// What whoever authenticated a caller hands on to the guard: a value whose type both know and
/// this crate does not.
#[derive(Clone, Default)]
pub struct Authority(Option<Arc<dyn Any + Send + Sync>>);

impl Authority {
    /// Hands on `known`.
    pub fn new<T: Any + Send + Sync>(known: Arc<T>) -> Self {
        Self(Some(known))
    }

    /// What was handed on, if it is a `T`.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.as_deref()?.downcast_ref()
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Authority(known)" } else { "Authority(none)" })
    }
}

impl PartialEq for Authority {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Eq for Authority {}

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
            authority: Authority::default(),
        }
    }
}
