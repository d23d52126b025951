use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

fn limit(keep: u64) -> FillLimit {
    FillLimit { expected: None, keep, budget: Budget::new(1 << 30) }
}

/// What `future` gives without waiting.
fn now<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn push(writer: &mut FillWriter, text: &str) {
    assert_eq!(now(writer.push(Bytes::copy_from_slice(text.as_bytes()))), Poll::Ready(()));
}

/// All that can be read without waiting, and how it ended.
fn read(reader: &mut FillReader) -> (Vec<u8>, Option<Result<(), BodyError>>) {
    let mut read = Vec::new();
    loop {
        match now(reader.next()) {
            Poll::Ready(Some(Ok(chunk))) => read.extend_from_slice(&chunk),
            Poll::Ready(Some(Err(error))) => return (read, Some(Err(error))),
            Poll::Ready(None) => return (read, Some(Ok(()))),
            Poll::Pending => return (read, None),
        }
    }
}

#[test]
fn every_reader_reads_all_of_it_whenever_it_came() {
    let (mut writer, fill) = fill(limit(1000));
    let mut early = fill.reader().unwrap();
    push(&mut writer, "hello ");
    assert_eq!(read(&mut early), (b"hello ".to_vec(), None));
    let mut late = fill.reader().unwrap();
    push(&mut writer, "world");
    assert_eq!(writer.finish().unwrap().unwrap().concat(), b"hello world");
    assert_eq!(read(&mut early), (b"world".to_vec(), Some(Ok(()))));
    assert_eq!(read(&mut late), (b"hello world".to_vec(), Some(Ok(()))));
    assert_eq!(read(&mut fill.reader().unwrap()), (b"hello world".to_vec(), Some(Ok(()))));
}

#[test]
fn a_dropped_writer_is_an_error_to_its_readers() {
    let (mut writer, fill) = fill(limit(1000));
    let mut reader = fill.reader().unwrap();
    push(&mut writer, "half");
    drop(writer);
    assert_eq!(read(&mut reader), (b"half".to_vec(), Some(Err(BodyError::Aborted))));
}

#[test]
fn a_body_of_another_length_than_announced_is_not_whole() {
    for (text, error) in [("four", BodyError::Truncated), ("seven!!", BodyError::Malformed)] {
        let (mut writer, fill) = fill(FillLimit { expected: Some(5), ..limit(1000) });
        let mut reader = fill.reader().unwrap();
        push(&mut writer, text);
        assert_eq!(writer.finish().unwrap_err(), error);
        let (_, end) = read(&mut reader);
        assert!(end == Some(Err(error)) || reader.remaining() == Some(0));
    }
}

#[test]
fn small_chunks_are_joined_and_no_reader_notices() {
    let (mut writer, fill) = fill(limit(100_000));
    let mut follower = fill.reader().unwrap();
    let mut followed = Vec::new();
    for n in 0..5000u32 {
        push(&mut writer, &char::from(b'a' + (n % 26) as u8).to_string());
        if n % 7 == 0 {
            followed.extend(read(&mut follower).0);
        }
    }
    let chunks = writer.finish().unwrap().unwrap();
    assert!(chunks.len() < 50, "{} chunks", chunks.len());
    followed.extend(read(&mut follower).0);
    assert_eq!(followed, chunks.concat());
    assert_eq!(read(&mut fill.reader().unwrap()).0, chunks.concat());
}

#[test]
fn past_the_limit_it_is_sealed_and_nobody_joins_but_readers_go_on() {
    let (mut writer, fill) = fill(limit(10));
    let mut reader = fill.reader().unwrap();
    push(&mut writer, "12345678");
    assert!(!writer.is_sealed());
    push(&mut writer, "90abc");
    assert!(writer.is_sealed());
    assert!(fill.reader().is_none());
    assert_eq!(read(&mut reader), (b"1234567890abc".to_vec(), None));
    assert_eq!(writer.finish(), Ok(None), "nothing to store");
    assert_eq!(read(&mut reader), (Vec::new(), Some(Ok(()))));
}

#[test]
fn a_length_over_the_limit_is_known_at_the_head() {
    let (writer, _fill) = fill(FillLimit { expected: Some(11), ..limit(10) });
    assert!(writer.is_sealed());
}

#[test]
fn the_writer_of_a_sealed_fill_waits_for_the_slowest_reader_until_it_is_cut() {
    let (mut writer, fill) = fill(limit(0));
    let mut slow = fill.reader().unwrap();
    let mut quick = fill.reader().unwrap();
    let block = Bytes::from(vec![7; WINDOW as usize]);
    assert_eq!(now(writer.push(block.clone())), Poll::Ready(()));
    assert_eq!(now(writer.push(block.clone())), Poll::Ready(()));
    assert_eq!(now(writer.push(block.clone())), Poll::Pending);
    assert_eq!(read(&mut quick).0.len(), 2 * WINDOW as usize);
    assert_eq!(now(writer.push(block.clone())), Poll::Pending, "the slow one still has to read");
    writer.cut_laggards();
    assert_eq!(now(writer.push(block)), Poll::Ready(()));
    assert_eq!(read(&mut quick), (vec![7; WINDOW as usize], None));
    for _ in 0..3 {
        assert_eq!(
            now(writer.push(Bytes::from_static(b"more"))),
            Poll::Ready(()),
            "it holds nobody up any more"
        );
    }
    assert_eq!(read(&mut slow), (Vec::new(), Some(Err(BodyError::Stalled))));
}

#[test]
fn a_slow_reader_that_makes_progress_is_not_cut() {
    let (mut writer, fill) = fill(limit(0));
    let mut slow = fill.reader().unwrap();
    let chunk = Bytes::from(vec![7; WINDOW as usize / 2]);
    for _ in 0..20 {
        while now(writer.push(chunk.clone())) == Poll::Ready(()) {}
        assert!(matches!(now(slow.next()), Poll::Ready(Some(Ok(_)))));
        writer.cut_laggards();
    }
    assert!(matches!(now(slow.next()), Poll::Ready(Some(Ok(_)))));
}

#[test]
fn once_the_body_is_stored_its_readers_read_it_from_there() {
    let budget = Budget::new(1000);
    let (mut writer, fill) = fill(FillLimit { budget: budget.clone(), ..limit(1000) });
    let mut early = fill.reader().unwrap();
    let mut late = fill.reader().unwrap().part(3..9);
    push(&mut writer, "hello ");
    assert_eq!(read(&mut early).0, b"hello ");
    push(&mut writer, "world");
    writer.finish().unwrap();
    fill.settle(Bytes::from_static(b"hello world"));
    assert_eq!(budget.left(), 1000);
    assert_eq!(read(&mut early), (b"world".to_vec(), Some(Ok(()))));
    assert_eq!(read(&mut late), (b"lo wor".to_vec(), Some(Ok(()))));
    assert_eq!(read(&mut fill.reader().unwrap()), (b"hello world".to_vec(), Some(Ok(()))));
}

#[test]
fn an_open_fill_never_waits_for_a_reader() {
    let (mut writer, fill) = fill(limit(100 * WINDOW));
    let _slow = fill.reader().unwrap();
    for _ in 0..20 {
        assert_eq!(now(writer.push(Bytes::from(vec![7; WINDOW as usize]))), Poll::Ready(()));
    }
}

#[test]
fn a_spent_budget_seals_the_next_fill_from_its_start_and_is_given_back() {
    let budget = Budget::new(10);
    let small = |expected| FillLimit { expected, keep: 1000, budget: budget.clone() };
    let (mut first, kept) = fill(small(None));
    push(&mut first, "12345678");
    assert_eq!(budget.left(), 2);
    let (second, _) = fill(small(Some(5)));
    assert!(second.is_sealed());
    first.finish().unwrap();
    assert_eq!(budget.left(), 2, "still held for readers");
    drop(kept);
    assert_eq!(budget.left(), 10);
}

#[test]
fn a_sealed_fill_gives_back_what_its_readers_have_passed() {
    let budget = Budget::new(10);
    let (mut writer, fill) = fill(FillLimit { expected: None, keep: 1000, budget: budget.clone() });
    let mut reader = fill.reader().unwrap();
    push(&mut writer, "12345678");
    push(&mut writer, "90abcdef");
    assert!(writer.is_sealed());
    read(&mut reader);
    writer.finish().unwrap();
    read(&mut reader);
    drop((reader, fill));
    assert_eq!(budget.left(), 10);
}

#[test]
fn a_part_is_read_as_if_it_were_the_body() {
    let (mut writer, fill) = fill(FillLimit { expected: Some(10), ..limit(1000) });
    let mut part = fill.reader().unwrap().part(3..7);
    push(&mut writer, "01234");
    assert_eq!(read(&mut part).0, b"34");
    push(&mut writer, "56789");
    assert_eq!(read(&mut part), (b"56".to_vec(), Some(Ok(()))));
    assert!(part.is_end());
}

#[test]
fn the_writer_learns_that_nobody_reads() {
    let (writer, fill) = fill(limit(0));
    let reader = fill.reader().unwrap();
    assert_eq!(now(writer.unread()), Poll::Pending);
    drop(reader);
    assert_eq!(now(writer.unread()), Poll::Ready(()));
}
