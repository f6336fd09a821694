//! The binary log: a header, then frames, each with its length and checksum.
//!
//! `CNB-RPL\n`, version u32; then `length u32, crc32c u32` and the frame: step
//! u32, phases as a count and u16 each, vehicles as a count and 36 bytes each. All numbers are
//! little-endian.

use std::io::{self, ErrorKind, Read, Write};

use super::{ReplayFrame, ReplayVehicle};
use crate::ids::DrivableIx;

const MAGIC: &[u8; 8] = b"CNB-RPL\n";
const VERSION: u32 = 1;
const VEHICLE: usize = 36;
/// No frame is larger, bytes: seven million vehicles.
const FRAME_MAX: usize = 256 << 20;

/// Writes frames.
#[derive(Debug)]
pub struct ReplayWriter<W> {
    to: W,
    buffer: Vec<u8>,
}

impl<W: Write> ReplayWriter<W> {
    /// Begins a log.
    pub fn new(mut to: W) -> io::Result<Self> {
        to.write_all(MAGIC)?;
        to.write_all(&VERSION.to_le_bytes())?;
        Ok(Self {
            to,
            buffer: Vec::new(),
        })
    }

    /// Appends a frame.
    pub fn push(&mut self, frame: &ReplayFrame) -> io::Result<()> {
        let out = &mut self.buffer;
        out.clear();
        out.extend(frame.step.to_le_bytes());
        put_count(out, frame.phases.len())?;
        for phase in &frame.phases {
            out.extend(phase.to_le_bytes());
        }
        put_count(out, frame.vehicles.len())?;
        for v in &frame.vehicles {
            let words = [v.flow, v.number, v.template, v.drivable.0, v.towards.0];
            words.iter().for_each(|w| out.extend(w.to_le_bytes()));
            out.extend(v.position_m.to_le_bytes());
            out.extend(v.aside_m.to_le_bytes());
        }
        let mut head = Vec::with_capacity(8);
        put_count(&mut head, out.len())?;
        head.extend(crc32c::crc32c(out).to_le_bytes());
        self.to.write_all(&head)?;
        self.to.write_all(out)
    }

    /// Flushes and gives the writer back.
    pub fn finish(mut self) -> io::Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) -> io::Result<()> {
    let count = u32::try_from(count)
        .ok()
        .filter(|n| *n as usize <= FRAME_MAX)
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "a frame is too large to log"))?;
    out.extend(count.to_le_bytes());
    Ok(())
}

/// Reads frames.
#[derive(Debug)]
pub struct ReplayReader<R> {
    from: R,
    /// Bytes read so far: where a complaint points.
    at: u64,
    buffer: Vec<u8>,
}

impl<R: Read> ReplayReader<R> {
    /// Opens a log.
    pub fn new(mut from: R) -> io::Result<Self> {
        let mut head = [0; 12];
        from.read_exact(&mut head)
            .map_err(|_| damaged(0, "it is shorter than the header of a replay log"))?;
        if !head.starts_with(MAGIC) {
            return Err(damaged(0, "this is no replay log of conurb"));
        }
        if head[8..] != VERSION.to_le_bytes() {
            return Err(damaged(
                8,
                "its version is not known here: use a newer conurb",
            ));
        }
        Ok(Self {
            from,
            at: 12,
            buffer: Vec::new(),
        })
    }

    /// The next frame; none at the end. A frame that is cut off or damaged is an error that says
    /// where; what came before it stands.
    pub fn next_into(&mut self, frame: &mut ReplayFrame) -> io::Result<bool> {
        let mut head = [0; 8];
        let mut got = 0;
        while got < head.len() {
            match self.from.read(&mut head[got..])? {
                0 if got == 0 => return Ok(false),
                0 => return Err(damaged(self.at, "the log is cut off here")),
                n => got += n,
            }
        }
        let mut words = Words(&head);
        let (len, crc) = (words.u32() as usize, words.u32());
        if len > FRAME_MAX {
            return Err(damaged(self.at, "a frame cannot be so long"));
        }
        self.buffer.clear();
        let body = self.from.by_ref().take(len as u64);
        if { body }.read_to_end(&mut self.buffer)? < len {
            return Err(damaged(self.at, "the log is cut off here"));
        }
        if crc32c::crc32c(&self.buffer) != crc {
            return Err(damaged(self.at, "the checksum of a frame does not fit"));
        }
        if !read_frame(&self.buffer, frame) {
            return Err(damaged(self.at, "a frame does not hold what it counts"));
        }
        self.at += 8 + len as u64;
        Ok(true)
    }
}

fn damaged(at: u64, what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("byte {at}: {what}"))
}

/// False where the counts do not fit the bytes.
fn read_frame(bytes: &[u8], frame: &mut ReplayFrame) -> bool {
    let mut words = Words(bytes);
    if bytes.len() < 8 {
        return false;
    }
    frame.step = words.u32();
    let phases = words.u32() as usize;
    if words.0.len() < phases.saturating_mul(2).saturating_add(4) {
        return false;
    }
    frame.phases.clear();
    frame.phases.extend((0..phases).map(|_| words.u16()));
    let vehicles = words.u32() as usize;
    if words.0.len() != vehicles.saturating_mul(VEHICLE) {
        return false;
    }
    frame.vehicles.clear();
    frame.vehicles.extend((0..vehicles).map(|_| ReplayVehicle {
        flow: words.u32(),
        number: words.u32(),
        template: words.u32(),
        drivable: DrivableIx(words.u32()),
        towards: DrivableIx(words.u32()),
        position_m: words.f64(),
        aside_m: words.f64(),
    }));
    true
}

/// Numbers from the front of a slice that is known to be long enough (else zeros).
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let Some((first, rest)) = self.0.split_first_chunk::<N>() else {
            return [0; N];
        };
        self.0 = rest;
        *first
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn f64(&mut self) -> f64 {
        f64::from_le_bytes(self.take())
    }
}
