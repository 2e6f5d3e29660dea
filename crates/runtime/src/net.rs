//! Byte streams between machines.

use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// One connection: bytes both ways.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Connection for T {}

/// Opens and accepts connections.
#[async_trait]
pub trait Net: Send + Sync + 'static {
    /// Listens on `address`; port 0 takes any free one.
    async fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn Listener>>;

    /// Connects to `host:port`.
    async fn connect(&self, authority: &str) -> io::Result<Box<dyn Connection>>;
}

/// Accepts connections on one address.
#[async_trait]
pub trait Listener: Send + Sync + 'static {
    /// The address it listens on, with the port that was chosen.
    fn address(&self) -> SocketAddr;

    /// Waits for the next connection and tells who opened it.
    async fn accept(&self) -> io::Result<(Box<dyn Connection>, SocketAddr)>;
}

/// TCP.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpNet;

#[async_trait]
impl Net for TcpNet {
    async fn listen(&self, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(TcpListener::bind(address).await?))
    }

    async fn connect(&self, authority: &str) -> io::Result<Box<dyn Connection>> {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

#[async_trait]
impl Listener for TcpListener {
    fn address(&self) -> SocketAddr {
        self.local_addr().expect("a bound listener has an address")
    }

    async fn accept(&self) -> io::Result<(Box<dyn Connection>, SocketAddr)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok((Box::new(stream), peer))
    }
}
