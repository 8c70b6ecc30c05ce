//! What etcd has left in its data directory: whose data it is stands in the head of its write-ahead log (etcd
//! `server/storage/wal/wal.go`, `decoder.go`), which etcd believes more than any of its flags.

use crate::grpc::protobuf::{Value, fields};
use crate::rootfs::{Root, RootError, TargetPath};

/// Two small records come before anything else; a page is more than they need.
const HEAD: usize = 4096;
/// The kind of the record that says whose log it is.
const METADATA: u64 = 1;

/// What is in etcd's data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataDirectory {
    /// Nothing that etcd would go on with.
    Empty,
    /// The data of a member.
    Member {
        /// Of which cluster.
        cluster_id: u64,
        /// Which one.
        member_id: u64,
    },
    /// Something else, by its name.
    Other(String),
}

/// Looks into the data directory of etcd, which need not be there.
///
/// A directory in which etcd was stopped before it had made its log counts as empty, because etcd takes it for that. So does
/// one that has but the `lost+found` of a file system of its own.
///
/// # Errors
/// It cannot be read.
pub fn data_directory(root: &Root, directory: &TargetPath) -> Result<DataDirectory, RootError> {
    let list = |below: &str| match directory.join(below) {
        Ok(path) => Ok((root.list(&path)?.unwrap_or_default(), path)),
        // A path that cannot be has nothing in it.
        Err(_) => Ok((Vec::new(), directory.clone())),
    };
    let other = |name: &str| Ok(DataDirectory::Other(format!("{}/{name}", directory.as_str())));
    let mut has_member = false;
    for name in list("")?.0 {
        match name.as_str() {
            "member" => has_member = true,
            "lost+found" => {}
            name => return other(name),
        }
    }
    if !has_member {
        return Ok(DataDirectory::Empty);
    }
    if let Some(name) = list("member")?.0.iter().find(|name| !["snap", "wal", "wal.tmp"].contains(&name.as_str())) {
        return other(&format!("member/{name}"));
    }
    member_data(root, directory)
}

/// The same of what is etcd's in there, whatever else is.
///
/// # Errors
/// It cannot be read.
pub fn member_data(root: &Root, directory: &TargetPath) -> Result<DataDirectory, RootError> {
    let Ok(path) = directory.join("member/wal") else { return Ok(DataDirectory::Empty) };
    let logs = root.list(&path)?.unwrap_or_default();
    // Each log begins with the same record; the last one is of this life of the directory.
    let Some(last) = logs.iter().rfind(|name| name.ends_with(".wal")) else { return Ok(DataDirectory::Empty) };
    let head = match path.join(last) {
        Ok(path) => root.read_head(&path, HEAD)?.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    match metadata(&head) {
        Some((member_id, cluster_id)) => Ok(DataDirectory::Member { cluster_id, member_id }),
        None => Ok(DataDirectory::Other(format!("{}/member/wal/{last}", directory.as_str()))),
    }
}

/// Member and cluster, of the head of a log.
fn metadata(mut head: &[u8]) -> Option<(u64, u64)> {
    loop {
        // The upper byte says by how many bytes the record is filled up to a multiple of eight.
        let length = u64::from_le_bytes(*head.split_off(..8)?.first_chunk()?);
        let filling = if length >> 63 == 1 { usize::try_from(length >> 56 & 7).ok()? } else { 0 };
        let record = head.split_off(..usize::try_from(length & !(0xff << 56)).ok()?)?;
        head.split_off(..filling)?;
        let (mut kind, mut data) = (0, None);
        for field in fields(record) {
            match field {
                (1, Value::Number(number)) => kind = number,
                (3, Value::Bytes(bytes)) => data = Some(bytes),
                _ => {}
            }
        }
        if kind == METADATA {
            let mut ids = (0, 0);
            for field in fields(data?) {
                match field {
                    (1, Value::Number(number)) => ids.0 = number,
                    (2, Value::Number(number)) => ids.1 = number,
                    _ => {}
                }
            }
            return (ids.0 != 0 && ids.1 != 0).then_some(ids);
        }
        // Without a record there is no end to find.
        if record.is_empty() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::protobuf::{append_bytes, append_number};

    /// A log as etcd begins it: the record of the checksum, then that of the metadata.
    fn log(member_id: u64, cluster_id: u64) -> Vec<u8> {
        let record = |kind, data: &[u8]| {
            let mut record = Vec::new();
            append_number(&mut record, 1, kind);
            append_number(&mut record, 2, 0xdead_beef);
            append_bytes(&mut record, 3, data);
            let filling = (8 - record.len() % 8) % 8;
            let flag = if filling > 0 { 1 << 63 | (filling as u64) << 56 } else { 0 };
            let length = (record.len() as u64 | flag).to_le_bytes();
            [length.to_vec(), record, vec![0; filling]].concat()
        };
        let mut metadata = Vec::new();
        append_number(&mut metadata, 1, member_id);
        append_number(&mut metadata, 2, cluster_id);
        [record(4, b""), record(METADATA, &metadata), vec![0; 10_000]].concat()
    }

    #[test]
    fn whose_data_it_is_stands_in_the_log() {
        let (ours, theirs) = (0x8e9e_05c5_2164_694d, 0xcdf8_1818_e1e2_3f4b);
        let member = DataDirectory::Member { cluster_id: theirs, member_id: ours };
        let other = |name: &str| DataDirectory::Other(format!("/etcd/{name}"));
        let wal = "member/wal/0000000000000000-0000000000000000.wal";
        let next = "member/wal/0000000000000001-0000000000000123.wal";
        let table: [(&[(&str, &[u8])], DataDirectory); 9] = [
            (&[], DataDirectory::Empty),
            (&[("lost+found/x", b"")], DataDirectory::Empty),
            (&[("member/snap/db", b"bolt"), ("member/wal.tmp/0.tmp", b"")], DataDirectory::Empty),
            (&[(wal, &log(ours, theirs)), ("member/snap/db", b"bolt")], member.clone()),
            (&[(wal, &log(1, 2)), (next, &log(ours, theirs)), ("member/wal/0.tmp", b"")], member),
            (&[(wal, b"")], other(wal)),
            (&[(wal, &[0; 10_000])], other(wal)),
            (&[("member/images", b"")], other("member/images")),
            (&[("postgres/data", b"")], other("postgres")),
        ];
        for (files, expected) in table {
            let temporary = tempfile::tempdir().unwrap();
            for (path, bytes) in files {
                let path = temporary.path().join("etcd").join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
            let root = Root::open(temporary.path()).unwrap();
            assert_eq!(data_directory(&root, &TargetPath::fixed("/etcd")), Ok(expected));
        }
    }

    #[test]
    fn a_log_that_is_cut_anywhere_says_nothing_or_the_truth() {
        let log = log(7, u64::MAX);
        let whole = (0..200).find(|length| metadata(&log[..*length]).is_some()).unwrap();
        for length in 0..200 {
            assert_eq!(metadata(&log[..length]), (length >= whole).then_some((7, u64::MAX)), "{length}");
        }
        // A record without an end, and one of any length.
        assert_eq!(metadata(&[0xff; 100]), None);
        assert_eq!(metadata(&[&[0; 8][..], &log].concat()), None);
    }
}
