//! Whether the configuration's files have changed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::File;

/// Looks at files again and again. What is being written is left alone until it looks the same twice.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// How the files looked when their content was last compared with what had been read.
    compared: Option<Vec<Look>>,
    /// How they looked the last time.
    last: Option<Vec<Look>>,
}

/// What tells one state of a file from another without reading it: where its symlinks lead, which file that is, when it
/// was written and how long it is. `None` where there is none.
type Look = Option<(PathBuf, [u64; 3], [i64; 2])>;

impl Watch {
    /// Whether the files have another content than the one that was read, and have come to rest.
    pub(super) fn sees_change(&mut self, file: &File) -> bool {
        let now: Vec<_> = file.paths().map(look).collect();
        if self.compared.as_ref() == Some(&now) {
            return false;
        }
        if self.last.as_ref() != Some(&now) {
            self.last = Some(now);
            return false;
        }
        self.compared = Some(now);
        file.has_changed()
    }
}

fn look(path: &Path) -> Look {
    let metadata = fs::metadata(path).ok()?;
    let identity = [metadata.dev(), metadata.ino(), metadata.len()];
    Some((fs::canonicalize(path).ok()?, identity, [metadata.mtime(), metadata.mtime_nsec()]))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::Environment;

    const GOOD: &str = "[upstream]\nservers = [\"http://127.0.0.1:3000\"]\n";

    struct Bench {
        directory: PathBuf,
        file: File,
        watch: Watch,
    }

    impl Bench {
        fn new(name: &str) -> Self {
            let name = format!("forebay-watch-{name}-{}", std::process::id());
            let directory = std::env::temp_dir().join(name);
            fs::create_dir_all(&directory).unwrap();
            let file = File::new(&directory.join("config.toml"), Environment::default());
            Self { directory, file, watch: Watch::default() }
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.directory.join(name), text).unwrap();
        }

        /// What each of the next looks sees.
        fn looks<const N: usize>(&mut self) -> [bool; N] {
            std::array::from_fn(|_| self.watch.sees_change(&self.file))
        }
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }

    #[test]
    fn a_change_is_seen_once_when_it_has_come_to_rest() {
        let mut bench = Bench::new("rest");
        bench.write("config.toml", GOOD);
        bench.file.read().unwrap();
        assert_eq!(bench.looks(), [false; 4]);
        bench.write("config.toml", "[upstr");
        assert_eq!(bench.looks(), [false]);
        bench.write("config.toml", "[upstream]");
        assert_eq!(bench.looks(), [false, true, false, false]);
        bench.file.read().unwrap_err();
        assert_eq!(bench.looks(), [false; 3], "what was bad was told of");
        bench.write("config.toml", GOOD);
        assert_eq!(bench.looks(), [false, true]);
    }

    #[test]
    fn a_file_that_is_only_touched_has_not_changed() {
        let mut bench = Bench::new("touch");
        bench.write("config.toml", GOOD);
        bench.file.read().unwrap();
        bench.looks::<2>();
        bench.write("new", GOOD);
        fs::rename(bench.directory.join("new"), bench.file.path()).unwrap();
        assert_eq!(bench.looks(), [false; 3]);
    }

    #[test]
    fn a_config_map_changes_by_the_link_of_a_directory() {
        let mut bench = Bench::new("map");
        let directory = bench.directory.clone();
        let path = |name: &str| directory.join(name);
        for (name, text) in [("1", GOOD), ("2", &*GOOD.replace("3000", "3001"))] {
            fs::create_dir(path(name)).unwrap();
            bench.write(&format!("{name}/config.toml"), text);
        }
        symlink("1", path("..data")).unwrap();
        symlink("..data/config.toml", path("config.toml")).unwrap();
        bench.file.read().unwrap();
        assert_eq!(bench.looks(), [false; 3]);
        symlink("2", path("..new")).unwrap();
        fs::rename(path("..new"), path("..data")).unwrap();
        assert_eq!(bench.looks(), [false, true]);
    }

    #[test]
    fn a_file_that_is_named_is_watched_as_well() {
        let mut bench = Bench::new("named");
        let token = bench.directory.join("token");
        bench.write("config.toml", &format!("{GOOD}[admin]\ntoken_file = {token:?}\n"));
        bench.file.read().unwrap_err();
        assert_eq!(bench.looks(), [false; 3]);
        bench.write("token", "one");
        assert_eq!(bench.looks(), [false, true], "what was missing is there");
        bench.file.read().unwrap();
        bench.looks::<2>();
        bench.write("token", "two");
        assert_eq!(bench.looks(), [false, true]);
        fs::remove_file(&token).unwrap();
        assert_eq!(bench.looks(), [false, true]);
    }
}
