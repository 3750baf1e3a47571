use std::sync::Arc;

use super::*;
use crate::{
    line,
    read::read,
    tests::{ids, record},
};

const DAY: u64 = 24 * 3600 * 1000;

fn lines(ids: std::ops::Range<u64>) -> Vec<Line> {
    ids.map(|id| Arc::new(line::write(&record(id, "web")).unwrap())).collect()
}

fn write(files: &mut Files, lines: &[Line], now: u64) -> io::Result<()> {
    files.write(lines, Millis(now), &mut 0)
}

fn names(folder: &Path) -> Vec<String> {
    list(folder).unwrap().iter().map(Name::to_string).collect()
}

#[test]
fn a_file_that_is_large_enough_is_finished_compressed_and_a_new_one_begun() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::open(folder.path(), Bounds { file_bytes: 10_000, ..Bounds::default() }, Millis(0)).unwrap();
    for id in 0..30 {
        write(&mut files, &lines(id..id + 1), 1000 + id).unwrap();
    }
    let names = names(folder.path());
    assert!(names.len() >= 2 && names[0].starts_with("decisions-00000001-10"), "{names:?}");
    let finished = fs::read(folder.path().join(&names[0])).unwrap();
    assert!(finished.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) && finished.len() < 2000, "{}", finished.len());
    assert_eq!(ids(folder.path()), (0..30).collect::<Vec<_>>());
}

#[test]
fn a_file_is_finished_when_its_first_record_is_old_enough_also_when_nothing_more_comes() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::open(folder.path(), Bounds::default(), Millis(0)).unwrap();
    write(&mut files, &lines(0..1), 5).unwrap();
    files.tend(Millis(DAY + 4)).unwrap();
    assert_eq!(names(folder.path()), ["decisions-00000001.jsonl"]);
    files.tend(Millis(DAY + 5)).unwrap();
    assert_eq!(names(folder.path()), ["decisions-00000001-5.jsonl.zst"]);
}

#[test]
fn a_file_whose_last_record_is_too_old_goes() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds { file_bytes: 1, ..Bounds::default() };
    let mut files = Files::open(folder.path(), bounds, Millis(0)).unwrap();
    for day in [1, 2, 20] {
        write(&mut files, &lines(day..day + 1), day * DAY).unwrap();
    }
    files.tend(Millis(32 * DAY)).unwrap();
    assert_eq!(ids(folder.path()), [2, 20]);
    files.tend(Millis(100 * DAY)).unwrap();
    assert!(names(folder.path()).is_empty());
}

#[test]
fn all_files_together_stay_within_their_bytes_and_the_oldest_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds { file_bytes: 1, total_bytes: 4 * BLOCK + 1, ..Bounds::default() };
    let mut files = Files::open(folder.path(), bounds, Millis(0)).unwrap();
    for id in 0..10 {
        write(&mut files, &lines(id..id + 1), id).unwrap();
    }
    assert_eq!(ids(folder.path()), [6, 7, 8, 9]);
}

#[test]
fn a_killed_writer_leaves_whole_batches_and_its_torn_line_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let now = crate::writer::now();
    let mut torn = lines(0..3).concat_bytes();
    torn.truncate(torn.len() - 40);
    fs::write(folder.path().join("decisions-00000004.jsonl"), &torn).unwrap();
    assert_eq!(ids(folder.path()), [0, 1], "read as it lies there");
    let mut files = Files::open(folder.path(), Bounds::default(), now).unwrap();
    assert_eq!(ids(folder.path()), [0, 1], "finished by the next process");
    write(&mut files, &lines(7..8), now.0).unwrap();
    assert_eq!(ids(folder.path()), [0, 1, 7]);
    assert!(names(folder.path())[1].starts_with("decisions-00000005"), "{:?}", names(folder.path()));
}

#[test]
fn a_kill_between_the_steps_of_a_rotation_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let plain = lines(0..5).concat_bytes();
    let compressed = zstd::encode_all(plain.as_slice(), LEVEL).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    // Compressed by half.
    write("decisions-00000001.jsonl", &plain);
    write("decisions-00000001.zst.half", &compressed[..compressed.len() / 2]);
    assert_eq!(ids(folder.path()), (0..5).collect::<Vec<_>>());
    // Renamed, and the plain one not removed.
    fs::remove_file(folder.path().join("decisions-00000001.zst.half")).unwrap();
    write("decisions-00000001-9.jsonl.zst", &compressed);
    assert_eq!(ids(folder.path()), (0..5).collect::<Vec<_>>());
    drop(Files::open(folder.path(), Bounds::default(), Millis(9)).unwrap());
    assert_eq!(ids(folder.path()), (0..5).collect::<Vec<_>>());
    assert_eq!(names(folder.path()).len(), 1);
}

#[test]
fn a_batch_that_cannot_be_written_leaves_no_half_of_it_and_the_next_one_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::open(folder.path(), Bounds::default(), Millis(0)).unwrap();
    write(&mut files, &lines(0..1), 0).unwrap();
    let live = files.live.as_mut().unwrap();
    // A descriptor that cannot be written stands for the full disk.
    let writable = std::mem::replace(&mut live.file, File::open("/dev/null").unwrap());
    write(&mut files, &lines(1..2), 0).unwrap_err();
    drop(writable);
    write(&mut files, &lines(2..3), 0).unwrap();
    assert_eq!(ids(folder.path()), [0, 2]);
}

#[test]
fn files_of_others_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["notes.txt", "decisions-x.jsonl", "decisions-1-2.jsonl", "decisions-00000001.json"] {
        fs::write(folder.path().join(name), "not ours").unwrap();
    }
    let mut files = Files::open(folder.path(), Bounds { file_bytes: 1, ..Bounds::default() }, Millis(0)).unwrap();
    write(&mut files, &lines(0..1), 0).unwrap();
    files.tend(Millis(1000 * DAY)).unwrap();
    assert!(matches!(read(folder.path()), Err(crate::ReadError::Empty { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5, "four of others and the lock");
}

trait ConcatBytes {
    fn concat_bytes(&self) -> Vec<u8>;
}

impl ConcatBytes for Vec<Line> {
    fn concat_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|line| line.iter().copied()).collect()
    }
}
