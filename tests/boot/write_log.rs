//! What a disk can hold after a power cut: plays the log of its writes that QEMU's driver blklogwrites has recorded (the
//! format of the kernel's dm-log-writes, `drivers/md/dm-log-writes.c`) onto an image of the disk from before.
//!
//! ```text
//! write_log points LOG                       the length of each prefix that ends with a flush, and of the whole
//! write_log apply LOG IMAGE FROM TO [SEED]   the entries from FROM up to TO; with SEED half of its writes are lost
//! ```
//!
//! For `image/systemd/power_cuts_test.sh` and `tests/peers/power_cut_test.sh`, which compile it with rustc alone. What it does not make: a write that is lost in
//! part, and the loss of a write that ended while a flush was under way, which the log has before that flush.

use std::env;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::ExitCode;

/// "jsfwwrsh", as the kernel spells it, and the only version there is.
const MAGIC: u64 = 0x006a_7366_7773_6872;
const VERSION: u64 = 1;

/// Flags of an entry.
const FLUSH: u64 = 1;
const DISCARD: u64 = 4;
const MARK: u64 = 8;

/// What one entry says; its data, if it has any, follow in the log.
struct Entry {
    /// Where on the disk, in bytes.
    offset: u64,
    /// How many bytes follow.
    length: u64,
    flags: u64,
}

/// A log, read from its beginning.
struct Log {
    file: BufReader<File>,
    /// Entries that are still to come.
    left: u64,
    /// Length of a sector of the log, in bytes: what everything in it is counted in and begins at.
    sector: u64,
}

impl Log {
    fn open(path: &Path) -> Result<Log, Box<dyn Error>> {
        let mut file = BufReader::new(File::open(path)?);
        let [magic, version, left] = [number(&mut file)?, number(&mut file)?, number(&mut file)?];
        let mut sector = [0; 4];
        file.read_exact(&mut sector)?;
        if (magic, version) != (MAGIC, VERSION) {
            return Err(format!("{} is no log of writes", path.display()).into());
        }
        let sector = u64::from(u32::from_le_bytes(sector));
        file.seek(SeekFrom::Start(sector))?;
        Ok(Log { file, left, sector })
    }

    /// The next entry. The log then stands at its data, which have to be read or skipped.
    fn next(&mut self) -> io::Result<Option<Entry>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let [sector, sectors, flags, _] =
            [number(&mut self.file)?, number(&mut self.file)?, number(&mut self.file)?, number(&mut self.file)?];
        self.skip(self.sector - 4 * 8)?;
        let length = if flags & (DISCARD | MARK) == 0 { sectors * self.sector } else { 0 };
        Ok(Some(Entry { offset: sector * self.sector, length, flags }))
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        self.file.seek_relative(bytes.cast_signed())
    }

    fn data(&mut self, entry: &Entry) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut data = vec![0; entry.length.try_into()?];
        self.file.read_exact(&mut data)?;
        Ok(data)
    }
}

fn number(file: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn points(log: &Path) -> Result<(), Box<dyn Error>> {
    let mut log = Log::open(log)?;
    let mut read = 0u64;
    let mut last = 0;
    while let Some(entry) = log.next()? {
        log.skip(entry.length)?;
        read += 1;
        if entry.flags & FLUSH != 0 {
            println!("{read}");
            last = read;
        }
    }
    if last != read {
        println!("{read}");
    }
    Ok(())
}

fn apply(log: &Path, image: &Path, from: u64, to: u64, seed: Option<u64>) -> Result<(), Box<dyn Error>> {
    let mut log = Log::open(log)?;
    let image = OpenOptions::new().write(true).open(image)?;
    let mut dice = seed.map(Dice::new);
    for index in 0..to {
        let entry = log.next()?.ok_or("the log is shorter than that")?;
        let is_lost = index >= from && entry.length > 0 && dice.as_mut().is_some_and(Dice::is_lost);
        if index < from || is_lost {
            log.skip(entry.length)?;
        } else {
            image.write_all_at(&log.data(&entry)?, entry.offset)?;
        }
    }
    Ok(())
}

/// Xorshift64*: the same seed loses the same writes.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn is_lost(&mut self) -> bool {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 63 == 1
    }
}

fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match arguments {
        ["points", log] => points(log.as_ref()),
        ["apply", log, image, from, to] => apply(log.as_ref(), image.as_ref(), from.parse()?, to.parse()?, None),
        ["apply", log, image, from, to, seed] => {
            apply(log.as_ref(), image.as_ref(), from.parse()?, to.parse()?, Some(seed.parse()?))
        }
        _ => Err("usage: write_log points LOG | write_log apply LOG IMAGE FROM TO [SEED]".into()),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("write_log: {error}");
            ExitCode::FAILURE
        }
    }
}
