//! TLS: handshakes, the certificates that clients show, and new files in place of old ones.
//!
//! Invariant: whatever happens to the files, the last pair that could be used is served. HTTP/2
//! and HTTP/1.1 are offered by ALPN, but what a connection speaks is told from its first bytes,
//! encrypted or not: the Java SDK speaks HTTP/2 over TLS without having asked.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use runtime::{Connection, Policy, Tasks};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::TlsAcceptor;

use crate::config::{self, TlsFiles};
use crate::http::certificate;
use crate::{Error, Result, metrics};

/// First byte of every TLS connection: a record of the handshake.
const HANDSHAKE_RECORD: u8 = 0x16;

/// What a client is told that speaks plain HTTP to a port that speaks TLS.
const USE_HTTPS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
    connection: close\r\n\r\nthis port speaks TLS: use https://\n";

/// The TLS of a listener.
pub(crate) struct Tls {
    config: config::Tls,
    current: ArcSwap<ServerConfig>,
    metrics: metrics::Tls,
}

/// An encrypted connection.
pub(super) struct Encrypted {
    pub(super) stream: Box<dyn Connection>,
    /// Whom the client's certificate stands for, if it showed one that stands for anybody.
    pub(super) principal: Option<config::ClientPrincipal>,
}

impl Tls {
    /// Reads the files, which must be usable, and looks from then on whether they change.
    pub(crate) fn start(
        config: config::Tls,
        tasks: &Tasks,
        metrics: metrics::Tls,
    ) -> Result<Arc<Self>> {
        let files = config.read()?;
        let current = ArcSwap::new(server_config(&config, &files, &metrics)?);
        let tls = Arc::new(Self { config, current, metrics });
        let (reloading, stopping) = (tls.clone().reload(files, tasks.clone()), tasks.stopping());
        tasks.spawn("server.http.tls", Policy::StopNode, async move {
            tokio::select! {
                biased;
                () = stopping.cancelled() => {}
                () = reloading => {}
            }
        });
        Ok(tls)
    }

    /// Looks for changed files, for ever. What changed is told once, whether it can be used or
    /// not: a pair is written file by file, so the first look may find halves of two pairs.
    async fn reload(self: Arc<Self>, mut seen: TlsFiles, tasks: Tasks) {
        loop {
            tokio::time::sleep(self.config.reload_period).await;
            let config = self.config.clone();
            let files = match tasks.offload(move || config.read()).await {
                Ok(files) if files == seen => continue,
                Ok(files) => files,
                Err(error) => {
                    self.kept(&error);
                    continue;
                }
            };
            match server_config(&self.config, &files, &self.metrics) {
                Ok(new) => {
                    self.current.store(new);
                    self.metrics.reloaded.inc();
                    tracing::info!("new connections get the new certificate");
                }
                Err(error) => self.kept(&error),
            }
            seen = files;
        }
    }

    fn kept(&self, error: &Error) {
        self.metrics.reload_failed.inc();
        tracing::error!(%error, "the old certificate is kept");
    }

    /// Makes an encrypted connection out of a new one.
    pub(super) async fn accept(&self, mut stream: Box<dyn Connection>) -> io::Result<Encrypted> {
        let first = stream.read_u8().await?;
        if first != HANDSHAKE_RECORD {
            stream.write_all(USE_HTTPS).await?;
            stream.shutdown().await?;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not TLS"));
        }
        let begun = Begun { first: Some(first), stream };
        let accepted = TlsAcceptor::from(self.current.load_full()).accept(begun).await;
        let stream = accepted.inspect_err(|_| {
            self.metrics.refused.inc();
        })?;
        let principal = self.principal(stream.get_ref().1);
        Ok(Encrypted { stream: Box::new(stream), principal })
    }

    fn principal(&self, session: &ServerConnection) -> Option<config::ClientPrincipal> {
        let names = certificate::names(session.peer_certificates()?.first()?)?;
        let mut principals = self.config.client_principals.iter();
        principals.find(|principal| names.contains(&principal.certificate)).cloned()
    }
}

/// What rustls needs, or what is wrong with the files.
fn server_config(
    config: &config::Tls,
    files: &TlsFiles,
    metrics: &metrics::Tls,
) -> Result<Arc<ServerConfig>> {
    let faulty = |path: &std::path::Path, reason: String| Error::Tls { path: path.into(), reason };
    let chain = certificates(&files.certificate).map_err(|e| faulty(&config.certificate, e))?;
    let expires = certificate::expires(&chain[0]);
    let key = PrivateKeyDer::from_pem_slice(&files.key)
        .map_err(|error| faulty(&config.key, error.to_string()))?;
    let clients = match &files.client_ca {
        Some(pem) => client_verifier(pem, config.client_certificate_required)
            .map_err(|e| faulty(&config.client_ca, e))?,
        None => WebPkiClientVerifier::no_client_auth(),
    };
    // TLS 1.2 and 1.3 with forward secrecy and authenticated encryption: the provider has no
    // other cipher.
    let mut rustls = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("the provider has ciphers for both versions")
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|error| faulty(&config.certificate, error.to_string()))?;
    rustls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    metrics.expires.set(expires.and_then(|at| i64::try_from(at).ok()).unwrap_or_default());
    Ok(Arc::new(rustls))
}

fn certificates(pem: &[u8]) -> std::result::Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<std::result::Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| error.to_string())?;
    if chain.is_empty() { Err("there is no certificate in it".into()) } else { Ok(chain) }
}

fn client_verifier(
    pem: &[u8],
    required: bool,
) -> std::result::Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for root in certificates(pem)? {
        roots.add(root).map_err(|error| error.to_string())?;
    }
    let provider = ring::default_provider().into();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
    let verifier = if required { verifier } else { verifier.allow_unauthenticated() };
    verifier.build().map_err(|error| error.to_string())
}

/// A connection whose first byte was looked at and is given out once more.
struct Begun {
    first: Option<u8>,
    stream: Box<dyn Connection>,
}

impl AsyncRead for Begun {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() > 0
            && let Some(first) = self.first.take()
        {
            buffer.put_slice(&[first]);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Begun {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
