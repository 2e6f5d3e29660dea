//! Bytes that are not what was written: refused at the right place, with nothing touched.

use storage::{Damage, Error, LogId, Offset, Report, check};

use crate::disk::FaultDisk;
use crate::objects::FaultObjects;
use crate::world::{World, append, let_upkeep_work};

const LOG: LogId = LogId(1000);
const FILE: &str = "journal/00000001";

/// Six batches of one entry of 5,000 bytes, each in a chunk of its own, closed cleanly.
async fn written() -> (World, FaultDisk, FaultObjects) {
    let (mut world, disk, objects) = World::simulated();
    world.config.segment_age = std::time::Duration::from_secs(1_000_000);
    let storage = world.open().await;
    for n in 1..=6 {
        append(&storage, &storage.log(LOG), n, &[vec![n as u8; 5000]]).await.unwrap();
    }
    storage.close().await.unwrap();
    (world, disk, objects)
}

/// As `written`, with the first five entries in a segment.
async fn with_segment() -> (World, FaultDisk, FaultObjects) {
    let (mut world, disk, objects) = World::simulated();
    let storage = world.open().await;
    for n in 1..=5 {
        append(&storage, &storage.log(LOG), n, &[vec![n as u8; 50_000]]).await.unwrap();
    }
    let_upkeep_work().await;
    append(&storage, &storage.log(LOG), 6, &["in the journal"]).await.unwrap();
    storage.close().await.unwrap();
    (world, disk, objects)
}

async fn checked(world: &World) -> Report {
    check(world.disk.clone(), world.objects.clone(), |_| ()).await.unwrap()
}

/// Opening must refuse, and leave every byte as it is.
async fn refused(world: &mut World, disk: &FaultDisk, objects: &FaultObjects) -> Box<Damage> {
    let before = (disk.contents(), objects.paths("").await);
    let error = world.try_open().await.err().expect("this is damaged");
    assert_eq!((disk.contents(), objects.paths("").await), before, "nothing is touched");
    assert!(error.to_string().contains("weir check"), "{error}");
    let Error::Corrupt(damage) = error else { panic!("{error}") };
    damage
}

/// Chunk `n` of `written` begins here: a block of file header, then two blocks each.
fn chunk_at(n: u64) -> usize {
    4096 + (n as usize - 1) * 8192
}

#[tokio::test(start_paused = true)]
async fn damaged_entries_in_the_journal_are_named_by_log_and_offset() {
    for n in [1, 3, 6] {
        let (mut world, disk, objects) = written().await;
        let report = checked(&world).await;
        assert!(report.is_sound() && report.entries == 6, "{report:?}");
        disk.edit(FILE, |bytes| bytes[chunk_at(n) + 3000] ^= 4);
        let damage = refused(&mut world, &disk, &objects).await;
        assert_eq!((&damage.file[..], damage.chunk, damage.log), (FILE, Some(n), Some(LOG)));
        assert_eq!(damage.offsets, Some((Offset(n), Offset(n))));
        let place = damage.byte_offset as usize;
        assert!((chunk_at(n)..chunk_at(n) + 200).contains(&place), "{place}");
        let report = checked(&world).await;
        let found: Vec<_> = report.damages.iter().map(|d| (d.chunk, d.offsets)).collect();
        assert_eq!(found, [(Some(n), damage.offsets)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_goes_on_after_the_first_damage() {
    let (world, disk, _) = written().await;
    disk.edit(FILE, |bytes| {
        bytes[chunk_at(2) + 20] ^= 1; // a header
        bytes[chunk_at(4) + 4000] ^= 1; // entries
    });
    let report = checked(&world).await;
    let found: Vec<_> = report.damages.iter().map(|d| (d.chunk, d.offsets)).collect();
    let one = |offset| Some((Offset(offset), Offset(offset)));
    // The lost header says nothing of entries; the next chunk shows which are missing.
    assert_eq!(found, [(Some(2), None), (Some(3), one(2)), (Some(4), one(4))]);
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_chunk_at_the_end_is_not_damage() {
    let (mut world, disk, _) = written().await;
    // The empty chunk that closing left is torn away, and the one before it torn.
    disk.edit(FILE, |bytes| {
        bytes.truncate(chunk_at(7));
        bytes[chunk_at(6) + 5000] ^= 1;
    });
    let report = checked(&world).await;
    assert!(report.is_sound());
    assert_eq!(report.unfinished, Some((FILE.into(), chunk_at(6) as u64)));
    let storage = world.open().await;
    assert_eq!(append(&storage, &storage.log(LOG), 9, &["again"]).await.unwrap(), Offset(6));
    storage.close().await.unwrap();
    // Its remains stay where they are and are still no damage.
    world.open().await.close().await.unwrap();
    assert!(checked(&world).await.is_sound());
}

#[tokio::test(start_paused = true)]
async fn a_lost_journal_file_is_noticed() {
    let (mut world, disk, objects) = with_segment().await;
    disk.edit(FILE, |bytes| bytes[30] ^= 1);
    let damage = refused(&mut world, &disk, &objects).await;
    assert!(damage.what.contains("missing or has lost its header"), "{damage}");
    assert!(!checked(&world).await.is_sound());
}

/// Without this what the file holds would be taken for remains of a former use, and lost.
#[tokio::test(start_paused = true)]
async fn the_header_of_another_journal_file_is_not_taken_for_this_ones() {
    let (mut world, disk, objects) = written().await;
    let storage = world.open().await;
    append(&storage, &storage.log(LOG), 7, &["in the second file"]).await.unwrap();
    storage.close().await.unwrap();
    let first = disk.contents()[FILE][..4096].to_vec();
    disk.edit("journal/00000002", |bytes| bytes[..4096].copy_from_slice(&first));
    let damage = refused(&mut world, &disk, &objects).await;
    assert!(damage.what.contains("same sequence number"), "{damage}");
    let report = checked(&world).await;
    assert!(report.damages.iter().any(|found| found.what == damage.what), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_block_is_noticed_by_reading_and_by_checking() {
    let (mut world, _, objects) = with_segment().await;
    let segment = objects.paths("segments").await.remove(0);
    objects.edit(&segment, |bytes| bytes[60_000] ^= 1).await;
    let storage = world.open().await;
    let log = storage.log(LOG);
    assert_eq!(log.read(Offset(1), 1, 1).await.unwrap().entries.len(), 1);
    let Err(Error::Corrupt(damage)) = log.read(Offset(2), 1, 1).await else { panic!() };
    assert_eq!((damage.log, damage.offsets), (Some(LOG), Some((Offset(2), Offset(2)))));
    assert_eq!(damage.file, segment.as_ref());
    storage.close().await.unwrap();
    assert_eq!(checked(&world).await.damages, [*damage]);
}

#[tokio::test(start_paused = true)]
async fn every_byte_of_a_segment_and_of_a_manifest_is_checked() {
    let (world, _, objects) = with_segment().await;
    for prefix in ["segments", "manifest"] {
        let path = objects.paths(prefix).await.pop().unwrap();
        let good = objects.bytes(&path).await;
        let step = good.len() / 97 + 1;
        for at in (0..good.len()).step_by(step).chain([good.len() - 1]) {
            // The eight bytes after the magic: version, and what is reserved.
            if (8..16).contains(&at) {
                continue;
            }
            objects.edit(&path, |bytes| bytes[at] ^= 1).await;
            assert!(!checked(&world).await.is_sound(), "byte {at} of {path}");
            objects.edit(&path, |bytes| *bytes = good.clone()).await;
        }
    }
    assert!(checked(&world).await.is_sound());
}

#[tokio::test(start_paused = true)]
async fn a_missing_segment_or_a_damaged_manifest_refuses_to_open() {
    use object_store::ObjectStoreExt;
    let (mut world, disk, objects) = with_segment().await;
    let manifest = objects.paths("manifest").await.pop().unwrap();
    let good = objects.bytes(&manifest).await;
    objects.edit(&manifest, |bytes| bytes[20] ^= 1).await;
    assert_eq!(refused(&mut world, &disk, &objects).await.file, manifest.as_ref());
    objects.edit(&manifest, |bytes| *bytes = good).await;

    let segment = objects.paths("segments").await.pop().unwrap();
    objects.delete(&segment).await.unwrap();
    assert_eq!(refused(&mut world, &disk, &objects).await.file, segment.as_ref());
    let missing = &checked(&world).await.damages[1];
    assert_eq!((missing.log, missing.offsets), (Some(LOG), Some((Offset(1), Offset(5)))));
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_an_older_manifest_are_not_taken_for_the_newest() {
    let (mut world, disk, objects) = with_segment().await;
    let storage = world.open().await;
    append(&storage, &storage.log(LOG), 7, &[vec![7; 50_000]]).await.unwrap();
    let_upkeep_work().await;
    storage.close().await.unwrap();
    let manifests = objects.paths("manifest").await;
    let [.., older, newest] = &manifests[..] else { panic!("{manifests:?}") };
    // As a read shows them that goes to the wrong place.
    let bytes = objects.bytes(older).await;
    objects.edit(newest, |newest| *newest = bytes).await;
    let damage = refused(&mut world, &disk, &objects).await;
    assert_eq!(damage.file, newest.as_ref());
    assert!(damage.what.contains("another manifest"), "{damage}");
    assert_eq!(checked(&world).await.damages[0], *damage);
}

#[tokio::test(start_paused = true)]
async fn without_any_manifest_the_whole_journal_will_do_but_nothing_less() {
    use object_store::ObjectStoreExt;
    let (mut world, disk, objects) = with_segment().await;
    let manifest = objects.paths("manifest").await.pop().unwrap();
    objects.delete(&manifest).await.unwrap();
    world.disk.remove(FILE).await.unwrap();
    let damage = refused(&mut world, &disk, &objects).await;
    assert!(damage.what.contains("neither a manifest nor a journal"), "{damage}");
    assert!(!checked(&world).await.is_sound());

    let (mut world, _, objects) = with_segment().await;
    let manifest = objects.paths("manifest").await.pop().unwrap();
    objects.delete(&manifest).await.unwrap();
    let storage = world.open().await;
    assert_eq!(storage.log(LOG).state().next, Offset(7));
    storage.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_later_format_version_is_named() {
    let (mut world, disk, objects) = with_segment().await;
    let version = |error: Option<Error>, expected: u16| match error {
        Some(Error::UnknownVersion { file, found: 9, known }) if known == expected => file,
        other => panic!("{other:?}"),
    };
    let segment = objects.paths("segments").await.pop().unwrap();
    let good = objects.bytes(&segment).await;
    objects.edit(&segment, |bytes| bytes[8] = 9).await;
    let found = check(world.disk.clone(), world.objects.clone(), |_| ()).await.err();
    assert_eq!(version(found, 2), segment.as_ref());
    objects.edit(&segment, |bytes| *bytes = good).await;

    disk.edit(FILE, |bytes| bytes[8] = 9);
    assert_eq!(version(world.try_open().await.err(), 1), FILE);
    let manifest = objects.paths("manifest").await.pop().unwrap();
    objects.edit(&manifest, |bytes| bytes[8] = 9).await;
    assert_eq!(version(world.try_open().await.err(), 1), manifest.as_ref());
}

#[tokio::test(start_paused = true)]
async fn a_check_tells_how_far_it_is_and_creates_nothing() {
    let (world, disk, objects) = with_segment().await;
    let before = (disk.contents(), objects.paths("").await);
    let mut seen = Vec::new();
    let report = check(world.disk.clone(), world.objects.clone(), |p| seen.push(p)).await.unwrap();
    assert_eq!((report.segments, report.entries, report.logs), (1, 6, 1));
    assert!(seen.is_sorted_by_key(|progress| progress.done));
    assert_eq!(seen.last().map(|progress| progress.done), seen.last().map(|p| p.total));
    assert_eq!((disk.contents(), objects.paths("").await), before);
}
