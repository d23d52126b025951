// A list of one part is what most lists become.
#![allow(clippy::single_range_in_vec_init)]

use proptest::prelude::*;

use super::*;

/// The octets of a representation: each tells its position.
fn octets(range: Range<u64>) -> Bytes {
    range.map(|position| (position % 251) as u8).collect::<Vec<u8>>().into()
}

fn parts(complete: u64, ranges: &[Range<u64>]) -> Parts {
    let mut parts = Parts::new(complete);
    for range in ranges {
        parts.add(range.start, vec![octets(range.clone())]);
    }
    parts
}

fn ranges(parts: &Parts) -> Vec<Range<u64>> {
    parts.extents().ranges.to_vec()
}

#[test]
fn s3_4_parts_that_touch_become_one() {
    for (added, expected) in [
        (vec![0..3, 5..8], vec![0..3, 5..8]),
        (vec![5..8, 0..3], vec![0..3, 5..8]),
        (vec![0..3, 3..5], vec![0..5]),
        (vec![3..5, 0..3], vec![0..5]),
        (vec![0..4, 2..6], vec![0..6]),
        (vec![2..6, 0..9], vec![0..9]),
        (vec![0..9, 2..6], vec![0..9]),
        (vec![0..2, 4..6, 8..9, 1..8], vec![0..9]),
        (vec![0..2, 4..6, 2..4], vec![0..6]),
        (vec![3..3], vec![]),
        (vec![8..14], vec![8..10]),
        (vec![12..14], vec![]),
    ] {
        let parts = parts(10, &added);
        assert_eq!(ranges(&parts), expected, "{added:?}");
        let there: Vec<u8> = parts.chunks().flatten().copied().collect();
        let expected: Vec<u8> = expected.into_iter().flat_map(octets).collect();
        assert_eq!(there, expected, "{added:?}");
    }
}

#[test]
fn what_is_added_last_replaces_what_was_there() {
    let mut parts = parts(6, &[0..6]);
    parts.add(2, vec![Bytes::from_static(b"xy")]);
    assert_eq!(parts.chunks().flatten().copied().collect::<Vec<u8>>(), [0, 1, b'x', b'y', 4, 5]);
    assert!(parts.is_whole());
}

#[test]
fn there_are_never_more_parts_than_allowed_and_the_shortest_goes() {
    let added: Vec<Range<u64>> =
        (0..MOST_PARTS as u64).map(|n| n * 10..n * 10 + 5).chain([200..201, 210..211]).collect();
    let mut parts = parts(1000, &added);
    parts.limit(1000, &(210..211));
    assert_eq!(ranges(&parts).len(), MOST_PARTS);
    assert!(ranges(&parts).contains(&(210..211)) && !ranges(&parts).contains(&(200..201)));
}

#[test]
fn of_too_many_octets_the_newest_are_kept() {
    let mut parts = parts(1000, &[0..50, 100..160, 150..200]);
    parts.limit(150, &(150..200));
    assert_eq!(ranges(&parts), [0..50, 100..200]);
    parts.limit(149, &(150..200));
    assert_eq!(ranges(&parts), [150..200]);
}

#[test]
fn what_is_missing_reaches_from_the_first_gap_to_the_last() {
    let extents = parts(100, &[10..20, 30..40, 60..70]).extents();
    for (range, missing) in [
        (0..100, Some(0..100)),
        (10..20, None),
        (12..18, None),
        (10..30, Some(20..30)),
        (15..35, Some(20..30)),
        (15..65, Some(20..60)),
        (5..15, Some(5..10)),
        (15..25, Some(20..25)),
        (25..28, Some(25..28)),
        (25..35, Some(25..30)),
        (10..100, Some(20..100)),
    ] {
        assert_eq!(extents.missing(&range), missing, "{range:?}");
        assert_eq!(extents.cover(&range), missing.is_none(), "{range:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever parts come in whatever order, in whatever chunks, overlapping or not: what is there is what was brought,
    /// each octet at its place, and once nothing is missing it is the whole.
    #[test]
    fn parts_put_together_equal_the_whole(
        complete in 1u64..80,
        brought in prop::collection::vec((0u64..80, 1u64..40, 1usize..9), 0..24),
    ) {
        let whole = octets(0..complete);
        let mut parts = Parts::new(complete);
        let mut there = vec![false; complete as usize];
        for (start, length, chunk) in brought {
            let start = start % complete;
            let end = (start + length).min(complete);
            let octets = whole.slice(start as usize..end as usize);
            parts.add(start, octets.chunks(chunk).map(Bytes::copy_from_slice).collect());
            there[start as usize..end as usize].fill(true);
        }
        let extents = parts.extents();
        let expected: Vec<u8> =
            whole.iter().zip(&there).filter(|(_, there)| **there).map(|(octet, _)| *octet).collect();
        let kept: Vec<u8> = parts.chunks().flatten().copied().collect();
        prop_assert_eq!(&kept, &expected);
        prop_assert_eq!(parts.is_whole(), there.iter().all(|there| *there));
        prop_assert!(extents.ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
        for start in 0..complete {
            for end in start + 1..=complete {
                let range = start..end;
                let wanted = &there[start as usize..end as usize];
                prop_assert_eq!(extents.cover(&range), wanted.iter().all(|there| *there));
                if let Some(at) = extents.offset(&range) {
                    let at = at as usize;
                    prop_assert_eq!(&kept[at..at + wanted.len()], &whole[start as usize..end as usize]);
                }
                let first = wanted.iter().position(|there| !there).map(|at| start + at as u64);
                let last = wanted.iter().rposition(|there| !there).map(|at| start + at as u64 + 1);
                prop_assert_eq!(extents.missing(&range), first.zip(last).map(|(first, last)| first..last));
            }
        }
    }
}
