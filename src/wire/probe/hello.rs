//! ClientHello messages made by hand, since no TLS library of today can offer what must be refused.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A version to offer. `1.3` is offered the way RFC 8446 §4.2.1 says, all others by `client_version` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TlsVersion {
    #[serde(rename = "ssl3")]
    Ssl3,
    #[serde(rename = "1.0")]
    Tls10,
    #[serde(rename = "1.1")]
    Tls11,
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

impl TlsVersion {
    pub(super) fn number(self) -> u16 {
        match self {
            Self::Ssl3 => 0x0300,
            Self::Tls10 => 0x0301,
            Self::Tls11 => 0x0302,
            Self::Tls12 => 0x0303,
            Self::Tls13 => 0x0304,
        }
    }

    pub(super) fn of_number(number: u16) -> Option<Self> {
        [
            Self::Ssl3,
            Self::Tls10,
            Self::Tls11,
            Self::Tls12,
            Self::Tls13,
        ]
        .into_iter()
        .find(|version| version.number() == number)
    }
}

/// Cipher suites that belong together because one sentence judges them (RFC 9325 §4.1, §4.2). Offered alone, over TLS 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuiteFamily {
    /// No encryption.
    Null,
    /// No authentication.
    Anonymous,
    /// Keys of 40 and 56 bits.
    Export,
    Rc4,
    /// Triple DES, and single DES where it goes by that name.
    TripleDes,
    /// RSA key transport: no forward secrecy.
    StaticRsa,
    /// Forward secret, but with CBC and MAC-then-encrypt.
    Cbc,
}

impl SuiteFamily {
    fn suites(self) -> &'static [u16] {
        match self {
            Self::Null => &[
                0x0001, 0x0002, 0x003b, 0xc006, 0xc010, 0xc001, 0xc00b, 0x002c, 0x002d, 0x002e,
            ],
            Self::Anonymous => &[
                0x00a7, 0x00a6, 0x006d, 0x006c, 0x003a, 0x0034, 0xc019, 0xc018, 0xc017, 0xc016,
                0x001b, 0x0018, 0x0046, 0x0089, 0xc015,
            ],
            Self::Export => &[
                0x0003, 0x0006, 0x0008, 0x000b, 0x000e, 0x0011, 0x0014, 0x0017, 0x0019, 0x0062,
                0x0063, 0x0064, 0x0065,
            ],
            Self::Rc4 => &[
                0xc011, 0xc007, 0xc00c, 0xc002, 0x0005, 0x0004, 0x0066, 0x008a, 0x008e, 0x0092,
            ],
            Self::TripleDes => &[
                0xc012, 0xc008, 0x0016, 0x0013, 0xc00d, 0xc003, 0x000a, 0x0010, 0x000d, 0x0009,
                0x0015, 0x0012,
            ],
            Self::StaticRsa => &[
                0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x0084, 0x0041, 0xc09d, 0xc09c,
            ],
            Self::Cbc => &[
                0xc024, 0xc023, 0xc028, 0xc027, 0xc00a, 0xc009, 0xc014, 0xc013, 0x006b, 0x0067,
                0x0039, 0x0033,
            ],
        }
    }
}

/// What a server of the last twenty years can choose from, best first.
const SUITES: &[u16] = &[
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0x009e, 0x009f, 0xc023, 0xc027, 0xc009, 0xc013,
    0xc00a, 0xc014, 0x0067, 0x0033, 0x0039, 0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035,
];

/// Suites that a server of SSL 3.0 to TLS 1.1 can choose: none with AEAD or SHA-256, which came with 1.2.
const OLD_SUITES: &[u16] = &[
    0xc00a, 0xc014, 0xc009, 0xc013, 0x0039, 0x0038, 0x0033, 0x0032, 0x0035, 0x002f, 0xc012, 0xc008,
    0x0016, 0x0013, 0x000a, 0xc011, 0xc007, 0x0005, 0x0004,
];

const TLS13_SUITES: &[u16] = &[0x1301, 0x1302, 0x1303];

/// ECDSA and RSA over SHA-2, and SHA-1 last, for servers that have nothing newer.
const SIGNATURE_ALGORITHMS: &[u16] = &[
    0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601, 0x0807, 0x0203, 0x0201,
    0x0202,
];

/// x25519, P-256, P-384, P-521.
const GROUPS: &[u16] = &[0x001d, 0x0017, 0x0018, 0x0019];

/// Octets that need not be secret: this hello never becomes a session.
pub(super) struct Random(pub [u8; 96]);

pub(super) struct Hello<'a> {
    pub version: TlsVersion,
    pub family: Option<SuiteFamily>,
    /// Offer DEFLATE (RFC 3749) besides no compression.
    pub compression: bool,
    /// Named in SNI unless it is an address.
    pub host: &'a str,
}

impl Hello<'_> {
    /// The record, ready to be written.
    pub fn octets(&self, random: &Random) -> Vec<u8> {
        let modern = self.version == TlsVersion::Tls13;
        let mut body = Vec::with_capacity(512);
        push_u16(&mut body, self.version.number().min(0x0303));
        body.extend_from_slice(&random.0[..32]);
        // A session id makes a hello of 1.3 look like one of 1.2 to boxes in between (RFC 8446 §D.4).
        let session = if modern { &random.0[32..64] } else { &[] };
        nested_u8(&mut body, |out| out.extend_from_slice(session));
        let mut suites = match self.family {
            Some(family) => family.suites().to_vec(),
            None if modern => TLS13_SUITES.to_vec(),
            None if self.version == TlsVersion::Tls12 => SUITES.to_vec(),
            None => OLD_SUITES.to_vec(),
        };
        if self.version == TlsVersion::Ssl3 {
            // There are no extensions to say it with (RFC 5746 §3.3).
            suites.push(0x00ff);
        }
        nested_u16(&mut body, |out| {
            suites.iter().for_each(|suite| push_u16(out, *suite));
        });
        let methods: &[u8] = if self.compression { &[1, 0] } else { &[0] };
        nested_u8(&mut body, |out| out.extend_from_slice(methods));
        if self.version != TlsVersion::Ssl3 {
            nested_u16(&mut body, |out| self.extensions(out, random));
        }

        let mut record = vec![22];
        // Lowest version in the record, as servers of all ages take it (RFC 5246 §E.1).
        push_u16(&mut record, self.version.number().min(0x0301));
        nested_u16(&mut record, |record| {
            record.push(1);
            record.push(0);
            nested_u16(record, |out| out.extend_from_slice(&body));
        });
        record
    }

    fn extensions(&self, out: &mut Vec<u8>, random: &Random) {
        if self.host.parse::<IpAddr>().is_err() {
            extension(out, 0, |out| {
                nested_u16(out, |out| {
                    out.push(0);
                    nested_u16(out, |out| out.extend_from_slice(self.host.as_bytes()));
                });
            });
        }
        extension(out, 10, |out| list_u16(out, GROUPS));
        extension(out, 11, |out| nested_u8(out, |out| out.push(0)));
        extension(out, 23, |_| {});
        extension(out, 0xff01, |out| out.push(0));
        // Before 1.2 a client must not send it (RFC 5246 §7.4.1.4.1): SHA-1 and MD5 go without saying.
        if self.version >= TlsVersion::Tls12 {
            extension(out, 13, |out| list_u16(out, SIGNATURE_ALGORITHMS));
        }
        if self.version == TlsVersion::Tls13 {
            extension(out, 43, |out| {
                nested_u8(out, |out| push_u16(out, self.version.number()));
            });
            extension(out, 45, |out| nested_u8(out, |out| out.push(1)));
            extension(out, 51, |out| {
                nested_u16(out, |out| {
                    push_u16(out, GROUPS[0]);
                    // Any 32 octets are an x25519 key, though nobody holds its secret half.
                    nested_u16(out, |out| out.extend_from_slice(&random.0[64..]));
                });
            });
        }
    }
}

fn extension(out: &mut Vec<u8>, number: u16, content: impl FnOnce(&mut Vec<u8>)) {
    push_u16(out, number);
    nested_u16(out, content);
}

fn list_u16(out: &mut Vec<u8>, members: &[u16]) {
    nested_u16(out, |out| {
        members.iter().for_each(|member| push_u16(out, *member));
    });
}

fn push_u16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_be_bytes());
}

/// Content with its length before it, in one octet. Nothing here is longer than 255.
fn nested_u8(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.push(0);
    content(out);
    out[at] = u8::try_from(out.len() - at - 1).unwrap_or(u8::MAX);
}

/// Content with its length before it, in two octets.
fn nested_u16(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    push_u16(out, 0);
    content(out);
    let length = u16::try_from(out.len() - at - 2).unwrap_or(u16::MAX);
    out[at..at + 2].copy_from_slice(&length.to_be_bytes());
}
