//! The certificate of nodes that speak TLS, in the forms that clients want it in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::workspace;

/// Java opens no store without one; it protects nothing.
pub(super) const STORE_PASSWORD: &str = "changeit";

fn directory() -> PathBuf {
    workspace::scratch().join("tls")
}

/// In PEM; clients trust it as an authority.
pub(super) fn certificate() -> PathBuf {
    directory().join("certificate.pem")
}

/// Its private key in PEM.
pub(super) fn key() -> PathBuf {
    directory().join("key.pem")
}

/// The certificate in the only form in which Java takes one.
pub(super) fn trust_store() -> PathBuf {
    directory().join("trust.p12")
}

/// Makes a new pair with `weir` itself, and the trust store of it.
pub(super) fn make(weir: &Path) -> Result<()> {
    if directory().exists() {
        fs::remove_dir_all(directory())?;
    }
    let mut pair = Command::new(weir);
    workspace::run(pair.args(["tls", "self-signed", "--out"]).arg(directory()))?;
    let mut import = Command::new("keytool");
    import.args(["-importcert", "-noprompt", "-alias", "weir", "-storetype", "PKCS12"]);
    import.args(["-storepass", STORE_PASSWORD, "-keystore"]).arg(trust_store());
    workspace::run(import.arg("-file").arg(certificate()))
}
