use std::fs;

use super::*;
use crate::tests::record;

fn line(id: u64) -> String {
    String::from_utf8(line::write(&record(id, "web")).unwrap()).unwrap()
}

/// What a file with these bytes reads as: ids, and errors with their causes.
fn found(bytes: &[u8]) -> Vec<Result<u64, String>> {
    found_within(LIMITS, bytes)
}

fn found_within(limits: Limits, bytes: &[u8]) -> Vec<Result<u64, String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy");
    fs::write(&path, bytes).unwrap();
    let told = |error: ReadError| {
        let cause = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        format!("{error}{cause}").replace(&path.display().to_string(), "copy")
    };
    let records = Records { limits, ..read(&path).unwrap() };
    records.map(|read| read.map(|record| record.id).map_err(told)).collect()
}

#[test]
fn a_file_is_read_by_what_is_in_it_and_not_by_its_name() {
    let text = line(1) + &line(2);
    assert_eq!(found(text.as_bytes()), [Ok(1), Ok(2)]);
    assert_eq!(found(&zstd::encode_all(text.as_bytes(), 3).unwrap()), [Ok(1), Ok(2)]);
    assert_eq!(found(b""), []);
}

#[test]
fn a_foreign_line_is_named_by_file_and_number_and_the_rest_is_read() {
    let text = line(1) + "{\"hello\": \"world\"}\n\n" + &line(2) + "no JSON\n" + &line(3);
    let found = found(text.as_bytes());
    assert_eq!((&found[0], &found[2], &found[4]), (&Ok(1), &Ok(2), &Ok(3)));
    let error = found[1].as_ref().unwrap_err();
    assert!(error.starts_with("line 2 of `copy` cannot be read: it is no decision record"), "{error}");
    assert!(found[3].as_ref().unwrap_err().starts_with("line 5 of `copy`"), "{found:?}");
    assert_eq!(found.len(), 5);
}

#[test]
fn bytes_that_are_no_text_spoil_their_own_line_only() {
    let bytes = [line(1).as_bytes(), b"\xff\xfe\n", line(2).as_bytes()].concat();
    let found = found(&bytes);
    assert_eq!((&found[0], &found[2]), (&Ok(1), &Ok(2)));
    assert!(found[1].as_ref().unwrap_err().contains("line 2 of `copy` cannot be read: it is not UTF-8"), "{found:?}");
}

#[test]
fn a_line_of_a_newer_release_says_which_schema_it_has() {
    let newer = line(1).replace("\"schema\":1", "\"schema\":2");
    let found = found(newer.as_bytes());
    assert!(found[0].as_ref().unwrap_err().contains("it is of schema 2, and this release reads up to 1"), "{found:?}");
}

#[test]
fn records_of_an_older_release_are_read() {
    // Without what was added since: role, generation, policy, config; with what every release wrote.
    let mut record = serde_json::to_value(record(5, "web")).unwrap();
    for added in ["role", "generation", "policy", "config"] {
        record.as_object_mut().unwrap().remove(added).unwrap();
    }
    assert_eq!(found(format!("{record}\n").as_bytes()), [Ok(5)]);
    assert_eq!(found(format!("{{\"schema\":1,\"decision\":{record}}}").as_bytes()), [Ok(5)], "no last line feed");
}

#[test]
fn a_torn_tail_is_no_error_and_hides_nothing_before_it() {
    let text = line(1) + &line(2);
    for cut in 1..line(2).len() - 1 {
        assert_eq!(found(&text.as_bytes()[..text.len() - 1 - cut]), [Ok(1)], "{cut} bytes short");
    }
}

#[test]
fn a_compressed_file_that_is_cut_off_gives_what_it_has_and_says_where_it_broke() {
    // Random-looking identifiers, so that it does not all fit into one block.
    let text: String = (0..2000).map(|id| line(id * 0x9e37_79b9)).collect();
    let compressed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let found = found(&compressed[..compressed.len() * 2 / 3]);
    let (last, before) = found.split_last().unwrap();
    assert!(before.len() > 100 && before.iter().all(Result::is_ok), "{}", before.len());
    let error = last.as_ref().unwrap_err();
    assert!(error.starts_with(&format!("cannot read on after line {} of `copy`", before.len())), "{error}");
}

#[test]
fn a_line_without_end_is_given_up_before_it_fills_the_memory() {
    let bomb = zstd::encode_all(io::repeat(b' ').take(8 << 20), 1).unwrap();
    assert!(bomb.len() < 10_000);
    let found = found_within(Limits { line: 1 << 20, ..LIMITS }, &bomb);
    assert_eq!(found, [Err("line 1 of `copy` is longer than 1048576 bytes; the rest of the file is left out".into())]);
}

#[test]
fn a_file_that_unfolds_without_end_is_given_up() {
    let bomb = zstd::encode_all(io::repeat(b'\n').take(1 << 20), 1).unwrap();
    // Frames may follow each other: the same one again and again.
    let found = found_within(Limits { unfolded: 3 << 20, ..LIMITS }, &bomb.repeat(10));
    let said = "`copy` unfolds to more than 3145728 bytes; what comes after line 3145728 is left out";
    assert_eq!(found, [Err(said.into())]);
}

#[test]
fn a_search_looks_at_matching_lines_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy");
    let db = String::from_utf8(line::write(&record(2, "db")).unwrap()).unwrap();
    fs::write(&path, line(1) + &db + "no JSON\n").unwrap();
    let found: Vec<_> = read(&path).unwrap().with("\"name\":\"db\"").map(|read| read.unwrap().id).collect();
    assert_eq!(found, [2]);
}

#[test]
fn a_path_without_a_journal_says_so() {
    let folder = tempfile::tempdir().unwrap();
    assert!(read(folder.path()).unwrap_err().to_string().contains("there is no journal in"));
    let missing = folder.path().join("missing");
    assert!(read(&missing).unwrap_err().to_string().starts_with("cannot read `"));
}
