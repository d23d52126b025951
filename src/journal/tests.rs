use std::io;
use std::sync::{Mutex, mpsc};

use super::*;

/// 2026-11-21T05:00:00.123Z.
const AT: Timestamp = Timestamp::from_millis(1_795_237_200_123);
const SOON: Duration = Duration::from_secs(10);

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn written(format: Format, level: Level, say: impl FnOnce(&Journal)) -> String {
    let page = Page::default();
    let journal = Journal::start(format, level, Box::new(page.clone()));
    say(&journal);
    journal.flush(SOON);
    String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn a_line_of_text_has_time_level_message_and_fields() {
    let fields = [
        ("client", Value::Str("127.0.0.1")),
        ("path", Value::Bytes(b"/x")),
        ("status", Value::Int(200)),
        ("duration", Value::Seconds(Duration::from_micros(123))),
        ("cache", Value::Str("hit; ttl=42")),
    ];
    let text = written(Format::Text, Level::Info, |journal| {
        journal.write(AT, Level::Info, "listening on http://127.0.0.1:8080", &[]);
        journal.access(AT, &fields);
    });
    assert_eq!(
        text,
        "2026-11-21T05:00:00.123Z INFO  listening on http://127.0.0.1:8080\n\
         2026-11-21T05:00:00.123Z ACCESS client=127.0.0.1 path=/x status=200 duration=0.000123 cache=\"hit; ttl=42\"\n"
    );
}

#[test]
fn a_line_of_json_is_one_object() {
    let text = written(Format::Json, Level::Info, |journal| {
        let fields =
            [("status", Value::Int(404)), ("took", Value::Seconds(Duration::from_millis(5)))];
        journal.write(AT, Level::Warn, "a \"b\" \\", &fields);
    });
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["time"], "2026-11-21T05:00:00.123Z");
    assert_eq!(line["level"], "warn");
    assert_eq!(line["message"], "a \"b\" \\");
    assert_eq!(line["status"], 404);
    assert_eq!(line["took"], 0.005);
}

#[test]
fn no_control_byte_of_a_peer_is_written() {
    let nasty = "a\n2026 INFO  forged\r\x1b[31m\u{9b}\u{202e}\u{7f}\"\\";
    let fields = [
        ("text", Value::Str(nasty)),
        ("bytes", Value::Bytes(nasty.as_bytes())),
        ("raw", Value::Bytes(b"\x00\xff")),
        ("none", Value::Str("")),
    ];
    for format in [Format::Text, Format::Json] {
        let text = written(format, Level::Info, |journal| {
            journal.write(AT, Level::Info, nasty, &fields);
            journal.access(AT, &fields);
        });
        assert_eq!(text.matches('\n').count(), 2, "{text}");
        assert!(
            !text.replace('\n', "").contains(|char: char| char.is_control() || char == '\u{202e}')
        );
        if format == Format::Json {
            for line in text.lines() {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["text"], nasty);
                assert_eq!(line["raw"], "\\x00\\xff");
            }
        }
    }
}

#[test]
fn format_and_level_may_change_while_it_is_written() {
    let text = written(Format::Text, Level::Info, |journal| {
        let other = journal.clone();
        journal.write(AT, Level::Info, "one", &[]);
        other.adjust(Format::Json, Level::Warn);
        journal.write(AT, Level::Info, "two", &[]);
        journal.write(AT, Level::Warn, "three", &[]);
        assert!(!journal.enabled(Level::Info));
    });
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.len() == 2 && lines[0].ends_with("INFO  one"), "{text}");
    assert!(lines[1].starts_with('{') && lines[1].contains("three"), "{text}");
}

#[test]
fn lines_below_the_level_are_not_written() {
    let text = written(Format::Text, Level::Warn, |journal| {
        journal.write(AT, Level::Info, "started", &[]);
        journal.write(AT, Level::Error, "failed", &[]);
        journal.access(AT, &[]);
        assert!(!journal.enabled(Level::Debug));
    });
    assert_eq!(text, "2026-11-21T05:00:00.123Z ERROR failed\n2026-11-21T05:00:00.123Z ACCESS\n");
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (secs, date) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399, "2000-02-28T23:59:59.000Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"),
        (951_868_800, "2000-03-01T00:00:00.000Z"),
        (1_704_067_199, "2023-12-31T23:59:59.000Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000Z"),
    ] {
        let text = written(Format::Text, Level::Info, |journal| {
            journal.access(Timestamp::from_secs(secs), &[]);
        });
        assert_eq!(text.split(' ').next(), Some(date));
    }
}

/// A sink that answers each write as it is told to.
struct Script(mpsc::Receiver<io::Result<usize>>);

impl Write for Script {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        self.0.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_blocked_sink_costs_lines_and_never_waits() {
    let (answer, script) = mpsc::channel();
    let journal = Journal::start(Format::Text, Level::Info, Box::new(Script(script)));
    let long = "x".repeat(1024);
    for _ in 0..16_384 {
        journal.write(AT, Level::Info, &long, &[]);
    }
    journal.flush(Duration::ZERO);
    assert!(journal.dropped() > 0, "16 MiB do not wait in the queue");
    drop(answer);
    journal.flush(SOON);
    assert_eq!(journal.dropped(), 16_384, "a torn pipe takes no line");
}

#[test]
fn a_sink_that_fails_is_tried_again_with_the_next_line() {
    let (answer, script) = mpsc::channel();
    let journal = Journal::start(Format::Text, Level::Info, Box::new(Script(script)));
    answer.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
    journal.access(AT, &[]);
    journal.flush(SOON);
    assert_eq!(journal.dropped(), 1);
    answer.send(Err(io::ErrorKind::Interrupted.into())).unwrap();
    answer.send(Ok(10)).unwrap();
    answer.send(Err(io::ErrorKind::WouldBlock.into())).unwrap();
    answer.send(Ok("2026-11-21T05:00:00.123Z ACCESS\n".len() - 10)).unwrap();
    journal.access(AT, &[]);
    journal.flush(SOON);
    assert_eq!(journal.dropped(), 1);
}

#[test]
fn the_last_lines_are_written_when_the_journal_ends() {
    struct Tell(mpsc::Sender<Vec<u8>>);
    impl Write for Tell {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (tell, told) = mpsc::channel();
    let journal = Journal::start(Format::Text, Level::Info, Box::new(Tell(tell)));
    journal.access(AT, &[]);
    drop(journal);
    assert!(told.recv_timeout(SOON).unwrap().ends_with(b"ACCESS\n"));
    assert!(told.recv_timeout(SOON).is_err(), "the thread has ended and dropped its sink");
}

#[test]
fn a_silent_journal_says_nothing() {
    let journal = Journal::silent();
    journal.write(AT, Level::Error, "unheard", &[]);
    journal.flush(SOON);
    assert_eq!(journal.dropped(), 0);
    assert!(!journal.enabled(Level::Error));
}

#[test]
fn levels_and_formats_have_names() {
    assert_eq!("debug".parse(), Ok(Level::Debug));
    assert_eq!("json".parse(), Ok(Format::Json));
    assert_eq!("loud".parse::<Level>(), Err(UnknownName));
}
