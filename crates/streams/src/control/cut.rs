//! Where to cut a shard so that both halves get the same weight.
//!
//! Pure. A heavy key is one point, which no cut divides; the rest of the weight lies evenly within
//! each of the parts that are told apart, or as the records lie there whose places are known.

use model::{HashKey, HashKeyRange};

use crate::shard::load::{BUCKETS, HeavyKey, Shape};

/// Keys with less than this part of the weight count as spread over their surroundings.
const POINT_MIN: f64 = 0.02;
/// Fewer known places do not tell how the weight lies within a part.
const PLACES_MIN: usize = 8;

/// A cut, and the part of the weight that lies below it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cut {
    /// The first key of the upper part.
    pub(crate) at: HashKey,
    pub(crate) below: f64,
}

impl Cut {
    /// The part of the weight that the heavier half is rid of.
    pub(crate) fn relief(&self) -> f64 {
        self.below.min(1.0 - self.below)
    }
}

/// The cut that comes nearest to the median of the weight; in the middle if nothing is known of
/// it. `None` if the range is too narrow for any cut.
pub(crate) fn best_cut(range: HashKeyRange, shape: &Shape) -> Option<Cut> {
    let (start, end) = (range.start().get(), range.end().get());
    let weights = Weights::new(range, shape);
    let Some(weights) = weights else {
        let at = HashKey::new(start + (end - start) / 2 + 1);
        return range.split_at(at).map(|_| Cut { at, below: 0.5 });
    };
    // The first place with at least half of the weight below it; it and its neighbour below it are
    // the two that a point between them can belong to.
    let (mut low, mut high) = (start, end);
    while low < high {
        let middle = low + (high - low) / 2;
        if weights.below(middle) >= 0.5 { high = middle } else { low = middle + 1 }
    }
    let (first, last) = (start.saturating_add(2), end.saturating_sub(1));
    let legal = |at: u128| {
        let at = HashKey::new(at.max(first).min(last));
        range.split_at(at).map(|_| Cut { at, below: weights.below(at.get()) })
    };
    let candidates = [low, low.saturating_sub(1)].into_iter().filter_map(legal);
    candidates.max_by(|a, b| a.relief().total_cmp(&b.relief()))
}

/// How the weight lies in a range. All parts are of the whole weight.
struct Weights {
    start: u128,
    /// Keys of a bucket.
    width: u128,
    even: Vec<f64>,
    points: Vec<(u128, f64)>,
    /// Of the records that are no points, in order.
    places: Vec<u128>,
}

impl Weights {
    fn new(range: HashKeyRange, shape: &Shape) -> Option<Self> {
        let total: f64 = shape.buckets.iter().sum();
        if total <= 0.0 {
            return None;
        }
        let start = range.start().get();
        let width = (range.end().get() - start) / BUCKETS as u128 + 1;
        let mut even: Vec<f64> = shape.buckets.iter().map(|weight| weight / total).collect();
        let is_point = |key: &&HeavyKey| key.share >= POINT_MIN;
        let place = |key: &HeavyKey| Some((key.hash?.get(), key.share));
        let points: Vec<_> = shape.keys.iter().filter(is_point).filter_map(place).collect();
        for (hash, share) in &points {
            let bucket = (hash.saturating_sub(start) / width) as usize;
            if let Some(weight) = even.get_mut(bucket) {
                *weight = (*weight - share).max(0.0);
            }
        }
        let sum = even.iter().sum::<f64>() + points.iter().map(|(_, share)| share).sum::<f64>();
        even.iter_mut().for_each(|weight| *weight /= sum);
        let points: Vec<_> = points.into_iter().map(|(hash, share)| (hash, share / sum)).collect();
        let is_point = |hash: &u128| points.iter().any(|(point, _)| point == hash);
        let places = shape.places.iter().map(|place| place.get());
        let places = places.filter(|place| !is_point(place)).collect();
        Some(Self { start, width, even, points, places })
    }

    /// The part of a bucket's weight that lies below `key`, which is its `nth` key.
    fn within(&self, key: u128, nth: u128) -> f64 {
        let first = key - nth;
        let before = |end: u128| self.places.partition_point(|place| *place < end);
        let (below, here) = (before(first), before(first.saturating_add(self.width)));
        match here - below {
            known if known < PLACES_MIN => nth as f64 / self.width as f64,
            known => (before(key) - below) as f64 / known as f64,
        }
    }

    /// The part of the weight whose keys are below `key`.
    fn below(&self, key: u128) -> f64 {
        let from_start = key.saturating_sub(self.start);
        let bucket = ((from_start / self.width) as usize).min(self.even.len());
        let whole: f64 = self.even[..bucket].iter().sum();
        let within = self.within(key, from_start % self.width);
        let part = self.even.get(bucket).map_or(0.0, |weight| weight * within);
        let points = self.points.iter().filter(|(hash, _)| *hash < key);
        whole + part + points.map(|(_, share)| share).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(buckets: &[(usize, f64)], keys: &[(u128, f64)]) -> Shape {
        let mut all = vec![0.0; BUCKETS];
        buckets.iter().for_each(|(bucket, weight)| all[*bucket] += weight);
        let key = |(hash, share): &(u128, f64)| HeavyKey {
            key: format!("k{hash}"),
            hash: Some(HashKey::new(*hash)),
            share: *share,
            bytes_share: *share,
            records_share: *share,
        };
        Shape { buckets: all, places: Vec::new(), keys: keys.iter().map(key).collect() }
    }

    fn near(cut: Option<Cut>, at: u128, below: f64) {
        let cut = cut.unwrap();
        let error = cut.at.get().abs_diff(at);
        assert!(error <= 1 << 100, "{cut:?} is not near {at}");
        assert!((cut.below - below).abs() < 0.01, "{cut:?}");
    }

    const BUCKET: u128 = 1 << 122;

    #[test]
    fn without_knowledge_and_for_even_weight_the_cut_is_in_the_middle() {
        near(best_cut(HashKeyRange::WHOLE, &Shape::default()), 1 << 127, 0.5);
        let even: Vec<_> = (0..BUCKETS).map(|bucket| (bucket, 1.0)).collect();
        near(best_cut(HashKeyRange::WHOLE, &shape(&even, &[])), 1 << 127, 0.5);
    }

    #[test]
    fn the_cut_goes_where_the_weight_has_its_median() {
        let skewed = shape(&[(0, 1.0), (1, 2.0), (40, 1.0)], &[]);
        near(best_cut(HashKeyRange::WHOLE, &skewed), BUCKET + BUCKET / 2, 0.5);
        let one = shape(&[(7, 5.0)], &[]);
        near(best_cut(HashKeyRange::WHOLE, &one), 7 * BUCKET + BUCKET / 2, 0.5);
    }

    #[test]
    fn known_places_tell_where_within_a_part_the_weight_lies() {
        let mut narrow = shape(&[(7, 5.0)], &[]);
        narrow.places = (0..10).map(|n| HashKey::new(7 * BUCKET + n * 1000)).collect();
        let cut = best_cut(HashKeyRange::WHOLE, &narrow).unwrap();
        let within = 7 * BUCKET + 4000..=7 * BUCKET + 5000;
        assert!(within.contains(&cut.at.get()), "{cut:?}");
        assert_eq!(cut.below, 0.5);
    }

    #[test]
    fn a_heavy_key_goes_whole_to_the_side_that_has_less() {
        // A key with 0.4, 0.35 below it and 0.25 above it.
        let at = 10 * BUCKET + 5;
        let heavy = shape(&[(2, 0.35), (10, 0.4), (50, 0.25)], &[(at, 0.4)]);
        let cut = best_cut(HashKeyRange::WHOLE, &heavy).unwrap();
        assert_eq!(cut.at, HashKey::new(at), "it goes up, where there is less");
        assert!((cut.below - 0.35).abs() < 1e-9);
    }

    #[test]
    fn a_key_with_nearly_all_the_weight_leaves_no_relief() {
        let hot = shape(&[(3, 0.95), (60, 0.05)], &[(3 * BUCKET + 9, 0.95)]);
        let cut = best_cut(HashKeyRange::WHOLE, &hot).unwrap();
        assert!(cut.relief() < 0.06, "{cut:?}");
    }

    #[test]
    fn a_range_of_three_keys_has_no_cut() {
        let range = HashKeyRange::new(HashKey::new(5), HashKey::new(7)).unwrap();
        assert_eq!(best_cut(range, &shape(&[(0, 1.0)], &[])), None);
        assert_eq!(best_cut(range, &Shape::default()), None);
    }

    proptest! {
        #[test]
        fn a_cut_is_always_legal_and_its_parts_are_whole(
            start: u128, width in 4u128..,
            buckets in prop::collection::vec((0..BUCKETS, 0.0..9.0f64), 1..9),
            keys in prop::collection::vec((any::<u128>(), 0.0..1.0f64), 0..4),
        ) {
            let end = start.saturating_add(width);
            let range = HashKeyRange::new(HashKey::new(start), HashKey::new(end)).unwrap();
            let keys: Vec<_> =
                keys.into_iter().map(|(hash, share)| (start + hash % (end - start), share)).collect();
            if let Some(cut) = best_cut(range, &shape(&buckets, &keys)) {
                prop_assert!(range.split_at(cut.at).is_some());
                prop_assert!((-1e-9..=1.0 + 1e-9).contains(&cut.below), "{:?}", cut);
            }
        }
    }
}
