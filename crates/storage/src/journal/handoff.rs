//! The hand-off between those who append and the one task that writes.
//!
//! Appenders add items to what gathers, under one short lock, and wait for their tickets; the writer
//! is given what has gathered meanwhile, group after group. Nothing here knows disks or logs, so that
//! an explorer of schedules can run this very file: what it synchronizes with comes from the parent
//! module.
//!
//! Invariants: items are handed over in the order of `push`, each once. A ticket is acknowledged
//! only after the writer has made its group durable and shown it. Nobody waits for what can no
//! longer happen: a writer that fails, panics or is dropped fails all who wait. A close hands over
//! everything that was pushed before.

use std::sync::Arc;

use super::{AtomicU64, Mutex, Notify, Ordering, watch};

/// What gathers while the writer is busy.
pub(crate) trait Gather: Send {
    /// What is appended.
    type Item;
    /// What is written at once.
    type Group: Send;

    /// Adds an item behind all others.
    fn add(&mut self, item: Self::Item);

    fn is_empty(&self) -> bool;

    /// Takes one group from the front, and says of how many items, at least one, it is.
    fn take(&mut self) -> (Self::Group, u64);
}

/// Items between `push` and the writer, and the tickets of those on their way.
pub(crate) struct Handoff<G> {
    pending: Mutex<Pending<G>>,
    wake: Notify,
    progress: watch::Sender<Progress>,
    /// As in `progress`, for those who need not wait.
    durable: AtomicU64,
}

struct Pending<G> {
    items: G,
    next_ticket: u64,
    closed: bool,
}

/// How far the writer is.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// Items with a smaller ticket are durable.
    durable: u64,
    trouble: Option<Trouble>,
    /// The writer has ended.
    ended: bool,
}

/// Why nothing gets durable.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// No space, for now.
    Full(Arc<str>),
    /// A write or sync failed: for good.
    Poisoned(Arc<str>),
    /// The storage was closed.
    Closed,
}

/// The writer cannot go on.
pub(crate) struct Broken(pub(crate) String);

/// Makes groups of items durable, one after the other.
pub(crate) trait Write<Group>: Send {
    /// What is left to do for a group once its items are acknowledged.
    type Shown: Send;

    /// Makes the group durable and shows it to readers.
    fn write(&mut self, group: Group) -> impl Future<Output = Result<Self::Shown, Broken>> + Send;

    /// Those who wait for the group's items were told.
    fn acknowledged(&mut self, shown: Self::Shown);

    /// Nothing follows.
    fn finish(&mut self) -> impl Future<Output = Result<(), Broken>> + Send;
}

impl<G: Gather> Handoff<G> {
    pub(crate) fn new(items: G) -> Self {
        let pending = Pending { items, next_ticket: 0, closed: false };
        Self {
            pending: Mutex::new(pending),
            wake: Notify::new(),
            progress: watch::Sender::new(Progress::default()),
            durable: AtomicU64::new(0),
        }
    }

    /// Adds an item to what gathers and answers its ticket.
    pub(crate) fn push(&self, item: G::Item) -> Result<u64, Trouble> {
        let mut pending = self.pending.lock();
        if pending.closed {
            return Err(self.trouble().unwrap_or(Trouble::Closed));
        }
        let ticket = pending.next_ticket;
        pending.next_ticket += 1;
        let was_empty = pending.items.is_empty();
        pending.items.add(item);
        if was_empty {
            self.wake.notify_one();
        }
        Ok(ticket)
    }

    /// Waits until the item with `ticket` is durable, or until there is trouble: then it may still
    /// turn out durable.
    pub(crate) async fn durable(&self, ticket: u64) -> Result<(), Trouble> {
        if self.durable.load(Ordering::Acquire) > ticket {
            return Ok(());
        }
        let progress = self.when(|progress| {
            progress.durable > ticket || progress.trouble.is_some() || progress.ended
        });
        let progress = progress.await;
        if progress.durable > ticket {
            return Ok(());
        }
        Err(progress.trouble.unwrap_or(Trouble::Closed))
    }

    /// Why nothing gets durable, if so.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.progress.borrow().trouble.clone()
    }

    /// Waits until there is trouble.
    pub(crate) async fn troubled(&self) -> Trouble {
        let progress = self.when(|progress| progress.trouble.is_some()).await;
        progress.trouble.expect("that was waited for")
    }

    /// Takes no more, and waits until the writer has got everything and ended.
    pub(crate) async fn close(&self) {
        self.pending.lock().closed = true;
        self.wake.notify_one();
        self.when(|progress| progress.ended).await;
    }

    async fn when(&self, decided: impl Fn(&Progress) -> bool) -> Progress {
        let mut progress = self.progress.subscribe();
        let progress = progress.wait_for(|progress| decided(progress)).await;
        progress.expect("the sender lives as long as self").clone()
    }
}

/// The writer's side.
impl<G: Gather> Handoff<G> {
    /// Hands group after group to `writer`, until closed and empty or until the writer fails,
    /// which is an error.
    pub(crate) async fn serve(&self, writer: &mut impl Write<G::Group>) -> Result<(), Broken> {
        let unfinished = Trouble::Poisoned("its writer ended in the middle of something".into());
        let mut end = End { handoff: self, trouble: Some(unfinished) };
        let served = self.serve_until_closed(writer).await;
        end.trouble = served.as_ref().err().map(|Broken(why)| Trouble::Poisoned((**why).into()));
        drop(end);
        served
    }

    async fn serve_until_closed(&self, writer: &mut impl Write<G::Group>) -> Result<(), Broken> {
        while let Some((group, items)) = self.next_group().await {
            let shown = writer.write(group).await?;
            self.durable.fetch_add(items, Ordering::Release);
            self.progress.send_modify(|progress| progress.durable += items);
            writer.acknowledged(shown);
        }
        writer.finish().await
    }

    /// The next group, as soon as there is one; `None` once closed and empty.
    async fn next_group(&self) -> Option<(G::Group, u64)> {
        loop {
            {
                let mut pending = self.pending.lock();
                if !pending.items.is_empty() {
                    return Some(pending.items.take());
                }
                if pending.closed {
                    return None;
                }
            }
            self.wake.notified().await;
        }
    }

    /// There is no space: tells those who wait. The writer keeps what it has and tries again.
    pub(crate) fn hold(&self, why: &str) {
        self.progress.send_modify(|progress| progress.trouble = Some(Trouble::Full(why.into())));
    }

    /// There is space again.
    pub(crate) fn go_on(&self) {
        self.progress.send_modify(|progress| progress.trouble = None);
    }

    /// Whether no more is taken.
    pub(crate) fn is_closed(&self) -> bool {
        self.pending.lock().closed
    }
}

/// Says that the writer has ended, also when it panics or is dropped.
struct End<'a, G> {
    handoff: &'a Handoff<G>,
    /// Why not everything got durable, if so.
    trouble: Option<Trouble>,
}

impl<G> Drop for End<'_, G> {
    fn drop(&mut self) {
        self.handoff.progress.send_modify(|progress| {
            progress.trouble = self.trouble.take();
            progress.ended = true;
        });
        self.handoff.pending.lock().closed = true;
    }
}
