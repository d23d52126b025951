use http::HeaderValue;
use proptest::prelude::*;

use super::BadFraming::*;
use super::*;

fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        fields.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    fields
}

fn request(lines: &[(&'static str, &str)]) -> Result<RequestBody, BadFraming> {
    request_framing(Version::HTTP_11, &fields(lines))
}

fn response(
    status: u16,
    method: &Method,
    lines: &[(&'static str, &str)],
) -> Result<ResponseFraming, BadFraming> {
    let status = StatusCode::from_u16(status).unwrap();
    response_framing(Version::HTTP_11, status, method, &fields(lines))
}

const CL: &str = "content-length";
const TE: &str = "transfer-encoding";

#[test]
fn s6_3_a_request_without_length_or_coding_has_no_body() {
    assert_eq!(request(&[]), Ok(RequestBody::None));
    // A11
    assert_eq!(request_framing(Version::HTTP_10, &HeaderMap::new()), Ok(RequestBody::None));
}

#[test]
fn s6_3_a_length_is_digits_that_all_agree() {
    for (lines, expected) in [
        (&[(CL, "0")][..], Ok(0)),
        (&[(CL, "5")], Ok(5)),
        (&[(CL, "005")], Ok(5)),
        (&[(CL, "18446744073709551615")], Ok(u64::MAX)),
        (&[(CL, "5"), (CL, "5")], Ok(5)),
        (&[(CL, "5, 5")], Ok(5)),
        // A03, B13
        (&[(CL, "5"), (CL, "6")], Err(LengthsDiffer)),
        (&[(CL, "5, 6")], Err(LengthsDiffer)),
        (&[(CL, "")], Err(LengthInvalid)),
        (&[(CL, "5,")], Err(LengthInvalid)),
        (&[(CL, "+5")], Err(LengthInvalid)),
        (&[(CL, "-5")], Err(LengthInvalid)),
        (&[(CL, "5 5")], Err(LengthInvalid)),
        (&[(CL, "0x5")], Err(LengthInvalid)),
        (&[(CL, "5.0")], Err(LengthInvalid)),
        (&[(CL, "1e3")], Err(LengthInvalid)),
        (&[(CL, "\"5\"")], Err(LengthInvalid)),
        (&[(CL, "٥")], Err(LengthInvalid)),
        (&[(CL, "18446744073709551616")], Err(LengthInvalid)),
        (&[(CL, "5"), (CL, "x")], Err(LengthInvalid)),
    ] {
        assert_eq!(request(lines), expected.map(RequestBody::Length), "{lines:?}");
        let framing = response(200, &Method::GET, lines).map(|framing| framing.body);
        assert_eq!(framing, expected.map(ResponseBody::Length), "{lines:?}");
    }
}

#[test]
fn s6_1_transfer_encoding_is_chunked_and_nothing_else() {
    for (value, expected) in [
        ("chunked", Ok(RequestBody::Chunked)),
        ("Chunked", Ok(RequestBody::Chunked)),
        // A06
        ("gzip, chunked", Err(TransferCodingUnknown)),
        ("gzip,deflate,chunked", Err(TransferCodingUnknown)),
        // A07
        (",chunked", Err(TransferEncodingInvalid)),
        ("chunked,", Err(TransferEncodingInvalid)),
        ("identity, chunked", Err(TransferCodingUnknown)),
        ("xchunked", Err(TransferEncodingInvalid)),
        ("chunked;q=1", Err(TransferEncodingInvalid)),
        ("gzip;q=1, chunked", Err(TransferEncodingInvalid)),
        ("\"chunked\"", Err(TransferEncodingInvalid)),
        ("é, chunked", Err(TransferEncodingInvalid)),
        ("", Err(TransferEncodingInvalid)),
        ("identity", Err(TransferEncodingInvalid)),
        ("gzip", Err(TransferEncodingInvalid)),
        // A09
        ("chunked, gzip", Err(TransferEncodingInvalid)),
        ("chunked, chunked", Err(TransferEncodingInvalid)),
        ("chunked, gzip, chunked", Err(TransferEncodingInvalid)),
    ] {
        assert_eq!(request(&[(TE, value)]), expected, "{value:?}");
    }
    let twice = [(TE, "chunked"), (TE, "chunked")];
    assert_eq!(request(&twice), Err(TransferEncodingInvalid));
    assert_eq!(request(&[(TE, "gzip"), (TE, "chunked")]), Err(TransferEncodingInvalid));
}

#[test]
fn s6_1_a_length_beside_a_transfer_encoding_is_refused() {
    // A01, A02
    assert_eq!(request(&[(CL, "5"), (TE, "chunked")]), Err(LengthAndTransferEncoding));
    assert_eq!(request(&[(TE, "chunked"), (CL, "5")]), Err(LengthAndTransferEncoding));
}

#[test]
fn s6_1_only_http_1_1_has_a_transfer_encoding() {
    // A10
    for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_2, Version::HTTP_3] {
        for lines in [&[(TE, "chunked")][..], &[(TE, "chunked"), (CL, "5")]] {
            let framing = request_framing(version, &fields(lines));
            assert_eq!(framing, Err(TransferEncodingVersion), "{version:?} {lines:?}");
        }
    }
    // B16
    let coded = fields(&[(TE, "chunked")]);
    let framing = response_framing(Version::HTTP_10, StatusCode::OK, &Method::GET, &coded);
    assert_eq!(framing, Err(TransferEncodingVersion));
}

#[test]
fn unknown_codings_are_501_and_the_rest_400() {
    for bad in [LengthInvalid, LengthsDiffer, LengthAndTransferEncoding, TransferEncodingVersion] {
        assert_eq!(bad.status(), 400);
    }
    assert_eq!(TransferEncodingInvalid.status(), 400);
    assert_eq!(TransferCodingUnknown.status(), 501);
}

#[test]
fn s6_3_some_responses_have_no_body_whatever_their_fields_say() {
    let [get, head] = [Method::GET, Method::HEAD];
    for (status, method, lines, ambiguous) in [
        (200, &head, &[(CL, "5")][..], false),
        (200, &head, &[(TE, "chunked")], false),
        (200, &head, &[(CL, "x")], false),
        (304, &get, &[(CL, "5")], false),
        (304, &get, &[(TE, "chunked")], false),
        (204, &get, &[], false),
        // B19
        (204, &get, &[(CL, "5")], true),
        (204, &get, &[(TE, "chunked")], true),
        (204, &head, &[(TE, "chunked")], true),
        (103, &get, &[], false),
        (103, &get, &[(CL, "5")], true),
    ] {
        let expected = Ok(ResponseFraming { body: ResponseBody::None, ambiguous });
        assert_eq!(response(status, method, lines), expected, "{status} {method} {lines:?}");
    }
}

#[test]
fn s6_3_other_responses_end_by_coding_length_or_close() {
    use ResponseBody::*;
    for (status, lines, body, ambiguous) in [
        (200, &[][..], UntilClose, false),
        (200, &[(CL, "5")], Length(5), false),
        (404, &[(CL, "0")], Length(0), false),
        (200, &[(TE, "chunked")], Chunked, false),
        // B14
        (200, &[(TE, "chunked"), (CL, "5")], Chunked, true),
        (200, &[(CL, "x"), (TE, "chunked")], Chunked, true),
        // B19
        (205, &[(CL, "0")], Length(0), false),
        (205, &[(CL, "5")], Length(5), true),
        (205, &[], UntilClose, true),
    ] {
        let expected = Ok(ResponseFraming { body, ambiguous });
        assert_eq!(response(status, &Method::GET, lines), expected, "{status} {lines:?}");
    }
}

#[test]
fn b15_a_response_in_another_transfer_coding_is_refused() {
    for lines in [
        &[(TE, "gzip")][..],
        &[(TE, "gzip, chunked")],
        &[(TE, "X-GZIP")],
        &[(TE, "br")],
        &[(TE, "xchunked")],
        &[(TE, "chunked"), (TE, "chunked")],
        &[(TE, "unheard-of, chunked")],
        &[(TE, "unheard-of"), (CL, "5")],
        &[(TE, "unheard-of"), (TE, "unheard-of")],
        &[(TE, "unheard of")],
        &[(TE, "")],
    ] {
        assert!(response(200, &Method::GET, lines).is_err(), "{lines:?}");
    }
}

#[test]
fn s6_3_a_response_in_a_coding_that_there_is_not_lasts_until_the_connection_closes() {
    let unheard_of = [(TE, "unheard-of")];
    let until_close = ResponseFraming { body: ResponseBody::UntilClose, ambiguous: false };
    assert_eq!(response(200, &Method::GET, &unheard_of), Ok(until_close));
    let head = response(200, &Method::HEAD, &unheard_of).map(|framing| framing.body);
    assert_eq!(head, Ok(ResponseBody::None));
    assert_eq!(request(&unheard_of), Err(TransferEncodingInvalid));
    let of_1_0 = fields(&unheard_of);
    let framing = response_framing(Version::HTTP_10, StatusCode::OK, &Method::GET, &of_1_0);
    assert_eq!(framing, Err(TransferEncodingVersion));
}

proptest! {
    #[test]
    fn only_one_line_that_says_chunked_is_chunked(value in "[ ,;]{0,2}(chunked|gzip)?[ ,;]{0,2}(chunked|gzip)?[ ,;]{0,2}") {
        let framing = request(&[(TE, &value)]);
        prop_assert_eq!(framing == Ok(RequestBody::Chunked), value == "chunked");
    }

    #[test]
    fn a_length_is_the_number_written(length in any::<u64>()) {
        prop_assert_eq!(request(&[(CL, &length.to_string())]), Ok(RequestBody::Length(length)));
    }
}
