//! Which checkpoints are kept: all new ones, and of the older ones the fewer the older they are.

/// The checkpoints that go, so that `most` of these numbers (ascending) stay. The first and the last
/// stay; of the others those go first that stand closest to their neighbours, for their age.
pub(super) fn superfluous(numbers: &[u64], most: usize) -> Vec<u64> {
    let mut kept = numbers.to_vec();
    let mut gone = Vec::new();
    while kept.len() > most.max(2) {
        let newest = kept[kept.len() - 1];
        let crowded = |&place: &usize| {
            let gap = (kept[place + 1] - kept[place - 1]) as f64;
            gap / (newest - kept[place] + 1) as f64
        };
        let places = 1..kept.len() - 1;
        let least = places.min_by(|a, b| crowded(a).total_cmp(&crowded(b)));
        gone.push(kept.remove(least.expect("there are more than two")));
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_the_older_ones_thin_out() {
        let mut kept: Vec<u64> = Vec::new();
        for number in 1..=1_000 {
            kept.push(number);
            let gone = superfluous(&kept, 10);
            kept.retain(|number| !gone.contains(number));
            assert!(kept.len() <= 10);
        }
        assert_eq!((kept.first(), kept.last()), (Some(&1), Some(&1_000)));
        let gaps: Vec<u64> = kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps[0] > 50 && *gaps.last().unwrap() <= 2, "{kept:?}");
        assert_eq!(superfluous(&[1, 2, 3], 3), [] as [u64; 0]);
    }
}
