//! The hand-off between those who append and the one task that writes.
//!
//! Appenders add items to what gathers, under one short lock, and wait for their groups; the writer
//! is given what has gathered meanwhile, group after group. Nothing here knows disks or logs, so that
//! an explorer of schedules can run this very file: what it synchronizes with comes from the parent
//! module.
//!
//! Invariants: items are handed over in the order of `push`, each once. An item is acknowledged only
//! after the writer has made its group durable and shown it. Nobody waits for what can no
//! longer happen: a writer that fails, panics or is dropped fails all who wait. A close hands over
//! everything that was pushed before.

use std::pin::pin;
use std::sync::Arc;

use super::{AtomicU64, Mutex, Notify, Ordering};

/// Those who wait do so in so many places, a group's all in one, so that seldom anybody is woken for
/// another group than theirs: one is being written, few wait to be.
const PLACES: usize = 8;

/// What gathers while the writer is busy.
pub(crate) trait Gather: Send {
    /// What is appended.
    type Item;
    /// What is written at once.
    type Group: Send;

    /// Adds an item behind all others, and says to which group: how many are to be taken before it.
    fn add(&mut self, item: Self::Item) -> u64;

    /// How many groups, each of at least one item, can be taken.
    fn groups(&self) -> u64;

    /// Takes one group from the front.
    fn take(&mut self) -> Self::Group;
}

/// Items between `push` and the writer, and the groups of those on their way.
pub(crate) struct Handoff<G> {
    pending: Mutex<Pending<G>>,
    wake: Notify,
    progress: Mutex<Progress>,
    /// So many groups are durable.
    durable: AtomicU64,
    /// Where those wait who wait for groups.
    places: [Notify; PLACES],
    /// Where those wait who wait for something else.
    changed: Notify,
}

struct Pending<G> {
    items: G,
    /// So many groups were taken.
    taken: u64,
    closed: bool,
}

/// What has become of the writer.
#[derive(Clone, Debug, Default)]
struct Progress {
    trouble: Option<Trouble>,
    /// The writer has ended.
    ended: bool,
}

impl Progress {
    /// Why no more gets durable, for now or for ever.
    fn trouble_or_end(&self) -> Option<Trouble> {
        self.trouble.clone().or(self.ended.then_some(Trouble::Closed))
    }
}

/// The number of an item's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(pub(crate) u64);

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
        Self {
            pending: Mutex::new(Pending { items, taken: 0, closed: false }),
            wake: Notify::new(),
            progress: Mutex::new(Progress::default()),
            durable: AtomicU64::new(0),
            places: std::array::from_fn(|_| Notify::new()),
            changed: Notify::new(),
        }
    }

    /// Adds an item to what gathers. The writer is told by `hurry` or by who waits, so that what one
    /// caller adds in a row is one group.
    pub(crate) fn push(&self, item: G::Item) -> Result<Ticket, Trouble> {
        let mut pending = self.pending.lock();
        if pending.closed {
            return Err(self.trouble().unwrap_or(Trouble::Closed));
        }
        Ok(Ticket(pending.taken + pending.items.add(item)))
    }

    /// Sees to it that the item with `ticket` is written, if it is not yet.
    pub(crate) fn hurry(&self, ticket: Ticket) {
        if !self.is_durable(ticket) {
            self.wake.notify_one();
        }
    }

    fn is_durable(&self, Ticket(group): Ticket) -> bool {
        self.durable.load(Ordering::Acquire) > group
    }

    /// Waits until the item with `ticket` is durable, or until there is trouble: then it may still
    /// turn out durable.
    pub(crate) async fn durable(&self, ticket: Ticket) -> Result<(), Trouble> {
        self.hurry(ticket);
        wait(&self.places[ticket.0 as usize % PLACES], || {
            if self.is_durable(ticket) {
                return Some(Ok(()));
            }
            let trouble = self.progress.lock().trouble_or_end()?;
            // It may have become durable just before that.
            Some(if self.is_durable(ticket) { Ok(()) } else { Err(trouble) })
        })
        .await
    }

    /// Why nothing gets durable, if so.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.progress.lock().trouble.clone()
    }

    /// Waits until there is trouble.
    pub(crate) async fn troubled(&self) -> Trouble {
        wait(&self.changed, || self.trouble()).await
    }

    /// Takes no more, and waits until the writer has got everything and ended.
    pub(crate) async fn close(&self) {
        self.pending.lock().closed = true;
        self.wake.notify_one();
        wait(&self.changed, || self.progress.lock().ended.then_some(())).await;
    }

    /// Takes note of something that concerns everybody.
    fn change(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress.lock());
        for place in self.places.iter().chain([&self.changed]) {
            place.notify_waiters();
        }
    }
}

/// Waits at a place until what is looked for is there.
async fn wait<T>(place: &Notify, look: impl Fn() -> Option<T>) -> T {
    loop {
        if let Some(found) = look() {
            return found;
        }
        let mut notified = pin!(place.notified());
        // From here on nothing is missed; before, something may have been.
        notified.as_mut().enable();
        if let Some(found) = look() {
            return found;
        }
        notified.await;
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
        while let Some(group) = self.next_group().await {
            let shown = writer.write(group).await?;
            let number = self.durable.fetch_add(1, Ordering::Release);
            self.places[number as usize % PLACES].notify_waiters();
            writer.acknowledged(shown);
        }
        writer.finish().await
    }

    /// The next group, as soon as there is one; `None` once closed and empty.
    async fn next_group(&self) -> Option<G::Group> {
        loop {
            {
                let mut pending = self.pending.lock();
                if pending.items.groups() > 0 {
                    pending.taken += 1;
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
        self.change(|progress| progress.trouble = Some(Trouble::Full(why.into())));
    }

    /// There is space again.
    pub(crate) fn go_on(&self) {
        self.change(|progress| progress.trouble = None);
    }

    /// Whether no more is taken.
    pub(crate) fn is_closed(&self) -> bool {
        self.pending.lock().closed
    }
}

/// Says that the writer has ended, also when it panics or is dropped.
struct End<'a, G: Gather> {
    handoff: &'a Handoff<G>,
    /// Why not everything got durable, if so.
    trouble: Option<Trouble>,
}

impl<G: Gather> Drop for End<'_, G> {
    fn drop(&mut self) {
        self.handoff.change(|progress| {
            progress.trouble = self.trouble.take();
            progress.ended = true;
        });
        self.handoff.pending.lock().closed = true;
    }
}
