//! The states in which a power failure can leave a machine, and what must hold in each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use object_store::path::Path;
use storage::LogId;

use crate::crash::image::{File, Image, SECTOR};
use crate::crash::known::{Item, Known};
use crate::crash::life::{Life, config};
use crate::crash::machine::{Event, Machine, scramble};
use crate::world::append;

/// Of so many unsynced sectors all subsets are tried.
const EXHAUSTIVE: usize = 10;
/// Of many more, so many places are tried systematically.
const PLACES_MAX: usize = 400;
/// Beside those, so many subsets by chance.
const BY_CHANCE: u64 = 64;
/// One in so many states is tried with every fate of puts and deletions that are on their way,
/// the others with one.
const FATES_EVERY: usize = 16;
/// One in so many states is lived on: another append, another power failure, another opening.
const LIVED_ON_EVERY: usize = 8;

/// The machine while the tape is played.
struct Player {
    durable: Image,
    /// Files with writes that were not synced, with those writes.
    written: BTreeMap<String, File>,
    begun: Vec<(Path, Bytes)>,
    deleted: Vec<(Path, Bytes)>,
}

/// What the power failure spared of that which was on its way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spared {
    file: String,
    sectors: Vec<usize>,
    /// Of this sector only the first half.
    torn: Option<usize>,
    /// The file's length, if none of its sectors was spared.
    length: Option<u64>,
    puts_took_effect: bool,
    deletions_undone: bool,
}

impl Player {
    fn new(image: Image) -> Self {
        let (written, begun, deleted) = Default::default();
        Self { durable: image, written, begun, deleted }
    }

    fn play(&mut self, event: &Event) {
        match event {
            Event::Create(path) => drop(self.durable.files.insert(path.clone(), File::default())),
            Event::Remove(path) => {
                self.durable.files.remove(path);
                self.written.remove(path);
            }
            Event::Write(path, written) => {
                let durable = &self.durable.files[path];
                let file = self.written.entry(path.clone()).or_insert_with(|| durable.clone());
                file.write(written);
            }
            Event::Sync(path) => {
                if let Some(file) = self.written.remove(path) {
                    self.durable.files.insert(path.clone(), file);
                }
            }
            Event::PutBegun(path, bytes) => self.begun.push((path.clone(), bytes.clone())),
            Event::PutDone(path) => {
                let at = self.begun.iter().position(|(begun, _)| begun == path).unwrap();
                let (path, bytes) = self.begun.remove(at);
                self.deleted.retain(|(deleted, _)| *deleted != path);
                self.durable.objects.insert(path, bytes);
            }
            Event::Deleted(path) => {
                let bytes = self.durable.objects.remove(path).unwrap();
                self.deleted.push((path.clone(), bytes));
            }
        }
    }

    fn image(&self, spared: &Spared) -> Image {
        let mut image = self.durable.clone();
        if let Some(file) = image.files.get_mut(&spared.file) {
            let written = &self.written[&spared.file];
            file.patch(written, &spared.sectors, SECTOR);
            file.patch(written, spared.torn.as_slice(), SECTOR / 2);
            file.grow(spared.length.unwrap_or_default());
        }
        if spared.puts_took_effect {
            image.objects.extend(self.begun.iter().cloned());
        }
        if spared.deletions_undone {
            image.objects.extend(self.deleted.iter().cloned());
        }
        image
    }

    /// The states that were not possible before `event`, which was played last.
    fn states(&self, event: &Event) -> Vec<Spared> {
        let of_sectors = self.sectors_spared();
        let is_write = matches!(event, Event::Write(..));
        let mut states = Vec::new();
        for (n, spared) in of_sectors.iter().enumerate() {
            let chosen = n.is_multiple_of(FATES_EVERY);
            states.extend(is_write.then(|| spared.clone()));
            states.extend(self.fates(spared).into_iter().filter(|_| chosen));
        }
        if !is_write {
            states.push(Spared::default());
            states.extend(self.fates(&Spared::default()));
        }
        states
    }

    /// `spared` with the puts and deletions that may or may not have happened.
    fn fates(&self, spared: &Spared) -> Vec<Spared> {
        let (puts, deletions) = (!self.begun.is_empty(), !self.deleted.is_empty());
        let fates = [(true, false), (false, true), (true, true)];
        let possible =
            fates.into_iter().filter(|(put, undone)| puts >= *put && deletions >= *undone);
        let fate = |(puts_took_effect, deletions_undone)| Spared {
            puts_took_effect,
            deletions_undone,
            ..spared.clone()
        };
        possible.map(fate).collect()
    }

    /// Every choice of unsynced sectors but none and all.
    fn sectors_spared(&self) -> Vec<Spared> {
        assert!(self.written.len() <= 1, "one file is written at a time");
        let Some((path, written)) = self.written.first_key_value() else { return Vec::new() };
        let durable = &self.durable.files[path];
        let dirty = durable.differences(written);
        let spared = |sectors, torn, length| {
            let file = path.clone();
            Spared { file, sectors, torn, length, ..Spared::default() }
        };
        let mut all = Vec::new();
        for sectors in subsets(&dirty) {
            all.push(spared(sectors, None, None));
        }
        for (n, sector) in dirty.iter().enumerate().step_by(1 + dirty.len() / PLACES_MAX) {
            if durable.half_differences(written, *sector) == (true, true) {
                all.push(spared(dirty[..n].to_vec(), Some(*sector), None));
            }
        }
        let grown = written.length - durable.length;
        if grown > 0 {
            let lengths = [1, grown / 2 + 100, grown - 1, grown];
            all.extend(lengths.map(|part| spared(Vec::new(), None, Some(durable.length + part))));
        }
        all
    }
}

/// Subsets of `sectors`, neither empty nor whole, each once.
fn subsets(sectors: &[usize]) -> BTreeSet<Vec<usize>> {
    let count = sectors.len();
    let choose = |wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
        (0..count).filter(|n| wanted(*n)).map(|n| sectors[n]).collect()
    };
    let mut all = BTreeSet::new();
    if count <= EXHAUSTIVE {
        all.extend((0..1_usize << count).map(|mask| choose(&|n| mask >> n & 1 == 1)));
    } else {
        for place in (0..count).step_by(1 + count / PLACES_MAX) {
            all.insert(choose(&|n| n < place));
            all.insert(choose(&|n| n >= place));
            all.insert(choose(&|n| n == place));
            all.insert(choose(&|n| n != place));
        }
        all.insert(choose(&|n| n % 2 == 0));
        all.insert(choose(&|n| n % 2 == 1));
        for seed in 0..BY_CHANCE {
            all.insert(choose(&|n| scramble(seed * 1_000_003 + n as u64) % 64 < seed));
        }
    }
    all.retain(|subset| !subset.is_empty() && subset.len() < count);
    all
}

/// Tells which state it was when a check fails.
struct Named<'a> {
    workload: &'a str,
    life: usize,
    moment: usize,
    spared: &'a Spared,
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workload, life, moment, spared } = self;
        write!(f, "workload `{workload}`, life {life}, after moment {moment}: {spared:?}")
    }
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the crash state was: {self}");
        }
    }
}

/// Opens every state that a power failure in `life` can leave, and answers how many those were.
pub(crate) async fn check_all(workload: &str, number: usize, life: &Life) -> usize {
    let mut player = Player::new(life.before.clone());
    let mut count = 0;
    for (index, moment) in life.tape.moments.iter().enumerate() {
        player.play(&moment.event);
        let next = life.tape.moments.get(index + 1);
        let acknowledged = next.map_or(life.tape.acknowledged, |next| next.acknowledged);
        let possible = acknowledged..=moment.issued.max(acknowledged);
        for spared in player.states(&moment.event) {
            let named = Named { workload, life: number, moment: index, spared: &spared };
            let lived_on = count % LIVED_ON_EVERY == 0;
            check(player.image(&spared), &life.known, possible.clone(), lived_on, &named).await;
            count += 1;
        }
    }
    count
}

/// Opens one state and answers how many items survived in it.
async fn check(
    image: Image,
    known: &[Known],
    mut possible: std::ops::RangeInclusive<usize>,
    lived_on: bool,
    named: &Named<'_>,
) -> usize {
    let machine = Machine::of(image, false).await;
    let opened = machine.open(&config(), 1).await;
    let storage = opened.unwrap_or_else(|error| panic!("{named} is refused: {error:?}"));
    let logs = || known[0].logs.keys().copied();
    let seen = Known::seen(&storage, logs()).await;
    let (from, to) = (*possible.start(), *possible.end());
    let Some(survived) = possible.find(|items| known[*items].is(&seen)) else {
        let (seen, expected) = (seen.outline(), known[from].outline());
        panic!("{named}: {seen} is not what {from} to {to} items make, at least {expected}");
    };
    let open = known[survived].logs.iter().find(|(_, log)| !log.sealed && !log.deleted);
    if let Some((log, _)) = open.filter(|_| lived_on) {
        let (log, time, payload) = (*log, u64::MAX / 2, Bytes::from_static(b"later"));
        append(&storage, &storage.log(LogId(log)), time, &[&payload]).await.unwrap();
        machine.stop().await;
        let mut expected = known[survived].clone();
        expected.apply(&Item::Append { log, time, payloads: vec![payload] });
        let opened = machine.open(&config(), 2).await;
        let storage = opened.unwrap_or_else(|error| panic!("{named} dies later: {error:?}"));
        let seen = Known::seen(&storage, logs()).await;
        assert!(expected.is(&seen), "{named}, later: {}", seen.outline());
    }
    machine.stop().await;
    survived
}

/// What is there, and known to be, after the whole of `life`.
pub(crate) fn after(life: &Life) -> (Image, Known) {
    let mut player = Player::new(life.before.clone());
    life.tape.moments.iter().for_each(|moment| player.play(&moment.event));
    (player.durable, life.known.last().unwrap().clone())
}

/// What is there after a power failure in the last chunk of `life` that spared half of it.
pub(crate) async fn after_half_a_chunk(life: &Life) -> (Image, Known) {
    let mut player = Player::new(life.before.clone());
    let mut torn = None;
    for moment in &life.tape.moments {
        player.play(&moment.event);
        let spared = player.sectors_spared();
        if matches!(moment.event, Event::Write(..)) && spared.len() > 1 {
            torn = Some((player.image(&spared[spared.len() / 2]), moment));
        }
    }
    let (image, moment) = torn.unwrap();
    let spared = Spared::default();
    let named = Named { workload: "half a chunk", life: 0, moment: 0, spared: &spared };
    let possible = 0..=moment.issued;
    let survived = check(image.clone(), &life.known, possible, false, &named).await;
    (image, life.known[survived].clone())
}
