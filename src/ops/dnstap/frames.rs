//! How do messages travel as Frame Streams? A file of frames, or a conversation that begins with a handshake and ends with one.
//!
//! A data frame is its length (four octets, big-endian) and that many octets. A length of zero announces a control frame: its length, its
//! type and its fields, likewise.

use std::io::{self, Read, Write};

/// What the frames hold, as both sides must agree.
const CONTENT: &[u8] = b"protobuf:dnstap.Dnstap";
/// Longest control frame that is read, octets.
const LONGEST: u32 = 512;
/// The one field of control frames.
const CONTENT_TYPE: u32 = 1;

/// Types of control frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Control {
    Accept = 1,
    Start = 2,
    Stop = 3,
    Ready = 4,
    Finish = 5,
}

/// Frames on their way to `out`.
#[derive(Debug)]
pub struct Frames<W> {
    out: W,
}

impl<W: Write> Frames<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(mut out: W) -> io::Result<Self> {
        control(&mut out, Control::Start)?;
        Ok(Self { out })
    }

    /// Writes one message.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&mut self, message: &[u8]) -> io::Result<()> {
        let length = u32::try_from(message.len()).map_err(io::Error::other)?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(message)
    }

    /// Sends what was held back to be written in one piece.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends a file, or our side of a conversation.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn end(mut self) -> io::Result<W> {
        control(&mut self.out, Control::Stop)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<S: Read + Write> Frames<S> {
    /// Begins a conversation: the reader must accept what we have.
    ///
    /// # Errors
    /// It is no reader of Frame Streams, wants something else, or is gone.
    pub fn greet(mut stream: S) -> io::Result<Self> {
        control(&mut stream, Control::Ready)?;
        stream.flush()?;
        let (answer, contents) = heard(&mut stream)?;
        let accepted = contents.is_empty() || contents.iter().any(|one| one == CONTENT);
        if answer != Control::Accept as u32 || !accepted {
            return Err(io::Error::other("the reader does not accept dnstap"));
        }
        Self::begin(stream)
    }

    /// Ends a conversation and waits for the reader to say that it has everything.
    ///
    /// # Errors
    /// It is gone.
    pub fn part(self) -> io::Result<()> {
        let mut stream = self.end()?;
        let (answer, _) = heard(&mut stream)?;
        if answer == Control::Finish as u32 {
            Ok(())
        } else {
            Err(io::Error::other("the reader did not say goodbye"))
        }
    }
}

fn control(out: &mut impl Write, kind: Control) -> io::Result<()> {
    let mut frame = (kind as u32).to_be_bytes().to_vec();
    if matches!(kind, Control::Ready | Control::Start) {
        let length = u32::try_from(CONTENT.len()).map_err(io::Error::other)?;
        frame.extend(CONTENT_TYPE.to_be_bytes());
        frame.extend(length.to_be_bytes());
        frame.extend(CONTENT);
    }
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    let mut whole = 0_u32.to_be_bytes().to_vec();
    whole.extend(length.to_be_bytes());
    whole.extend(frame);
    out.write_all(&whole)
}

/// The type of a control frame of the reader, and the contents it names.
fn heard(stream: &mut impl Read) -> io::Result<(u32, Vec<Vec<u8>>)> {
    if number(stream)? != 0 {
        return Err(io::Error::other("no control frame came"));
    }
    let length = number(stream)?;
    if !(4..=LONGEST).contains(&length) {
        return Err(io::Error::other("a control frame of impossible length"));
    }
    let kind = number(stream)?;
    let mut rest = vec![0; usize::try_from(length - 4).map_err(io::Error::other)?];
    stream.read_exact(&mut rest)?;
    let mut rest = rest.as_slice();
    let mut contents = Vec::new();
    while !rest.is_empty() {
        let (field, length) = (number(&mut rest)?, number(&mut rest)?);
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let (value, behind) = rest
            .split_at_checked(length)
            .ok_or_else(|| io::Error::other("a field longer than its frame"))?;
        if field == CONTENT_TYPE {
            contents.push(value.to_vec());
        }
        rest = behind;
    }
    Ok((kind, contents))
}

fn number(stream: &mut impl Read) -> io::Result<u32> {
    let mut octets = [0; 4];
    stream.read_exact(&mut octets)?;
    Ok(u32::from_be_bytes(octets))
}
