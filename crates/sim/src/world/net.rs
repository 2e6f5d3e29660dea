//! Connections inside one process: pipes with a bounded buffer, and a carrier between the two
//! ends that may take its time, drop what it carries, and be cut.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use runtime::{Connection, Listener, Net, Policy, Tasks};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::sync::mpsc;

use super::SimEntropy;
use crate::faults::{Fault, Faults};

const PIPE_BYTES: usize = 64 * 1024;
const BACKLOG: usize = 128;
const FIRST_FREE_PORT: u16 = 10_000;
/// How long bytes are on their way, while that takes long.
const DELAY_US: std::ops::Range<u64> = 0..20_000;
/// Of so many parcels one is dropped with its connection, while that happens.
const DROP_ONE_IN: u64 = 50;

/// The simulated network.
#[derive(Debug)]
pub struct SimNet {
    listeners: Mutex<BTreeMap<SocketAddr, mpsc::Sender<DuplexStream>>>,
    carrier: Carrier,
    tasks: Tasks,
}

#[derive(Clone, Debug)]
struct Carrier {
    entropy: Arc<SimEntropy>,
    faults: Arc<Faults>,
}

impl SimNet {
    pub(super) fn new(entropy: Arc<SimEntropy>, faults: Arc<Faults>) -> Self {
        let carrier = Carrier { entropy, faults };
        Self { listeners: Mutex::default(), carrier, tasks: Tasks::simulated() }
    }

    /// Every listener vanishes; open connections end when the node's tasks are dropped.
    pub(super) fn forget_listeners(&self) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Carrier {
    /// Carries bytes both ways until both sides have said all, or it is dropped or cut.
    async fn carry(self, near: DuplexStream, far: DuplexStream) {
        let ((near_out, near_in), (far_out, far_in)) = (split(near), split(far));
        // Whichever way ends early takes the other one with it.
        let _ended =
            tokio::try_join!(self.one_way(near_out, far_in), self.one_way(far_out, near_in));
    }

    async fn one_way(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut buffer = vec![0; PIPE_BYTES];
        loop {
            let length = from.read(&mut buffer).await?;
            if self.faults.is_on(Fault::Delay) {
                tokio::time::sleep(Duration::from_micros(self.entropy.within(DELAY_US))).await;
            }
            let dropped = self.faults.is_on(Fault::Drop) && self.entropy.one_in(DROP_ONE_IN);
            if dropped || self.faults.is_on(Fault::Cut) {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            if length == 0 {
                return to.shutdown().await;
            }
            to.write_all(&buffer[..length]).await?;
        }
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
        if self.carrier.faults.is_on(Fault::Cut) {
            return Err(io::ErrorKind::HostUnreachable.into());
        }
        let listener = {
            let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
            listeners.get(&address).cloned().ok_or(io::ErrorKind::ConnectionRefused)?
        };
        let (client, near) = duplex(PIPE_BYTES);
        let (far, node) = duplex(PIPE_BYTES);
        listener.send(node).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
        let carrier = self.carrier.clone();
        self.tasks.spawn("sim.carrier", Policy::Report, carrier.carry(near, far));
        Ok(Box::new(client))
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
