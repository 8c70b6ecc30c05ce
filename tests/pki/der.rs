//! DER, written: whatever a test wants a certificate to say. Signatures are of nobody, since reading does not verify them.

/// Tag, length and contents (X.690, 8.1), as short as can be.
pub fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let octets: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
    let mut der = vec![tag];
    match length {
        0..=0x7f => der.push(length as u8),
        _ => der.extend([&[0x80 | octets.len() as u8], octets.as_slice()].concat()),
    }
    der.extend(contents);
    der
}

/// The same element with something behind its contents.
pub fn append(element: &[u8], rest: &[u8]) -> Vec<u8> {
    let header = match element[1] {
        length @ 0x80.. => 2 + usize::from(length & 0x7f),
        _ => 2,
    };
    tlv(element[0], &[&element[header..], rest].concat())
}

/// `AttributeTypeAndValue`
pub fn attribute(kind: &[u8], tag: u8, text: &[u8]) -> Vec<u8> {
    tlv(0x30, &[tlv(6, kind), tlv(tag, text)].concat())
}

/// A name of these RDNs, each a list of attributes.
pub fn name(rdns: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let rdns: Vec<_> = rdns.iter().map(|attributes| tlv(0x31, &attributes.concat())).collect();
    tlv(0x30, &rdns.concat())
}

/// An extension of 2.5.29.
pub fn extension(number: u8, is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if is_critical { tlv(1, &[0xff]) } else { Vec::new() };
    tlv(0x30, &[tlv(6, &[0x55, 0x1d, number]), critical, tlv(4, value)].concat())
}

/// The parts of a certificate, each DER but for `serial`, which is contents.
pub struct Draft {
    /// One less than what it is called.
    pub version: u8,
    pub serial: Vec<u8>,
    pub subject: Vec<u8>,
    pub not_after: Vec<u8>,
    pub public_key: Vec<u8>,
    pub extensions: Vec<Vec<u8>>,
    pub outer_algorithm: Vec<u8>,
}

/// ECDSA with SHA-256.
fn algorithm() -> Vec<u8> {
    tlv(0x30, &tlv(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]))
}

impl Default for Draft {
    /// A CA with an RSA key of 2048 bits and `pathLenConstraint` 3.
    fn default() -> Self {
        let rsa = tlv(0x30, &[tlv(2, &[&[0, 0xc5], [0x5a; 255].as_slice()].concat()), tlv(2, &[1, 0, 1])].concat());
        let rsa_encryption = [tlv(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), tlv(5, &[])].concat();
        Draft {
            version: 2,
            serial: vec![1],
            subject: name(&[vec![attribute(&[0x55, 4, 3], 0x13, b"kubernetes")]]),
            not_after: tlv(0x17, b"491231235959Z"),
            public_key: tlv(0x30, &[tlv(0x30, &rsa_encryption), tlv(3, &[&[0], rsa.as_slice()].concat())].concat()),
            extensions: vec![
                extension(15, true, &tlv(3, &[2, 0xa4])),
                extension(19, true, &tlv(0x30, &[tlv(1, &[0xff]), tlv(2, &[3])].concat())),
            ],
            outer_algorithm: algorithm(),
        }
    }
}

impl Draft {
    pub fn encode(&self) -> Vec<u8> {
        let version = if self.version == 0 { Vec::new() } else { tlv(0xa0, &tlv(2, &[self.version])) };
        let issuer = name(&[
            vec![attribute(&[0x55, 4, 6], 0x13, b"DE")],
            vec![attribute(&[0x55, 4, 10], 0x0c, b"Acme"), attribute(&[0x55, 4, 11], 0x14, b"Ops")],
        ]);
        let validity = tlv(0x30, &[&tlv(0x17, b"240229000000Z"), self.not_after.as_slice()].concat());
        let extensions = match self.extensions.as_slice() {
            [] => Vec::new(),
            extensions => tlv(0xa3, &tlv(0x30, &extensions.concat())),
        };
        let serial = tlv(2, &self.serial);
        let fields =
            [version, serial, algorithm(), issuer, validity, self.subject.clone(), self.public_key.clone(), extensions];
        let signature = tlv(3, &[0, 1, 2, 3]);
        tlv(0x30, &[tlv(0x30, &fields.concat()), self.outer_algorithm.clone(), signature].concat())
    }
}
