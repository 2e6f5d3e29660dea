//! Encrypted connections: which authorities are trusted, and what the client shows itself.

use std::io;
use std::sync::Arc;

use runtime::Connection;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{RootCertStore, client};
use tokio_rustls::TlsConnector;

use crate::config::{ClientCertificate, Trust};
use crate::{Error, Result};

/// Makes encrypted connections to one host.
pub(crate) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// Blocks: the authorities of the platform are files.
    pub(crate) fn new(
        host: &str,
        trust: &Trust,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Self> {
        let faulty = |reason: String| Error::Tls { reason };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| faulty(format!("no certificate can be for the host {host}")))?;
        let builder = rustls::ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("the provider has ciphers for both versions")
            .with_root_certificates(roots(trust).map_err(faulty)?);
        let mut config = match certificate {
            None => builder.with_no_client_auth(),
            Some(shown) => show(builder, shown).map_err(faulty)?,
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connector: Arc::new(config).into(), name })
    }

    pub(crate) async fn connect(
        &self,
        stream: Box<dyn Connection>,
    ) -> io::Result<Box<dyn Connection>> {
        Ok(Box::new(self.connector.connect(self.name.clone(), stream).await?))
    }
}

type Builder = rustls::ConfigBuilder<rustls::ClientConfig, client::WantsClientCert>;

fn show(
    builder: Builder,
    shown: &ClientCertificate,
) -> std::result::Result<rustls::ClientConfig, String> {
    let chain = certificates(&shown.chain)?;
    let key = PrivateKeyDer::from_pem_slice(&shown.key)
        .map_err(|error| format!("the key of the client's certificate: {error}"))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| error.to_string())
}

fn roots(trust: &Trust) -> std::result::Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::Only(pem) => {
            for root in certificates(pem)? {
                roots.add(root).map_err(|error| error.to_string())?;
            }
        }
        Trust::Platform => {
            // Some platforms carry a few that are malformed; the others do.
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                let reasons: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
                return Err(format!("this machine trusts no authority {}", reasons.join(", ")));
            }
        }
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> std::result::Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_slice_iter(pem).collect::<std::result::Result<Vec<_>, _>>();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err("there is no certificate among those to trust or to show".into()),
        Err(error) => Err(format!("a certificate to trust or to show: {error}")),
    }
}
