//! A record on disk: a header, then lines of a fixed binary form (little-endian). About 150 bytes a call, so ten million
//! calls are 1.5 GB.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use parkmesh_contracts::booking::v1::BookingState;

use crate::call::{Call, Fact, Id, Op, Outcome, Reason, Span};
use crate::setup::{Lot, Pool, Setup};

const MAGIC: &[u8; 8] = b"PMHIST01";
const CALL: u8 = 1;
const FACT: u8 = 2;
/// The last line.
const END: u8 = 3;
/// Bytes of a call after its tag.
const CALL_BYTES: usize = 8 * 16 + 4 * 6 + 4;
/// Bytes of a fact after its tag.
const FACT_BYTES: usize = 16 + 4 + 1;
/// More lots, pools or spots than this is no record of ours.
const ENTRIES_MAX: u32 = 10_000_000;

/// A whole record in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// What it is about.
    pub setup: Setup,
    /// All calls, in no particular order.
    pub calls: Vec<Call>,
    /// All facts of the stream.
    pub facts: Vec<Fact>,
}

/// Writes a record, line by line.
#[derive(Debug)]
pub struct Writer {
    out: BufWriter<File>,
}

impl Writer {
    /// Begins a record; a file of this name is overwritten.
    ///
    /// # Errors
    /// The file's.
    pub fn create(path: &Path, setup: &Setup) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
        out.write_all(MAGIC)?;
        put_i64(&mut out, &[setup.skew_us, setup.confirm_max_us])?;
        put_u32(&mut out, &[length(&setup.lots), length(&setup.pools), length(&setup.spots)])?;
        for lot in &setup.lots {
            put_u32(&mut out, &[lot.max_holds])?;
            put_i64(&mut out, &[lot.early_arrival_us])?;
        }
        let pools = setup.pools.iter().map(|pool| u32::from(pool.lot));
        let spots = setup.spots.iter().copied().map(u32::from);
        for number in pools.chain(spots) {
            put_u32(&mut out, &[number])?;
        }
        Ok(Self { out })
    }

    /// Goes on with a record that was paused.
    ///
    /// # Errors
    /// The file's.
    pub fn go_on(path: &Path) -> io::Result<Self> {
        let file = File::options().append(true).open(path)?;
        Ok(Self { out: BufWriter::with_capacity(1 << 20, file) })
    }

    /// Adds a call.
    ///
    /// # Errors
    /// The file's.
    pub fn call(&mut self, call: &Call) -> io::Result<()> {
        let out = &mut self.out;
        out.write_all(&[CALL])?;
        put_i64(out, &[call.invoke, call.ret, call.hold_end])?;
        put_i64(out, &[call.window.start, call.window.end, call.kept.start, call.kept.end])?;
        put_u64(out, &[call.request.0, call.request.1, call.booking.0, call.booking.1])?;
        put_u64(out, &[call.body, call.answer])?;
        // Room for later, so that the form can stay.
        put_u64(out, &[0, 0, 0])?;
        put_u32(out, &[call.client, call.spot, call.pool, call.seen, call.got_spot, call.version])?;
        let state = u8::try_from(i32::from(call.state)).unwrap_or_default();
        out.write_all(&[call.op as u8, call.outcome as u8, call.reason as u8, state])
    }

    /// Adds a fact.
    ///
    /// # Errors
    /// The file's.
    pub fn fact(&mut self, fact: &Fact) -> io::Result<()> {
        let out = &mut self.out;
        out.write_all(&[FACT])?;
        put_u64(out, &[fact.booking.0, fact.booking.1])?;
        put_u32(out, &[fact.version])?;
        out.write_all(&[fact.state])
    }

    /// How long it is, in bytes.
    ///
    /// # Errors
    /// The file's.
    pub fn length(&mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.out.get_ref().metadata()?.len())
    }

    /// Pauses the record: its first `length` bytes are on disk, and it has no end.
    ///
    /// # Errors
    /// The file's.
    pub fn pause(mut self, length: u64) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().set_len(length)?;
        self.out.get_ref().sync_all()
    }

    /// Ends the record: what it does not tell has not been.
    ///
    /// # Errors
    /// The file's.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.write_all(&[END])?;
        self.out.flush()
    }
}

/// A line of a record.
enum Line {
    Call(Call),
    Fact(Fact),
}

/// Goes through a record, line by line. A last line that was cut off (the recorder was killed) is left out. Tells whether
/// the record has its end.
fn each_line(path: &Path, mut then: impl FnMut(Line)) -> io::Result<(Setup, bool)> {
    let mut input = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut magic = [0_u8; 8];
    input.read_exact(&mut magic)?;
    if &magic != MAGIC {
        return Err(invalid("not a history"));
    }
    let setup = read_setup(&mut input)?;
    let mut tag = [0_u8];
    let mut is_whole = false;
    while input.read(&mut tag)? == 1 {
        let line = match tag[0] {
            CALL => read_line(&mut input)?.map(|line| read_call(&line).map(Line::Call)),
            FACT => read_line(&mut input)?.map(|line| read_fact(&line).map(Line::Fact)),
            END => {
                is_whole = true;
                break;
            }
            other => return Err(invalid(&format!("a line of kind {other}"))),
        };
        match line {
            Some(Some(line)) => then(line),
            Some(None) => return Err(invalid("a line with numbers that cannot be")),
            None => break,
        }
    }
    Ok((setup, is_whole))
}

/// Reads a whole record, or what there is of one.
///
/// # Errors
/// The file's; `InvalidData` when it is no record.
pub fn read(path: &Path) -> io::Result<Record> {
    let (mut calls, mut facts) = (Vec::new(), Vec::new());
    let (setup, _) = each_line(path, |line| match line {
        Line::Call(call) => calls.push(call),
        Line::Fact(fact) => facts.push(fact),
    })?;
    Ok(Record { setup, calls, facts })
}

/// What a record is about, and how long it is.
#[derive(Debug, Clone)]
pub struct Size {
    /// What it is about.
    pub setup: Setup,
    /// Its calls.
    pub calls: usize,
}

/// Counts a record's calls.
///
/// # Errors
/// As [`read`]; also when it has no end: what was not written down any more would look like broken promises.
pub fn count(path: &Path) -> io::Result<Size> {
    let mut calls = 0;
    let (setup, is_whole) =
        each_line(path, |line| calls += usize::from(matches!(line, Line::Call(_))))?;
    match is_whole {
        true => Ok(Size { setup, calls }),
        false => Err(invalid("a history without its end: its recorder was stopped too early")),
    }
}

/// Reads the calls that are wanted.
///
/// # Errors
/// As [`read`].
pub fn calls(path: &Path, wanted: impl Fn(&Call) -> bool) -> io::Result<Vec<Call>> {
    let mut calls = Vec::new();
    each_call(path, |call| {
        if wanted(&call) {
            calls.push(call);
        }
    })?;
    Ok(calls)
}

/// Goes through all calls in the order in which they were written down.
///
/// # Errors
/// As [`read`].
pub fn each_call(path: &Path, mut then: impl FnMut(Call)) -> io::Result<()> {
    each_line(path, |line| {
        if let Line::Call(call) = line {
            then(call);
        }
    })?;
    Ok(())
}

/// Reads all facts.
///
/// # Errors
/// As [`read`].
pub fn facts(path: &Path) -> io::Result<Vec<Fact>> {
    let mut facts = Vec::new();
    each_line(path, |line| {
        if let Line::Fact(fact) = line {
            facts.push(fact);
        }
    })?;
    Ok(facts)
}

fn read_setup(input: &mut impl Read) -> io::Result<Setup> {
    let mut setup =
        Setup { skew_us: get_i64(input)?, confirm_max_us: get_i64(input)?, ..Setup::default() };
    let (lots, pools, spots) = (get_u32(input)?, get_u32(input)?, get_u32(input)?);
    if lots.max(pools).max(spots) > ENTRIES_MAX {
        return Err(invalid("too many lots, pools or spots"));
    }
    let narrow = |number: u32| u16::try_from(number).map_err(|_| invalid("a number too large"));
    for _ in 0..lots {
        setup.lots.push(Lot { max_holds: get_u32(input)?, early_arrival_us: get_i64(input)? });
    }
    for _ in 0..pools {
        setup.pools.push(Pool { lot: narrow(get_u32(input)?)? });
    }
    for _ in 0..spots {
        setup.spots.push(narrow(get_u32(input)?)?);
    }
    Ok(setup)
}

/// A line of fixed length; none when the file ends within it.
fn read_line<const N: usize>(input: &mut impl Read) -> io::Result<Option<[u8; N]>> {
    let mut line = [0_u8; N];
    match input.read_exact(&mut line) {
        Ok(()) => Ok(Some(line)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_call(line: &[u8; CALL_BYTES]) -> Option<Call> {
    let wide =
        |place: usize| u64::from_le_bytes(line[place * 8..][..8].try_into().unwrap_or([0; 8]));
    let time = |place: usize| wide(place).cast_signed();
    let small = |place: usize| {
        u32::from_le_bytes(line[128 + place * 4..][..4].try_into().unwrap_or([0; 4]))
    };
    Some(Call {
        invoke: time(0),
        ret: time(1),
        hold_end: time(2),
        window: Span::new(time(3), time(4)),
        kept: Span::new(time(5), time(6)),
        request: Id(wide(7), wide(8)),
        booking: Id(wide(9), wide(10)),
        body: wide(11),
        answer: wide(12),
        client: small(0),
        spot: small(1),
        pool: small(2),
        seen: small(3),
        got_spot: small(4),
        version: small(5),
        op: Op::of(line[152])?,
        outcome: Outcome::of(line[153])?,
        reason: Reason::of(line[154])?,
        state: BookingState::try_from(i32::from(line[155])).ok()?,
    })
}

fn read_fact(line: &[u8; FACT_BYTES]) -> Option<Fact> {
    let wide =
        |place: usize| u64::from_le_bytes(line[place * 8..][..8].try_into().unwrap_or([0; 8]));
    let version = u32::from_le_bytes(line[16..20].try_into().ok()?);
    Some(Fact { booking: Id(wide(0), wide(1)), version, state: line[20] })
}

fn put_u64(out: &mut impl Write, numbers: &[u64]) -> io::Result<()> {
    numbers.iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))
}

fn put_i64(out: &mut impl Write, numbers: &[i64]) -> io::Result<()> {
    numbers.iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))
}

fn put_u32(out: &mut impl Write, numbers: &[u32]) -> io::Result<()> {
    numbers.iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))
}

fn get_i64(input: &mut impl Read) -> io::Result<i64> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes)?;
    Ok(i64::from_le_bytes(bytes))
}

fn get_u32(input: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    input.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn length<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
