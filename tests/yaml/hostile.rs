//! Hostile texts: each ends with a value or an error, on a small stack.

use std::fmt::Write;

use kubejoin::for_tests::yaml::{self, MAX_BYTES, MAX_DEPTH, YamlError};

/// Runs on a stack of 256 KiB, the least a thread of ours would have.
fn on_a_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap()
}

fn error_of(text: String) -> Option<YamlError> {
    on_a_small_stack(move || yaml::parse(&text).err())
}

#[test]
fn depth_ends_in_an_error_and_not_in_a_crash() {
    let block_lists = |depth: usize| "- ".repeat(depth) + "a\n";
    let block_mappings = |depth: usize| {
        let mut text = String::new();
        for level in 0..depth {
            writeln!(text, "{}a:", " ".repeat(level)).unwrap();
        }
        text
    };
    let fits = |text: String| assert_eq!(error_of(text), None);
    let too_deep = |text: String| {
        let error = error_of(text);
        assert!(
            matches!(error, Some(YamlError::TooDeep { .. } | YamlError::Syntax { .. } | YamlError::Key { .. })),
            "{error:?}"
        );
    };
    fits("[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH));
    fits(block_lists(MAX_DEPTH));
    fits(block_mappings(MAX_DEPTH));
    for depth in [MAX_DEPTH + 1, 1000] {
        too_deep("[".repeat(depth) + &"]".repeat(depth));
        too_deep("{a: ".repeat(depth) + &"}".repeat(depth));
        too_deep("[{a: ".repeat(depth));
        too_deep(block_lists(depth));
        too_deep(block_mappings(depth));
        too_deep("? ".repeat(depth));
    }
    for hostile in ["[", "{", "- ", "? ", "[{", "&a [", "!!seq [", "{a: ", "- - ? "] {
        too_deep(hostile.repeat(MAX_BYTES / hostile.len()));
    }
}

#[test]
fn aliases_are_paid_from_a_budget() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..9 {
        let before = level - 1;
        writeln!(laughs, "a{level}: &a{level} [{}]", vec![format!("*a{before}"); 10].join(", ")).unwrap();
    }
    let large = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(200_000));
    let merges = format!("a: &a {{k: {}}}\n{}", "x".repeat(1000), "b: {<<: *a}\n".repeat(50_000));
    let mut deeper = "a0: &a0 [x]\n".to_owned();
    for level in 1..=MAX_DEPTH {
        writeln!(deeper, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    let cases = [("billion laughs", laughs), ("large scalar", large), ("merges", merges)];
    for (name, text) in cases {
        let error = error_of(text);
        assert!(matches!(error, Some(YamlError::ExpandsTooMuch { .. })), "{name}: {error:?}");
    }
    assert!(matches!(error_of(deeper), Some(YamlError::TooDeep { .. })));
    assert_eq!(error_of("a: &a {b: 1}\nc: [*a, *a]\nd: {<<: *a, e: 2}\n".to_owned()), None);
}

#[test]
fn an_alias_cannot_reach_itself_or_another_document() {
    let cases = [
        ("a: &a {b: *a}", YamlError::ContainsItself { line: 1 }),
        ("- &a\n  - *a", YamlError::ContainsItself { line: 2 }),
    ];
    for (text, error) in cases {
        assert_eq!(yaml::parse(text).unwrap_err(), error, "{text}");
    }
    let error = yaml::parse("&a [1]\n---\n*a\n").unwrap_err();
    assert!(matches!(error, YamlError::Syntax { line: 3, .. }), "{error:?}");
}

#[test]
fn size_is_bounded() {
    assert_eq!(error_of(" ".repeat(MAX_BYTES)), None);
    assert_eq!(error_of(" ".repeat(MAX_BYTES + 1)), Some(YamlError::TooLarge { bytes: MAX_BYTES + 1 }));
}

#[test]
fn ambiguous_characters_are_named_with_their_line() {
    for c in ['\0', '\u{1b}', '\u{7f}', '\u{80}', '\u{85}', '\u{2028}', '\u{2029}', '\u{fffe}', '\u{ffff}'] {
        let error = yaml::parse(&format!("a: 1\nb: \"{c}\"\n")).unwrap_err();
        assert_eq!(error, YamlError::Character { line: 2, code_point: c.into() });
        assert!(!error.to_string().contains(c));
    }
}

/// Shapes that are known to hurt parsers, as large as a text may be. Nothing here looks at a clock: quadratic work would
/// take minutes, and is then seen without one.
#[test]
fn the_largest_texts_of_every_shape_are_read() {
    let n = MAX_BYTES - 64;
    let good = [
        ("keys", (0..n / 12).map(|i| format!("k{i}: 1\n")).collect()),
        ("same key", "key: 1\n".repeat(n / 7)),
        ("flow list", format!("[{}]", "1,".repeat(n / 2))),
        ("flow mapping", format!("{{{}}}", "a: b,".repeat(n / 5))),
        ("complex key", format!("? {}\n: 1\n", "k".repeat(n))),
        ("plain", "word ".repeat(n / 5)),
        ("plain lines", format!("a: b\n{}", "  c\n".repeat(n / 4))),
        ("quoted lines", format!("a: \"{}\"", "c\n ".repeat(n / 3))),
        ("literal", format!("a: |\n{}", "  c\n\n".repeat(n / 5))),
        ("comments", "#\n".repeat(n / 2)),
        ("anchors", (0..n / 16).map(|i| format!("- &a{i} x\n")).collect::<String>()),
        ("documents", "---\na: 1\n".repeat(n / 9)),
    ];
    for (name, text) in good {
        assert_eq!(yaml::parse(&text).err(), None, "{name}");
    }
    let bad = [
        ("simple key", format!("{}: 1\n", "k".repeat(n))),
        ("unclosed", format!("a: \"{}", "\\\"".repeat(n / 2))),
        ("unclosed list", "[a, ".repeat(n / 4)),
        ("anchors kept for an alias", (0..n / 16).map(|i| format!("- &a{i} x\n")).collect::<String>() + "- *a1\n"),
    ];
    for (name, text) in bad {
        assert!(yaml::parse(&text).is_err(), "{name}");
    }
}

/// What a text is worth to the writer: names and depth of a value that came from outside.
#[test]
fn what_was_read_is_written_on_a_small_stack() {
    let text = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
    let same = on_a_small_stack(move || {
        let value = yaml::parse_one(&text).unwrap().value;
        yaml::parse_one(&yaml::to_string(&value)).unwrap().value == value
    });
    assert!(same);
}
