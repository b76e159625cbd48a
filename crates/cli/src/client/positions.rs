//! The last positions written from here, so that what is read next includes them.

use std::path::PathBuf;

use backlog_proto::common::v1::LogPosition;

use crate::arguments::{Positions, log_name};
use crate::client::positions_text;

/// Remembers positions of one tenant in a file; without a file, nothing.
#[derive(Debug, Clone)]
pub(crate) struct PositionBook {
    path: Option<PathBuf>,
}

impl PositionBook {
    /// Keeps positions in this file; its folder must exist.
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path }
    }

    /// What was written so far. A file that cannot be read counts as empty: at worst an answer
    /// does not wait.
    pub(crate) fn read(&self) -> Vec<LogPosition> {
        let text = self.path.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        let positions = text.and_then(|text| text.trim().parse::<Positions>().ok());
        positions.unwrap_or_default().0
    }

    /// Notes a write. Failing to note it fails nothing: the position is printed as well.
    pub(crate) fn note(&self, position: Option<&LogPosition>) {
        if let (Some(path), Some(position)) = (&self.path, position) {
            let positions = later(self.read(), std::slice::from_ref(position));
            let next = path.with_extension("next");
            let written = std::fs::write(&next, positions_text(&positions));
            drop(written.and_then(|()| std::fs::rename(&next, path)));
        }
    }
}

/// The later place of each log.
pub(crate) fn later(mut known: Vec<LogPosition>, more: &[LogPosition]) -> Vec<LogPosition> {
    for position in more {
        match known.iter_mut().find(|place| place.log == position.log) {
            Some(place) => place.seq = place.seq.max(position.seq),
            None => known.push(*position),
        }
    }
    known.sort_by_key(|position| log_name(position.log()));
    known
}

#[cfg(test)]
mod tests {
    use super::{PositionBook, later};
    use crate::arguments::Positions;

    /// Positions never go back, and each log is there once.
    #[test]
    fn the_later_place_wins() {
        let read = |text: &str| text.parse::<Positions>().unwrap().0;
        let both = later(read("contract=5,recognition=2"), &read("recognition=7"));
        assert_eq!(both, read("contract=5,recognition=7"));
        assert_eq!(later(both.clone(), &read("contract=1")), both);
    }

    /// What one command notes, the next one reads; without a file nothing is remembered.
    #[test]
    fn a_book_remembers() {
        let path = std::env::temp_dir().join(format!("backlog-cli-book-{}", std::process::id()));
        let book = PositionBook::new(Some(path.clone()));
        let positions = "recognition=4,contract=9".parse::<Positions>().unwrap().0;
        positions.iter().for_each(|position| book.note(Some(position)));
        let read = book.read();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read, "contract=9,recognition=4".parse::<Positions>().unwrap().0);
        assert!(PositionBook::new(None).read().is_empty() && book.read().is_empty());
    }
}
