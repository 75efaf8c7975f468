use crate::jose::{
    Algorithm, Jwk, Jwks, KeyMaterial, KeyType, PRIVATE_MEMBERS, PublicKey, SigningKey,
    VerifyingKey, VerifyingKeys, import, mistake_place,
};

/// Key files: what is read can be published and read again without its private half, has one thumbprint in all its
/// spellings, and what signs is verified by what it publishes.
pub fn jwks(octets: &[u8]) {
    let set = match import(octets) {
        Ok(set) => set,
        Err(error) => {
            if let Some((line, column)) = mistake_place(octets, &error) {
                assert!(line >= 1 && column >= 1 && line <= octets.len() + 1);
            }
            return;
        }
    };
    let document = set.public_document();
    let keys = document["keys"].as_array().expect("a key set has keys");
    for key in keys {
        let key = key.as_object().expect("keys are objects");
        assert!(PRIVATE_MEMBERS.iter().all(|name| !key.contains_key(*name)));
    }
    let again = Jwks::parse(document.to_string().as_bytes()).expect("what is published is read");
    let published: Vec<&Jwk> = set
        .keys
        .iter()
        .filter(|key| key.public().is_some())
        .collect();
    assert_eq!(again.keys.len() + again.unusable.len(), published.len());
    // A set is a set whatever its keys are worth.
    let _ = VerifyingKeys::new(&set);
    for key in published {
        spellings(key);
    }
    for key in set.keys.into_iter().take(4) {
        signs(key);
    }
}

fn spellings(key: &Jwk) {
    let public = key.public().expect("the caller has looked");
    let bare = Jwk::bare(KeyMaterial::Public(public.clone()));
    assert_eq!(bare.thumbprint(), key.thumbprint());
    let members = Jwk::from_members(&public.jwk_members()).map(|jwk| jwk.thumbprint());
    // An RSA key out of DER may have an empty number, which no JWK can spell.
    if let Ok(thumbprint) = members {
        assert_eq!(thumbprint, key.thumbprint());
    }
    if let Ok(read) = PublicKey::from_spki_der(&public.spki_der()) {
        assert_eq!(read, public);
    }
}

fn signs(key: Jwk) {
    let public = key.public();
    let Ok(signing) = SigningKey::new(key) else {
        return;
    };
    let algorithm = signing.algorithm();
    assert!(signing.can(algorithm));
    let Ok(signature) = signing.sign(algorithm, b"input") else {
        // A sum that does not come out right is found by the library when it signs.
        assert_eq!(algorithm.key_type(), KeyType::Rsa);
        return;
    };
    let verifying = match public {
        Some(public) => Jwk::bare(KeyMaterial::Public(public)),
        None => signing.jwk().clone(),
    };
    if let Ok(verifying) = VerifyingKey::new(&verifying, Some(algorithm)) {
        let verified = verifying.verify_octets(b"input", &signature);
        assert_eq!(verified, Ok(()), "{algorithm}");
        assert!(verifying.verify_octets(b"other", &signature).is_err());
    }
    assert!(Algorithm::ALL.contains(&algorithm));
}
