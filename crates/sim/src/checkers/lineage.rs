//! In every version of the catalog the open shards cover the hash space exactly once, what a shard
//! says of itself stays so, and children take over exactly what their parents had.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use weir_client::kinesis::Shard;

/// Both ends belong to it.
type Range = (u128, u128);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    range: Range,
    parents: Vec<String>,
    start: String,
    end: Option<String>,
}

/// What listings have shown so far.
#[derive(Debug, Default)]
pub struct Lineage(BTreeMap<String, Known>);

fn known(shard: &Shard) -> Result<Known> {
    let range = &shard.hash_key_range;
    let parents = [&shard.parent_shard_id, &shard.adjacent_parent_shard_id];
    let numbers = &shard.sequence_number_range;
    Ok(Known {
        range: (range.starting_hash_key.parse()?, range.ending_hash_key.parse()?),
        parents: parents.into_iter().flatten().cloned().collect(),
        start: numbers.starting_sequence_number.clone(),
        end: numbers.ending_sequence_number.clone(),
    })
}

/// Whether `ranges` cover `whole` exactly once.
fn tile(whole: Range, mut ranges: Vec<Range>) -> bool {
    ranges.sort_unstable();
    let adjacent = |pair: &[Range]| pair[0].1.checked_add(1) == Some(pair[1].0);
    ranges.first().map(|range| range.0) == Some(whole.0)
        && ranges.last().map(|range| range.1) == Some(whole.1)
        && ranges.iter().all(|range| range.0 <= range.1)
        && ranges.windows(2).all(adjacent)
}

impl Lineage {
    /// Takes a whole listing: one version of the catalog, no older than those before. Where hours
    /// pass, a shard can have ended and expired between two listings.
    pub fn saw(&mut self, shards: &[Shard], hours_pass: bool) -> Result<()> {
        let mut listed = BTreeMap::new();
        for shard in shards {
            let before = listed.insert(shard.shard_id.clone(), known(shard)?);
            ensure!(before.is_none(), "{} is listed twice", shard.shard_id);
        }
        let open = listed.values().filter(|shard| shard.end.is_none());
        let open: Vec<_> = open.map(|shard| shard.range).collect();
        ensure!(tile((0, u128::MAX), open.clone()), "open shards have the ranges {open:?}");
        for (id, shard) in &listed {
            self.check_known(id, shard)?;
            check_parents(&listed, id, shard).with_context(|| format!("of {shard:?}"))?;
        }
        let lost = self.0.iter().find(|(id, it)| it.end.is_none() && !listed.contains_key(*id));
        ensure!(hours_pass || lost.is_none(), "the open shard {lost:?} is gone");
        for (id, shard) in &listed {
            check_children(&listed, id, shard)?;
        }
        self.0.extend(listed);
        Ok(())
    }

    fn check_known(&self, id: &str, shard: &Known) -> Result<()> {
        let Some(before) = self.0.get(id) else { return Ok(()) };
        let closed = before.end.is_some() || shard.end.is_none();
        let same = if closed { before == shard } else { before.start == shard.start };
        ensure!(same && before.range == shard.range, "{id} was {before:?} and is {shard:?}");
        Ok(())
    }
}

fn check_parents(listed: &BTreeMap<String, Known>, id: &str, shard: &Known) -> Result<()> {
    for parent in &shard.parents {
        // Those that expired are not listed any more.
        let Some(it) = listed.get(parent) else { continue };
        ensure!(it.end.is_some(), "{parent} is open although it has the child {id}");
        let overlap = it.range.0 <= shard.range.1 && shard.range.0 <= it.range.1;
        ensure!(overlap, "{id} has nothing of its parent {parent}");
    }
    if let [first, second] = &shard.parents[..]
        && let (Some(first), Some(second)) = (listed.get(first), listed.get(second))
    {
        ensure!(tile(shard.range, vec![first.range, second.range]), "{id} is not its parents");
    }
    Ok(())
}

/// A closed shard's range is that of its children, or lies within the one child it was merged into.
fn check_children(listed: &BTreeMap<String, Known>, id: &str, shard: &Known) -> Result<()> {
    if shard.end.is_none() {
        return Ok(());
    }
    let children = listed.values().filter(|child| child.parents.iter().any(|it| it == id));
    let children: Vec<_> = children.map(|child| child.range).collect();
    let merged = |range: &Range| range.0 <= shard.range.0 && shard.range.1 <= range.1;
    let taken_over = match &children[..] {
        // They expire later than it does.
        [] => false,
        [only] => merged(only),
        _ => tile(shard.range, children.clone()),
    };
    ensure!(taken_over, "{id} had {:?}, its children have {children:?}", shard.range);
    Ok(())
}

#[cfg(test)]
mod tests {
    use weir_client::kinesis::{HashKeyRange, SequenceNumberRange};

    use super::*;

    const HALF: u128 = u128::MAX / 2;

    fn shard(id: &str, parents: &[&str], (from, to): Range, ended: bool) -> Shard {
        let mut parents = parents.iter().map(|parent| (*parent).to_owned());
        Shard {
            shard_id: id.to_owned(),
            parent_shard_id: parents.next(),
            adjacent_parent_shard_id: parents.next(),
            hash_key_range: HashKeyRange {
                starting_hash_key: from.to_string(),
                ending_hash_key: to.to_string(),
            },
            sequence_number_range: SequenceNumberRange {
                starting_sequence_number: "1".to_owned(),
                ending_sequence_number: ended.then(|| "2".to_owned()),
            },
        }
    }

    fn split() -> Vec<Shard> {
        vec![
            shard("a", &[], (0, u128::MAX), true),
            shard("b", &["a"], (0, HALF), false),
            shard("c", &["a"], (HALF + 1, u128::MAX), false),
        ]
    }

    fn complaint(listings: &[Vec<Shard>]) -> Option<String> {
        let mut lineage = Lineage::default();
        let complaint = listings.iter().find_map(|listing| lineage.saw(listing, false).err());
        complaint.map(|error| format!("{error:?}"))
    }

    #[test]
    fn a_split_and_a_merge_are_in_order_also_when_parents_have_expired() {
        let mut merged = split();
        for closed in &mut merged[1..] {
            closed.sequence_number_range.ending_sequence_number = Some("3".into());
        }
        merged.push(shard("d", &["b", "c"], (0, u128::MAX), false));
        let expired = merged[1..].to_vec();
        let whole = vec![shard("a", &[], (0, u128::MAX), false)];
        assert_eq!(complaint(&[whole, split(), merged, expired]), None);
    }

    #[test]
    fn each_broken_rule_is_named() {
        let complaint_of = |change: fn(&mut Vec<Shard>)| {
            let mut listing = split();
            change(&mut listing);
            complaint(&[split(), listing]).unwrap()
        };
        assert!(complaint_of(|it| drop(it.pop())).contains("open shards have"));
        assert!(complaint_of(|it| it[1] = it[2].clone()).contains("listed twice"));
        let reopened = complaint_of(|it| *it = vec![shard("a", &[], (0, u128::MAX), false)]);
        assert!(reopened.contains("and is"), "{reopened}");
        let gap = complaint_of(|it| it[1].hash_key_range.ending_hash_key = "7".into());
        assert!(gap.contains("open shards have"), "{gap}");
        let other = complaint_of(|it| it[2].parent_shard_id = None);
        assert!(other.contains("and is"), "{other}");
        let strangers = vec![
            shard("a", &[], (0, HALF), true),
            shard("b", &["a"], (0, HALF - 1), false),
            shard("c", &["x"], (HALF, u128::MAX), false),
        ];
        assert!(complaint(&[strangers]).unwrap().contains("its children have"));
    }
}
