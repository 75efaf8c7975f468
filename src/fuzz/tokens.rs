use serde_json::{Map, Value};

use crate::jose::inspect::inspect;
use crate::jose::{Compact, StrictJwe, StrictJws};

/// The strict readers: what they accept re-encodes to the same octets, and what they refuse has a reason that is shown
/// to people too.
pub fn strict_jws(octets: &[u8]) {
    assert_eq!(Compact::split(octets).to_bytes(), octets);
    let (jws, jwe) = (StrictJws::parse(octets), StrictJwe::parse(octets));
    if let Ok(jws) = &jws {
        assert_eq!(jws.encode(), octets);
        // Others find the same members; numbers they may round otherwise.
        let theirs: Map<String, Value> =
            serde_json::from_str(&jws.header_text()).expect("it was read as JSON");
        assert!(jws.header().members().keys().eq(theirs.keys()));
        assert_eq!(
            theirs.get("alg").and_then(Value::as_str),
            Some(jws.header().alg())
        );
        if let Ok(claims) = jws.claims() {
            let theirs: Map<String, Value> =
                serde_json::from_slice(jws.payload()).expect("it was read as JSON");
            assert!(claims.keys().eq(theirs.keys()));
        }
    }
    if let Ok(jwe) = &jwe {
        assert_eq!(jwe.encode(), octets);
    }
    let seen = inspect(octets, 1_800_000_000);
    assert_eq!(seen.strict, jws.is_ok() || jwe.is_ok());
    assert!(seen.strict || !seen.findings.is_empty());
    serde_json::to_string(&seen).expect("an inspection has a JSON text");
}
