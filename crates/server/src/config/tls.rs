//! TLS: its settings, and the files that they name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as friendly;
use model::{AccountId, Region};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// TLS on the listener, and what the certificates of clients stand for.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The file of the node's certificate chain in PEM, its own certificate first. Empty: no TLS.
    pub certificate: PathBuf,
    /// The file of that certificate's private key in PEM.
    pub key: PathBuf,
    /// How often to look whether one of the files has changed; the new ones are then served.
    #[serde(with = "friendly")]
    pub reload_period: Duration,
    /// The file of the authorities, in PEM, that sign certificates of clients. Empty: clients are
    /// not asked for one.
    pub client_ca: PathBuf,
    /// Refuse connections of clients without a certificate.
    pub client_certificate_required: bool,
    /// Whom a client's certificate stands for when a request is not signed, the first that fits:
    /// `[{certificate = "uri:spiffe://…", principal = "arn:aws:iam::…:user/…"}]`; `dns:…` and
    /// `subject:CN=…` also name certificates, and `region = "…"` says where its streams are.
    pub client_principals: Vec<ClientPrincipal>,
}

/// What one kind of certificate stands for.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientPrincipal {
    /// Which certificates: `uri:…` and `dns:…` are one of the alternative names, `subject:…` is
    /// the whole distinguished name as RFC 4514 writes it.
    pub certificate: String,
    /// The ARN of a user, or of an account's root.
    pub principal: String,
    /// The region of the requests: without a signature they have no scope that names one.
    #[serde(default = "default_region")]
    pub region: String,
}

fn default_region() -> String {
    "us-east-1".into()
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            reload_period: Duration::from_secs(10),
            client_ca: PathBuf::new(),
            client_certificate_required: false,
            client_principals: Vec::new(),
        }
    }
}

/// The PEM files, as they were read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) client_ca: Option<Vec<u8>>,
}

impl Tls {
    /// Whether the listener speaks TLS.
    pub fn is_on(&self) -> bool {
        is_set(&self.certificate)
    }

    /// What contradicts itself: the setting, and why.
    pub(crate) fn fault(&self) -> Option<(&'static str, &'static str)> {
        if is_set(&self.certificate) != is_set(&self.key) {
            return Some(("tls.key", "tls.certificate and tls.key belong together"));
        }
        if is_set(&self.client_ca) && !self.is_on() {
            return Some(("tls.client_ca", "without tls.certificate there is no TLS"));
        }
        let asks = is_set(&self.client_ca);
        if self.client_certificate_required && !asks {
            let reason = "tls.client_ca must say who signs the certificates";
            return Some(("tls.client_certificate_required", reason));
        }
        if !self.client_principals.is_empty() && !asks {
            return Some(("tls.client_principals", "tls.client_ca must say who signs them"));
        }
        if self.reload_period.is_zero() {
            return Some(("tls.reload_period", "must not be zero"));
        }
        self.client_principals.iter().find_map(ClientPrincipal::fault)
    }

    /// Reads the files. Blocks.
    pub(crate) fn read(&self) -> Result<TlsFiles> {
        Ok(TlsFiles {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
            client_ca: is_set(&self.client_ca).then(|| read(&self.client_ca)).transpose()?,
        })
    }
}

impl ClientPrincipal {
    fn fault(&self) -> Option<(&'static str, &'static str)> {
        let named = ["uri:", "dns:", "subject:"]
            .iter()
            .any(|kind| self.certificate.strip_prefix(kind).is_some_and(|name| !name.is_empty()));
        let reason = match self {
            _ if !named => "a certificate is named by uri:…, dns:… or subject:…",
            _ if self.account().is_none() => {
                "a principal is arn:aws:iam::ACCOUNT:user/NAME or arn:aws:iam::ACCOUNT:root"
            }
            _ if self.region.parse::<Region>().is_err() => "a region is missing or malformed",
            _ => return None,
        };
        Some(("tls.client_principals", reason))
    }

    /// The account of the principal, unless the ARN is none that a certificate may stand for.
    fn account(&self) -> Option<AccountId> {
        let (account, resource) = self.principal.strip_prefix("arn:aws:iam::")?.split_once(':')?;
        let user = resource.strip_prefix("user/").is_some_and(|name| !name.is_empty());
        let account = account.parse().ok().filter(|account| !streams::is_reserved(*account));
        account.filter(|_| user || resource == "root")
    }
}

fn is_set(path: &Path) -> bool {
    !path.as_os_str().is_empty()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::Tls { path: path.into(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(certificate: &str, principal: &str, region: &str) -> Tls {
        Tls {
            certificate: "certificate.pem".into(),
            key: "key.pem".into(),
            client_ca: "ca.pem".into(),
            client_principals: vec![ClientPrincipal {
                certificate: certificate.into(),
                principal: principal.into(),
                region: region.into(),
            }],
            ..Tls::default()
        }
    }

    #[test]
    fn settings_that_do_not_fit_together_are_refused() {
        let on = mapped("dns:a", "arn:aws:iam::000000000000:root", "us-east-1");
        assert_eq!(on.fault(), None);
        assert_eq!(Tls::default().fault(), None);
        for (faulty, key) in [
            (Tls { key: PathBuf::new(), ..on.clone() }, "tls.key"),
            (Tls { client_ca: "ca.pem".into(), ..Tls::default() }, "tls.client_ca"),
            (Tls { client_ca: PathBuf::new(), ..on.clone() }, "tls.client_principals"),
            (Tls { reload_period: Duration::ZERO, ..on.clone() }, "tls.reload_period"),
            (
                Tls { client_certificate_required: true, ..Tls::default() },
                "tls.client_certificate_required",
            ),
        ] {
            assert_eq!(faulty.fault().map(|(key, _)| key), Some(key));
        }
    }

    #[test]
    fn a_certificate_stands_for_a_user_or_a_root_and_nothing_else() {
        let user = "arn:aws:iam::000000000000:user/team/alice";
        for (certificate, principal, region, good) in [
            ("uri:spiffe://weir/alice", user, "eu-west-1", true),
            ("subject:CN=alice,O=weir", user, "eu-west-1", true),
            ("alice", user, "eu-west-1", false),
            ("dns:", user, "eu-west-1", false),
            ("dns:alice", user, "EU!", false),
            ("dns:alice", "arn:aws:iam::000000000000:role/r", "eu-west-1", false),
            ("dns:alice", "arn:aws:iam::1:root", "eu-west-1", false),
            ("dns:alice", "arn:aws:iam::999999999999:root", "eu-west-1", false),
            ("dns:alice", "alice", "eu-west-1", false),
        ] {
            let fault = mapped(certificate, principal, region).fault();
            assert_eq!(fault.is_none(), good, "{certificate} {principal} {region}");
        }
    }
}
