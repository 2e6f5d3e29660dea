//! Which shards may be read now: those whose parents have been read to their ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The shards of a stream, by how far along they are. A parent that was never added counts as
/// finished: it is past its retention, or before the position that reading started from.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    waiting: BTreeMap<String, Vec<String>>,
    reading: BTreeSet<String>,
    finished: BTreeSet<String>,
}

impl Lineage {
    /// Adds a shard that is to be read; once is enough.
    pub(super) fn add(&mut self, shard_id: String, parents: Vec<String>) {
        if !self.reading.contains(&shard_id) && !self.finished.contains(&shard_id) {
            self.waiting.insert(shard_id, parents);
        }
    }

    /// Takes the shards whose turn has come.
    pub(super) fn start(&mut self) -> Vec<Arc<str>> {
        let is_ahead =
            |parent: &String| self.waiting.contains_key(parent) || self.reading.contains(parent);
        let ready: Vec<String> = self
            .waiting
            .iter()
            .filter(|(_, parents)| !parents.iter().any(is_ahead))
            .map(|(shard_id, _)| shard_id.clone())
            .collect();
        for shard_id in &ready {
            self.waiting.remove(shard_id);
            self.reading.insert(shard_id.clone());
        }
        ready.into_iter().map(Arc::from).collect()
    }

    /// Marks a shard as read to its end.
    pub(super) fn finish(&mut self, shard_id: &str) {
        self.reading.remove(shard_id);
        self.finished.insert(shard_id.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(lineage: &mut Lineage) -> Vec<String> {
        lineage.start().into_iter().map(|shard_id| shard_id.to_string()).collect()
    }

    fn parents(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn children_wait_for_all_their_parents() {
        let mut lineage = Lineage::default();
        lineage.add("a".into(), vec![]);
        lineage.add("b".into(), vec![]);
        lineage.add("ab".into(), parents(&["a", "b"]));
        assert_eq!(started(&mut lineage), ["a", "b"]);
        lineage.finish("a");
        assert!(started(&mut lineage).is_empty());
        lineage.finish("b");
        assert_eq!(started(&mut lineage), ["ab"]);
        assert!(started(&mut lineage).is_empty());
    }

    #[test]
    fn grandchildren_wait_even_when_their_parent_has_not_started() {
        let mut lineage = Lineage::default();
        lineage.add("child".into(), parents(&["parent"]));
        lineage.add("grandchild".into(), parents(&["child"]));
        lineage.add("parent".into(), vec![]);
        assert_eq!(started(&mut lineage), ["parent"]);
        lineage.finish("parent");
        assert_eq!(started(&mut lineage), ["child"]);
    }

    #[test]
    fn parents_that_are_gone_are_not_waited_for() {
        let mut lineage = Lineage::default();
        lineage.add("child".into(), parents(&["trimmed"]));
        assert_eq!(started(&mut lineage), ["child"]);
    }

    #[test]
    fn a_shard_that_both_its_parents_name_is_read_once() {
        let mut lineage = Lineage::default();
        lineage.add("a".into(), vec![]);
        lineage.add("b".into(), vec![]);
        started(&mut lineage);
        for parent in ["a", "b"] {
            lineage.add("ab".into(), parents(&["a", "b"]));
            lineage.finish(parent);
        }
        assert_eq!(started(&mut lineage), ["ab"]);
        lineage.finish("ab");
        lineage.add("ab".into(), parents(&["a", "b"]));
        assert!(started(&mut lineage).is_empty());
    }
}
