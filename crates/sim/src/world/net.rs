//! Connections inside one process: pipes with a bounded buffer.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use runtime::{Connection, Listener, Net};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

const PIPE_BYTES: usize = 64 * 1024;
const BACKLOG: usize = 128;
const FIRST_FREE_PORT: u16 = 10_000;

/// The simulated network.
#[derive(Debug, Default)]
pub struct SimNet {
    listeners: Mutex<BTreeMap<SocketAddr, mpsc::Sender<DuplexStream>>>,
}

impl SimNet {
    /// Every listener vanishes; open pipes end when the node's tasks are dropped.
    pub(super) fn cut(&self) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[async_trait]
impl Net for SimNet {
    async fn listen(&self, mut address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if address.port() == 0 {
            address.set_port(FIRST_FREE_PORT);
        }
        if listeners.get(&address).is_some_and(|sender| !sender.is_closed()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (sender, incoming) = mpsc::channel(BACKLOG);
        listeners.insert(address, sender);
        Ok(Box::new(SimListener { address, incoming: tokio::sync::Mutex::new(incoming) }))
    }

    async fn connect(&self, authority: &str) -> io::Result<Box<dyn Connection>> {
        let address: SocketAddr = authority.parse().map_err(io::Error::other)?;
        let listener = {
            let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
            listeners.get(&address).cloned().ok_or(io::ErrorKind::ConnectionRefused)?
        };
        let (near, far) = duplex(PIPE_BYTES);
        listener.send(far).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(Box::new(near))
    }
}

struct SimListener {
    address: SocketAddr,
    incoming: tokio::sync::Mutex<mpsc::Receiver<DuplexStream>>,
}

#[async_trait]
impl Listener for SimListener {
    fn address(&self) -> SocketAddr {
        self.address
    }

    async fn accept(&self) -> io::Result<(Box<dyn Connection>, SocketAddr)> {
        let stream = self.incoming.lock().await.recv().await;
        Ok((Box::new(stream.ok_or(io::ErrorKind::NotConnected)?), self.address))
    }
}
