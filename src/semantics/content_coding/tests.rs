use http::HeaderValue;
use proptest::prelude::*;

use super::Coding::*;
use super::*;

fn accept(lines: &[&str]) -> Accepted {
    let mut fields = HeaderMap::new();
    for line in lines {
        fields.append(ACCEPT_ENCODING, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    accepted(&fields)
}

#[test]
fn s12_5_3_the_coding_chosen_of_all() {
    for (field, expected) in [
        ("gzip", Gzip),
        ("x-gzip", Gzip),
        ("GZip", Gzip),
        ("br", Brotli),
        ("gzip, br", Brotli),
        ("gzip, deflate, br, zstd", Brotli),
        // J05
        ("br;q=0.5, gzip", Gzip),
        ("gzip;q=0", Identity),
        ("gzip;q=0, br", Brotli),
        ("*", Brotli),
        ("*;q=0.5", Brotli),
        ("*, br;q=0", Gzip),
        ("*;q=0, gzip", Gzip),
        ("identity;q=0", Identity),
        ("identity;q=0, gzip", Gzip),
        ("*;q=0", Identity),
        ("", Identity),
        ("deflate", Identity),
        ("identity", Identity),
        ("identity, gzip", Gzip),
        ("identity, gzip;q=0.9", Identity),
        ("identity;q=0.5, gzip;q=0.5", Gzip),
        ("identity;q=0.5, *;q=0.4", Identity),
        ("gzip;q=0.001", Gzip),
        ("gzip ; q=1.0", Gzip),
        ("gzip, gzip;q=0", Identity),
        ("gzip, x-gzip;q=0", Identity),
        // Malformed members are no members.
        ("gzip;q=2, br;q=x", Identity),
        ("gzip;level=9, br;q=0.1", Brotli),
        ("gzip br", Identity),
        ("\"gzip\"", Identity),
        ("é", Identity),
    ] {
        assert_eq!(accept(&[field]).choose(&[Brotli, Gzip, Identity]), expected, "{field:?}");
    }
    assert_eq!(accept(&["gzip;q=0.5", "br;q=0.4"]).choose(&[Brotli, Gzip, Identity]), Gzip);
}

#[test]
fn s12_5_3_silence_takes_everything_and_prefers_identity() {
    let silent = accept(&[]);
    assert_eq!(silent.choose(&[Brotli, Gzip, Identity]), Identity);
    assert_eq!(silent.choose(&[Gzip]), Gzip);
    assert!(silent.takes(Gzip) && silent.takes(Brotli) && silent.takes(Identity));
}

#[test]
fn only_what_is_available_is_chosen() {
    let both = accept(&["gzip, br"]);
    assert_eq!(both.choose(&[Gzip, Brotli, Identity]), Gzip);
    assert_eq!(both.choose(&[Identity, Gzip]), Gzip);
    assert_eq!(both.choose(&[Identity]), Identity);
    assert_eq!(both.choose(&[]), Identity);
    assert_eq!(accept(&["identity"]).choose(&[Gzip]), Identity);
}

#[test]
fn s12_5_3_identity_is_taken_unless_excluded() {
    for (field, taken) in [
        ("gzip", true),
        ("", true),
        ("identity;q=0", false),
        ("*;q=0", false),
        ("*;q=0, identity;q=0.1", true),
        ("gzip;q=0", true),
    ] {
        assert_eq!(accept(&[field]).takes(Identity), taken, "{field:?}");
    }
}

#[test]
fn j05_eight_kibibytes_of_junk_are_identity() {
    let junk = format!("gzip,{}", "x".repeat(8 * 1024));
    assert_eq!(accept(&[&junk]).choose(&[Brotli, Gzip, Identity]), Identity);
    let halves = ["gzip", &"x,".repeat(2048), &"y,".repeat(2048)];
    assert_eq!(accept(&halves).choose(&[Brotli, Gzip, Identity]), Identity);
}

#[test]
fn s8_4_the_coding_of_a_message() {
    for (lines, expected) in [
        (&[][..], Some(Identity)),
        (&[""], Some(Identity)),
        (&["identity"], Some(Identity)),
        (&["gzip"], Some(Gzip)),
        (&["X-Gzip"], Some(Gzip)),
        (&["br"], Some(Brotli)),
        (&["zstd"], None),
        (&["gzip, br"], None),
        (&["gzip", "gzip"], None),
        (&["é"], None),
    ] {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(CONTENT_ENCODING, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        assert_eq!(of(&fields), expected, "{lines:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_chosen_is_available_and_taken_or_identity(
        field in "(gzip|br|identity|\\*|zstd|x)(;q=[01](\\.[0-9]{0,4})?)?(, ?(gzip|br|identity|\\*)(;q=[01](\\.[0-9]{0,3})?)?){0,4}",
        available in prop::sample::subsequence(vec![Brotli, Gzip, Identity], 0..=3),
    ) {
        let accepted = accept(&[&field]);
        let chosen = accepted.choose(&available);
        prop_assert!(chosen == Identity || (available.contains(&chosen) && accepted.takes(chosen)));
    }

    #[test]
    fn the_weights_that_are_written_are_read_back(
        weights in prop::array::uniform3(prop::option::of(0u16..=1000)),
    ) {
        let names = ["identity", "gzip", "br"].into_iter().zip(weights);
        let members: Vec<String> = names
            .filter_map(|(name, weight)| Some(format!("{name};q={:.3}", f64::from(weight?) / 1000.0)))
            .collect();
        let accepted = accept(&[&members.join(", ")]);
        let [identity, gzip, brotli] = weights;
        prop_assert_eq!(accepted.takes(Identity), identity != Some(0));
        prop_assert_eq!(accepted.takes(Gzip), gzip.unwrap_or(0) > 0);
        prop_assert_eq!(accepted.takes(Brotli), brotli.unwrap_or(0) > 0);
        let best = if brotli.unwrap_or(0) > gzip.unwrap_or(0) { Brotli } else { Gzip };
        if gzip.unwrap_or(0) != brotli.unwrap_or(0) {
            prop_assert_eq!(accepted.choose(&[Gzip, Brotli]), best);
        }
    }

    #[test]
    fn any_octets_are_read_without_panic(octets in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = HeaderValue::from_bytes(&octets) {
            let fields = HeaderMap::from_iter([
                (ACCEPT_ENCODING, value.clone()),
                (CONTENT_ENCODING, value),
            ]);
            let _ = (accepted(&fields), of(&fields));
        }
    }
}
