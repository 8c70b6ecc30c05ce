use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn huffman(text: &str) -> Option<String> {
    Text { bytes: &hex(text), huffman: true }.decode()
}

#[test]
fn huffmans_code_is_that_of_the_standard() {
    // The strings of RFC 7541 C.4 and C.6, and others as Go's hpack encodes them.
    let table = [
        ("f1e3 c2e5 f23a 6ba0 ab90 f4ff", Some("www.example.com")),
        ("a8eb 1064 9cbf", Some("no-cache")),
        ("25a8 49e9 5bb8 e8b4 bf", Some("custom-value")),
        ("d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff", Some("Mon, 21 Oct 2013 20:13:21 GMT")),
        (
            "94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 \
             07",
            Some("foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
        ),
        ("", Some("")),
        // Padding of eight bits and more, of zeroes, and a code cut off.
        ("ff", None),
        ("00 00 00 00 00 ff", None),
        ("18", None),
        ("ffff ffff", None),
    ];
    for (encoded, expected) in table {
        assert_eq!(huffman(encoded).as_deref(), expected, "{encoded}");
    }
}

#[test]
fn every_printable_character_has_a_code_of_its_own() {
    let mut seen = Vec::new();
    for length in 5..20 {
        for code in 0..1 << length {
            seen.extend(huffman_character(code, length));
        }
    }
    seen.sort_unstable();
    let expected: Vec<u8> = std::iter::once(0).chain(0x20..0x7f).collect();
    assert_eq!(seen, expected);
}

#[test]
fn header_fields_are_read_in_every_form_that_needs_no_table() {
    let read = |text: &str| {
        let mut fields = Fields::default();
        fields.read(&hex(text)).map(|()| fields).map_err(|error| error.to_string())
    };
    let status = |code| Ok(Fields { http_status: Some(code), ..Fields::default() });
    let cut_off = || Err("what answers breaks the protocol: header fields cut off".to_owned());
    let never_sent = || Err("what answers breaks the protocol: a header field that was never sent".to_owned());
    let table = [
        ("", Ok(Fields::default())),
        ("88", status(200)),
        ("8d", status(404)),
        // RFC 7541 C.5.1 and C.6.1: literal with indexing, name of the table, both encodings.
        ("48 03 333032 58 07 70726976617465", status(302)),
        ("48 82 6402 58 85 aec3771a4b", status(302)),
        // As grpc-go answers: :status 200, content-type application/grpc.
        ("88 5f 8b 1d75d0620d263d4c4d6564", status(200)),
        // grpc-status: 12, without indexing and never indexed; the change of the table to the size we gave.
        ("20 00 0b 677270632d737461747573 02 3132", Ok(Fields { grpc_status: Some(12), ..Fields::default() })),
        ("10 0b 677270632d737461747573 01 30", Ok(Fields { grpc_status: Some(0), ..Fields::default() })),
        (
            "00 0c 677270632d6d657373616765 06 612532306225",
            Ok(Fields { grpc_message: Some("a b%".to_owned()), ..Fields::default() }),
        ),
        // A value that is no printable ASCII is as good as none.
        ("00 0c 677270632d6d657373616765 02 1b5b", Ok(Fields::default())),
        ("3f e11f", Err("what answers breaks the protocol: a header table that we do not have".to_owned())),
        ("80", never_sent()),
        ("be", never_sent()),
        ("7f 00", never_sent()),
        ("48", cut_off()),
        ("48 03 3330", cut_off()),
        ("00 7f ffffffff 7f", Err("what answers breaks the protocol: a number too large".to_owned())),
    ];
    for (block, expected) in table {
        assert_eq!(read(block), expected, "{block}");
    }
}

#[test]
fn our_own_fields_can_be_read_back() {
    let block = request_fields("/runtime.v1.RuntimeService/Version", Duration::from_secs(2));
    assert_eq!(Fields::default().read(&block).map_err(|error| error.to_string()), Ok(()));
    let expected: &[u8] =
        b"\x83\x86\x04\x22/runtime.v1.RuntimeService/Version\x01\x09localhost\x0f\x10\x10application/grpc";
    assert_eq!(block[..expected.len()], *expected);
    assert!(block.ends_with(b"\x00\x02te\x08trailers\x00\x0cgrpc-timeout\x052000m"));
}
