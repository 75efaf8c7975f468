//! A throw-away certification authority: root → intermediate → leaf, made once in a process and shared by all
//! deployments, so that starting one does not pay for keys.

use std::sync::OnceLock;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The names that a sound leaf is good for.
pub const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What a server shows in its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leaf {
    Sound,
    /// Issued for `other.invalid` alone.
    WrongName,
    /// `localhost` in the subject's common name, `other.invalid` in the SAN.
    CommonNameOnly,
    /// Valid until the end of 2020.
    Expired,
    /// Valid for five more days.
    NearlyExpired,
    /// Valid from 2090 on.
    NotYetValid,
    /// Sound, but sent without the intermediate that signed it.
    WithoutIntermediate,
    /// Signed by itself.
    SelfSigned,
}

/// Chain (leaf first) and key, ready for a TLS library.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Identity {
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()))
    }
}

struct Authority {
    root_pem: String,
    intermediate: CertifiedIssuer<'static, KeyPair>,
    leaves: [OnceLock<Identity>; 8],
}

fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY
        .get_or_init(|| make().expect("a P-256 authority with fixed parameters can always be made"))
}

/// The root certificate that a client must trust, in PEM.
pub fn root_pem() -> &'static str {
    &authority().root_pem
}

/// The identity of this kind; made when first asked for.
pub fn identity(leaf: Leaf) -> &'static Identity {
    let authority = authority();
    authority.leaves[leaf as usize].get_or_init(|| {
        issue(&authority.intermediate, leaf)
            .expect("a P-256 leaf with fixed parameters can always be made")
    })
}

fn make() -> Result<Authority, rcgen::Error> {
    let root = CertifiedIssuer::self_signed(
        issuer_params("Proofmark throw-away root", 1)?,
        KeyPair::generate()?,
    )?;
    let intermediate = CertifiedIssuer::signed_by(
        issuer_params("Proofmark throw-away intermediate", 0)?,
        KeyPair::generate()?,
        &root,
    )?;
    Ok(Authority {
        root_pem: root.pem(),
        intermediate,
        leaves: Default::default(),
    })
}

fn issuer_params(name: &str, path_length: u8) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    Ok(params)
}

fn issue(
    intermediate: &CertifiedIssuer<'static, KeyPair>,
    leaf: Leaf,
) -> Result<Identity, rcgen::Error> {
    let names: &[&str] = match leaf {
        Leaf::WrongName | Leaf::CommonNameOnly => &["other.invalid"],
        Leaf::Sound
        | Leaf::Expired
        | Leaf::NearlyExpired
        | Leaf::NotYetValid
        | Leaf::WithoutIntermediate
        | Leaf::SelfSigned => &NAMES,
    };
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names)?;
    let common_name = match leaf {
        Leaf::CommonNameOnly => "localhost",
        _ => "Proofmark reference deployment",
    };
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let date = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(5 * 24))
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let soon = date_time_ymd(
        date.year().into(),
        date.month().unsigned_abs(),
        date.day().unsigned_abs(),
    );
    (params.not_before, params.not_after) = match leaf {
        Leaf::Expired => (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 12, 31)),
        Leaf::NearlyExpired => (date_time_ymd(2024, 1, 1), soon),
        Leaf::NotYetValid => (date_time_ymd(2090, 1, 1), date_time_ymd(2091, 1, 1)),
        _ => (date_time_ymd(2024, 1, 1), date_time_ymd(2089, 1, 1)),
    };
    let key = KeyPair::generate()?;
    let chain = match leaf {
        Leaf::SelfSigned => vec![params.self_signed(&key)?.der().clone()],
        Leaf::WithoutIntermediate => vec![params.signed_by(&key, intermediate)?.der().clone()],
        _ => vec![
            params.signed_by(&key, intermediate)?.der().clone(),
            intermediate.der().clone(),
        ],
    };
    Ok(Identity { chain, key })
}
