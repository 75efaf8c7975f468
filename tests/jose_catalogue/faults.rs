//! Which one thing a verifier has to forgive to accept each entry.

use super::forgiving::Forgives::{self, *};

/// What happens to the forgeries of an entry.
#[derive(Debug, Clone, Copy)]
pub enum Expect {
    /// Refused by a strict verifier, accepted by one that forgives this.
    Refused(Forgives),
    /// As before, and what is won is to be the administrator: the strict verifier may accept the token for
    /// what it is.
    Elevated(Forgives),
    /// Valid in its own way; a verifier may take it. What it is made for shows elsewhere.
    Harmless,
    /// Refused, and no verifier can accept it: what it is made for is an effect on the way.
    Never,
}

use Expect::{Elevated, Harmless, Never, Refused};

/// By entry, or by `ENTRY/VARIANT` where a variant differs from the others.
pub const FAULTS: &[(&str, Expect)] = &[
    ("alg-none", Refused(Unsecured)),
    ("alg-none-signed", Refused(Unsecured)),
    ("alg-none-of-unknown-key", Refused(Unsecured)),
    ("alg-absent", Refused(AlgSpelling)),
    ("claims-changed", Refused(AnySignature)),
    ("claims-changed/all", Refused(AnySignatureAndClaims)),
    ("claims-changed/subject", Refused(AnySignatureAndClaims)),
    ("header-changed", Refused(AnySignature)),
    ("claims-elevated", Elevated(AnySignature)),
    ("signature-bit", Refused(AnySignature)),
    ("signature-of-another-token", Refused(AnySignature)),
    ("signature-random", Refused(AnySignature)),
    ("signature-of-stranger", Refused(StrangersKey)),
    ("signature-missing", Refused(NoSignature)),
    ("token-cut", Refused(AnySignature)),
    // Half of a token has lost claims too.
    ("token-cut/half", Never),
    ("signature-cut", Refused(AnySignature)),
    ("signature-long", Refused(SignatureForm)),
    ("ecdsa-degenerate", Refused(AnySignature)),
    ("ecdsa-form", Refused(SignatureForm)),
    ("ecdsa-width/long", Refused(SignatureForm)),
    ("ecdsa-width/short", Refused(AnySignature)),
    ("ecdsa-twin", Harmless),
    ("key-confusion", Refused(PublicKeyAsSecret)),
    ("algorithm-of-same-key", Refused(OtherAlgorithmOfKey)),
    ("algorithm-not-as-said", Refused(OtherAlgorithmOfKey)),
    ("stranger-of-other-kind", Refused(StrangersKey)),
    ("point-off-curve", Refused(StrangersKey)),
    ("alg-spelling", Refused(AlgSpelling)),
    ("alg-family-spelling", Refused(PublicKeyAsSecret)),
    ("weak-secret", Refused(KnownSecret)),
    ("cracked-secret", Refused(KnownSecret)),
    ("blank-secret", Refused(KnownSecret)),
    ("blank-secret/unknown-tenant", Refused(KnownSecret)),
    ("kid-path", Refused(KnownSecret)),
    ("kid-sql", Refused(KnownSecret)),
    ("kid-sql-delay", Refused(StrangersKey)),
    ("kid-command", Refused(StrangersKey)),
    ("kid-url", Refused(StrangersKey)),
    ("kid-odd", Refused(StrangersKey)),
    ("kid-absent", Refused(StrangersKey)),
    ("kid-unknown-blank", Refused(KnownSecret)),
    ("kid-empty-nul", Refused(KnownSecret)),
    ("kid-predictable", Refused(StrangersKey)),
    ("kid-missing-well-signed", Refused(Kid)),
    ("jwk-embedded", Refused(EmbeddedKey)),
    ("jwk-embedded-secret", Refused(EmbeddedKey)),
    ("jku", Refused(FetchedKey)),
    ("x5u", Refused(FetchedKey)),
    ("x5c", Refused(EmbeddedCertificate)),
    ("x5c/real", Refused(AnySignature)),
    ("x5t", Refused(EmbeddedCertificate)),
    ("listener-in-header", Refused(AnySignatureAndHeader)),
    ("listener-in-claims", Refused(AnySignatureAndClaims)),
    ("header-of-odd-type", Refused(AnySignatureAndHeader)),
    ("cty-deserialisation", Refused(StrangersKey)),
    ("crit", Refused(Crit)),
    ("b64-false", Refused(B64)),
    ("typ", Refused(Typ)),
    ("expired", Refused(Exp)),
    ("exp-missing", Refused(Exp)),
    ("exp-of-odd-type", Refused(Exp)),
    ("not-yet-valid", Refused(Nbf)),
    ("nbf-of-odd-type", Refused(Nbf)),
    ("lives-too-long", Refused(Life)),
    ("issued-in-future", Refused(Iat)),
    ("iat-of-odd-type", Refused(Iat)),
    ("issuer", Refused(Iss)),
    ("issuer-and-key-differ", Refused(KeyOfIssuer)),
    ("audience", Refused(Aud)),
    ("audience-list", Harmless),
    ("subject", Refused(Sub)),
    ("subject-look-alike", Elevated(SubNormalised)),
    ("subject-injection", Refused(Sub)),
    ("claim-beside", Elevated(ClaimSpelling)),
    ("scope", Elevated(ScopeSubstring)),
    ("scope-form", Elevated(ScopeForm)),
    ("json-serialisation", Refused(Json)),
    ("nested-unsecured", Refused(Nested)),
    ("jwe-direct", Refused(Encrypted)),
    ("jwe-to-public-key", Refused(Encrypted)),
    ("jwe-bomb", Never),
    ("jwe-iterations", Never),
    ("jwe-point-off-curve", Never),
    ("padding", Refused(Padding)),
    ("standard-alphabet", Refused(Alphabet)),
    ("trailing-bits", Refused(TrailingBits)),
    ("white-space", Refused(ForeignCharacters)),
    ("foreign-character", Refused(ForeignCharacters)),
    ("segments", Refused(Segments)),
    ("segments/only-dots", Never),
    ("payload-empty", Refused(Payload)),
    ("payload-not-object", Refused(Payload)),
    ("not-utf8", Refused(Charset)),
    ("byte-order-mark", Refused(Charset)),
    ("duplicate-wrong-first", Refused(Duplicates)),
    ("duplicate-wrong-last", Refused(Duplicates)),
    ("duplicate-alg-none-last", Refused(Duplicates)),
    ("large", Harmless),
];

/// That of the forgery itself, else that of its entry.
pub fn of(id: &str) -> Option<Expect> {
    let entry = id.split('/').next().unwrap();
    let find = |name: &str| FAULTS.iter().find(|(fault, _)| *fault == name);
    find(id).or_else(|| find(entry)).map(|(_, expect)| *expect)
}
