//! How is a terminal drawn on? A screen of its own, keys as they are pressed, its size; given back as it was.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

/// The other screen, cleared, without a cursor; and back.
pub const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
/// Back to the screen of before, with its cursor.
pub const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// To the upper left corner.
pub const HOME: &str = "\x1b[H";
/// Clears what is left of the line.
pub const REST_OF_LINE: &str = "\x1b[K";
/// Clears what is left of the screen.
pub const REST_OF_SCREEN: &str = "\x1b[J";

/// Standard input that hands over keys at once and shows none of them; a terminal again as it was when dropped.
#[derive(Debug)]
pub struct Keys {
    before: Termios,
}

impl Keys {
    /// Takes over standard input.
    ///
    /// # Errors
    /// It is no terminal.
    pub fn take() -> io::Result<Self> {
        let input = io::stdin();
        let before = tcgetattr(&input)?;
        let mut raw = before.clone();
        // Ctrl-C comes as a key too, so that the terminal is given back before the end.
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        raw.special_codes[SpecialCodeIndex::VMIN] = 0;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&input, OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }

    /// The keys pressed within `patience`, none if there were none; Ctrl-C is 3.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn wait(&self, patience: Duration) -> io::Result<Vec<u8>> {
        let input = io::stdin();
        let mut wanted = [PollFd::new(&input, PollFlags::IN)];
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        match poll(&mut wanted, Some(&patience)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        // Not by the standard library, whose buffer poll does not see.
        let mut keys = [0; 16];
        let read = rustix::io::read(&input, &mut keys)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(keys.get(..read).unwrap_or_default().to_vec())
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _gone = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Columns and lines of the terminal behind standard output.
#[must_use]
pub fn size() -> Option<(usize, usize)> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    let (columns, lines) = (usize::from(size.ws_col), usize::from(size.ws_row));
    (columns > 0 && lines > 0).then_some((columns, lines))
}
